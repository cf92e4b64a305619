"""Define the smallest trainable network, for tests of the loop: h = V (sum of the steps) + c, squared error."""

from types import SimpleNamespace

import numpy as np

from numrnn.data.batches import full_batch
from numrnn.data.sequences import Sequences
from numrnn.data.sources import Targets
from numrnn.kernels.cpu import updates
from numrnn.network.interface import Network, TrainingRun
from numrnn.training import TrainingState

D = 3
TRUE_V, TRUE_C = np.array([1.0, -2.0, 0.5]), 0.25


class LinearLayout:
    size = D + 1
    decayed = np.array([[0, D]])

    def views(self, flat):
        return {"V": flat[:D].reshape(1, D), "c": flat[D:]}


class LinearNetwork(Network):
    def __init__(self):
        super().__init__(LinearLayout(), np.float64, tile_rows=4, state_size=0)
        self.batches = []  # ids of each mini-batch asked for

    def gradient(self, theta, data, targets, batch, grad, given=None, dgiven=None, step=None):
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

    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None, dgiven=None):
        """Train as Network.train does, batch by batch in Python."""
        losses, norms, sums = [], [], []
        outcome = "done"
        try:
            for batch in batches:
                loss, total = self.gradient(theta, data, targets, batch, grad)
                if total == 0:
                    continue
                alpha = theta.dtype.type(step.alpha)
                loss += 0.5 * step.alpha * updates.add_decay(grad[:D], theta[:D], alpha)
                losses.append(loss)
                sums.append(total)
                norms.append(np.sqrt(updates.squared_norm(grad)))
                if not np.isfinite(losses[-1] + norms[-1]):
                    theta[:] = before
                    outcome = "diverged"
                    break
                before[:] = theta
                _alpha, clip_norm, *rule = step.update_of(theta)
                updates.clip(grad, norms[-1], clip_norm)
                updates.step(rule[0], theta, grad, *rule[1:], step.scalars[len(losses) - 1].astype(theta.dtype))
        except KeyboardInterrupt:
            outcome = "interrupted"
        if outcome == "done" and not np.isfinite(theta).all():
            theta[:] = before
            outcome = "diverged"
        done = len(losses) - (outcome == "diverged")
        return TrainingRun(outcome, np.array(losses), np.array(norms), np.array(sums), done)

    def loss(self, theta, data, targets):
        return self.gradient(theta, data, targets, full_batch(data.lengths, self.tile_rows), np.zeros_like(theta))

    def pack(self, theta):
        pass


def problem(n=40, dtype=np.float64, weights=None, seed=0):
    """Return sequences of 1 to 5 steps, their exact targets, and a training state that begins at theta = 0."""
    random = np.random.default_rng(seed)
    data = Sequences.from_list([random.standard_normal((1 + i % 5, D)).astype(dtype) / 2 for i in range(n)])
    sums = np.add.reduceat(data.values, data.offsets[:-1])
    targets = Targets((sums @ TRUE_V.astype(dtype) + dtype(TRUE_C))[:, None], weights)
    return SimpleNamespace(
        network=LinearNetwork(), data=data, targets=targets, state=TrainingState(np.zeros(D + 1, dtype), seed=7)
    )
