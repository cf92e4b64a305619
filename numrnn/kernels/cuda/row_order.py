"""Define how the blocks of CUDA threads of a kernel traverse ragged sequences.

Sequences are sorted by length, the longest first, so the sequences that take part in a step are a prefix. The rows of
all steps are stored one after another without padding, beginning with the first step: row offsets[t] + i is step t of
sequence i. Rows from offsets[T] on, if there are any, belong to no sequence (see
`numrnn.network.cuda.batch_tables.rounded`). A block computes all units of a few neighbouring sequences; each of its
threads handles the same (sequence, unit) pairs in all steps.
"""

from typing import NamedTuple

import numpy as np
from numba import cuda

THREADS = 256  # threads of a block
BLOCKS = 128  # number of blocks to aim at: about the number of multiprocessors of a GPU
SHARED_BYTES = 48 * 1024  # shared memory that a block gets by default


class Walk(NamedTuple):
    """Describe the sequences of a mini-batch and how a direction of a layer traverses them."""

    offsets: np.ndarray  # (T + 1,) int64: first row of each step
    lengths: np.ndarray  # (N,) int64: lengths of the sequences, the longest first
    rows: int  # sequences of a block
    reverse: int  # 1: from the last step to the first; 0: from the first to the last


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
    """Zero the rows that belong to no sequence, in the arrays that a forward pass fills.

    Matrix products sum over all rows, and a NaN left in such a row would spoil them even if multiplied by zero.
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

    The number is so small that every multiprocessor gets a block and that a block's states fit in shared memory. Raises
    ValueError if one sequence does not fit.
    """
    most = SHARED_BYTES // (values * itemsize)
    if most == 0:
        raise ValueError(
            f"hidden_layer_sizes: with device='cuda', a sequence needs {values * itemsize} bytes of shared memory, but "
            f"a block of CUDA threads has {SHARED_BYTES}; choose fewer units, dtype='float32' or device='cpu'"
        )
    return min(most, -(-sequences // BLOCKS))
