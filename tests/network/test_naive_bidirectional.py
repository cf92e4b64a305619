"""Test the reference's bidirectional layers against central differences and sequences reversed by hand."""

import naive
import numpy as np
import pytest
from problems import make_problem

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
INPUTS = {"vectors": {"D": 2}, "one-hot": {"n_symbols": 5}, "embedding": {"n_symbols": 5, "embedding_size": 2}}
ALPHA = 0.1
each_cell = pytest.mark.parametrize(("cell", "activation"), CELLS)
each_input = pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)
TASKS = [
    ((3,), "sequence", "softmax"),
    ((2, 3), "step", "softmax"),
    ((2, 3), "sequence", "sigmoid"),
    ((1,), "step", "identity"),
]
each_task = pytest.mark.parametrize(("hidden", "output", "head"), TASKS)


def problem_of(cell, activation, hidden, output, head, inputs, lengths=(3, 1, 4)):
    return make_problem(
        cell, activation, hidden, K=2, lengths=lengths, output=output, head=head, bidirectional=True, **inputs
    )


@pytest.mark.parametrize(
    ("cell", "activation", "hidden", "output", "head", "inputs"),
    [
        (*cell, *task, list(INPUTS.values())[(i + j) % 3])
        for i, cell in enumerate(CELLS)
        for j, task in enumerate(TASKS)
    ],
)
def test_gradient_is_the_central_difference_of_the_loss(cell, activation, hidden, output, head, inputs):
    problem = problem_of(cell, activation, hidden, output, head, inputs)
    grad = naive.gradient(*problem.data, ALPHA, **problem.kind)
    for name, weight in problem.weights.items():
        differences = naive.central_differences(lambda: naive.loss(*problem.data, ALPHA, **problem.kind), weight)
        np.testing.assert_allclose(grad[name], differences, rtol=1e-6, atol=1e-8, err_msg=name)


@each_cell
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_gradient_by_learned_states_and_through_pools(cell, activation, pooling):
    options = {"pooling": pooling, "initial_state": "learned", "bidirectional": True}
    problem = make_problem(cell, activation, (2, 3), D=2, K=2, lengths=(3, 1, 4), **options)
    grad = naive.gradient(*problem.data, ALPHA, **problem.kind)
    for name, weight in problem.weights.items():
        differences = naive.central_differences(lambda: naive.loss(*problem.data, ALPHA, **problem.kind), weight)
        np.testing.assert_allclose(grad[name], differences, rtol=1e-6, atol=1e-8, err_msg=name)


@each_cell
def test_the_reverse_direction_is_a_network_that_reads_backwards(cell, activation):
    problem = problem_of(cell, activation, (3,), "step", "identity", INPUTS["vectors"])
    V, weights = problem.weights["V"], problem.weights
    forward = {name: value for name, value in weights.items() if "reverse" not in name} | {"V": V[:, :3]}
    reverse = {name.replace("reverse.", ""): value for name, value in weights.items() if "reverse" in name}
    reverse |= {"V": V[:, 3:], "c": np.zeros(2)}
    for x, outputs in zip(problem.X, naive.forward(weights, problem.X, **problem.kind), strict=True):
        there, back = (
            naive.forward(part, [rows], **problem.kind)[0] for part, rows in ((forward, x), (reverse, x[::-1]))
        )
        np.testing.assert_allclose(outputs, there + back[::-1], rtol=1e-12)
