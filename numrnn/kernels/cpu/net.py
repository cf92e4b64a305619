"""What a kernel knows of a network: integers that say where things lie, and the packed weights.

Units are padded to whole panels (`HP` for `H`, `KP` for `K`): padded units are zero and cost no more than the
register tile.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.simd import VECTOR_BYTES, VECTORS
from numrnn.kernels.jit import njit

TANH, RELU = range(2)
SOFTMAX, SIGMOID, IDENTITY = range(3)


class Layer(NamedTuple):
    """Sizes of a layer, and its offsets in the packed weights, in a tile's gradient buffer (`d..`) and in theta
    (`theta_..`).
    """

    D: int  # inputs
    H: int  # units
    HP: int  # units, padded
    gates: int  # G
    planes: int  # of pre-activations; U acts on the first G, W on the last G (GRU: n r z hn)
    saved: int  # 1: the planes of all blocks are kept for the backward pass, 0: they serve one block
    cells: int  # 1: there is a memory cell beside s
    U: int  # for each gate (HP outputs, D) panels
    W: int  # for each gate (HP outputs, H) panels
    U_back: int  # for each gate (D padded outputs, H) panels
    W_back: int  # for each gate (HP outputs, H) panels
    b: int  # (planes, HP)
    dU: int  # (G, D, HP)
    dW: int  # (G, H, HP)
    db: int  # (planes, HP)
    theta_U: int  # (G*H, D)
    theta_W: int  # (G*H, H)
    theta_b: int  # (G*H,)
    theta_b_Wn: int  # (H,), GRU only


class Head(NamedTuple):
    """The output layer, likewise."""

    kind: int
    per_step: int  # 1: every step has an output, 0: a sequence has one
    K: int  # outputs
    KP: int  # outputs, padded
    H: int  # inputs: units of the last layer
    HP: int
    V: int  # (KP outputs, H) panels
    V_back: int  # (HP outputs, K) panels
    c: int  # (KP,)
    dV: int  # (K, HP)
    dc: int  # (KP,)
    widest: int  # largest HP of all layers
    theta_V: int  # (K, H)
    theta_c: int  # (K,)


class ElmanNet(NamedTuple):
    """A network for the kernels. Its type says which cell it has, so a program compiles that cell only."""

    activation: int
    layers: np.ndarray  # (layers, fields of Layer) int64
    head: np.ndarray  # (fields of Head,) int64
    packed: np.ndarray  # packed weights


class GRUNet(NamedTuple):
    """Likewise."""

    activation: int
    layers: np.ndarray
    head: np.ndarray
    packed: np.ndarray


class LSTMNet(NamedTuple):
    """Likewise."""

    activation: int
    layers: np.ndarray
    head: np.ndarray
    packed: np.ndarray


@njit
def width_of(array):
    """Outputs of a panel for the type of this array."""
    return VECTORS * VECTOR_BYTES // array.itemsize


@njit
def layer_of(net, index):
    """The record of a layer."""
    f = net.layers[index]
    return Layer(
        f[0],
        f[1],
        f[2],
        f[3],
        f[4],
        f[5],
        f[6],
        f[7],
        f[8],
        f[9],
        f[10],
        f[11],
        f[12],
        f[13],
        f[14],
        f[15],
        f[16],
        f[17],
        f[18],
    )


@njit
def head_of(net):
    """The record of the head."""
    f = net.head
    return Head(f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10], f[11], f[12], f[13])
