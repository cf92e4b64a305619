"""Compute the objective (the data loss plus the alpha term) and its gradient."""

import numpy as np

from numrnn.data.batches import full_batch
from numrnn.io.messages import InputError
from numrnn.kernels.cpu import updates
from numrnn.training.state import NO_WEIGHT


class Objective:
    """Compute sum(w l) / sum(w) + alpha/2 (|U|^2 + |W|^2 + |V|^2) over a mini-batch.

    `given` are initial states (N, state_size); None means learned or zero initial states.
    """

    def __init__(self, network, data, targets, alpha, given=None):
        self._network, self._data, self._targets, self._alpha = network, data, targets, alpha
        self._given = given

    def __call__(self, theta, batch, grad):
        """Write the gradient to `grad`; return the objective (nan if all weights are 0) and the sum of weights."""
        loss, weight_sum = self._network.gradient(theta, self._data, self._targets, batch, grad, self._given)
        if self._alpha:
            alpha = theta.dtype.type(self._alpha)
            for first, end in self._network.layout.decayed:
                loss += 0.5 * self._alpha * updates.add_decay(grad[first:end], theta[first:end], alpha)
        return loss, weight_sum


def loss_and_gradient(network, theta, data, targets, alpha, given=None):
    """Return the objective of all sequences as one mini-batch, and its gradient as a dict of arrays by name."""
    gradient = np.zeros_like(theta)
    objective = Objective(network, data, targets, alpha, given)
    loss, weight_sum = objective(theta, full_batch(data.lengths, network.tile_rows), gradient)
    if weight_sum == 0:
        raise InputError("sample_weight", (), NO_WEIGHT)
    return float(loss), network.layout.views(gradient)
