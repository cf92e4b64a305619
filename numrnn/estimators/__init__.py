"""Provide the estimators `RNNClassifier`, `RNNRegressor`, `RNNLanguageModel` and `RNNSeq2Seq`, `load` and `StepState`.

Estimators store their parameters, check their arguments and delegate the rest: reading X and y to `numrnn.data`, the
training loop to `numrnn.training`, predictions to `numrnn.network`, and files to `numrnn.io`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numrnn.estimators.classifier import RNNClassifier as RNNClassifier
    from numrnn.estimators.language_model.estimator import RNNLanguageModel as RNNLanguageModel
    from numrnn.estimators.loading import load as load
    from numrnn.estimators.regressor import RNNRegressor as RNNRegressor
    from numrnn.estimators.seq2seq.estimator import RNNSeq2Seq as RNNSeq2Seq
    from numrnn.estimators.streaming import StepState as StepState

_MODULE_OF = {
    "RNNClassifier": "classifier",
    "RNNLanguageModel": "language_model.estimator",
    "RNNRegressor": "regressor",
    "RNNSeq2Seq": "seq2seq.estimator",
    "StepState": "streaming",
    "load": "loading",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    # The command line imports only the table of parameters; it must not wait for the imports of the estimators.
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'numrnn.estimators' has no attribute {name!r}")
    return getattr(import_module(f"numrnn.estimators.{_MODULE_OF[name]}"), name)
