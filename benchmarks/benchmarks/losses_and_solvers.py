"""Time what surrounds the recurrence: losses with their output functions, poolings, and solvers."""

import numpy as np

from numrnn import RNNClassifier, RNNRegressor

from .common import values_of

N, T, D, H = 256, 50, 8, 32


def inputs():
    return np.random.default_rng(0).standard_normal((N, T, D)).astype(np.float32)


class Losses:
    """Time an epoch with targets of each kind, for each sequence and for each step."""

    params = values_of(["softmax", "sigmoid", "identity"], ["sequence", "step"])
    param_names = ["head", "output"]

    def setup(self, head, output):
        self.X, shape = inputs(), (N, T) if output == "step" else (N,)
        random = np.random.default_rng(1)
        estimator = RNNRegressor if head == "identity" else RNNClassifier
        if head == "softmax":
            self.y = random.integers(10, size=shape)
        elif head == "sigmoid":
            self.y = random.integers(2, size=(*shape, 10))
        else:
            self.y = random.standard_normal((*shape, 10)).astype(np.float32)
        self.model = estimator((H,), output=output, max_iter=1, n_jobs=1, random_state=0).fit(self.X, self.y)

    def time_epoch(self, head, output):
        self.model.partial_fit(self.X, self.y)


class Poolings:
    """Time an epoch with each pooling of the states."""

    params = values_of(["last", "mean", "max"])
    param_names = ["pooling"]

    def setup(self, pooling):
        self.X, self.y = inputs(), np.arange(N) % 10
        self.model = RNNClassifier((H,), pooling=pooling, max_iter=1, n_jobs=1, random_state=0).fit(self.X, self.y)

    def time_epoch(self, pooling):
        self.model.partial_fit(self.X, self.y)


class Solvers:
    """Time a fit of five epochs with each solver, and track the loss at its end."""

    params = values_of(["adam", "adamw", "rmsprop", "sgd", "lbfgs"])
    param_names = ["solver"]

    def setup(self, solver):
        self.X = inputs()
        self.y = self.X.mean(axis=(1, 2))
        self.model = RNNRegressor((H,), solver=solver, max_iter=5, n_jobs=1, random_state=0).fit(self.X, self.y)

    def time_fit(self, solver):
        self.model.fit(self.X, self.y)

    def track_loss(self, solver):
        return float(self.model.fit(self.X, self.y).loss_)
