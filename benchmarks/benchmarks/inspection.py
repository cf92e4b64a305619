"""Measure influences of inputs: their time, and how much of the influence is where it belongs."""

import numpy as np

from numrnn import RNNClassifier, RNNRegressor
from numrnn.datasets import make_adding_problem
from numrnn.inspection import attribute, gradient_flow

from .common import japanese_vowels, values_of

STEPS = 40


class Attributions:
    """Time the influence of 12 inputs on the predicted speaker of 370 ragged sequences (Japanese vowels)."""

    params = values_of(["gradient", "integrated", "occlusion"])
    param_names = ["method"]

    def setup(self, method):
        X, y, self.X, _ = japanese_vowels()
        self.model = RNNClassifier((64,), max_iter=5, n_jobs=1, random_state=0).fit(X, y)
        attribute(self.model, self.X[:9], method=method)

    def time_attribute(self, method):
        attribute(self.model, self.X, method=method)

    def peakmem_attribute(self, method):
        attribute(self.model, self.X, method=method)


class AddingProblem:
    """Track the share of the influence at the two marked of 40 steps, and time the gradient flow."""

    def setup(self):
        X, y = make_adding_problem(2000, STEPS, random_state=0)
        self.X, self.y = make_adding_problem(200, STEPS, random_state=1)
        self.model = RNNRegressor((32,), learning_rate_init=0.005, max_iter=30, n_jobs=1, random_state=0).fit(X, y)

    def track_share_at_marked_steps(self):
        strength = np.abs(attribute(self.model, self.X, method="integrated")).sum(axis=2)
        marked = self.X[:, :, 1] > 0
        return float((strength * marked).sum() / strength.sum())

    track_share_at_marked_steps.unit = "share"

    def time_gradient_flow(self):
        gradient_flow(self.model, self.X[:20], self.y[:20])
