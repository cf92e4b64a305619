"""One sequence, or one more step of it, in one call: plain arrays come in, because a named tuple of arrays costs as much
to hand over as a step of a small network.
"""

import numpy as np

from numrnn.kernels.cpu.float_mode import DEFAULT, set_mode
from numrnn.kernels.cpu.net import ElmanNet, GRUNet, LSTMNet
from numrnn.kernels.cpu.tiles import Data, Scratch, predict_tile
from numrnn.kernels.jit import njit

ROWS = 1  # a tile of one sequence
BAD_INPUT, BAD_STATE = -1, -2  # NaN or infinity was found
MARKS = 40  # integers of memory: id, length, then a board on which nobody writes


@njit
def _all_finite(rows):
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            if not np.isfinite(rows[i, j]):
                return False
    return True


@njit
def _largest(row):
    """Index of the first NaN, or of the first of the largest: numpy.argmax."""
    best = 0
    for k in range(row.size):
        if row[k] != row[k]:
            return k
        if row[k] > row[best]:
            best = k
    return best


@njit
def _predict(net, values, raw, work, blocks, active, places, marks, out, state, state_out):
    if not _all_finite(values):
        return BAD_INPUT
    if not _all_finite(state):
        return BAD_STATE
    mode = set_mode(DEFAULT)
    ids, lengths = marks[0:1], marks[1:2]
    ids[0], lengths[0] = 0, values.shape[0]
    data, scratch = Data(values, ids, lengths, state), Scratch(work, blocks, active, places)
    predict_tile(net, data, ids, ids, raw, ROWS, scratch, state_out, out, marks[8:])
    set_mode(mode)
    return _largest(out[0])


@njit
def predict_elman(
    activation, layers, head, packed, values, raw, work, blocks, active, places, marks, out, state, state_out
):
    """Outputs of values (T, D) and the state after them (1, state size), from a state, or none (0, 0); returns the
    index of the largest output of the first row of out, or what is not finite.
    """
    net = ElmanNet(activation, layers, head, packed)
    return _predict(net, values, raw, work, blocks, active, places, marks, out, state, state_out)


@njit
def predict_gru(
    activation, layers, head, packed, values, raw, work, blocks, active, places, marks, out, state, state_out
):
    """Likewise."""
    net = GRUNet(activation, layers, head, packed)
    return _predict(net, values, raw, work, blocks, active, places, marks, out, state, state_out)


@njit
def predict_lstm(
    activation, layers, head, packed, values, raw, work, blocks, active, places, marks, out, state, state_out
):
    """Likewise."""
    net = LSTMNet(activation, layers, head, packed)
    return _predict(net, values, raw, work, blocks, active, places, marks, out, state, state_out)
