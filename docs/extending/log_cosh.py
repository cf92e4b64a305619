"""Compute the log-cosh loss: a kernel function for numrnn/kernels/cpu/losses.py, and its slow twin."""

import math

import numpy as np

from numrnn.kernels.cpu.activations import like, tanh
from numrnn.kernels.jit import njit


@njit
def log_cosh(row, target):
    """Return the mean of log cosh(h - y) over a row of outputs; the row becomes the gradient."""
    loss, K = 0.0, row.size
    for k in range(K):
        difference = row[k] - target[k]
        size = abs(float(difference))
        loss += size + math.log1p(math.exp(-2.0 * size)) - math.log(2.0)  # cosh itself would overflow
        row[k] = tanh(difference) / like(K, row[0])
    return loss / K


def naive_log_cosh(a, y, parameter=None):
    """Compute the loss and its gradient slowly, for LOSSES in tests/naive.py."""
    return np.mean(np.log(np.cosh(a - y))), np.tanh(a - y) / len(a)
