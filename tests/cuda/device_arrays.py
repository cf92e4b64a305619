"""Build arrays on the device: CuPy's arrays, or in the simulator host memory that NumPy does not read."""

import numpy as np

from numrnn.network.cuda.device import arrays, in_simulator


class OnCard:
    """Stand for a device array in the simulator, which NumPy cannot read."""

    def __init__(self, array):
        self._array = array

    @property
    def __cuda_array_interface__(self):
        known = self._array.__array_interface__
        return {name: known[name] for name in ("shape", "typestr", "data", "strides")} | {"version": 3}

    def __len__(self):
        return len(self._array)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed")


def to_card(array):
    """Return a device array of a host array; the simulator's array shares its memory."""
    return OnCard(np.asarray(array)) if in_simulator() else arrays().asarray(array)
