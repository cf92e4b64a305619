"""Output functions: what a row of K raw outputs becomes for whoever asks for predictions."""

import math

from numrnn.kernels.cpu.activations import exp, like, sigmoid
from numrnn.kernels.cpu.records import SIGMOID, SOFTMAX
from numrnn.kernels.jit import njit


@njit
def softmax(row):
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
def output_row(output, row):
    """Turn a row of raw outputs into probabilities (softmax, sigmoid) or leave it (identity)."""
    if output == SOFTMAX:
        softmax(row)
    elif output == SIGMOID:
        for k in range(row.size):
            row[k] = sigmoid(row[k])


@njit
def apply_outputs(output, rows):
    """Turn all rows of raw outputs (n, K) into outputs."""
    for i in range(rows.shape[0]):
        output_row(output, rows[i])
