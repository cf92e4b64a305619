"""Cells, activations, poolings and heads: what the host knows of each."""

from numrnn.kernels.cpu.records import (
    IDENTITY,
    LAST,
    MAXIMUM,
    MEAN,
    RELU,
    SIGMOID,
    SOFTMAX,
    TANH,
    ElmanNet,
    GRUNet,
    LSTMNet,
)

GATES = {"elman": 1, "gru": 3, "lstm": 4}

NETS = {"elman": ElmanNet, "gru": GRUNet, "lstm": LSTMNet}
ACTIVATIONS = {"tanh": TANH, "relu": RELU}
POOLINGS = {"last": LAST, "mean": MEAN, "max": MAXIMUM}
HEADS = {"softmax": SOFTMAX, "sigmoid": SIGMOID, "identity": IDENTITY}
