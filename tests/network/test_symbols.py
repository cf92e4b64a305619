"""Test symbols and chunks in the kernels: the reference's numbers, and the same bits however work is divided."""

import itertools

import naive
import numpy as np
import pytest
from networks import Case, relative_error, sequences
from problems import make_problem

from numrnn.data.batches import epoch_batches, full_batch, in_chunks
from numrnn.network.cpu import scheduling
from numrnn.solvers import SGD, Adam

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
TOLERANCE = {np.float64: 1e-10, np.float32: 1e-4}
RAGGED = np.random.default_rng(0).integers(1, 9, 19).tolist()
LONG = [70, 1, 33, 2, 65, 64, 5, 5, 5, 31, 17, 90, 3, 12, 40, 8, 1, 9]  # three tiles, three blocks of steps
LENGTHS = [RAGGED, (1,), (6, 1, 2, 6, 1), (35, 2, 33), (3,) * 9, (1, 1, 1)]
TASKS = [
    ((5,), "sequence", "softmax"),
    ((1,), "step", "identity"),
    ((7, 3), "step", "softmax"),
    ((1, 33), "sequence", "sigmoid"),
    ((33, 17), "step", "sigmoid"),
    ((9,), "sequence", "identity"),
]
ONE_HOT, EMBEDDING = {"n_symbols": 7}, {"n_symbols": 7, "embedding_size": 3}
ALPHA = 0.05
each_cell = pytest.mark.parametrize(("cell", "activation"), CELLS)
each_input = pytest.mark.parametrize("inputs", [ONE_HOT, EMBEDDING], ids=["one-hot", "embedding"])
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


def table():
    """Yield every cell, task and kind of input; numbers of symbols, sizes and lengths take their values in turn."""
    symbols, sizes, lengths = (itertools.cycle(values) for values in ((7, 300, 1, 40, 2), (3, 33, 1, 16), LENGTHS))
    for (hidden, output, head), (cell, activation), embedded in itertools.product(TASKS, CELLS, (False, True)):
        yield make_problem(
            cell,
            activation,
            hidden,
            K=2 if head == "softmax" else 3,
            lengths=next(lengths),
            output=output,
            head=head,
            n_symbols=next(symbols),
            embedding_size=next(sizes) if embedded else None,
        )
    yield make_problem("lstm", hidden=(130,), lengths=RAGGED, **EMBEDDING)  # wide layers: tiles of more rows
    yield make_problem("lstm", hidden=(130,), lengths=RAGGED, **ONE_HOT)


def describe(problem):
    hidden = [value.shape[1] for name, value in problem.weights.items() if name.endswith(".W")]
    first = next(iter(problem.weights.values())).shape
    return f"{problem.cell}-{problem.activation}-{hidden}-{problem.output}-{problem.head}-{first}-{len(problem.X)}"


def assert_close(case, flat, expected, tolerance):
    for name, view in case.layout.views(flat).items():
        assert relative_error(view, expected[name]) <= tolerance, name


def gradient_of(problem, dtype=np.float64, n_jobs=1):
    case = Case(problem, dtype, n_jobs)
    return case.layout.views(case.gradient()[1])


# Against the slow truth.


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
        assert relative_error(case.network.loss(case.theta, case.data, case.targets)[0], loss) <= tolerance


@each_cell
@each_input
@pytest.mark.parametrize(("hidden", "output", "head"), TASKS[:3])
def test_gradient_is_the_central_difference_of_the_loss(cell, activation, hidden, output, head, inputs):
    case = Case(make_problem(cell, activation, hidden, lengths=(4, 1, 7), output=output, head=head, **inputs))
    theta, grad = case.theta.copy(), case.gradient()[1]
    differences = naive.central_differences(lambda: case.network.loss(theta, case.data, case.targets)[0], theta)
    assert_close(case, grad, case.layout.views(differences), 1e-6)


@each_cell
@each_input
def test_the_first_symbol_the_last_and_those_that_are_absent(cell, activation, inputs):
    problem = make_problem(cell, activation, (7, 3), lengths=(4, 1, 6), zero_weights=False, **inputs)
    problem = problem._replace(X=[np.array([0, 6, 0, 3]), np.array([6]), np.array([3, 6, 6, 0, 0, 6])])
    expected = naive.gradient(*problem.data, **problem.kind)
    grad = gradient_of(problem)
    for name, view in grad.items():
        assert relative_error(view, expected[name]) <= 1e-10, name
    of_symbols = grad["embedding"] if "embedding" in grad else grad["layers.0.U"].T
    np.testing.assert_array_equal(of_symbols.any(axis=1), [True, False, False, True, False, False, True])


# The same bits.


