"""Define how the blocks of a kernel traverse ragged sequences.

Sequences are sorted by length, the longest first, so those that take part in a step are a prefix. The rows of all
steps lie one after another without padding, first step first: row offsets[t] + i is step t of sequence i. From
offsets[T] on there may be rows that belong to no sequence (see `numrnn.network.cuda.batch_tables.rounded`). A block
owns a few neighbouring sequences and all units; each of its threads handles the same (sequence, unit) pairs in all
steps.
"""

from typing import NamedTuple

import numpy as np
from numba import cuda

THREADS = 256  # threads of a block
BLOCKS = 128  # blocks worth having: about the number of multiprocessors of a GPU
SHARED_BYTES = 48 * 1024  # shared memory of a block that a launch gets by default


class Walk(NamedTuple):
    """Describe the sequences of a mini-batch and how a direction of a layer traverses them."""

    offsets: np.ndarray  # (T + 1,) int64: the first row of a step
    lengths: np.ndarray  # (N,) int64, not increasing
    rows: int  # sequences of a block
    reverse: int  # 1: from the last step to the first


@cuda.jit(device=True)
def row_of(walk, i, t):
    """Return the row of sequence i at a direction's step t."""
    return walk.offsets[walk.lengths[i] - 1 - t if walk.reverse else t] + i


@cuda.jit(device=True)
def sequences_of_block(walk):
    """Return the first sequence of this block and the number of its sequences."""
    first = cuda.blockIdx.x * walk.rows
    return first, min(walk.rows, walk.lengths.size - first)


@cuda.jit(device=True)
def clear_rest(walk, tape, out):
    """Zero the rows behind those of all steps in the arrays that a forward pass leaves.

    Matrix products go over all rows, and a NaN in memory times zero would remain NaN.
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
    """Return the number of sequences of a block, each with `values` numbers of `itemsize` bytes in shared memory.

    They are few enough that all multiprocessors have a block and that their states fit in shared memory. Raises
    ValueError if one sequence does not fit.
    """
    most = SHARED_BYTES // (values * itemsize)
    if most == 0:
        raise ValueError(
            f"hidden_layer_sizes: with device='cuda', a sequence needs {values * itemsize} bytes of shared memory, but "
            f"a block of CUDA threads has {SHARED_BYTES}; choose fewer units, dtype='float32' or device='cpu'"
        )
    return min(most, -(-sequences // BLOCKS))
