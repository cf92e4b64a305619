"""What a kernel knows of a network: integers that say where things lie, and the packed weights.

Units are padded to whole panels (`HP` for `H`, `KP` for `K`): padded units are zero and cost no more than the
register tile.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.micro_kernel import VECTOR_BYTES, VECTORS
from numrnn.kernels.jit import njit

# Packed weights begin with a 1, the parameter of the loss and, from the next cache line, a row of zeros as wide as any.
ONE, LOSS_PARAMETER, ZEROS = 0, 1, 16
TANH, RELU = range(2)
SOFTMAX, SIGMOID, IDENTITY, NO_HEAD = range(4)
LAST, MEAN, MAXIMUM = range(3)  # state of a sequence, or of all of them: what the head reads
FIRST_STEP, STEPS, ROWS, ROW, STATE_ROW = range(5)  # columns of a tile's table of blocks
# Regions of a thread's memory: of each layer its states, memory cells, gates and carry, which is s, cell, their
# gradients, a mask of s, and s so masked;
STATES, CELLS, GATES, CARRY, LAYER_REGIONS = range(5)
# then the inputs (X), of one block what the head, or a layer above, says of states (DY) and another array that changes
# places with it, states that dropout has gone over, logits; and a pool of the tile.
X, DY, OTHER, DROPPED, LOGITS, POOL, ROOM = range(7)
SLOTS = ROOM  # one direction: of carries, see `checkpoint_schedule`; one slot is as large as the region
# Both directions: gradients of all steps by what a layer passes up and by what it reads; from READ on what each layer
# reads, and what the head does.
ABOVE, BELOW, READ = range(ROOM, ROOM + 3)
# What the size of a region grows with: rows (steps times sequences), rows with those of the states before blocks, rows
# of a block, sequences. SAME_AS: the region that lies at the same place, else -1.
BY_ROWS, BY_STATE_ROWS, BY_BLOCK, BY_SEQUENCES, SAME_AS = range(5)


class Layer(NamedTuple):
    """Sizes of a layer, and its offsets in the packed weights and in a tile's gradient buffer (`d..`)."""

    D: int  # inputs; 0 where symbols pick rows of U
    H: int  # units
    HP: int  # units, padded
    gates: int  # G
    planes: int  # of pre-activations; U acts on the first G, W on the last G (GRU: n r z hn)
    saved: int  # 1: the planes of all blocks are kept for the backward pass, 0: they serve one block
    cells: int  # 1: there is a memory cell beside s
    U: int  # for each gate (HP outputs, D) panels
    W: int  # for each gate (HP outputs, H) panels
    U_back: int  # (D padded outputs, G, H) panels
    W_back: int  # (HP outputs, G, H) panels
    b: int  # (planes, HP)
    dU: int  # (G, D, HP)
    dW: int  # (G, H, HP)
    db: int  # (planes, HP)
    embedded: int  # 1: symbols pick rows of an embedding, which are the inputs
    table: int  # (n_symbols, D) rows of the embedding, or (n_symbols, G * H) of U
    dtable: int  # (n_symbols, G * H)
    s_0: int  # (1 + cells, HP) s_0 and cell_0 where they are learned, else -1
    ds_0: int  # (1 + cells, HP)


class Head(NamedTuple):
    """The output layer, likewise."""

    output: int  # function, or NO_HEAD
    loss: int  # of `numrnn.kernels.cpu.losses`
    per_step: int  # 1: every step has an output, 0: a sequence has one
    K: int  # outputs
    KP: int  # outputs, padded
    H: int  # inputs: units of the last layer
    HP: int
    V: int  # (KP outputs, H) panels
    V_back: int  # (HP outputs, K) panels
    c: int  # (KP,)
    dV: int  # (K, HP)
    dc: int  # (KP,)
    widest: int  # largest HP of all layers


class Piece(NamedTuple):
    """Some outputs of a weight matrix, or a bias: where they lie in theta, in a tile's gradient and in the packed
    weights. Pieces do not depend on the vectors of a machine, so neither do sums over pieces.
    """

    theta: int  # (count, columns)
    count: int  # outputs
    columns: int  # inputs; 1 for a bias
    gradient: int  # -1: it is not summed over tiles, see `sum_occurrences`
    gradient_row: int  # elements from one row of the gradient to the next
    transposed: int  # 1: the gradient is (columns, count), 0: (count, columns)
    packed: int  # (outputs, columns) panels, or rows
    back: int  # (inputs, depth) panels, -1: none
    depth: int
    decayed: int  # 1: the L2 penalty acts on it
    rows: int  # 1: packed as it is, rows of a table; 0: into panels


class Net(NamedTuple):
    """A network for the kernels. Each cell has its own type of them, beside its kernels, so that a program compiles one
    cell only.
    """

    activation: int
    layers: np.ndarray  # (layers, fields of Layer) int64
    head: np.ndarray  # (fields of Head,) int64
    pieces: np.ndarray  # (pieces, fields of Piece) int64
    shares: np.ndarray  # (shares + 1,) int64: the first piece of each part of theta that one thread takes at a time
    packed: np.ndarray  # packed weights
    pooling: int  # what the head reads


@njit
def width_of(array):
    """Outputs of a panel for the type of this array."""
    return VECTORS * VECTOR_BYTES // array.itemsize


@njit
def layer_of(net, index):
    """The record of a layer."""
    f = net.layers[index]
    return Layer(
        f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8],
        f[9], f[10], f[11], f[12], f[13], f[14], f[15], f[16], f[17], f[18], f[19],
    )  # fmt: skip


@njit
def head_of(net):
    """The record of the head."""
    f = net.head
    return Head(f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10], f[11], f[12])


@njit
def piece_of(pieces, index):
    """The record of a piece."""
    f = pieces[index]
    return Piece(f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10])
