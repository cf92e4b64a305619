"""Describe each cell, activation, pooling, head and loss by one record."""

from typing import NamedTuple

from numrnn.kernels.cpu import losses
from numrnn.kernels.cpu.cells.elman import ElmanNet
from numrnn.kernels.cpu.cells.gru import GRUNet
from numrnn.kernels.cpu.cells.lstm import LSTMNet
from numrnn.kernels.cpu.records import IDENTITY, LAST, MAXIMUM, MEAN, RELU, SIGMOID, SOFTMAX, TANH


class Cell(NamedTuple):
    """Describe a cell; its kernels are in `kernels/cpu/cells` and `kernels/cuda/cells`."""

    net: type  # type of the record that describes a network to the kernels
    gates: int  # G, number of gates; in theta they have PyTorch's order
    planes: tuple = (0,)  # for each gate plane to which U x is added: the number of its gate
    biases_of_W: tuple = ()  # names of the biases (H,) of further planes, to which only W s is added
    states: tuple = ("s_0",)  # parts of a layer's state, under the names of their learned initial values
    saves_planes: bool = True  # whether the backward pass needs the planes of all blocks of steps
    memory_gate: int | None = None  # gate that keeps the previous state where it is 1
    memory_bias: float = 0.0  # its initial bias, unless the network must remember long from the beginning
    activations: tuple = ("tanh",)  # allowed activations
    most_in_registers: int = 0  # most units with which GPU kernels keep W in a block's registers; 0: no such kernels


class Activation(NamedTuple):
    """Describe an activation of a cell that offers a choice."""

    number: int  # constant of `numrnn.kernels.cpu.records`
    W_is_identity: bool = False  # whether W is initialised to the identity


class Loss(NamedTuple):
    """Describe a loss."""

    number: int  # constant of `numrnn.kernels.cpu.losses`
    outputs_per_target: int = 1  # number of raw outputs for each target
    parameter: float = 0.0  # default value of the loss's parameter, if it has one


class Head(NamedTuple):
    """Describe an output function and its default loss."""

    output: int  # output function, constant of `numrnn.kernels.cpu.records`
    loss: str  # default loss, a key of LOSSES


CELLS = {
    "elman": Cell(ElmanNet, 1, saves_planes=False, activations=("tanh", "relu"), most_in_registers=128),
    "gru": Cell(GRUNet, 3, planes=(2, 0, 1), biases_of_W=("b_Wn",), memory_gate=1, most_in_registers=64),
    "lstm": Cell(
        LSTMNet, 4, planes=(0, 1, 2, 3), states=("s_0", "cell_0"), memory_gate=1, memory_bias=1, most_in_registers=64
    ),
}  # fmt: skip
ACTIVATIONS = {"tanh": Activation(TANH), "relu": Activation(RELU, W_is_identity=True)}
POOLINGS = {"last": LAST, "mean": MEAN, "max": MAXIMUM}
LOSSES = {
    "cross_entropy": Loss(losses.CROSS_ENTROPY),
    "binary_cross_entropy": Loss(losses.BINARY_CROSS_ENTROPY),
    "squared_error": Loss(losses.SQUARED_ERROR),
}
HEADS = {
    "softmax": Head(SOFTMAX, "cross_entropy"),
    "sigmoid": Head(SIGMOID, "binary_cross_entropy"),
    "identity": Head(IDENTITY, "squared_error"),
}


class HeadNumbers(NamedTuple):
    """Hold the numbers by which kernels identify a head."""

    output: int
    loss: int
    parameter: float


def numbers_of_head(head, loss=None, parameter=None):
    """Return the numbers by which kernels identify a head, a key of `HEADS`.

    `loss` is a key of `LOSSES`; None means the head's default loss. `parameter` is the parameter of the loss; None
    means its default.
    """
    chosen = LOSSES[loss or HEADS[head].loss]
    return HeadNumbers(HEADS[head].output, chosen.number, chosen.parameter if parameter is None else float(parameter))


def outputs_of_targets(head, count, loss=None):
    """Return the number of raw outputs for `count` targets or classes, given a loss; None means the head's default."""
    return LOSSES[loss or HEADS[head].loss].outputs_per_target * count
