"""Describe a network to the kernels by integer offsets and packed weights.

Units are padded to whole panels (H to HP, K to KP). Padded units are zero; they cost only their part of the register
tile.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.micro_kernel import VECTOR_BYTES, VECTORS
from numrnn.kernels.jit import njit

# Packed weights begin with a 1, the parameter of the loss and, on the next cache line, as many zeros as the widest row.
ONE, LOSS_PARAMETER, ZEROS = 0, 1, 16
TANH, RELU = range(2)
SOFTMAX, SIGMOID, IDENTITY, NO_HEAD = range(4)
LAST, MEAN, MAXIMUM = range(3)  # what the head reads: the last state, or the mean or maximum of all states
# Columns of a tile's table of blocks: a block's first step, its number of steps, its number of rows at each step, and
# the numbers of rows (over all steps) and of state rows in the blocks before it. State rows are these rows and, for
# each block, the rows of the states before its first step.
FIRST_STEP, STEPS, ROWS, ROW, STATE_ROW = range(5)
# Regions of a thread's scratch that each layer has: states, memory cells, gates, and the carry, which holds s, cell,
# their gradients, the mask of s, and s times the mask.
STATES, CELLS, GATES, CARRY, LAYER_REGIONS = range(5)
# Further regions: the inputs (X), the gradients that a layer receives from above for one block (DY), a second array
# that is swapped with DY (OTHER), a block's states after dropout, its logits, and the pool of the tile.
X, DY, OTHER, DROPPED, LOGITS, POOL, ROOM = range(7)
SLOTS = ROOM  # in networks of one direction: slots of `checkpoint_schedule`; the table has the size of the first slot
# In bidirectional networks: the gradients of the outputs (ABOVE) and inputs (BELOW) of a layer at all steps; from READ
# on, the inputs of each layer, and the inputs of the head.
ABOVE, BELOW, READ = range(ROOM, ROOM + 3)
# Columns of the table of regions. The size of a region is a sum of four products: a number of elements (the first four
# columns) times the number of rows over all steps, of state rows, of rows of one block, and of sequences. SAME_AS is
# the region at the same offset, or -1.
BY_ROWS, BY_STATE_ROWS, BY_BLOCK, BY_SEQUENCES, SAME_AS = range(5)


class Layer(NamedTuple):
    """Hold the sizes of a layer, and offsets in the packed weights and (`d..`) in a tile's gradient.

    The comments on offsets give the shape of the array that begins there.
    """

    D: int  # inputs; 0 if symbols select rows of U
    H: int  # units
    HP: int  # units, padded
    gates: int  # G
    planes: int  # gate planes; U acts on the first G planes, W on the last G (GRU: n r z hn)
    saved: int  # 1: gate planes of all blocks are stored for the backward pass, 0: only those of one block at a time
    cells: int  # 1: there is a memory cell in addition to s
    U: int  # for each gate (HP outputs, D) panels
    W: int  # for each gate (HP outputs, H) panels
    U_back: int  # (D padded outputs, G, H) panels
    W_back: int  # (HP outputs, G, H) panels
    b: int  # (planes, HP)
    dU: int  # (G, D, HP)
    dW: int  # (G, H, HP)
    db: int  # (planes, HP)
    embedded: int  # 1: the inputs are rows of an embedding, selected by symbols
    table: int  # (n_symbols, D) rows of the embedding, or (n_symbols, G * H) of U
    dtable: int  # (n_symbols, G * H)
    s_0: int  # (1 + cells, HP): s_0 and cell_0 if they are learned, else -1
    ds_0: int  # (1 + cells, HP)


class Head(NamedTuple):
    """Hold the sizes of the output layer, and offsets as in `Layer`."""

    output: int  # output function, or NO_HEAD
    loss: int  # a constant of `numrnn.kernels.cpu.losses`
    per_step: int  # 1: one output per step, 0: one per sequence
    K: int  # outputs
    KP: int  # outputs, padded
    H: int  # inputs: units of the last layer
    HP: int
    V: int  # (KP outputs, H) panels
    V_back: int  # (HP outputs, K) panels
    c: int  # (KP,)
    dV: int  # (K, HP)
    dc: int  # (KP,)
    widest: int  # largest padded number of units or inputs, of all layers and the head


class Piece(NamedTuple):
    """Describe some outputs of a weight matrix, or a bias, by offsets in theta, in gradients and in packed weights.

    The comments on offsets give the shape of the array that begins there. Pieces do not depend on the vector width of a
    machine, so sums over pieces do not depend on it.
    """

    theta: int  # (count, columns)
    count: int  # outputs
    columns: int  # inputs; 1 for a bias
    gradient: int  # -1: the gradient is not summed over tiles, see `sum_occurrences`
    gradient_row: int  # elements from one row of the gradient to the next
    transposed: int  # 1: the gradient is (columns, count), 0: (count, columns)
    packed: int  # (outputs, columns) panels, or rows
    back: int  # (inputs, depth) panels for the backward pass; -1: there are none
    depth: int  # rows of a panel at `back`
    decayed: int  # 1: the L2 penalty acts on the piece
    rows: int  # 1: rows of a table, which are copied; 0: rows that are packed into panels


class Net(NamedTuple):
    """Describe a network to the kernels.

    Each cell derives a type of its own in the file of its kernels, so a program compiles only the functions of the
    cells that it uses.
    """

    activation: int
    layers: np.ndarray  # (layers, fields of Layer) int64
    head: np.ndarray  # (fields of Head,) int64
    pieces: np.ndarray  # (pieces, fields of Piece) int64
    shares: np.ndarray  # (shares + 1,) int64: first piece of each share of theta
    packed: np.ndarray  # packed weights
    pooling: int  # LAST, MEAN or MAXIMUM


@njit
def width_of(array):
    """Return the number of columns of a panel of an array's type."""
    return VECTORS * VECTOR_BYTES // array.itemsize


@njit
def layer_of(net, index):
    """Return the record of a layer."""
    f = net.layers[index]
    return Layer(
        f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8],
        f[9], f[10], f[11], f[12], f[13], f[14], f[15], f[16], f[17], f[18], f[19],
    )  # fmt: skip


@njit
def head_of(net):
    """Return the record of the head."""
    f = net.head
    return Head(f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10], f[11], f[12])


@njit
def piece_of(pieces, index):
    """Return the record of a piece."""
    f = pieces[index]
    return Piece(f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10])
