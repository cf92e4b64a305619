"""Predict one sequence, or one more step of it, in one call with few plain arrays.

A call spends 0.06 us on an argument that is an array and 1 us on a named tuple of arrays; a step of a small network
takes 1 us.
"""

import functools

import numpy as np

from numrnn.kernels.cpu.inputs import Data
from numrnn.kernels.cpu.processor import BOARD_SIZE, DEFAULT, set_mode
from numrnn.kernels.cpu.records import LAYER_REGIONS, Head, Layer
from numrnn.kernels.cpu.tile.forward import Scratch, predict_tile
from numrnn.kernels.jit import njit

ROWS = 1  # rows of the tile: one sequence
BAD_INPUT, BAD_STATE = -1, -2  # returned if the values or the initial state contain NaN or infinity
# One table contains all integers of a call: the numbers below, an unused board, then the arrays layers, head, regions,
# places and blocks, each preceded by its size, and finally the number of active rows of each step.
ID, LENGTH, ACTIVATION, POOLING, TILE_ROWS, BOARD = 0, 1, 2, 3, 4, 8
TABLES = BOARD + BOARD_SIZE
LAYER, HEAD, REGION, BLOCK = len(Layer._fields), len(Head._fields), 5, 5


def make_table(net, scratch):
    """Return the table of integers that describes a network and a thread's scratch."""
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
    """Return the array (rows, columns) whose size is table[at], and the index of the next array's size."""
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
    scratch = Scratch(work, blocks, table[at:], regions, places[0], room, 0, blocks)  # segments are not used here
    rows = table[TILE_ROWS]  # a literal would make Numba compile another specialisation, which takes seconds
    mode = set_mode(DEFAULT)
    predict_tile(net, data, ids, ids, raw, rows, scratch, state_out, out, table[BOARD:])
    set_mode(mode)
    return largest_of(out[0])


@functools.cache
def predictor_of(kind):
    """Return the kernel that predicts one sequence with networks of a type; it builds the record from a table."""

    @njit
    def predict_one(table, packed, values, raw, work, out, state, state_out):
        """Compute the outputs of values (T, D) and the state after them (1, state size).

        The initial state may have the shape (0, 0), which means zero or learned, and may be the same array as
        state_out. Returns the index of the largest output in the first row of out, BAD_INPUT if an input is not finite,
        or BAD_STATE if the initial state is not finite.
        """
        layers, at = _rows(table, TABLES, LAYER)
        head, at = _rows(table, at, HEAD)
        # Only training uses pieces and shares of theta, so any arrays of their types can be passed for them.
        net = kind(table[ACTIVATION], layers, head[0], layers, head[0], packed, table[POOLING])
        return _predict(net, at, table, values, raw, work, out, state, state_out)

    return predict_one
