"""Test kernels that hold W in registers against the reference, on a GPU or in an emulator of warps."""

import naive
import numpy as np
import pytest
import warp_machine
from networks import Case, relative_error
from problems import make_problem

from numrnn.network.cuda import batch_tables, kernel_choice, layers
from numrnn.network.cuda.device import in_simulator
from numrnn.network.cuda.network import CudaNetwork

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]


@pytest.fixture(autouse=True)
def rows_without_a_sequence(monkeypatch, fresh_memory_is_nan):
    monkeypatch.setattr(batch_tables, "rounded", lambda counts, longest, sizes: sizes + 3)


@pytest.mark.parametrize(
    ("cell", "activation", "hidden", "lengths", "kind"),
    [
        *((*cell, (3,), (6, 1, 4), {"output": "step"}) for cell in CELLS),
        ("elman", "tanh", (33,), (2,), {"initial_state": "learned"}),
        ("lstm", "tanh", (33,), (2,), {"initial_state": "learned"}),
        ("gru", "tanh", (2, 3), (3, 2), {"bidirectional": True}),
    ],
)
def test_narrow_layers(monkeypatch, cell, activation, hidden, lengths, kind):
    if in_simulator():
        monkeypatch.setattr(layers, "kernel_of", warp_machine.narrow_kernels(monkeypatch))
    check(cell, activation, hidden, lengths, kind)


@pytest.mark.parametrize(
    ("cell", "activation", "lengths", "kind", "blocks"),
    [
        *((*cell, (2, 1), {"initial_state": "learned"}, 8) for cell in CELLS),
        ("elman", "tanh", (2, 1, 3, 3, 1), {"output": "step"}, 2),  # all sequences in each block, in pieces
        ("elman", "tanh", (2, 1), {"bidirectional": True}, 8),
    ],
)
def test_wide_layers(monkeypatch, cell, activation, lengths, kind, blocks):
    check(cell, activation, wide(monkeypatch, blocks), lengths, kind)


def test_wide_layers_end_when_states_are_the_nan_that_says_empty(monkeypatch):
    case = case_of("elman", "relu", wide(monkeypatch, 8), (2, 1), {"head": "identity"})
    case.layout.views(case.theta)["layers.0.W"].view(np.uint32)[:] = kernel_choice.EMPTY
    with np.errstate(all="ignore"):
        assert np.isnan(case.gradient()[0])


def wide(monkeypatch, blocks):
    """Return numbers of units that a GPU spreads over blocks; emulate `blocks` multiprocessors without a GPU."""
    if not in_simulator():
        return (132,)
    monkeypatch.setattr(layers, "kernel_of", warp_machine.wide_kernels(monkeypatch))
    monkeypatch.setattr(kernel_choice, "multiprocessors", lambda: blocks)
    return (68,)  # on a GPU, one block would do


def case_of(cell, activation, hidden, lengths, kind):
    problem = make_problem(cell, activation, hidden, lengths=lengths, zero_weights=False, **kind)
    case = Case(problem, np.float32)
    case.network = CudaNetwork(case.layout, activation=activation, output=problem.output, head=problem.head)
    case.problem = problem
    return case


def check(cell, activation, hidden, lengths, kind):
    case = case_of(cell, activation, hidden, lengths, kind)
    problem = case.problem
    loss, gradient = case.gradient()
    assert abs(loss - naive.loss(*problem.data, **problem.kind)) <= 1e-5
    expected = naive.gradient(*problem.data, **problem.kind)
    for name, view in case.layout.views(gradient).items():
        assert relative_error(view, expected[name]) <= 1e-5, name
