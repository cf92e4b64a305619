"""Kernels that hold W in registers against the slow truth: on a card, or in a machine that has warps."""

import naive
import numpy as np
import pytest
import warp_machine
from networks import Case, relative_error
from problems import make_problem

from numrnn.gpu import layers, narrow
from numrnn.gpu.device import in_simulator
from numrnn.gpu.network import CudaNetwork


@pytest.fixture
def narrow_kernels(monkeypatch):
    if in_simulator():
        make = warp_machine.narrow_kernels(monkeypatch)

        def narrow_kernel(cell, backward, H, dtype):
            return make(cell, backward, -(-H // narrow.STEP) * narrow.STEP)

        monkeypatch.setattr(layers, "narrow_kernel", narrow_kernel)


@pytest.mark.parametrize(
    ("cell", "activation", "hidden", "lengths", "kind"),
    [
        ("elman", "tanh", (3,), (6, 1, 4), {"output": "step"}),
        ("elman", "relu", (33,), (2,), {"initial_state": "learned"}),
        ("elman", "tanh", (2, 3), (3, 2), {"bidirectional": True}),
        ("gru", "tanh", (3,), (6, 1, 4), {"output": "step"}),
        ("gru", "tanh", (33,), (2,), {"initial_state": "learned"}),
        ("gru", "tanh", (2, 3), (3, 2), {"bidirectional": True}),
        ("lstm", "tanh", (3,), (6, 1, 4), {"output": "step"}),
        ("lstm", "tanh", (33,), (2,), {"initial_state": "learned"}),
        ("lstm", "tanh", (2, 3), (3, 2), {"bidirectional": True}),
    ],
)
def test_narrow_kernels_compute_what_the_slow_truth_says(narrow_kernels, cell, activation, hidden, lengths, kind):
    problem = make_problem(cell, activation, hidden, lengths=lengths, zero_weights=False, **kind)
    case = Case(problem, np.float32)
    case.network = CudaNetwork(case.layout, activation=activation, output=problem.output, dtype=np.float32)
    assert narrow.MOST_UNITS[cell] >= max(hidden)
    loss, gradient = case.gradient()
    assert abs(loss - naive.loss(*problem.data, **problem.kind)) <= 1e-5
    expected = naive.gradient(*problem.data, **problem.kind)
    for name, view in case.layout.views(gradient).items():
        assert relative_error(view, expected[name]) <= 1e-5, name
