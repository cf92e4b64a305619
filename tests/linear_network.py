"""The smallest network that can be trained, for tests of the loop: h = V (sum of the steps) + c, squared error."""

from types import SimpleNamespace

import numpy as np

from numrnn.data.sequences import Sequences
from numrnn.data.targets import Targets
from numrnn.training import TrainingState

D = 3
TRUE_V, TRUE_C = np.array([1.0, -2.0, 0.5]), 0.25


class LinearLayout:
    size = D + 1
    decayed = [slice(0, D)]

    def views(self, flat):
        return {"V": flat[:D].reshape(1, D), "c": flat[D:]}


class LinearNetwork:
    tile_rows = 4
    layout = LinearLayout()

    def __init__(self):
        self.batches = []  # ids of each mini-batch asked for

    def gradient(self, theta, data, targets, batch, grad):
        self.batches.append(batch.ids.tolist())
        inputs = np.add.reduceat(data.values.astype(np.float64), data.offsets[:-1])[batch.ids]
        weights = np.ones(len(data)) if targets.weights is None else targets.weights
        weights = weights[batch.ids]
        total = weights.sum()
        grad[:] = 0
        if total == 0:
            return np.nan, 0.0
        error = inputs @ theta[:D] + theta[D] - targets.values[batch.ids, 0]
        grad[:D] = 2 * (weights * error) @ inputs / total
        grad[D] = 2 * (weights * error).sum() / total
        return (weights * error**2).sum() / total, total


def problem(n=40, dtype=np.float64, weights=None, seed=0):
    """Sequences of 1 to 5 steps, their exact targets, and a state that begins at theta = 0."""
    random = np.random.default_rng(seed)
    data = Sequences.from_list([random.standard_normal((1 + i % 5, D)).astype(dtype) / 2 for i in range(n)])
    sums = np.add.reduceat(data.values, data.offsets[:-1])
    targets = Targets((sums @ TRUE_V.astype(dtype) + dtype(TRUE_C))[:, None], weights)
    return SimpleNamespace(
        network=LinearNetwork(), data=data, targets=targets, state=TrainingState(np.zeros(D + 1, dtype), seed=7)
    )
