"""What users call: `RNNClassifier`, `RNNRegressor`, `RNNLanguageModel`, `RNNSeq2Seq`, `load` and the `StepState` of
streams.

The classes store their parameters, check what they are given, and delegate: to `numrnn.data` for the forms of X and y,
to `numrnn.training` for the loop, to `numrnn.network.cpu.network` for predictions, to `numrnn.io` for files.
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
    # The command line reads the table of parameters, which must not wait for what the estimators import.
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'numrnn.estimators' has no attribute {name!r}")
    return getattr(import_module(f"numrnn.estimators.{_MODULE_OF[name]}"), name)
