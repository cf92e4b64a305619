"""Train recurrent neural networks with Numba kernels and a scikit-learn API.

Modules are imported when they are first used: ``import numrnn`` takes milliseconds, and access to
``numrnn.RNNClassifier`` imports the modules of the classifier.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numrnn import data as data
    from numrnn import datasets as datasets
    from numrnn import inspection as inspection
    from numrnn import metrics as metrics
    from numrnn import model_selection as model_selection
    from numrnn import solvers as solvers
    from numrnn.data.scaler import SequenceScaler as SequenceScaler
    from numrnn.data.sequences import Sequences as Sequences
    from numrnn.estimators.classifier import RNNClassifier as RNNClassifier
    from numrnn.estimators.language_model.estimator import RNNLanguageModel as RNNLanguageModel
    from numrnn.estimators.loading import load as load
    from numrnn.estimators.precompile import warmup as warmup
    from numrnn.estimators.regressor import RNNRegressor as RNNRegressor
    from numrnn.estimators.seq2seq.estimator import RNNSeq2Seq as RNNSeq2Seq
    from numrnn.training.exceptions import TrainingDivergedError as TrainingDivergedError
    from numrnn.versions import show_versions as show_versions

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
_MODULES = ("data", "datasets", "inspection", "metrics", "model_selection", "solvers")

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
