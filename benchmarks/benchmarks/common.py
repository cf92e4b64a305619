"""Measure time and memory of an estimator's `fit` and `predict`, and its test score."""

import os
from abc import ABC, abstractmethod

from numrnn import SequenceScaler
from numrnn.datasets import load_japanese_vowels


def values_of(*parameters):
    """Return the values of each parameter of a benchmark.

    If NUMRNN_BENCH_FIRST is set in the environment, only the first value of each is returned, so that continuous
    integration runs everything once.
    """
    first = bool(os.environ.get("NUMRNN_BENCH_FIRST"))
    return [values[:1] if first else values for values in parameters]


class Estimator(ABC):
    """Time, peak memory and score of an estimator; `make_data` and `make_estimator` say which.

    `setup` fits once, so that nothing is compiled in the timed part; asv does not count it. asv takes no abstract class
    for a benchmark.
    """

    @abstractmethod
    def make_data(self, *params):
        """Return X, y, X_test and y_test."""

    @abstractmethod
    def make_estimator(self, *params):
        """Return the estimator before `fit`."""

    def setup(self, *params):
        self.X, self.y, self.X_test, self.y_test = self.make_data(*params)
        self.estimator = self.make_estimator(*params).fit(self.X, self.y)

    def time_fit(self, *params):
        self.estimator.fit(self.X, self.y)

    def time_predict(self, *params):
        self.estimator.predict(self.X_test)

    def peakmem_fit(self, *params):
        self.estimator.fit(self.X, self.y)

    def track_test_score(self, *params):
        return self.estimator.score(self.X_test, self.y_test)

    track_test_score.unit = "score"


def japanese_vowels():
    """Train and test parts, each input brought to zero mean and unit variance of the training steps."""
    vowels = load_japanese_vowels()
    scaler = SequenceScaler().fit(vowels.X_train)
    return scaler.transform(vowels.X_train), vowels.y_train, scaler.transform(vowels.X_test), vowels.y_test
