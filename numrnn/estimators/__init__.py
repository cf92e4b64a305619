"""What users call: `RNNClassifier`, `RNNRegressor`, `RNNLanguageModel`, `RNNSeq2Seq`, `load` and the `StepState` of
streams.

The classes store their parameters, check what they are given, and delegate: to `numrnn.data` for the forms of X and y,
to `numrnn.training` for the loop, to `numrnn.network.cpu.network` for predictions, to `numrnn.io` for files.
"""

from numrnn.estimators.classifier import RNNClassifier
from numrnn.estimators.language_model.estimator import RNNLanguageModel
from numrnn.estimators.loading import load
from numrnn.estimators.regressor import RNNRegressor
from numrnn.estimators.seq2seq.estimator import RNNSeq2Seq
from numrnn.estimators.streaming import StepState

__all__ = ["RNNClassifier", "RNNLanguageModel", "RNNRegressor", "RNNSeq2Seq", "StepState", "load"]
