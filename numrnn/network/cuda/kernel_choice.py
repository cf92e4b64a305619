"""Choose the kernels of layers that hold W in the registers of one block of threads (narrow) or of many (wide)."""

import functools
from importlib import import_module
from typing import NamedTuple

import numpy as np

from numrnn.network.components import CELLS
from numrnn.network.cuda.device import arrays, capability, in_simulator, multiprocessors

NARROW_STEP, WIDE_STEP = 32, 128  # units of a narrow or wide layer are padded to a multiple of this number
MOST_WIDE = 1024  # most units for which W fits in the registers of a GPU
OLDEST = 8, 0  # lowest compute capability with asynchronous copies from global to shared memory
EMPTY = 0xFFFFFFFF  # as in `numrnn.kernels.cuda.warps.wide`


class Kernel(NamedTuple):
    """Describe a kernel of a layer."""

    function: object
    threads: int  # threads of a block
    padded: int  # units to which W must be padded
    units: int  # units that one block computes
    wide: bool


def kernel_of(cell, backward, H, dtype):
    """Return the kernel that holds a layer's W in registers, or None if only the plain kernel can be used."""
    most = CELLS[cell].most_in_registers
    if not most or in_simulator() or dtype != np.float32 or capability() < OLDEST:
        return None
    if H <= most:
        return make_narrow(cell, backward, -(-H // NARROW_STEP) * NARROW_STEP)
    if H <= MOST_WIDE and H % 4 == 0:  # states are exchanged four at a time
        kernel = make_wide(cell, backward, -(-H // WIDE_STEP) * WIDE_STEP)
        if kernel.padded // kernel.units <= multiprocessors():
            return kernel
    return None


@functools.cache
def make_narrow(cell, backward, padded):
    """Return the narrow kernel for layers of up to `padded` units."""
    from numrnn.kernels.cuda.jit import kernel

    module = import_module(f"numrnn.kernels.cuda.warps.{cell}")
    function, threads = (module.make_backward if backward else module.make_forward)(padded)
    return Kernel(kernel(function, launch_bounds=(threads, 1)), threads, padded, padded, False)


@functools.cache
def make_wide(cell, backward, padded):
    """Return the wide kernel for layers of up to `padded` units."""
    from numrnn.kernels.cuda.jit import kernel
    from numrnn.kernels.cuda.warps import wide

    function, threads, units = (wide.make_backward if backward else wide.make_forward)(cell, padded)
    return Kernel(kernel(function, launch_bounds=(threads, 1)), threads, padded, units, True)


def rows_of_wide_block(sequences, blocks):
    """Return the fewest sequences per block with which all blocks run at once; `blocks` blocks share the units."""
    return -(-sequences // max(1, min(sequences, multiprocessors() // blocks)))


def padded_weights(W, gates, padded, backward):
    """Return W (gates H, H) padded with zeros to (gates padded, padded), transposed for the forward pass."""
    xp, H = arrays(), W.shape[1]
    if H < padded:
        whole = xp.zeros((gates, padded, padded), W.dtype)
        whole[:, :H, :H] = W.reshape(gates, H, H)
        W = whole.reshape(gates * padded, padded)
    return W if backward else xp.ascontiguousarray(W.T)


def empty_exchange(rows, width):
    """Return an array (rows, width) whose words are all EMPTY."""
    exchange = arrays().empty((rows, width), np.float32)
    exchange.view(np.uint32).fill(np.uint32(EMPTY))
    return exchange
