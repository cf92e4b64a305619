"""Implement `RNNLanguageModel`, which is fitted to texts, generates texts and scores them."""

from numrnn.estimators.language_model.estimator import RNNLanguageModel

__all__ = ["RNNLanguageModel"]
