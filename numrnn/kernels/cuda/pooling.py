"""Compute the mean or maximum of a sequence's states, one thread per unit; see `row_order` for the order of rows."""

from numba import cuda

from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.records import MEAN
from numrnn.kernels.cuda.jit import kernel


@kernel
def pool(pooling, offsets, lengths, states, pool_out, reached_out):
    """Compute the pool (N, H) of states (R, H) and, for a maximum, the first step that reached it."""
    at, H = cuda.grid(1), states.shape[1]
    if at >= lengths.size * H:
        return
    i, j = at // H, at % H
    value, reached, excess = states[i, j], 0, like(0.0, states[i, j])
    for t in range(1, lengths[i]):
        s = states[offsets[t] + i, j]
        if pooling == MEAN:  # compensated sum, as in kernels/cpu/pooling.py
            term = s - excess
            total = value + term
            excess = (total - value) - term
            value = total
        elif s > value:
            value, reached = s, t
    pool_out[i, j] = value / like(lengths[i], value) if pooling == MEAN else value
    reached_out[i, j] = reached


@kernel
def spread(pooling, offsets, lengths, dpool, reached, dstates_out):
    """Compute the gradients of states (R, H) from the gradient of the pool (N, H)."""
    at, H = cuda.grid(1), dpool.shape[1]
    if at >= lengths.size * H:
        return
    i, j = at // H, at % H
    d, zero = dpool[i, j], like(0.0, dpool[i, j])
    share = d / like(lengths[i], d)
    for t in range(lengths[i]):
        row = offsets[t] + i
        if pooling == MEAN:
            dstates_out[row, j] = share
        else:
            dstates_out[row, j] = d if t == reached[i, j] else zero
