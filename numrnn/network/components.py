"""Cells, activations, poolings, heads and losses: a record of each, with all that the host needs to know of it."""

from typing import NamedTuple

from numrnn.kernels.cpu import losses
from numrnn.kernels.cpu.cells.elman import ElmanNet
from numrnn.kernels.cpu.cells.gru import GRUNet
from numrnn.kernels.cpu.cells.lstm import LSTMNet
from numrnn.kernels.cpu.records import IDENTITY, LAST, MAXIMUM, MEAN, RELU, SIGMOID, SOFTMAX, TANH


class Cell(NamedTuple):
    """What a layer does in a step. Its kernels are in `kernels/cpu/cells` and `kernels/cuda/cells`."""

    net: type  # of the kernels' record of a network, beside the kernels of the CPU
    gates: int  # G: gates in theta, in the order of PyTorch
    planes: tuple = (0,)  # for each plane of the kernels that U makes, which gate it is; W makes the last G planes
    biases_of_W: tuple = ()  # parameters (H,): biases of further planes, which W alone makes
    states: tuple = ("s_0",)  # what a step remembers, by the names of the parameters that it may begin with
    saves_planes: bool = True  # for the backward pass; False: they serve one block of steps
    open_gate: int | None = None  # whose bias begins with 1
    activations: tuple = ("tanh",)  # that it may have
    most_in_registers: int = 0  # units of a layer whose W the registers of a block on a card hold; 0: no such kernels


class Activation(NamedTuple):
    """Of a cell that leaves the choice."""

    number: int  # of `numrnn.kernels.cpu.records`
    W_is_identity: bool = False  # W begins as the identity


class Loss(NamedTuple):
    """What is trained for."""

    number: int  # of `numrnn.kernels.cpu.losses`
    outputs_per_target: int = 1  # raw outputs
    parameter: float = 0.0  # if it has one, its default


class Head(NamedTuple):
    """What becomes of raw outputs."""

    output: int  # function, of `numrnn.kernels.cpu.records`
    loss: str  # unless another one is chosen


CELLS = {
    "elman": Cell(ElmanNet, 1, saves_planes=False, activations=("tanh", "relu"), most_in_registers=128),
    "gru": Cell(GRUNet, 3, planes=(2, 0, 1), biases_of_W=("b_Wn",), most_in_registers=64),
    "lstm": Cell(
        LSTMNet, 4, planes=(0, 1, 2, 3), states=("s_0", "cell_0"), open_gate=1, most_in_registers=64
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
    """What the kernels know of a head."""

    output: int
    loss: int
    parameter: float


def numbers_of_head(head, loss=None, parameter=None):
    """Return what the kernels know of a head.

    Parameters
    ----------
    head : str
        A key of `HEADS`.
    loss : str, optional
        A key of `LOSSES`; None: the head's own.
    parameter : float, optional
        Of the loss; None: its default.

    Returns
    -------
    HeadNumbers
    """
    chosen = LOSSES[loss or HEADS[head].loss]
    return HeadNumbers(HEADS[head].output, chosen.number, chosen.parameter if parameter is None else float(parameter))


def outputs_of_targets(head, count):
    """Return how many raw outputs a head needs for so many targets, or classes."""
    return LOSSES[HEADS[head].loss].outputs_per_target * count
