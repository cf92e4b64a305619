"""The rows of a mini-batch: what each one is, sequences of symbols, dropout over rows. See `walk` for their order."""

from typing import NamedTuple

import numpy as np
from numba import cuda

from numrnn.kernels.cpu.dropout import drop_row
from numrnn.kernels.cpu.inputs import integer_at
from numrnn.kernels.cuda.jit import kernel


class Rows(NamedTuple):
    """What the rows of all steps are."""

    source: np.ndarray  # (R,) int64: the step in the data
    target: np.ndarray  # (R,) int64: the step's target, where every step has one
    key: np.ndarray  # (R,) int64: of dropout masks
    step: np.ndarray  # (R,) int64: in its sequence, or in the chunk of it


@kernel
def describe_rows(offsets, lengths, starts, targets, keys, rows_out):
    """Fill in what rows are; a thread takes a sequence, and some of the rows behind those of all steps: they read the
    first step of the data, so that they hold numbers, and have no target.
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
    """The symbols of rows from unsigned integers of so many bytes."""
    row = cuda.grid(1)
    if row < source.size:
        symbols_out[row] = integer_at(values, size, source[row])


@kernel
def drop_rows(keys, steps, layer, kept, width, values_inout):
    """Dropout over rows of so many values, (rows * width,); a thread takes a row. A row's step: steps[row], or the only
    one there is.
    """
    row = cuda.grid(1)
    if row < keys.size:
        step = steps[row] if steps.size > 1 else steps[0]
        drop_row(keys[row], step, layer, width, kept, values_inout, row * width, row * width)


@kernel
def sum_by_symbol(order, first, rows, sums_inout):
    """Add to the row of each symbol the sum of the rows (R, n) in which it occurs, order[first[k] : first[k + 1]], in
    that order; a thread takes one value of a symbol.
    """
    at = cuda.grid(1)
    if at < sums_inout.size:
        symbol, column = at // rows.shape[1], at % rows.shape[1]
        total = sums_inout[symbol, column]
        for k in range(first[symbol], first[symbol + 1]):
            total += rows[order[k], column]
        sums_inout[symbol, column] = total
