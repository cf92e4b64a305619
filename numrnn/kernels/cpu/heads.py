"""Apply output functions to rows of K raw outputs."""

import math

from numrnn.kernels.cpu.activations import exp, like, sigmoid
from numrnn.kernels.cpu.records import SIGMOID, SOFTMAX
from numrnn.kernels.jit import njit


@njit
def softmax(row):
    """Turn logits into probabilities in place; return the logarithm of the sum of exp(logits)."""
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
    """Apply softmax or sigmoid to a row of raw outputs in place; leave it as it is for the identity."""
    if output == SOFTMAX:
        softmax(row)
    elif output == SIGMOID:
        for k in range(row.size):
            row[k] = sigmoid(row[k])


@njit
def apply_outputs(output, rows):
    """Apply the output function to all rows of raw outputs (n, K) in place."""
    for i in range(rows.shape[0]):
        output_row(output, rows[i])
