"""`RNNLanguageModel`: the estimator, its fit, what it writes, and its scores."""

from numrnn.estimators.language_model.estimator import RNNLanguageModel

__all__ = ["RNNLanguageModel"]
