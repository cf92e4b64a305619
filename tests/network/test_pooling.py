"""Test the mean and the maximum of a sequence's states in place of the last one."""

import naive
import numpy as np
import pytest
from networks import Case, relative_error, sequences
from problems import make_problem

from numrnn.data.batches import full_batch
from numrnn.data.sequences import Sequences
from numrnn.kernels.cpu import updates
from numrnn.network.cpu import scheduling
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.interface import SolverStep
from numrnn.network.parameters import Layout

CELLS = [("elman", "tanh"), ("elman", "relu")]  # the others have fewer shapes, see `table`
RAGGED = (4, 1, 7, 3, 1, 2, 2, 5, 6, 4)
SHAPES = [((5,), RAGGED), ((4, 3), RAGGED), ((1,), (1,)), ((3, 1), (5,)), ((2, 3), (40, 1, 33, 70))]
INPUTS = [{"n_symbols": 4}, {"n_symbols": 4, "embedding_size": 2}]
LONG = [70, 1, 33, 2, 129, 64, 65, 5, 5, 5, 5, 31, 17, 90, 3, 12, 40, 40, 8]


def table(pooling, zero_weights=False):
    for cell, activation in CELLS:
        for hidden, lengths in SHAPES:
            options = {"lengths": lengths, "zero_weights": zero_weights, "pooling": pooling}
            yield make_problem(cell, activation, hidden, D=2, K=3, **options)
    yield make_problem("lstm", hidden=(4, 3), D=2, K=3, lengths=RAGGED, zero_weights=zero_weights, pooling=pooling)
    for inputs in INPUTS:
        options = {"lengths": RAGGED, "zero_weights": zero_weights, "pooling": pooling}
        yield make_problem("gru", hidden=(4, 3), K=3, initial_state="learned", **options, **inputs)


TABLE = [*table("mean"), *table("max")]


def describe(problem):
    layers = [len(value) for name, value in problem.weights.items() if name.endswith(".b")]
    return f"{problem.pooling}-{problem.cell}-{problem.activation}-{layers}-{len(problem.X)}-{problem.X[0].dtype}"


@pytest.mark.parametrize("problem", TABLE, ids=describe)
def test_outputs_and_gradients_are_the_slow_truths(problem):
    outputs = np.vstack(naive.forward(problem.weights, problem.X, **problem.kind))
    loss, expected = (function(*problem.data, **problem.kind) for function in (naive.loss, naive.gradient))
    tolerances = {np.float64: 1e-10}
    if problem.cell == "elman":  # see docs/design/tests.rst
        tolerances[np.float32] = 1e-4
    for dtype, tolerance in tolerances.items():
        case = Case(problem, dtype)
        assert relative_error(case.predict(), outputs) <= tolerance
        got, grad = case.gradient()
        assert relative_error(got, loss) <= tolerance
        for name, view in case.layout.views(grad).items():
            assert relative_error(view, expected[name]) <= tolerance, name


@pytest.mark.parametrize("problem", TABLE, ids=describe)
def test_the_gradient_is_the_central_difference_of_the_loss(problem):
    case = Case(problem)
    differences = naive.central_differences(
        lambda: case.network.loss(case.theta, case.data, case.targets)[0], case.theta
    )
    assert relative_error(case.gradient()[1], differences) <= 1e-6


def test_of_equal_maxima_the_first_has_the_gradient():
    """Check that the first of equal maxima gets the gradient, also if the others lie in later blocks of steps."""
    problem = make_problem(lengths=(70, 3), pooling="max", zero_weights=False)
    for name in ("layers.0.U", "layers.0.W"):
        problem.weights[name][:] = 0
    case = Case(problem)
    expected = naive.gradient(*problem.data, **problem.kind)
    for name, view in case.layout.views(case.gradient()[1]).items():
        assert relative_error(view, expected[name]) <= 1e-12, name


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_are_the_same_alone_padded_and_on_any_number_of_threads(dtype, pooling, monkeypatch):
    problem = make_problem(hidden=(33, 17), lengths=LONG, pooling=pooling)

    def results(n_jobs):
        case = Case(problem, dtype, n_jobs)
        return case.predict(), *case.gradient()

    case, expected = Case(problem, dtype), results(1)
    for i in range(len(LONG)):
        alone = case.network.predict(case.theta, sequences(problem.X[i : i + 1], dtype))[0]
        np.testing.assert_array_equal(alone[0], expected[0][i])
    padded = np.full((len(LONG), max(LONG), 3), np.nan, dtype)
    for i, x in enumerate(problem.X):
        padded[i, : len(x)] = x
    outputs, _ = case.network.predict(case.theta, Sequences.from_padded(padded, LONG))
    np.testing.assert_array_equal(outputs, expected[0])
    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)
    for n_jobs in (2, 3):
        for got, wanted in zip(results(n_jobs), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_features_are_what_the_head_reads(pooling):
    problem = make_problem("lstm", hidden=(4, 33), lengths=LONG, pooling=pooling)
    tops = [naive.run(problem.weights, x, "lstm", "tanh")[1] for x in problem.X]
    expected = [naive.read(problem.weights, rows, -1, "sequence", pooling) for rows in tops]
    case = Case(problem)
    layout = Layout(n_inputs=3, hidden_layer_sizes=(4, 33), cell="lstm", n_outputs=0)
    features = CPUNetwork(layout, output="features", pooling=pooling, dtype=np.float64)
    got, state = features.predict(case.theta[: layout.size], case.data)
    assert relative_error(got, np.array(expected)) <= 1e-10
    np.testing.assert_array_equal(state, case.network.predict(case.theta, case.data)[1])


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_dropout_acts_on_what_is_pooled(pooling):
    """Check the gradient with dropout and pooling against the loss with fixed masks."""
    case = Case(make_problem("lstm", hidden=(4, 5), lengths=(40, 1, 7), pooling=pooling, zero_weights=False))
    step = SolverStep(updates.NO_STEP, {}, np.zeros((1, 0)), dropout=0.4, recurrent_dropout=0.2, seed=5)
    batch, grad = full_batch(case.data.lengths, 8), np.zeros_like(case.theta)

    def loss():
        run = case.network.train(case.theta, case.data, case.targets, [batch], step, grad, case.theta)
        return run.losses[0]

    assert loss() != case.gradient()[0]
    kept = grad.copy()
    assert relative_error(kept, naive.central_differences(loss, case.theta)) <= 1e-6


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_mean_of_many_steps_is_not_rounded_away(bidirectional):
    layout = Layout(n_inputs=1, hidden_layer_sizes=(1,), cell="elman", n_outputs=0, bidirectional=bidirectional)
    theta = np.zeros(layout.size, np.float32)
    for name, value in layout.views(theta).items():
        value[...] = name.endswith("b")
    one = CPUNetwork(layout, output="features", pooling="mean")
    long = Sequences.from_list([np.zeros((1 << 17, 1), np.float32)])
    np.testing.assert_allclose(one.predict(theta, long)[0], np.tanh(1), rtol=1e-6)
