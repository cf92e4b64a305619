"""Test bidirectional layers: the reference's numbers, gradients, and the same bits however the work is divided."""

import itertools

import naive
import numpy as np
import pytest
from networks import Case, relative_error, sequences
from problems import make_problem
from test_network import LONG, PRECISIONS, RAGGED, TOLERANCE, assert_close, per_sequence, precisions

from numrnn.data.batches import full_batch
from numrnn.kernels.cpu.micro_kernel import panel_width
from numrnn.network.cpu import network, scheduling
from numrnn.network.cpu.workspaces import make_scratch
from numrnn.network.parameters import Layout

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
HIDDEN = [(5,), (7, 3), (1,), (33, 17)]
INPUTS = {"vectors": {"D": 2}, "one-hot": {"n_symbols": 5}, "embedding": {"n_symbols": 5, "embedding_size": 3}}
# In both precisions for one cell, in float64 for the others, and of symbols for one of them: docs/design/tests.rst says
# what covers the rest.
SAMPLE = [*((*cell, "vectors") for cell in CELLS), ("gru", "tanh", "one-hot"), ("gru", "tanh", "embedding")]
LENGTHS = [RAGGED, (1,), (3,) * 9, (70, 3, 33), (1, 1, 1), (2, 40, 7), RAGGED[:17]]


def problem_of(cell, activation, hidden, output, inputs, lengths, head="softmax", K=3):
    return make_problem(
        cell,
        activation,
        hidden,
        K=K,
        lengths=lengths,
        output=output,
        head=head,
        zero_weights=False,
        bidirectional=True,
        **inputs,
    )


def table():
    """Yield every stack and output with a cell and a kind of input; lengths and heads take their values in turn."""
    lengths, heads = itertools.cycle(LENGTHS), itertools.cycle(["softmax", "sigmoid", "identity", "softmax", "softmax"])
    for (cell, activation, name), hidden, output in itertools.product(SAMPLE, HIDDEN, ("sequence", "step")):
        problem = problem_of(cell, activation, hidden, output, INPUTS[name], next(lengths), next(heads))
        yield pytest.param(problem, id=f"{cell}-{activation}-{hidden}-{output}-{problem.head}-{name}-{len(problem.X)}")
    wide = problem_of("lstm", "tanh", (130, 2), "step", INPUTS["vectors"], RAGGED[:17])  # more rows in a tile
    yield pytest.param(wide, id="wide")


@pytest.mark.parametrize("problem", list(table()))
def test_outputs_states_loss_and_gradient_are_the_slow_truths(problem):
    outputs = np.vstack(naive.forward(problem.weights, problem.X, **problem.kind))
    loss, grad = (function(*problem.data, **problem.kind) for function in (naive.loss, naive.gradient))
    tapes = [naive.run(problem.weights, x, problem.cell, problem.activation)[0] for x in problem.X]
    states = np.array([np.concatenate([each[-1] for _, each, _ in tape]) for tape in tapes])
    for dtype in precisions(problem):
        case, tolerance = Case(problem, dtype), TOLERANCE[dtype]
        got, got_states = case.network.predict(case.theta, case.data)
        assert got.dtype == dtype
        assert relative_error(got, outputs) <= tolerance
        assert relative_error(got_states, states) <= tolerance
        got_loss, got_grad = case.gradient()
        assert relative_error(got_loss, loss) <= tolerance
        assert_close(case, got_grad, grad, tolerance)
        assert relative_error(case.network.loss(case.theta, case.data, case.targets)[0], loss) <= tolerance


@pytest.mark.parametrize(("cell", "activation", "inputs"), SAMPLE)
@pytest.mark.parametrize("hidden", [(3,), (3, 2)])
@pytest.mark.parametrize("output", ["sequence", "step"])
def test_gradient_is_the_central_difference_of_the_loss(cell, activation, hidden, output, inputs):
    case, h = Case(problem_of(cell, activation, hidden, output, INPUTS[inputs], (4, 1, 37))), 1e-5
    grad = case.gradient()[1]
    chosen = np.random.default_rng(1).choice(case.layout.size, 40, replace=False)
    differences = []
    for i in chosen:
        sides = []
        for step in (-h, h):
            theta = case.theta.copy()
            theta[i] += step
            sides.append(case.network.loss(theta, case.data, case.targets)[0])
        differences.append((sides[1] - sides[0]) / (2 * h))
    assert np.abs(differences - grad[chosen]).max() <= 1e-6 * np.abs(grad).max()


@pytest.mark.parametrize(("cell", "dtype"), PRECISIONS)
@pytest.mark.parametrize("output", ["sequence", "step"])
def test_a_prediction_has_the_same_bits_alone_in_a_batch_and_in_another_order(cell, output, dtype):
    problem = problem_of(cell, "tanh", (33, 17), output, INPUTS["vectors"], LONG)
    case = Case(problem, dtype)
    outputs = per_sequence(case, case.predict())
    order = np.random.default_rng(1).permutation(len(LONG))
    shuffled = case.network.predict(case.theta, sequences([problem.X[i] for i in order], dtype))[0]
    shuffled = per_sequence(case, shuffled, np.array(LONG)[order])
    for place, i in enumerate(order):
        np.testing.assert_array_equal(shuffled[place], outputs[i])
        alone, _ = case.network.predict(case.theta, sequences(problem.X[i : i + 1], dtype))
        np.testing.assert_array_equal(np.squeeze(alone), np.squeeze(outputs[i]))


