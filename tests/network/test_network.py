"""Test a network on a mini-batch: the reference's numbers, and the same bits however the work is divided."""

import itertools
import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import naive
import numpy as np
import pytest
from networks import Case, relative_error, sequences
from problems import GOLDEN_ALPHA, golden_cases, make_problem

from numrnn.data.batches import epoch_batches
from numrnn.data.sequences import Sequences
from numrnn.network.cpu import scheduling
from numrnn.solvers import SGD, Adam

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
HIDDEN = [(5,), (7, 3), (1,), (33, 17)]
TOLERANCE = {np.float64: 1e-10, np.float32: 1e-4}
PRECISIONS = [("elman", np.float32), ("elman", np.float64), ("gru", np.float64), ("lstm", np.float64)]
RAGGED = np.random.default_rng(0).integers(1, 9, 37).tolist()
GOLDEN = list(golden_cases())
LENGTHS = [RAGGED, (1,), (6, 1, 2, 6, 1), (3,) * 9, (5,), RAGGED[:17], (1, 1, 1), (2, 40, 7)]


def table():
    """Yield every cell, stack, output and head; D, K and the lengths take their values in turn."""
    inputs, outputs, lengths = (itertools.cycle(values) for values in ((1, 2, 3, 4, 5), (2, 3, 40, 5), LENGTHS))
    for (cell, activation), hidden, output, head in itertools.product(
        CELLS, HIDDEN, ("sequence", "step"), ("softmax", "sigmoid", "identity")
    ):
        K = next(outputs)
        yield make_problem(
            cell,
            activation,
            hidden,
            D=next(inputs),
            K=1 if head != "softmax" and K == 2 else K,
            lengths=next(lengths),
            output=output,
            head=head,
            zero_weights=K != 3,
        )
    yield make_problem("lstm", hidden=(130,), D=2, lengths=RAGGED[:17])  # wide layers: tiles of more rows
    yield make_problem("gru", hidden=(5, 4), D=2, lengths=(100, 3, 77), output="step")  # several blocks of steps


def stacks(lengths, output="step", head="identity", hidden=(7, 3), K=2):
    """Return one two-layer problem for each cell."""
    return [
        make_problem(cell, activation, hidden, D=3, K=K, lengths=lengths, output=output, head=head)
        for cell, activation in CELLS
    ]


def precisions(problem):
    """Return the precisions in which a variant of the kernels is tested; parity with PyTorch has float32."""
    vectors = problem.X[0].ndim == 2
    return [dtype for cell, dtype in PRECISIONS if cell == problem.cell and (dtype == np.float64 or vectors)]


def describe(problem):
    hidden = [value.shape[1] for name, value in problem.weights.items() if name.endswith(".W")]
    return f"{problem.cell}-{problem.activation}-{hidden}-{problem.output}-{problem.head}-{len(problem.X)}"


def assert_close(case, grad, expected, tolerance):
    for name, view in case.layout.views(grad).items():
        assert relative_error(view, expected[name]) <= tolerance, name


@pytest.mark.parametrize("problem", list(table()), ids=describe)
def test_outputs_loss_and_gradient_are_the_slow_truths(problem):
    if not sum(np.sum(weight) for weight in problem.w):
        problem = problem._replace(w=[np.ones_like(weight) for weight in problem.w])
    outputs = np.vstack(naive.forward(problem.weights, problem.X, **problem.kind))
    loss, grad = (function(*problem.data, **problem.kind) for function in (naive.loss, naive.gradient))
    for dtype, tolerance in TOLERANCE.items():
        case = Case(problem, dtype)
        got = case.predict()
        assert got.dtype == dtype
        assert relative_error(got, outputs) <= tolerance
        got_loss, got_grad = case.gradient()
        assert relative_error(got_loss, loss) <= tolerance
        assert_close(case, got_grad, grad, tolerance)
        got_loss, weight_sum = case.network.loss(case.theta, case.data, case.targets)
        assert relative_error(got_loss, loss) <= tolerance
        assert relative_error(weight_sum, case.targets.weights.sum()) <= 1e-14


