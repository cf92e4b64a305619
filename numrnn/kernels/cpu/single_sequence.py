"""Predict one sequence, or one more step of it, in one call with few plain arrays.

Passing an array costs 0.06 us, a named tuple of arrays 1 us, and a step of a small network takes 1 us.
"""

import functools

import numpy as np

from numrnn.kernels.cpu.inputs import Data
from numrnn.kernels.cpu.processor import BOARD_SIZE, DEFAULT, set_mode
from numrnn.kernels.cpu.records import LAYER_REGIONS, Head, Layer
from numrnn.kernels.cpu.tile.forward import Scratch, predict_tile
from numrnn.kernels.jit import njit

ROWS = 1  # a tile of one sequence
BAD_INPUT, BAD_STATE = -1, -2  # NaN or infinity was found
# All integers of a call lie in one table: single numbers, an unused board, then arrays, each preceded by its
# size (layers, head, regions, places, blocks), and last the number of active rows of each step.
ID, LENGTH, ACTIVATION, POOLING, TILE_ROWS, BOARD = 0, 1, 2, 3, 4, 8
TABLES = BOARD + BOARD_SIZE
LAYER, HEAD, REGION, BLOCK = len(Layer._fields), len(Head._fields), 5, 5


def make_table(net, scratch):
    """Return the table of integers of a network and of a thread's memory."""
    numbers = np.zeros(TABLES, np.int64)
    numbers[ACTIVATION], numbers[POOLING], numbers[TILE_ROWS] = net.activation, net.pooling, ROWS
    arrays = [net.layers, net.head, scratch.regions, scratch.places, scratch.blocks]
    sized = [part for array in arrays for part in ([array.size], array.ravel())]
    return np.concatenate([numbers, *sized, scratch.active])


@njit
def _all_finite(rows):
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            if not np.isfinite(rows[i, j]):
                return False
    return True


@njit
def largest_of(row):
    """Return the index of the first NaN, else of the first maximum, as numpy.argmax does."""
    best = 0
    for k in range(row.size):
        if row[k] != row[k]:
            return k
        if row[k] > row[best]:
            best = k
    return best


@njit
def _rows(table, at, columns):
    """Return a two-dimensional array of the table, which follows its size, and where the next array begins."""
    size = table[at]
    return table[at + 1 : at + 1 + size].reshape(size // columns, columns), at + 1 + size


@njit
def _predict(net, at, table, values, raw, work, out, state, state_out):
    if not _all_finite(values):
        return BAD_INPUT
    if not _all_finite(state):
        return BAD_STATE
    regions, at = _rows(table, at, REGION)
    places, at = _rows(table, at, table[at])
    blocks, at = _rows(table, at, BLOCK)
    ids, lengths = table[ID : ID + 1], table[LENGTH : LENGTH + 1]
    lengths[0] = values.shape[0]
    room = places[0, LAYER_REGIONS * net.layers.shape[0] :]
    data = Data(values.reshape(-1), ids, lengths, state, ids, state, state, 1.0, 1.0, ids)
    scratch = Scratch(work, blocks, table[at:], regions, places[0], room, 0, blocks)  # segments are not used
    rows = table[TILE_ROWS]  # a literal would make Numba compile another specialisation of the tile, for seconds
    mode = set_mode(DEFAULT)
    predict_tile(net, data, ids, ids, raw, rows, scratch, state_out, out, table[BOARD:])
    set_mode(mode)
    return largest_of(out[0])


@functools.cache
def predictor_of(kind):
    """Return the kernel that predicts one sequence with networks of a type; it builds the network's record itself."""

    @njit
    def predict_one(table, packed, values, raw, work, out, state, state_out):
        """Compute the outputs of values (T, D) and the state after them (1, state size).

        The initial state may be empty, (0, 0), and may be the same array as state_out. Returns the index of the largest
        output in the first row of out, or BAD_INPUT or BAD_STATE if one of them is not finite.
        """
        layers, at = _rows(table, TABLES, LAYER)
        head, at = _rows(table, at, HEAD)
        # Pieces and shares of theta are used in training only: any arrays of their types will do.
        net = kind(table[ACTIVATION], layers, head[0], layers, head[0], packed, table[POOLING])
        return _predict(net, at, table, values, raw, work, out, state, state_out)

    return predict_one
