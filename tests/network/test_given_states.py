"""Test networks with given initial states and their gradients, and networks without a head (encoders)."""

import naive
import numpy as np
import pytest
from networks import Case, inputs_of, relative_error, sequences
from problems import make_problem

from numrnn.data.batches import Batch, full_batch, in_chunks
from numrnn.data.sources import Targets
from numrnn.kernels.cpu import updates
from numrnn.network.cpu import scheduling
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.interface import SolverStep
from numrnn.network.parameters import Layout

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
RAGGED = (4, 1, 7, 3, 1, 2, 2, 5, 6, 4)
SHAPES = [((5,), RAGGED), ((4, 3), RAGGED), ((1,), (1,)), ((3, 1), (5,)), ((2, 3), (40, 1, 33, 70))]
INPUTS = {"vectors": {}, "symbols": {"n_symbols": 4}, "embedding": {"n_symbols": 4, "embedding_size": 2}}


def table(output):
    for cell, activation in CELLS:
        for hidden, lengths in SHAPES:
            yield make_problem(cell, activation, hidden, D=2, K=2, lengths=lengths, output=output, zero_weights=False)
    for inputs in ("symbols", "embedding"):
        yield make_problem("lstm", hidden=(4, 3), lengths=RAGGED, output=output, **INPUTS[inputs])


def describe(problem):
    layers = [len(value) for name, value in problem.weights.items() if name.endswith(".b")]
    return f"{problem.cell}-{problem.activation}-{layers}-{len(problem.X)}-{problem.X[0].dtype}"


def random_states(problem, seed=5):
    size = len(naive.first_state(problem.weights, problem.cell))
    return np.random.default_rng(seed).normal(0, 0.5, (len(problem.X), size))


def gradients(case, states, batch=None):
    """Return the loss, the gradient, and the gradient with respect to the initial states."""
    if batch is None:
        batch = full_batch(case.data.lengths, case.network.tile_rows)
    grad, dstates = np.full_like(case.theta, np.nan), np.full(states.shape, np.nan, case.theta.dtype)
    kept = states.copy()
    loss, _ = case.network.gradient(case.theta, case.data, case.targets, batch, grad, states, dstates)
    np.testing.assert_array_equal(states, kept)
    return loss, grad, dstates


@pytest.mark.parametrize("problem", [*table("sequence"), *table("step")], ids=describe)
def test_gradients_by_given_states_are_the_slow_truths(problem):
    states, dstates = random_states(problem), np.zeros_like(random_states(problem))
    k = max(map(len, problem.X))
    loss, expected, _ = naive.chunk(*problem.data, states=states, start=0, k=k, dstates=dstates, **problem.kind)
    for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 1e-4)):
        case = Case(problem, dtype)
        got_loss, grad, got_dstates = gradients(case, states.astype(dtype))
        assert relative_error(got_loss, loss) <= tolerance
        assert relative_error(got_dstates, dstates) <= tolerance
        for name, view in case.layout.views(grad).items():
            assert relative_error(view, expected[name]) <= tolerance, name


@pytest.mark.parametrize("problem", [*table("sequence")][:20], ids=describe)
def test_gradients_by_given_states_are_central_differences(problem):
    case, states = Case(problem), random_states(problem)

    def loss():
        logits, _ = case.network.predict(case.theta, case.data, states, raw=True)
        return case.network.loss_of(logits, case.targets)[0]

    _, grad, dstates = gradients(case, states)
    assert relative_error(dstates, naive.central_differences(loss, states)) <= 1e-6
    assert relative_error(grad, naive.central_differences(loss, case.theta)) <= 1e-6


def test_only_the_mini_batchs_rows_are_written():
    problem = make_problem("gru", hidden=(4, 3), lengths=RAGGED, zero_weights=False)
    case, states = Case(problem), random_states(problem)
    batch = Batch(np.array([2, 5]))
    _, _, dstates = gradients(case, states, batch)
    assert np.isfinite(dstates[batch.ids]).all()
    assert np.isnan(np.delete(dstates, batch.ids, axis=0)).all()
    case.targets.weights[:] = 0
    loss, grad, dstates = gradients(case, states, batch)
    assert np.isnan(loss)
    assert not grad.any()
    assert not dstates[batch.ids].any()


@pytest.mark.parametrize("output", ["sequence", "step"])
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_chunks_begin_with_given_states(cell, output):
    """Check that chunks begin with given states and carry them on as the reference does."""
    problem = make_problem(cell, hidden=(4, 3), lengths=RAGGED, output=output, zero_weights=False)
    case, given = Case(problem), random_states(problem)
    kept, carried = given.copy(), np.zeros_like(given)
    batches = in_chunks([full_batch(case.data.lengths, case.network.tile_rows)], case.data.lengths, 3, 8)
    states, grad = given, np.zeros_like(case.theta)
    for batch in batches:
        step = SolverStep(updates.NO_STEP, {}, np.zeros((1, 0)))
        run = case.network.train(case.theta, case.data, case.targets, [batch], step, grad, case.theta, carried, given)
        loss, expected, states = naive.chunk(*problem.data, states=states, start=batch.first, k=3, **problem.kind)
        assert relative_error(carried[batch.ids], states[batch.ids]) <= 1e-10
        if not np.isnan(loss):
            assert relative_error(run.losses[0], loss) <= 1e-10
            for name, view in case.layout.views(grad).items():
                assert relative_error(view, expected[name]) <= 1e-10, name
    np.testing.assert_array_equal(given, kept)