@pytest.mark.parametrize(("problem", "expected"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN])
def test_outputs_objective_gradient_and_steps_are_those_pytorch_computed(problem, expected):
    case = Case(problem)
    assert relative_error(case.predict(), expected["outputs"]) <= 1e-10
    loss, grad = case.objective(GOLDEN_ALPHA)
    assert relative_error(loss, expected["loss"]) <= 1e-10
    assert relative_error(in_order(case, grad), expected["grad"]) <= 1e-10
    for name, solver, learning_rate in (("sgd", SGD(momentum=0.0), 0.1), ("adam", Adam(), 0.01)):
        case = Case(problem)
        case.train(solver, [learning_rate] * 10, alpha=GOLDEN_ALPHA)
        assert relative_error(in_order(case, case.theta), expected[name]) <= 1e-9, name


def in_order(case, flat):
    """Return a flat vector in the order of the golden files."""
    return np.concatenate([case.layout.views(flat)[name].ravel() for name in case.names])


@pytest.mark.parametrize(
    "problem", stacks((4, 1, 7), "step", "softmax") + stacks((4, 1, 7), "sequence", "sigmoid"), ids=describe
)
def test_gradient_is_the_central_difference_of_the_loss(problem):
    case, h = Case(problem), 1e-5
    grad, differences = case.gradient()[1], np.empty(case.layout.size)
    for i in range(case.layout.size):
        sides = []
        for step in (-h, h):
            theta = case.theta.copy()
            theta[i] += step
            sides.append(case.network.loss(theta, case.data, case.targets)[0])
        differences[i] = (sides[1] - sides[0]) / (2 * h)
    assert_close(case, grad, case.layout.views(differences), 1e-6)


def test_without_weights_every_target_counts_once():
    problem = make_problem("gru", lengths=(4, 1, 6), output="step", zero_weights=False)
    case = Case(problem, weighted=False)
    assert_close(case, case.gradient()[1], naive.gradient(*problem.data[:3], **problem.kind), 1e-10)
    assert case.network.loss(case.theta, case.data, case.targets)[1] == 11


def test_a_batch_without_weight_has_no_loss_and_no_gradient():
    problem = make_problem("lstm", lengths=(4, 1, 6))
    case = Case(problem._replace(w=[0.0, 0.0, 0.0]))
    loss, grad = case.gradient()
    assert np.isnan(loss)
    assert not grad.any()


@pytest.mark.parametrize("output", ["sequence", "step"])
def test_mini_batches_have_the_losses_and_gradients_of_their_own_targets(output):
    problem = make_problem("gru", hidden=(7, 3), lengths=RAGGED, output=output, zero_weights=False)
    case = Case(problem)
    batches = epoch_batches(
        case.data.lengths, 10, shuffle=True, generator=np.random.default_rng(3), tile_rows=case.network.tile_rows
    )
    for batch in batches:
        X, y, w = ([per_sequence[i] for i in batch.ids] for per_sequence in problem.data[1:])
        loss, grad = case.gradient(batch)
        assert relative_error(loss, naive.loss(problem.weights, X, y, w, **problem.kind)) <= 1e-10
        assert_close(case, grad, naive.gradient(problem.weights, X, y, w, **problem.kind), 1e-10)


BITS = [np.float32, np.float64]
LONG = [70, 1, 33, 2, 129, 64, 65, 5, 5, 5, 5, 31, 17, 90, 3, 12, 40, 40, 8]
CUT = [2, 70, 5, 129, 33, 5, 64, 65, 2, 9]


@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize("problem", stacks(LONG, "sequence", "softmax", (33, 17)) + stacks(LONG, "step"), ids=describe)
def test_a_prediction_has_the_same_bits_alone_in_a_batch_in_another_order_and_padded(problem, dtype):
    case = Case(problem, dtype)
    outputs = per_sequence(case, case.predict())
    order = np.random.default_rng(1).permutation(len(LONG))
    shuffled = case.network.predict(case.theta, sequences([problem.X[i] for i in order], dtype))[0]
    shuffled = per_sequence(case, shuffled, np.array(LONG)[order])
    for place, i in enumerate(order):
        np.testing.assert_array_equal(shuffled[place], outputs[i])
        alone, _ = case.network.predict(case.theta, sequences(problem.X[i : i + 1], dtype))
        np.testing.assert_array_equal(np.squeeze(alone), np.squeeze(outputs[i]))
    padded = np.full((len(LONG), max(LONG), 3), np.nan, dtype)
    for i, x in enumerate(problem.X):
        padded[i, : len(x)] = x
    padded_outputs, _ = case.network.predict(case.theta, Sequences.from_padded(padded, LONG))
    np.testing.assert_array_equal(padded_outputs, case.predict())


