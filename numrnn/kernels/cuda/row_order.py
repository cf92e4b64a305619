"""How the blocks of a kernel walk over ragged sequences.

Sequences are sorted by length, the longest first, so those that take part in a step are a prefix. The rows of all
steps lie one after the other without padding, first step first: row offsets[t] + i is step t of sequence i. From
offsets[T] on there may be some rows that no sequence has (see `numrnn.network.cuda.batch_tables.rounded`). A block owns
a few neighbouring sequences and all units; its threads deal with (sequence, unit) pairs, always the same ones.
"""

from typing import NamedTuple

import numpy as np
from numba import cuda

THREADS = 256  # of a block
BLOCKS = 128  # so many are worth having: about the multiprocessors of a card
SHARED_BYTES = 48 * 1024  # of a block, without asking for more


class Walk(NamedTuple):
    """The sequences of a mini-batch, and how a layer's direction goes through them."""

    offsets: np.ndarray  # (T + 1,) int64: the first row of a step
    lengths: np.ndarray  # (N,) int64, not increasing
    rows: int  # sequences of a block
    reverse: int  # 1: from the last step to the first


@cuda.jit(device=True)
def row_of(walk, i, t):
    """The row of sequence i at the step that a direction comes to as its t-th."""
    return walk.offsets[walk.lengths[i] - 1 - t if walk.reverse else t] + i


@cuda.jit(device=True)
def sequences_of_block(walk):
    """The first sequence of this block, and their number."""
    first = cuda.blockIdx.x * walk.rows
    return first, min(walk.rows, walk.lengths.size - first)


@cuda.jit(device=True)
def clear_rest(walk, tape, out):
    """Write zeros to the rows behind those of all steps, of arrays that a forward pass leaves: matrix products go over
    all rows, and a NaN that lay in memory would not go away by a factor of zero.
    """
    block, blocks = cuda.blockIdx.y * cuda.gridDim.x + cuda.blockIdx.x, cuda.gridDim.x * cuda.gridDim.y
    for row in range(walk.offsets[walk.lengths[0]] + block, tape.before.shape[0], blocks):
        for j in range(cuda.threadIdx.x, tape.before.shape[1], cuda.blockDim.x):
            tape.before[row, j] = out.s[row, out.column + j] = 0
            if tape.memory.size:
                tape.memory[row, j] = 0
        for j in range(cuda.threadIdx.x, tape.gates.shape[1], cuda.blockDim.x):
            tape.gates[row, j] = 0


def rows_of_block(sequences, values, itemsize):
    """Sequences of a block: few enough that all multiprocessors have one, and that their states fit in shared memory.

    Parameters
    ----------
    sequences : int
        Of a mini-batch.
    values : int
        That a block keeps of a sequence.
    itemsize : int
        Bytes of a value.

    Raises
    ------
    ValueError
        If the states of one sequence do not fit.
    """
    most = SHARED_BYTES // (values * itemsize)
    if most == 0:
        raise ValueError(
            f"hidden_layer_sizes: device='cuda' keeps {values * itemsize} bytes of a sequence in shared memory, which "
            f"has {SHARED_BYTES}"
        )
    return min(most, -(-sequences // BLOCKS))
