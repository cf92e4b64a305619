"""Compute losses and their gradients from rows of K raw outputs.

Each loss is a function that returns the loss of a row in float64 and overwrites the row with dloss/drow. The target of
cross-entropy is a class index; the target of the other losses is a row of K numbers, over which they average. To add a
loss, add a function and a branch of `loss_row` here, and a record in `numrnn.network.components`.
"""

import math

from numrnn.kernels.cpu.activations import like, sigmoid
from numrnn.kernels.cpu.heads import softmax
from numrnn.kernels.cpu.inputs import integer_at
from numrnn.kernels.jit import njit

CROSS_ENTROPY, BINARY_CROSS_ENTROPY, SQUARED_ERROR = range(3)


@njit
def cross_entropy(row, target):
    """Return the cross-entropy of a row of logits, given the index of the target class."""
    logit = float(row[target])
    loss = softmax(row) - logit
    row[target] -= like(1.0, row[0])
    return loss


@njit
def binary_cross_entropy(row, target):
    """Return the mean cross-entropy of a row of logits, one per label, given targets of 0 or 1."""
    loss, K = 0.0, row.size
    for k in range(K):
        logit = float(row[k])
        loss += max(logit, 0.0) - logit * target[k] + math.log1p(math.exp(-abs(logit)))
        row[k] = (sigmoid(row[k]) - target[k]) / like(K, row[0])
    return loss / K


@njit
def squared_error(row, target):
    """Return the mean squared error of a row of outputs, given a row of targets."""
    loss, K = 0.0, row.size
    for k in range(K):
        difference = row[k] - target[k]
        loss += float(difference) * float(difference)
        row[k] = difference * like(2.0 / K, row[0])
    return loss / K


@njit
def loss_row(loss, parameter, row, index, classes, class_bytes, values):
    """Return the loss of one row of raw outputs, which becomes dloss/drow.

    The target is class number `index` in `classes` (`class_bytes` bytes each), or values[index]. `parameter` is the
    parameter of the loss, in the row's type.
    """
    if loss == CROSS_ENTROPY:
        return cross_entropy(row, integer_at(classes, class_bytes, index))
    if loss == BINARY_CROSS_ENTROPY:
        return binary_cross_entropy(row, values[index])
    return squared_error(row, values[index])


@njit
def summed_loss(loss, parameter, rows, classes, class_bytes, values, weights):
    """Return the weighted sum of the losses of rows of raw outputs (n, K), which are overwritten.

    If `weights` is empty, all weights are 1.
    """
    total = 0.0
    for i in range(rows.shape[0]):
        weight = weights[i] if weights.size else 1.0
        if weight != 0.0:
            total += weight * loss_row(loss, parameter, rows[i], i, classes, class_bytes, values)
    return total
