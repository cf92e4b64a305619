"""Track training through the history of the project, by what all its versions offer."""

import statistics
import warnings

import numpy as np
from threadpoolctl import threadpool_limits

from numrnn import RNNClassifier

from .common import values_of
from .side_by_side import REPEATS, FractionOfPeak, seconds

GATES = {"elman": 1, "gru": 3, "lstm": 4}
N, T, D, BATCH, EPOCHS = 512, 50, 8, 32, 3


def fit_of(cell, H):
    """Return a function without arguments that fits a classifier of two classes."""
    X, y = np.random.default_rng(0).standard_normal((N, T, D)).astype(np.float32), np.arange(N) % 2
    options = {"batch_size": BATCH, "learning_rate_init": 1e-3, "max_iter": EPOCHS, "n_jobs": 1, "random_state": 0}
    model = RNNClassifier((H,), cell=cell, **options)

    def fit():
        with warnings.catch_warnings(action="ignore"):
            model.fit(X, y)

    return fit


class Fit(FractionOfPeak):
    """Track the whole `fit`, including its Python code and the initial weights."""

    params = values_of(list(GATES), [32, 128])
    param_names = ["cell", "H"]

    def work(self, cell, H):
        return EPOCHS * 2 * N * T * GATES[cell] * H * (3 * H + 2 * D), fit_of(cell, H)

    def track_ratio_to_numpy(self, cell, H):
        """Return how many times as fast `fit` is as a loop over steps in numpy that only does the matrix products."""
        with threadpool_limits(1, "blas"):
            ratios = [
                seconds(lambda: products_of_numpy(GATES[cell] * H, H)) / seconds(self.run) for _ in range(REPEATS)
            ]
        return statistics.median(ratios)

    track_ratio_to_numpy.unit = "times"


def products_of_numpy(gates, H):
    """Do the matrix products of a fit: of the forward pass, of the gradients of the states, and of the weights."""
    U, W = np.ones((gates, D), np.float32), np.ones((gates, H), np.float32)
    x, s = np.ones((T, BATCH, D), np.float32), np.ones((BATCH, H), np.float32)
    for _ in range(EPOCHS * N // BATCH):
        da = [x[t] @ U.T + s @ W.T for t in range(T)]
        for t in reversed(range(T)):
            da[t] @ W
        flat = np.concatenate(da)
        flat.T @ x.reshape(-1, D)
        flat.T @ np.broadcast_to(s, (T, BATCH, H)).reshape(-1, H)
