"""Kernels that hold W in registers against the slow truth: on a card, or in a machine that has warps."""

import naive
import numpy as np
import pytest
import warp_machine
from networks import Case, relative_error
from problems import make_problem

from numrnn.gpu import layers, registers
from numrnn.gpu.device import in_simulator
from numrnn.gpu.network import CudaNetwork

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize(
    ("hidden", "lengths", "kind"),
    [
        ((3,), (6, 1, 4), {"output": "step"}),
        ((33,), (2,), {"initial_state": "learned"}),
        ((2, 3), (3, 2), {"bidirectional": True}),
    ],
)
def test_narrow_layers(monkeypatch, cell, activation, hidden, lengths, kind):
    if in_simulator():
        monkeypatch.setattr(layers, "kernel_of", warp_machine.narrow_kernels(monkeypatch))
    check(cell, activation, hidden, lengths, kind)


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize(
    ("lengths", "kind"),
    [((2, 1, 3), {"output": "step"}), ((2, 1), {"initial_state": "learned", "bidirectional": True})],
)
def test_wide_layers(monkeypatch, cell, activation, lengths, kind):
    hidden = (132,)
    if in_simulator():
        hidden = (68,)  # of a card one block would do
        monkeypatch.setattr(layers, "kernel_of", warp_machine.wide_kernels(monkeypatch))
        monkeypatch.setattr(registers, "multiprocessors", lambda: 8)
    check(cell, activation, hidden, lengths, kind)


def check(cell, activation, hidden, lengths, kind):
    problem = make_problem(cell, activation, hidden, lengths=lengths, zero_weights=False, **kind)
    case = Case(problem, np.float32)
    case.network = CudaNetwork(case.layout, activation=activation, output=problem.output, dtype=np.float32)
    loss, gradient = case.gradient()
    assert abs(loss - naive.loss(*problem.data, **problem.kind)) <= 1e-5
    expected = naive.gradient(*problem.data, **problem.kind)
    for name, view in case.layout.views(gradient).items():
        assert relative_error(view, expected[name]) <= 1e-5, name