@each_dtype
@each_cell
@each_input
def test_the_bits_do_not_depend_on_threads_or_on_the_integers(cell, activation, inputs, dtype, monkeypatch):
    problem = make_problem(cell, activation, (260, 17), lengths=LONG, output="step", **inputs)

    def results(n_jobs=1, integers=np.int64):
        case = Case(problem._replace(X=[x.astype(integers) for x in problem.X]), dtype, n_jobs)
        found = case.predict(), *case.gradient(), case.network.loss(case.theta, case.data, case.targets)[0]
        alone = case.network.predict(case.theta, case.data[:1])  # wide layers of vectors would share its units
        batches = epoch_batches(
            case.data.lengths, 9, shuffle=True, generator=np.random.default_rng(0), tile_rows=case.network.tile_rows
        )
        batches = in_chunks(batches, case.data.lengths, 12, case.network.tile_rows)
        run = case.train(Adam(), [0.01] * len(batches), batches, ALPHA)
        assert run.outcome == "done"
        return [np.asarray(values).tobytes() for values in (*found, *alone, case.theta, run.losses, run.norms)]

    expected = results()
    for integers in (np.uint8, np.uint16, np.uint32):
        assert results(integers=integers) == expected
    for least in ("FLOPS_PER_THREAD", "FLOPS_PER_CALLED_THREAD", "FLOPS_PER_MEMBER"):
        monkeypatch.setattr(scheduling, least, 1)
    for n_jobs, budget in ((2, scheduling.FLOPS_PER_CALL), (3, scheduling.FLOPS_PER_CALL), (1, 1), (3, 1)):
        monkeypatch.setattr(scheduling, "FLOPS_PER_CALL", budget)
        assert results(n_jobs) == expected, (n_jobs, budget)


@each_dtype
@each_cell
@each_input
def test_a_prediction_has_the_same_bits_alone_in_another_order_and_in_two_parts(cell, activation, inputs, dtype):
    problem = make_problem(cell, activation, (33, 17), lengths=LONG, output="step", head="identity", **inputs)
    case = Case(problem, dtype)

    def predict(X, state=None):
        outputs, state = case.network.predict(case.theta, sequences(X, dtype), state)
        return np.split(outputs, np.cumsum([len(x) for x in X])[:-1]), state

    whole, last = predict(problem.X)
    order = np.random.default_rng(1).permutation(len(LONG))
    shuffled, _ = predict([problem.X[i] for i in order])
    for place, i in enumerate(order):
        np.testing.assert_array_equal(shuffled[place], whole[i])
        np.testing.assert_array_equal(predict(problem.X[i : i + 1])[0][0], whole[i])
    long = [i for i, x in enumerate(problem.X) if len(x) > 1]
    cuts = [1 + (17 * i) % (len(problem.X[i]) - 1) for i in long]
    heads, state = predict([problem.X[i][:cut] for i, cut in zip(long, cuts, strict=True)])
    tails, state = predict([problem.X[i][cut:] for i, cut in zip(long, cuts, strict=True)], state)
    for i, *parts in zip(long, heads, tails, strict=True):
        np.testing.assert_array_equal(np.concatenate(parts), whole[i])
    np.testing.assert_array_equal(state, last[long])


@each_dtype
@each_cell
def test_symbols_have_the_bits_of_the_vectors_they_stand_for(cell, activation, dtype):
    """Check that symbols give the bits of the vectors that they stand for.

    The exception is dU without an embedding, whose sums over the steps of a symbol leave out the zeros in between.
    """
    for inputs in (ONE_HOT, EMBEDDING):
        problem = make_problem(cell, activation, (33, 17), lengths=LONG, output="step", **inputs)
        weights = dict(problem.weights)
        rows = weights.pop("embedding", np.eye(7))
        vectors = problem._replace(weights=weights, X=[rows[x] for x in problem.X])
        case, other = Case(problem, dtype), Case(vectors, dtype)
        np.testing.assert_array_equal(case.predict(), other.predict())
        (loss, grad), (expected_loss, expected) = case.gradient(), other.gradient()
        assert loss == expected_loss
        grad, expected = case.layout.views(grad), other.layout.views(expected)
        for name in expected:
            if name == "layers.0.U" and "embedding" not in grad:
                assert relative_error(grad[name], expected[name]) <= TOLERANCE[dtype]
            else:
                np.testing.assert_array_equal(grad[name], expected[name], err_msg=name)


# Chunks.

