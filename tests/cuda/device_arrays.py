"""Arrays that users have on a card: CuPy's; in the simulator an address of the host, which NumPy does not read."""

import numpy as np

from numrnn.network.cuda.device import arrays, in_simulator


class OnCard:
    """An array of the simulator's card: NumPy cannot read it."""

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
    """An array of the host on the card; the simulator's shares its memory."""
    return OnCard(np.asarray(array)) if in_simulator() else arrays().asarray(array)
