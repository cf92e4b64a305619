"""Which layers have kernels that hold W in registers."""

import functools
from importlib import import_module

import numpy as np

from numrnn.gpu.device import in_simulator

STEP = 32  # units of a layer are padded to a multiple of this
MOST_UNITS = {"elman": 128, "gru": 64, "lstm": 64}  # W would not fit in the registers of a block


def narrow_kernel(cell, backward, H, dtype):
    """The kernel for a layer and its threads; None: `numrnn.kernels.cuda` has one for any layer.

    Parameters
    ----------
    cell : {"elman", "gru", "lstm"}
    backward : bool
    H : int
    dtype : dtype

    Returns
    -------
    kernel, threads : a compiled kernel and int, or None
    """
    if in_simulator() or dtype != np.float32 or H > MOST_UNITS[cell]:
        return None
    return make_narrow(cell, backward, -(-H // STEP) * STEP)


@functools.cache
def make_narrow(cell, backward, padded):
    """Compile the kernel for layers of up to `padded` units."""
    from numba import cuda

    module = import_module(f"numrnn.kernels.cuda.warps.{cell}")
    kernel, threads = (module.make_backward if backward else module.make_forward)(padded)
    return cuda.jit(kernel, launch_bounds=(threads, 1)), threads
