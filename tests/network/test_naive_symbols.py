"""Test the reference's symbol inputs and truncated BPTT against central differences and dense inputs."""

import naive
import numpy as np
import pytest
from networks import Case
from problems import make_problem

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
TASKS = [
    ((3,), "sequence", "softmax"),
    ((2, 3), "step", "softmax"),
    ((3,), "step", "sigmoid"),
    ((2, 1), "sequence", "identity"),
]
ALPHA = 0.1
LENGTHS = (3, 1, 4)
each_cell = pytest.mark.parametrize(("cell", "activation"), CELLS)
each_task = pytest.mark.parametrize(("hidden", "output", "head"), TASKS)
INPUTS = [{"n_symbols": 5}, {"n_symbols": 5, "embedding_size": 2}]
each_input = pytest.mark.parametrize("inputs", INPUTS, ids=["one-hot", "embedding"])


def assert_close(got, expected, rtol=1e-6, atol=1e-8):
    assert list(got) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol, atol, err_msg=name)


def differences(problem, function):
    return {name: naive.central_differences(function, weight) for name, weight in problem.weights.items()}


def dense(problem):
    """Return the same problem with dense inputs: one-hot vectors, or rows of the embedding."""
    table = problem.weights.get("embedding", np.eye(problem.weights["layers.0.U"].shape[1]))
    weights = {name: value for name, value in problem.weights.items() if name != "embedding"}
    return problem._replace(weights=weights, X=[table[x] for x in problem.X])


def states_of(problem, seed=1):
    shape = len(problem.X), len(naive.first_state(problem.weights, problem.cell))
    return np.random.default_rng(seed).uniform(-0.7, 0.7, shape)


@each_input
@pytest.mark.parametrize(("n_symbols", "lengths"), [(5, (4, 1, 6)), (2, (1, 1)), (40, (3, 1, 4))])
def test_problems_have_absent_and_repeated_symbols(n_symbols, lengths, inputs):
    problem = make_problem(lengths=lengths, **inputs | {"n_symbols": n_symbols})
    steps = np.concatenate(problem.X)
    assert [x.shape for x in problem.X] == [(T,) for T in lengths] and steps.dtype.kind == "i"
    counts = np.bincount(steps, minlength=n_symbols)
    assert counts.min() == 0 and counts.max() > 1 and len(counts) == n_symbols
    size = inputs.get("embedding_size")
    assert problem.weights["layers.0.U"].shape == (5, size or n_symbols)
    assert size is None or problem.weights["embedding"].shape == (n_symbols, size)


@pytest.mark.parametrize(
    ("cell", "activation", "hidden", "output", "head", "inputs"),
    [(*cell, *task, INPUTS[(i + j) % 2]) for i, cell in enumerate(CELLS) for j, task in enumerate(TASKS)],
)
def test_gradient_is_the_central_difference_of_the_loss(cell, activation, hidden, output, head, inputs):
    problem = make_problem(cell, activation, hidden, K=2, lengths=LENGTHS, output=output, head=head, **inputs)
    grad = naive.gradient(*problem.data, ALPHA, **problem.kind)
    assert_close(grad, differences(problem, lambda: naive.loss(*problem.data, ALPHA, **problem.kind)))


@each_cell
@each_task
@each_input
def test_symbols_are_short_for_dense_inputs(cell, activation, hidden, output, head, inputs):
    problem = make_problem(cell, activation, hidden, K=2, lengths=LENGTHS, output=output, head=head, **inputs)
    written_out = dense(problem)
    got, expected = (np.vstack(naive.forward(p.weights, p.X, **p.kind)) for p in (problem, written_out))
    np.testing.assert_allclose(got, expected, rtol=1e-13)
    got, expected = (naive.gradient(*p.data, ALPHA, **p.kind) for p in (problem, written_out))
    embedding = got.pop("embedding", None)
    assert_close(got, expected, rtol=1e-12, atol=1e-15)
    if embedding is not None:
        absent = np.setdiff1d(np.arange(5), np.concatenate(problem.X))
        assert absent.size and (embedding[absent] == 0).all()  # it has no L2 term


@each_cell
@pytest.mark.parametrize("hidden", [(3,), (2, 3)])
@pytest.mark.parametrize("inputs", [{"D": 2}, {"n_symbols": 5}, {"n_symbols": 5, "embedding_size": 2}])
@pytest.mark.parametrize("output", ["step", "sequence"])
def test_gradient_of_a_chunk_is_the_central_difference_of_its_loss(cell, activation, hidden, inputs, output):
    problem = make_problem(cell, activation, hidden, K=2, lengths=(6, 1, 3, 4), output=output, seed=1, **inputs)
    chunk = dict(states=states_of(problem), start=2, k=3, **problem.kind)
    _, grad, after = naive.chunk(*problem.data, ALPHA, **chunk)
    assert_close(grad, differences(problem, lambda: naive.chunk(*problem.data, ALPHA, **chunk)[0]))
    np.testing.assert_array_equal(after[1], chunk["states"][1])  # it ended before the chunk


@each_cell
@pytest.mark.parametrize("inputs", [{"D": 2}, {"n_symbols": 5}, {"n_symbols": 5, "embedding_size": 2}])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_chunks_with_the_state_carried_are_the_whole(cell, activation, inputs, k):
    problem = make_problem(cell, activation, (2, 3), lengths=(7, 1, 4), output="step", **inputs)
    states, total = np.zeros_like(states_of(problem)), 0.0
    for start in range(0, 7, k):
        weight = sum(w[start : start + k].sum() for w in problem.w)
        loss, grad, states = naive.chunk(*problem.data, states=states, start=start, k=k, **problem.kind)
        if weight == 0:
            assert np.isnan(loss) and not any(value.any() for value in grad.values())
        else:
            total += weight * loss
    whole = naive.loss(*problem.data, **problem.kind)
    np.testing.assert_allclose(total / sum(w.sum() for w in problem.w), whole, rtol=1e-12)
    for x, state in zip(problem.X, states, strict=True):
        tapes, _ = naive.run(problem.weights, x, cell, activation)
        np.testing.assert_allclose(state, np.concatenate([each[-1] for _, each, _ in tapes]), rtol=1e-12, atol=1e-14)


@each_cell
def test_states_are_in_the_order_of_the_library(cell, activation):
    problem = make_problem(cell, activation, (2, 3), lengths=(5, 2), output="step")
    states, case = states_of(problem), Case(problem)
    _, _, after = naive.chunk(*problem.data, states=states, start=0, k=5, **problem.kind)
    np.testing.assert_allclose(case.network.predict(case.theta, case.data, states)[1], after, rtol=1e-10)