def per_sequence(case, outputs, lengths=LONG):
    return np.split(outputs, np.cumsum(lengths)[:-1]) if case.network.per_step else outputs


@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize("problem", stacks(LONG, hidden=(33, 17)) + stacks(RAGGED, "sequence", "softmax"), ids=describe)
def test_the_bits_do_not_depend_on_the_number_of_threads(problem, dtype, monkeypatch):
    def results(n_jobs):
        case = Case(problem, dtype, n_jobs)
        return case.predict(), *case.gradient(), case.network.loss(case.theta, case.data, case.targets)[0]

    expected = results(1)
    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)
    for n_jobs, chunk in ((2, scheduling.FLOPS_PER_CALL), (3, scheduling.FLOPS_PER_CALL), (1, 1), (3, 1)):
        monkeypatch.setattr(scheduling, "FLOPS_PER_CALL", chunk)
        for got, wanted in zip(results(n_jobs), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize("problem", stacks(CUT, hidden=(33, 17)) + stacks(CUT, "sequence"), ids=describe)
def test_a_state_carried_over_a_cut_gives_the_bits_of_the_whole(problem, dtype):
    case = Case(problem, dtype)
    whole, last = case.network.predict(case.theta, case.data)
    cuts = [1 + (17 * i) % (len(x) - 1) for i, x in enumerate(problem.X)]
    first = sequences([x[:c] for x, c in zip(problem.X, cuts, strict=True)], dtype)
    first, state = case.network.predict(case.theta, first)
    assert state.shape == (len(problem.X), case.network.state_size)
    assert state.dtype == dtype
    kept = state.copy()
    rest = sequences([x[c:] for x, c in zip(problem.X, cuts, strict=True)], dtype)
    second, end = case.network.predict(case.theta, rest, state)
    np.testing.assert_array_equal(state, kept)
    np.testing.assert_array_equal(end, last)
    if problem.output == "sequence":
        np.testing.assert_array_equal(second, whole)
    else:
        halves = zip(np.split(first, np.cumsum(cuts)[:-1]), np.split(second, rest.offsets[1:-1]), strict=True)
        np.testing.assert_array_equal(np.concatenate([part for pair in halves for part in pair]), whole)


@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize("problem", stacks(CUT, "sequence", hidden=(33, 17)), ids=describe)
def test_training_goes_forward_with_the_bits_of_predict(problem, dtype):
    """Check that training's forward pass has the bits of predict.

    With y = 0, K = 2 and weight on one sequence alone, the gradient of c is that sequence's output.
    """
    outputs = Case(problem, dtype).predict()
    for i in range(len(problem.X)):
        case = Case(problem._replace(y=[np.zeros(2)] * len(problem.X), w=np.arange(len(problem.X)) == i), dtype)
        np.testing.assert_array_equal(case.layout.views(case.gradient()[1])["c"], outputs[i])


def test_what_lies_beside_the_data_is_never_read():
    problem = make_problem("lstm", hidden=(7, 3), lengths=(4, 1, 6))
    case = Case(problem)
    around = np.full((31, 3), np.nan)
    around[10:21] = case.data.values
    inside = Sequences(around[10:21], case.data.offsets)
    np.testing.assert_array_equal(case.network.predict(case.theta, inside)[0], case.predict())


@pytest.mark.serial
def test_eight_threads_predict_at_once():
    case = Case(stacks(LONG, hidden=(33, 17))[3], np.float32, n_jobs=2)
    expected = case.predict()
    with ThreadPoolExecutor(8) as pool:
        for got in pool.map(lambda _: case.predict(), range(32)):
            np.testing.assert_array_equal(got, expected)


def gradient_in_child(queue):
    queue.put(Case(stacks(LONG, hidden=(33, 17))[1], n_jobs=2).gradient()[1])


@pytest.mark.serial
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_threads_work_after_a_fork():
    expected = Case(stacks(LONG, hidden=(33, 17))[1], n_jobs=2).gradient()[1]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=gradient_in_child, args=(queue,), daemon=True)
    child.start()
    np.testing.assert_array_equal(queue.get(timeout=60), expected)
    child.join(60)
    assert child.exitcode == 0
