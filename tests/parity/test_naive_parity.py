"""Test the reference against PyTorch: symbols, chunks, bidirectional layers, learned states and pooling."""

import naive
import numpy as np
import pytest
import test_naive_bidirectional as bidirectional
from problems import make_problem
from test_naive_symbols import ALPHA, assert_close, each_cell, each_input, each_task, states_of

pytest.importorskip("torch")
from torch_twin import Twin  # noqa: E402 (needs PyTorch)


def assert_same(problem):
    """Check that the reference's outputs, loss and gradient agree with PyTorch's."""
    twin = Twin(problem)
    outputs = np.vstack(naive.forward(problem.weights, problem.X, **problem.kind))
    np.testing.assert_allclose(outputs, twin.outputs(), rtol=1e-9)
    loss, grad = twin.gradient(ALPHA)
    np.testing.assert_allclose(naive.loss(*problem.data, ALPHA, **problem.kind), loss, rtol=1e-10)
    assert_close(naive.gradient(*problem.data, ALPHA, **problem.kind), grad, rtol=1e-9, atol=1e-12)


@each_cell
@each_task
@each_input
def test_symbols(cell, activation, hidden, output, head, inputs):
    assert_same(make_problem(cell, activation, hidden, lengths=(4, 1, 6), output=output, head=head, **inputs))


@each_cell
@bidirectional.each_task
@bidirectional.each_input
def test_bidirectional_layers(cell, activation, hidden, output, head, inputs):
    assert_same(bidirectional.problem_of(cell, activation, hidden, output, head, inputs, (4, 1, 6)))


@each_cell
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_learned_states_and_pools(cell, activation, pooling):
    options = {"pooling": pooling, "initial_state": "learned", "bidirectional": True}
    assert_same(make_problem(cell, activation, (2, 3), lengths=(4, 1, 6), **options))


@each_cell
@pytest.mark.parametrize("inputs", [{"D": 2}, {"n_symbols": 5}, {"n_symbols": 5, "embedding_size": 2}])
def test_chunks(cell, activation, inputs):
    problem = make_problem(cell, activation, (2, 3), lengths=(7, 5, 6), output="step", zero_weights=False, **inputs)
    ours = theirs = states_of(problem)
    for start in (0, 2, 4):
        cut = slice(start, start + 2)
        parts = problem._replace(**{name: [each[cut] for each in getattr(problem, name)] for name in "Xyw"})
        twin = Twin(parts, states=theirs)
        expected_loss, expected = twin.gradient(ALPHA)
        loss, grad, ours = naive.chunk(*problem.data, ALPHA, states=ours, start=start, k=2, **problem.kind)
        theirs = twin.after
        np.testing.assert_allclose(loss, expected_loss, rtol=1e-10)
        assert_close(grad, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
