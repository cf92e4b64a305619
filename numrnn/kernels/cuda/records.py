"""Group the arrays that the kernels of all cells take."""

from typing import NamedTuple

import numpy as np


class Weights(NamedTuple):
    """Hold the weights of one direction of a layer.

    Forward passes read W transposed, so that neighbouring threads read neighbouring numbers.
    """

    W: np.ndarray  # (H, G H) forward, (G H, H) backward
    b: np.ndarray  # (G H,)
    b_Wn: np.ndarray  # (H,) of a GRU, else empty


class Tape(NamedTuple):
    """Hold what a forward pass leaves for the backward pass, over all rows of a mini-batch."""

    gates: np.ndarray  # (R, G H): U x on the way in, then gates, then the gradients of their pre-activations
    memory: np.ndarray  # (R, H): an LSTM's cells; a GRU's hn, then its gradient; (0, 0) for an Elman cell
    before: np.ndarray  # (R, H): s_{t-1} as W reads it


class States(NamedTuple):
    """Hold states that belong to no row, (kinds, N, H), an LSTM's cell after s."""

    first: np.ndarray  # states before the first steps; backward: their gradients, written
    last: np.ndarray  # states after the last steps; backward: their gradients, read
    mask: np.ndarray  # (N, H): mask of recurrent dropout, by which a state is multiplied before W


class Out(NamedTuple):
    """Hold the states that a layer passes up, or their gradients, both directions side by side."""

    s: np.ndarray  # (R, directions H)
    ds: np.ndarray  # (R, directions H); (0, 0): there is no gradient from above
    column: int  # the direction's first column
