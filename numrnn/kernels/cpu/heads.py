"""Output functions with their losses, a row of K logits at a time; losses in float64.

softmax with cross-entropy (targets: class indices), sigmoid with cross-entropy and identity with squared error
(targets: rows of K, mean over K).
"""

import math

from numrnn.kernels.cpu.activations import exp, like, sigmoid
from numrnn.kernels.cpu.inputs import integer_at
from numrnn.kernels.cpu.records import SIGMOID, SOFTMAX
from numrnn.kernels.jit import njit


@njit
def _softmax(row):
    """Turn logits into probabilities; return the logarithm of the sum of their exponentials."""
    largest = row[0]
    for k in range(1, row.size):
        largest = row[k] if row[k] > largest else largest
    for k in range(row.size):
        row[k] = exp(row[k] - largest)
    total = 0.0
    for k in range(row.size):
        total += row[k]
    factor = like(1.0 / total, row[0])
    for k in range(row.size):
        row[k] *= factor
    return math.log(total) + largest


@njit
def output_row(kind, row):
    """Turn a row of logits into probabilities (softmax, sigmoid) or leave it (identity)."""
    if kind == SOFTMAX:
        _softmax(row)
    elif kind == SIGMOID:
        for k in range(row.size):
            row[k] = sigmoid(row[k])


@njit
def loss_row(kind, row, index, classes, class_bytes, values):
    """Loss of one row of logits, which becomes dloss/dlogits; the target is number `index` of classes, or
    values[index].
    """
    K = row.size
    if kind == SOFTMAX:
        target = integer_at(classes, class_bytes, index)
        logit = float(row[target])
        loss = _softmax(row) - logit
        row[target] -= like(1.0, row[0])
        return loss
    loss = 0.0
    target = values[index]
    if kind == SIGMOID:
        for k in range(K):
            logit = float(row[k])
            loss += max(logit, 0.0) - logit * target[k] + math.log1p(math.exp(-abs(logit)))
            row[k] = (sigmoid(row[k]) - target[k]) / like(K, row[0])
        return loss / K
    for k in range(K):
        difference = row[k] - target[k]
        loss += float(difference) * float(difference)
        row[k] = difference * like(2.0 / K, row[0])
    return loss / K


@njit
def summed_loss(kind, logits, classes, class_bytes, values, weights):
    """Sum of weight times loss over the rows of logits (n, K), which are spent; no weights: ones."""
    total = 0.0
    for i in range(logits.shape[0]):
        weight = weights[i] if weights.size else 1.0
        if weight != 0.0:
            total += weight * loss_row(kind, logits[i], i, classes, class_bytes, values)
    return total


@njit
def apply_outputs(kind, logits):
    """Turn all rows of logits (n, K) into outputs."""
    for i in range(logits.shape[0]):
        output_row(kind, logits[i])