ENDS = {"ragged": (9, 1, 7, 3, 10, 2, 5, 9, 4, 10), "equal": (8,) * 9, "long": (70, 5, 34)}
CHUNKS = [
    ("step", "ragged", 3),
    ("step", "long", 33),
    ("sequence", "equal", 3),
    ("sequence", "ragged", 1),
    ("sequence", "long", 40),
    ("step", "equal", 100),
]
RULES = {"sgd": (SGD(momentum=0.0), naive.sgd, 0.1), "adam": (Adam(), naive.adam, 0.01)}


def by_hand(case, problem, batches, k, make_step, rate):
    """Compute the weights, losses and number of updates of two epochs over the chunks of mini-batches."""
    theta, solver_state, losses = case.theta.copy(), {}, []
    views = case.layout.views(theta)
    for batch in batches * 2:
        part = problem._replace(**{name: [getattr(problem, name)[i] for i in batch.ids] for name in "Xyw"})
        states = np.zeros((len(batch.ids), case.network.state_size))
        for start in range(0, max(map(len, part.X)), k):
            weights = {name: np.ascontiguousarray(view) for name, view in views.items()}
            loss, grad, states = naive.chunk(
                weights, *part.data[1:], ALPHA, states=states, start=start, k=k, **part.kind
            )
            if not np.isnan(loss):
                losses.append(loss)
                make_step(theta, case.flat(grad, np.float64), solver_state, rate, len(losses))
    return theta, losses


@each_cell
@pytest.mark.parametrize("inputs", [{"D": 3}, ONE_HOT, EMBEDDING], ids=["vectors", "one-hot", "embedding"])
@pytest.mark.parametrize(("rule", "chunks"), list(zip(itertools.cycle(RULES), CHUNKS)), ids=str)
def test_updates_of_chunks_are_those_made_by_hand(cell, activation, inputs, rule, chunks):
    """Check two epochs of two mini-batches; chunks without targets or weights only carry the states on."""
    (output, lengths, k), (solver, make_step, rate) = chunks, RULES[rule]
    problem = make_problem(cell, activation, (4, 3), lengths=ENDS[lengths], output=output, zero_weights=False, **inputs)
    if output == "step":
        for weights in problem.w:
            weights[k : 2 * k] = 0
    case = Case(problem)
    batches = epoch_batches(
        case.data.lengths,
        -(-len(problem.X) // 2),
        shuffle=False,
        generator=np.random.default_rng(0),
        tile_rows=case.network.tile_rows,
    )
    expected, losses = by_hand(case, problem, batches, k, make_step, rate)
    cut = in_chunks(batches, case.data.lengths, k, case.network.tile_rows)
    runs = [case.train(solver, [rate] * len(cut), cut, ALPHA) for _ in range(2)]
    assert [run.outcome for run in runs] == ["done"] * 2
    assert case.state.n_updates == sum(run.done for run in runs) == len(losses)
    assert relative_error(np.concatenate([run.losses for run in runs]), losses) <= 1e-10
    assert_close(case, case.theta, case.layout.views(expected), 1e-10)


@each_input
def test_memory_of_chunks_does_not_grow_with_the_sequences(inputs):
    def sizes(length, steps):
        problem = make_problem("lstm", hidden=(4, 3), lengths=(length,) * 9, output="step", **inputs)
        case = Case(problem)
        batches = [full_batch(case.data.lengths, case.network.tile_rows)]
        batches = in_chunks(batches, case.data.lengths, steps, case.network.tile_rows)
        case.train(SGD(), [0.1] * len(batches), batches)
        scratch, levels = case.network.memory.of_thread(0, 0, 0)
        return scratch.work.size, scratch.blocks.size, scratch.active.size, levels.size

    assert sizes(400, 20) == sizes(40, 20) < sizes(40, 40)


@each_input
@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_divergence_in_a_chunk_goes_back_to_the_last_finite_weights(inputs, n_jobs, monkeypatch):
    """Check divergence in the last of four chunks, whose huge loss undoes the update of the third.

    The second chunk has no target.
    """
    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)
    problem = make_problem(
        "elman", "relu", (4, 3), lengths=(12,) * 20, output="step", head="identity", zero_weights=False, **inputs
    )
    for weights in problem.w:
        weights[3:6] = 0
    case, other = Case(problem, n_jobs=n_jobs), Case(problem)
    case.targets.values[9] = 1e200
    batch = full_batch(case.data.lengths, case.network.tile_rows)
    batches = in_chunks([batch], case.data.lengths, 3, case.network.tile_rows)
    run = case.train(SGD(momentum=0.0), [0.01] * 4, batches)
    assert (run.outcome, run.done) == ("diverged", 2) and len(run.losses) == 3 and not np.isfinite(run.losses[2])
    other.train(SGD(momentum=0.0), [0.01] * 2, batches[:2])
    np.testing.assert_array_equal(case.theta, other.theta)
