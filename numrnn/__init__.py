"""Recurrent neural networks in Numba, with a scikit-learn API.

Nothing heavy is imported before it is used: ``import numrnn`` takes milliseconds, and ``numrnn.RNNClassifier`` imports
what it needs.
"""

from importlib import import_module

__version__ = "0.1.0"

_MODULE_OF = {
    "RNNClassifier": "numrnn.estimators.classifier",
    "RNNLanguageModel": "numrnn.estimators.language_model.estimator",
    "RNNRegressor": "numrnn.estimators.regressor",
    "RNNSeq2Seq": "numrnn.estimators.seq2seq.estimator",
    "SequenceScaler": "numrnn.data.scaler",
    "Sequences": "numrnn.data.sequences",
    "TrainingDivergedError": "numrnn.training",
    "load": "numrnn.estimators.loading",
    "show_versions": "numrnn.versions",
    "warmup": "numrnn.estimators.precompile",
}
_MODULES = ("data", "datasets", "model_selection", "solvers")

__all__ = sorted([*_MODULE_OF, *_MODULES])


def __getattr__(name):
    if name in _MODULES:
        return import_module(f"numrnn.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'numrnn' has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
