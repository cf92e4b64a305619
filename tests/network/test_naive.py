"""Test the reference implementation against central differences and PyTorch's results (tests/golden)."""

import naive
import numpy as np
import pytest
from problems import GOLDEN_ALPHA, golden_cases, make_problem

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
GOLDEN = list(golden_cases())


def joined(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize(
    ("hidden", "output", "head"),
    [
        ((3,), "sequence", "softmax"),
        ((2, 3), "step", "softmax"),
        ((3,), "step", "sigmoid"),
        ((2, 1), "sequence", "identity"),
    ],
)
def test_gradient_is_the_central_difference_of_the_loss(cell, activation, hidden, output, head):
    problem = make_problem(cell, activation, hidden, D=2, K=2, lengths=(3, 1, 4), output=output, head=head)
    grad = naive.gradient(*problem.data, 0.1, **problem.kind)
    for name, weight in problem.weights.items():
        differences = naive.central_differences(lambda: naive.loss(*problem.data, 0.1, **problem.kind), weight)
        np.testing.assert_allclose(grad[name], differences, rtol=1e-6, atol=1e-8, err_msg=name)


def test_there_is_a_golden_file_for_each_cell_and_stack():
    assert len(GOLDEN) == 8 * 2 * 3


@pytest.mark.parametrize(("problem", "expected"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN])
def test_naive_computes_what_pytorch_computed(problem, expected):
    outputs = naive.forward(problem.weights, problem.X, **problem.kind)
    np.testing.assert_allclose(np.vstack(outputs), expected["outputs"], rtol=1e-10)
    np.testing.assert_allclose(naive.loss(*problem.data, GOLDEN_ALPHA, **problem.kind), expected["loss"], rtol=1e-10)
    grad = naive.gradient(*problem.data, GOLDEN_ALPHA, **problem.kind)
    np.testing.assert_allclose(joined(grad.values()), expected["grad"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("solver", "learning_rate"), [("sgd", 0.1), ("adam", 0.01)])
@pytest.mark.parametrize("case", [case for case in GOLDEN if "step.softmax" in case[0]], ids=lambda case: case[0])
def test_ten_naive_steps_are_pytorchs(case, solver, learning_rate):
    problem, expected = case[1:]
    theta = joined(problem.weights.values())
    places = np.cumsum([0] + [value.size for value in problem.weights.values()])
    weights = {
        name: theta[start:end].reshape(problem.weights[name].shape)
        for name, start, end in zip(problem.weights, places[:-1], places[1:], strict=True)
    }
    state = {}
    for n_updates in range(1, 11):
        grad = naive.gradient(weights, *problem.data[1:], GOLDEN_ALPHA, **problem.kind)
        getattr(naive, solver)(theta, joined(grad.values()), state, learning_rate, n_updates)
    np.testing.assert_allclose(theta, expected[solver], rtol=1e-8, atol=1e-11)
