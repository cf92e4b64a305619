"""Describe the rows of a mini-batch, read symbols, and apply dropout; see `row_order` for the order of rows."""

from typing import NamedTuple

import numpy as np
from numba import cuda

from numrnn.kernels.cpu.dropout import drop_row
from numrnn.kernels.cpu.inputs import integer_at
from numrnn.kernels.cuda.jit import kernel


class Rows(NamedTuple):
    """Describe the rows of all steps."""

    source: np.ndarray  # (R,) int64: index of the step in the data
    target: np.ndarray  # (R,) int64: index of the step's target, used if there is one target per step
    key: np.ndarray  # (R,) int64: key of the sequence's dropout masks
    step: np.ndarray  # (R,) int64: number of the step within its sequence or chunk


@kernel
def describe_rows(offsets, lengths, starts, targets, keys, rows_out):
    """Fill in the description of rows, one thread per sequence.

    A thread also fills in some of the rows that belong to no sequence. They refer to the first step of the data, so
    that they contain valid numbers, and have no target.
    """
    i = cuda.grid(1)
    if i < lengths.size:
        for row in range(offsets[lengths[0]] + i, rows_out.source.size, lengths.size):
            rows_out.source[row] = rows_out.key[row] = rows_out.step[row] = 0
            rows_out.target[row] = -1
        for t in range(lengths[i]):
            row = offsets[t] + i
            rows_out.source[row] = starts[i] + t
            rows_out.target[row] = targets[i] + t
            rows_out.key[row] = keys[i]
            rows_out.step[row] = t


@kernel
def read_symbols(values, size, source, symbols_out):
    """Read the symbols of rows from unsigned integers of `size` bytes."""
    row = cuda.grid(1)
    if row < source.size:
        symbols_out[row] = integer_at(values, size, source[row])


@kernel
def drop_rows(keys, steps, layer, kept, width, values_inout):
    """Apply dropout to rows of `width` values, (rows * width,), one thread per row.

    The step of a row is steps[row], or the only element of `steps`.
    """
    row = cuda.grid(1)
    if row < keys.size:
        step = steps[row] if steps.size > 1 else steps[0]
        drop_row(keys[row], step, layer, width, kept, values_inout, row * width, row * width)


@kernel
def sum_by_symbol(order, first, rows, sums_inout):
    """Add to each symbol's row of `sums_inout` the sum of the rows (R, n) at which it occurs, one thread per value.

    The rows of symbol k are order[first[k] : first[k + 1]], added in that order.
    """
    at = cuda.grid(1)
    if at < sums_inout.size:
        symbol, column = at // rows.shape[1], at % rows.shape[1]
        total = sums_inout[symbol, column]
        for k in range(first[symbol], first[symbol + 1]):
            total += rows[order[k], column]
        sums_inout[symbol, column] = total
