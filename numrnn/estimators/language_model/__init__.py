"""Implement `RNNLanguageModel`: its fit, its generated texts and its scores."""

from numrnn.estimators.language_model.estimator import RNNLanguageModel

__all__ = ["RNNLanguageModel"]
