"""Which layers have kernels that hold W in registers: of one block (narrow), or of many (wide)."""

import functools
from importlib import import_module
from typing import NamedTuple

import numpy as np

from numrnn.network.components import CELLS
from numrnn.network.cuda.device import arrays, capability, in_simulator, multiprocessors

NARROW_STEP, WIDE_STEP = 32, 128  # units of a layer are padded to a multiple of this
MOST_WIDE = 1024  # units: W would not fit in the registers of a card
OLDEST = 8, 0  # compute capability that copies from global to shared memory asynchronously
EMPTY = 0xFFFFFFFF  # of `numrnn.kernels.cuda.warps.wide`


class Kernel(NamedTuple):
    """A kernel of a layer."""

    function: object
    threads: int  # of a block
    padded: int  # units that W has to have
    units: int  # of a block
    wide: bool


def kernel_of(cell, backward, H, dtype):
    """Return the kernel for a layer.

    Parameters
    ----------
    cell : str
    backward : bool
    H : int
    dtype : dtype

    Returns
    -------
    Kernel, or None
        None: `numrnn.kernels.cuda` has one for any layer.
    """
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
    """Compile the kernel for layers of up to `padded` units."""
    from numrnn.kernels.cuda.jit import kernel

    module = import_module(f"numrnn.kernels.cuda.warps.{cell}")
    function, threads = (module.make_backward if backward else module.make_forward)(padded)
    return Kernel(kernel(function, launch_bounds=(threads, 1)), threads, padded, padded, False)


@functools.cache
def make_wide(cell, backward, padded):
    """Likewise."""
    from numrnn.kernels.cuda.jit import kernel
    from numrnn.kernels.cuda.warps import wide

    function, threads, units = (wide.make_backward if backward else wide.make_forward)(cell, padded)
    return Kernel(kernel(function, launch_bounds=(threads, 1)), threads, padded, units, True)


def rows_of_wide_block(sequences, blocks):
    """Sequences of a block where so many blocks share the units: all blocks must be on the card at once."""
    return -(-sequences // max(1, min(sequences, multiprocessors() // blocks)))


def padded_weights(W, gates, padded, backward):
    """W (gates H, H) with zeros up to `padded` units: (gates padded, padded) backward; forward (padded, gates padded),
    its transpose.
    """
    xp, H = arrays(), W.shape[1]
    if H < padded:
        whole = xp.zeros((gates, padded, padded), W.dtype)
        whole[:, :H, :H] = W.reshape(gates, H, H)
        W = whole.reshape(gates * padded, padded)
    return W if backward else xp.ascontiguousarray(W.T)


def empty_exchange(rows, width):
    """An array (rows, width) whose words say that nobody has written them yet."""
    exchange = arrays().empty((rows, width), np.float32)
    exchange.view(np.uint32).fill(np.uint32(EMPTY))
    return exchange
