"""Arrays that the kernels of all cells take."""

from typing import NamedTuple

import numpy as np


class Weights(NamedTuple):
    """Of a layer's direction: forward passes read W transposed, so that neighbouring threads read neighbours."""

    W: np.ndarray  # (H, G H) forward, (G H, H) backward
    b: np.ndarray  # (G H,)
    b_Wn: np.ndarray  # (H,) of a GRU, else empty


class Tape(NamedTuple):
    """What a forward pass leaves for the backward pass, over all rows of a mini-batch."""

    gates: np.ndarray  # (R, G H): U x on the way in, then gates, then the gradients of their pre-activations
    memory: np.ndarray  # (R, H): an LSTM's cells; a GRU's hn, then its gradient; (0, 0) of an Elman cell
    before: np.ndarray  # (R, H): s_{t-1} as W reads it


class States(NamedTuple):
    """Beside the rows: (kinds, N, H), an LSTM's cell after s."""

    first: np.ndarray  # before the first steps; backward: what is found there
    last: np.ndarray  # after the last steps; backward: what comes from there
    mask: np.ndarray  # (N, H): recurrent dropout, times which W reads a state


class Out(NamedTuple):
    """States that a layer passes up, or their gradients; both directions side by side."""

    s: np.ndarray  # (R, directions H)
    ds: np.ndarray  # likewise; (0, 0): nothing comes from above
    column: int  # the direction's first