@pytest.mark.parametrize(
    ("cell", "inputs", "dtype"),
    [
        ("elman", "vectors", np.float32),
        ("gru", "embedding", np.float64),
        ("gru", "one-hot", np.float64),
        ("lstm", "vectors", np.float64),
    ],
)
@pytest.mark.parametrize("output", ["sequence", "step"])
def test_the_bits_do_not_depend_on_the_number_of_threads(cell, output, inputs, dtype, monkeypatch):
    def results(n_jobs):
        case = Case(problem_of(cell, "tanh", (33, 17), output, INPUTS[inputs], LONG), dtype, n_jobs)
        return case.predict(), *case.gradient(), case.network.loss(case.theta, case.data, case.targets)[0]

    expected = results(1)
    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)
    monkeypatch.setattr(scheduling, "FLOPS_PER_CALLED_THREAD", 1)
    for n_jobs, chunk in ((2, scheduling.FLOPS_PER_CALL), (3, scheduling.FLOPS_PER_CALL), (1, 1), (3, 1)):
        monkeypatch.setattr(scheduling, "FLOPS_PER_CALL", chunk)
        for got, wanted in zip(results(n_jobs), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(("cell", "dtype"), PRECISIONS)
def test_training_goes_forward_with_the_bits_of_predict(cell, dtype):
    """Check that training's forward pass has the bits of predict.

    With y = 0, K = 2 and weight on one sequence alone, the gradient of c is that sequence's output.
    """
    problem = problem_of(cell, "tanh", (33, 17), "sequence", INPUTS["vectors"], (2, 70, 5, 33), "identity", K=2)
    outputs = Case(problem, dtype).predict()
    for i in range(len(problem.X)):
        alone = problem._replace(y=[np.zeros(2)] * len(problem.X), w=np.arange(len(problem.X)) == i)
        case = Case(alone, dtype)
        np.testing.assert_array_equal(case.layout.views(case.gradient()[1])["c"], outputs[i])


@pytest.mark.parametrize(
    ("cell", "pooling"), [("elman", "last"), ("gru", "last"), ("lstm", "last"), ("gru", "mean"), ("gru", "max")]
)
@pytest.mark.parametrize("hidden", [(5,), (7, 3)])
def test_pools_and_learned_states_are_the_slow_truths(cell, pooling, hidden):
    for initial_state, lengths in itertools.product(("zero", "learned"), (RAGGED[:17], (1,), (70, 3, 33))):
        options = {"lengths": lengths, "pooling": pooling, "initial_state": initial_state, "zero_weights": False}
        problem = make_problem(cell, "tanh", hidden, D=2, bidirectional=True, **options)
        case = Case(problem)
        outputs = np.vstack(naive.forward(problem.weights, problem.X, **problem.kind))
        assert relative_error(case.predict(), outputs) <= 1e-10
        loss, grad = case.gradient()
        assert relative_error(loss, naive.loss(*problem.data, **problem.kind)) <= 1e-10
        assert_close(case, grad, naive.gradient(*problem.data, **problem.kind), 1e-10)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_given_states_begin_each_direction_and_have_gradients(cell):
    problem = problem_of(cell, "tanh", (7, 3), "sequence", INPUTS["vectors"], RAGGED[:17])
    case, random = Case(problem), np.random.default_rng(1)
    states = random.uniform(-0.5, 0.5, (17, case.network.state_size))
    dstates, expected_dstates, grad = np.zeros_like(states), np.zeros_like(states), np.zeros_like(case.theta)
    batch = full_batch(case.data.lengths, case.network.tile_rows)
    loss, _ = case.network.gradient(case.theta, case.data, case.targets, batch, grad, states, dstates)
    expected_loss, expected, _ = naive.chunk(
        *problem.data, states=states, start=0, k=max(RAGGED), dstates=expected_dstates, **problem.kind
    )
    assert relative_error(loss, expected_loss) <= 1e-10
    assert relative_error(dstates, expected_dstates) <= 1e-10
    assert_close(case, grad, expected, 1e-10)


def padded(n, dtype):
    width = panel_width(dtype)
    return -(-n // width) * width


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("output", ["sequence", "step"])
@pytest.mark.parametrize("hidden", [(32,), (32, 48)])
def test_memory_is_that_of_the_design_page(cell, output, hidden):
    T, D, R, K, per_step = 2000, 8, 8, 3, output == "step"
    layout = Layout(n_inputs=D, hidden_layer_sizes=hidden, cell=cell, n_outputs=K, bidirectional=True)
    net = network.CPUNetwork(layout, output=output).net
    both, kept = [padded(2 * H, np.float32) for H in hidden], {"elman": 1, "gru": 5, "lstm": 6}[cell]
    widest, read, blocks = max(both), len(hidden) + per_step, T // 32 + 2 + R // 4
    states = sum(2 * padded(H, np.float32) * (kept * T + (1 + (cell == "lstm")) * blocks + 6) for H in hidden)
    inputs = T * (D + sum(both[: read - 1]))
    block = 32 * (3 * widest + padded(K, np.float32) + 2 * sum(padded(H, np.float32) for H in hidden))
    train = R * (inputs + states + min(2, read - 1) * T * widest + block)
    size = make_scratch(net, R, T, bidirectional=True).spare
    assert 0.99 * train <= size <= 1.01 * train
    predict = R * min(2, read) * T * widest
    size = make_scratch(net, R, T, bidirectional=True, one_block=True).spare
    assert predict <= size <= predict + R * 40 * (3 * widest + padded(K, np.float32) + 14 * sum(both))
