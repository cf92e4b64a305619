"""Where things lie: the kernels' records of a network, and the memory of a thread."""

import numpy as np

from numrnn.kernels.cpu import tiles
from numrnn.kernels.cpu.net import (
    IDENTITY,
    RELU,
    SIGMOID,
    SOFTMAX,
    TANH,
    ElmanNet,
    GRUNet,
    Head,
    Layer,
    LSTMNet,
    head_of,
)
from numrnn.kernels.cpu.simd import panel_width
from numrnn.parameters import GATES

NETS = {"elman": ElmanNet, "gru": GRUNet, "lstm": LSTMNet}
ACTIVATIONS = {"tanh": TANH, "relu": RELU}
HEADS = {"softmax": SOFTMAX, "sigmoid": SIGMOID, "identity": IDENTITY}


def aligned_zeros(size, dtype):
    """Zeros that begin at a cache line: a vector that crosses lines costs two loads."""
    item = np.dtype(dtype).itemsize
    memory = np.zeros(size + 64 // item, dtype)
    skip = -memory.ctypes.data % 64 // item
    return memory[skip : skip + size]


def make_net(layout, activation, head, per_step, dtype):
    """The kernels' records of a layout: (net, size of a tile's gradient)."""
    width, gates = panel_width(dtype), GATES[layout.cell]
    packed_at = gradient_at = 0

    def pad(n):
        return -(-n // width) * width

    def take_packed(count):
        nonlocal packed_at
        packed_at += count
        return packed_at - count

    def take_gradient(count):
        nonlocal gradient_at
        gradient_at += count
        return gradient_at - count

    layers, D = [], layout.n_inputs
    for index, H in enumerate(layout.hidden_layer_sizes):
        HP, place = pad(H), {name: layout.offsets.get(f"layers.{index}.{name}", -1) for name in ("U", "W", "b", "b_Wn")}
        planes = 4 if layout.cell == "gru" else gates
        layers.append(
            Layer(
                D,
                H,
                HP,
                gates,
                planes,
                saved=int(layout.cell != "elman"),
                cells=int(layout.cell == "lstm"),
                U=take_packed(gates * HP * D),
                W=take_packed(gates * HP * H),
                U_back=take_packed(gates * pad(D) * H if index else 0),
                W_back=take_packed(gates * HP * H),
                b=take_packed(planes * HP),
                dU=take_gradient(D * gates * HP),
                dW=take_gradient(H * gates * HP),
                db=take_gradient(planes * HP),
                theta_U=place["U"],
                theta_W=place["W"],
                theta_b=place["b"],
                theta_b_Wn=place["b_Wn"],
            )
        )
        D = H
    H, HP, K = D, pad(D), layout.n_outputs
    output = Head(
        HEADS[head],
        int(per_step),
        K,
        pad(K),
        H,
        HP,
        V=take_packed(pad(K) * H),
        V_back=take_packed(HP * K),
        c=take_packed(pad(K)),
        dV=take_gradient(K * HP),
        dc=take_gradient(pad(K)),
        widest=max(layer.HP for layer in layers),
        theta_V=layout.offsets["V"],
        theta_c=layout.offsets["c"],
    )
    packed = aligned_zeros(packed_at, dtype)
    return NETS[layout.cell](
        ACTIVATIONS[activation], np.array(layers, np.int64), np.array(output, np.int64), packed
    ), gradient_at


def make_scratch(net, tile_rows, longest, one_block):
    """Memory in which one thread runs tiles of sequences of up to `longest` steps: all steps for training, one block
    at a time for predictions.
    """
    block_rows = tiles.BLOCK_STEPS * tile_rows
    blocks = longest // tiles.BLOCK_STEPS + 2 + tile_rows // tiles.ROWS_DROP
    rows = block_rows if one_block else longest * tile_rows
    state_rows = rows + (1 if one_block else blocks) * tile_rows
    places = np.zeros((len(net.layers), 4), np.int64)
    inputs = net.layers[0, 0]
    layers_end = tiles.place_layers(net, rows, state_rows, tile_rows, rows * inputs + 16, places)
    block_end = layers_end + block_rows * (2 * head_of(net).widest + head_of(net).KP + inputs) + 64
    work = aligned_zeros(int(block_end), net.packed.dtype)
    return tiles.Scratch(work, np.zeros((blocks, 5), np.int64), np.zeros(longest, np.int64), places)


def read_only(array):
    """A read-only view: user's data come as such (memory maps) or not, and each kind would be compiled for itself."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
