"""Group the arrays that are arguments of the kernels of all cells."""

from typing import NamedTuple

import numpy as np


class Weights(NamedTuple):
    """Hold the weights of one direction of a layer.

    Forward passes read W transposed, so that neighbouring threads read neighbouring numbers.
    """

    W: np.ndarray  # (H, G H) in the forward pass, (G H, H) in the backward pass
    b: np.ndarray  # (G H,)
    b_Wn: np.ndarray  # (H,) of a GRU, else empty


class Tape(NamedTuple):
    """Hold the values of all rows of a mini-batch that the forward pass stores for the backward pass."""

    gates: np.ndarray  # (R, G H), R rows: U x, overwritten by the gates, and these by their pre-activations' gradients
    memory: np.ndarray  # (R, H): an LSTM's cells; a GRU's hn, overwritten by its gradient; (0, 0) for an Elman cell
    before: np.ndarray  # (R, H): s_{t-1} times its mask


class States(NamedTuple):
    """Hold the states (kinds, N, H) before and after all steps; the kinds are s and, for an LSTM, the cell."""

    first: np.ndarray  # states before the first steps; the backward pass writes their gradients
    last: np.ndarray  # states after the last steps; in the backward pass, their gradients
    mask: np.ndarray  # (N, H): masks of recurrent dropout; W is multiplied by s times the mask


class Out(NamedTuple):
    """Hold the states that a layer passes up, and their gradients, with both directions side by side."""

    s: np.ndarray  # (R, directions H)
    ds: np.ndarray  # (R, directions H); (0, 0): there is no gradient from above
    column: int  # first column of the direction that a kernel computes
