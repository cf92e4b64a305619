"""Sequences and targets of mini-batches as the kernels take them."""

import numpy as np

from numrnn.kernels.cpu.inputs import Data, SymbolData
from numrnn.kernels.cpu.tile.forward import Goal
from numrnn.kernels.jit import read_only

NO_INDEX, NO_WEIGHTS = np.zeros(0, np.int64), np.zeros(0)


def inputs_of(layout, data, rows, state, learning=False):
    """The sequences of mini-batches, with room for an embedding's gradient where it is learnt.

    Parameters
    ----------
    layout : Layout
    data : Sequences
    rows : Rows
    state : ndarray of shape (N, state_size)
        Where chunks carry states from and to; of shape (0, state_size) if none are carried.
    learning : bool

    Returns
    -------
    inputs : Data or SymbolData
        Without dropout, and without states that are given.

    Raises
    ------
    ValueError
        If a step has another number of inputs than the network, or sequences reach beyond the steps there are.
    """
    values, starts = data.gather(rows.ids)
    check_step_shape(layout, values)
    starts = starts + rows.skipped
    if (rows.lengths < 0).any() or (starts < 0).any() or (starts > len(values) - rows.lengths).any():
        raise ValueError(f"sequences lie outside the {len(values)} steps there are: offsets or values were changed")
    states = state, np.where(rows.skipped > 0, rows.ids, ~rows.ids), *np.zeros((2, 0, state.shape[1]), state.dtype)
    if layout.n_symbols is None:
        return Data(read_only(values).reshape(-1), starts, rows.lengths, *states, 1.0, 1.0, NO_INDEX)
    steps = _most_steps(rows) if learning and layout.embedding_size else 0
    before = np.cumsum(rows.lengths) - rows.lengths
    return SymbolData(
        read_only(values).view(np.uint8),
        values.itemsize,
        starts,
        rows.lengths,
        *states,
        1.0,
        1.0,
        NO_INDEX,
        before - np.repeat(before[rows.first[:-1]], np.diff(rows.first)),
        np.empty(steps * (layout.embedding_size or 0), state.dtype),
        np.empty(steps, np.int64),
        np.empty(layout.n_symbols + 2, np.int64),
    )


def check_step_shape(layout, values):
    """Raise a ValueError unless steps are what a network reads: kernels would read what lies behind them.

    Parameters
    ----------
    layout : Layout
    values : ndarray of shape (sum of T_i, D), or (sum of T_i,) for symbols
    """
    expected = (layout.n_inputs,) if layout.n_symbols is None else ()
    if values.shape[1:] != expected:
        raise ValueError(f"a step has shape {values.shape[1:]}, the network reads {expected}")


def _most_steps(rows):
    """Of a mini-batch."""
    return int(np.add.reduceat(rows.lengths, rows.first[:-1]).max())


def embedding_gradient_bytes(layout, rows, dtype):
    """Bytes in which `inputs_of` gives room for an embedding's gradient: of each step, and its place in order."""
    if not layout.embedding_size:
        return 0
    return _most_steps(rows) * (layout.embedding_size * dtype.itemsize + np.dtype(np.int64).itemsize)


def target_rows(data, rows, per_step):
    """Where the targets of the sequences of mini-batches begin; -1: that of a sequence is in a later chunk."""
    if per_step:
        return data.offsets[rows.ids] + rows.skipped
    return np.where(rows.skipped + rows.lengths < data.lengths[rows.ids], -1, rows.ids)


def goal_of(targets, dtype, first_row=NO_INDEX):
    """Targets, and where those of each sequence begin; `dtype` is the network's."""
    classes, values = targets.values, np.zeros((0, 0), dtype)
    if targets.values.ndim == 2:
        classes, values = NO_INDEX, targets.values
    weights = NO_WEIGHTS if targets.weights is None else targets.weights
    classes = np.ascontiguousarray(classes)
    return Goal(read_only(classes).view(np.uint8), classes.itemsize, read_only(values), read_only(weights), first_row)