class Encoder:
    """Hold a network without a head, with the weights and data of a problem."""

    def __init__(self, problem, dtype=np.float64, n_jobs=1):
        self.weights = {name: value for name, value in problem.weights.items() if name not in ("V", "c")}
        hidden = tuple(value.shape[1] for name, value in self.weights.items() if name.endswith(".W"))
        layout = Layout(**inputs_of(problem), hidden_layer_sizes=hidden, cell=problem.cell, n_outputs=0)
        assert layout.names == list(self.weights)
        self.network = CPUNetwork(layout, activation=problem.activation, output="state", dtype=dtype, n_jobs=n_jobs)
        self.theta, self.data = np.zeros(layout.size, dtype), sequences(problem.X, dtype)
        for name, view in layout.views(self.theta).items():
            view[...] = self.weights[name]

    def gradients(self, states, dlast):
        batch, grad = full_batch(self.data.lengths, self.network.tile_rows), np.full_like(self.theta, np.nan)
        dstates = np.full_like(states, np.nan)
        loss, _ = self.network.gradient(self.theta, self.data, Targets(dlast), batch, grad, states, dstates)
        assert loss == 0
        return grad, dstates


@pytest.mark.parametrize("problem", list(table("sequence")), ids=describe)
def test_without_a_head_gradients_come_from_the_final_states(problem):
    states, dlast = random_states(problem), random_states(problem, 6)
    case = Encoder(problem)
    last = naive.final_states(case.weights, problem.X, states, problem.cell, problem.activation)
    arguments = case.weights, problem.X, states, dlast, problem.cell, problem.activation
    expected, expected_dstates = naive.back_from_final_states(*arguments)
    for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 1e-4)):
        case = Encoder(problem, dtype)
        outputs, after = case.network.predict(case.theta, case.data, states.astype(dtype))
        assert outputs.shape == (len(problem.X), 0)
        assert relative_error(after, last) <= tolerance
        grad, dstates = case.gradients(states.astype(dtype), dlast.astype(dtype))
        assert relative_error(dstates, expected_dstates) <= tolerance
        for name, view in case.network.layout.views(grad).items():
            assert relative_error(view, expected[name]) <= tolerance, name


@pytest.mark.parametrize("problem", [*table("sequence")][:20], ids=describe)
def test_without_a_head_gradients_are_central_differences(problem):
    states, dlast, case = random_states(problem), random_states(problem, 6), Encoder(problem)

    def weighted_sum():
        return (dlast * case.network.predict(case.theta, case.data, states)[1]).sum()

    grad, dstates = case.gradients(states, dlast)
    assert relative_error(dstates, naive.central_differences(weighted_sum, states)) <= 1e-6
    assert relative_error(grad, naive.central_differences(weighted_sum, case.theta)) <= 1e-6


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_the_bits_do_not_depend_on_the_number_of_threads(cell, monkeypatch):
    problem = make_problem(cell, hidden=(33, 3), lengths=RAGGED * 4, zero_weights=False)
    states, dlast = random_states(problem).astype(np.float32), random_states(problem, 6).astype(np.float32)

    def results(n_jobs):
        case = Case(problem, np.float32, n_jobs)
        return [*gradients(case, states), *Encoder(problem, np.float32, n_jobs).gradients(states, dlast)]

    expected = results(1)
    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)
    for n_jobs in (1, 2, 3):
        for got, wanted in zip(results(n_jobs), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_an_encoder_and_a_decoder_have_the_gradient_of_the_whole(cell):
    """Check the gradient of sequences cut in two, if the first half's final states begin the second half."""
    problem = make_problem(cell, hidden=(4, 3), lengths=(9, 5, 2, 40), output="sequence", zero_weights=False)
    whole, (loss, expected) = Case(problem), Case(problem).gradient()
    halves = [[x[: len(x) // 2] for x in problem.X], [x[len(x) // 2 :] for x in problem.X]]
    encoder, decoder = Encoder(problem._replace(X=halves[0])), Case(problem._replace(X=halves[1]))
    _, states = encoder.network.predict(encoder.theta, encoder.data)
    got, grad, dstates = gradients(decoder, states)
    first, _ = encoder.gradients(np.zeros_like(states), dstates)
    assert relative_error(got, loss) <= 1e-12
    sums = whole.layout.views(grad.copy())
    for name, view in encoder.network.layout.views(first).items():
        sums[name] += view
    for name, view in whole.layout.views(expected).items():
        assert relative_error(sums[name], view) <= 1e-12, name
