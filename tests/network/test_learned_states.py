"""Test learned initial states: their gradients, and their use by all ways to predict."""

import naive
import numpy as np
import pytest
from networks import Case, relative_error
from problems import make_problem

from numrnn.data.batches import full_batch, in_chunks, with_restarts
from numrnn.kernels.cpu import updates
from numrnn.network.cpu import scheduling
from numrnn.network.cpu.prediction import Predictor
from numrnn.network.interface import SolverStep

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
RAGGED = (4, 1, 7, 3, 1, 2, 2, 5, 6, 4)
SHAPES = [((5,), RAGGED), ((4, 3), RAGGED), ((1,), (1,)), ((3, 1), (5,)), ((2, 3), (40, 1, 33, 70))]
INPUTS = [{"n_symbols": 4}, {"n_symbols": 4, "embedding_size": 2}]
LEARNED = {"D": 2, "K": 2, "initial_state": "learned", "zero_weights": False}


def table():
    for output in ("sequence", "step"):
        for cell, activation in CELLS:
            for hidden, lengths in SHAPES:
                yield make_problem(cell, activation, hidden, lengths=lengths, output=output, **LEARNED)
        for inputs in INPUTS:
            yield make_problem("lstm", hidden=(4, 3), lengths=RAGGED, output=output, **LEARNED | inputs)


def describe(problem):
    layers = [len(value) for name, value in problem.weights.items() if name.endswith(".b")]
    return f"{problem.cell}-{problem.activation}-{layers}-{problem.output}-{len(problem.X)}-{problem.X[0].dtype}"


@pytest.mark.parametrize("problem", list(table()), ids=describe)
def test_outputs_and_gradients_are_the_slow_truths(problem):
    outputs = np.vstack(naive.forward(problem.weights, problem.X, **problem.kind))
    loss, expected = (function(*problem.data, **problem.kind) for function in (naive.loss, naive.gradient))
    for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 1e-4)):
        case = Case(problem, dtype)
        assert relative_error(case.predict(), outputs) <= tolerance
        got, grad = case.gradient()
        assert relative_error(got, loss) <= tolerance
        for name, view in case.layout.views(grad).items():
            assert relative_error(view, expected[name]) <= tolerance, name


@pytest.mark.parametrize("problem", list(table())[:20], ids=describe)
def test_the_gradient_is_the_central_difference_of_the_loss(problem):
    case = Case(problem)
    differences = naive.central_differences(
        lambda: case.network.loss(case.theta, case.data, case.targets)[0], case.theta
    )
    assert relative_error(case.gradient()[1], differences) <= 1e-6


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("output", ["sequence", "step"])
def test_of_chunks_only_a_sequences_first_has_a_gradient_by_them(cell, output):
    problem = make_problem(cell, hidden=(4, 3), lengths=RAGGED, output=output, **LEARNED)
    case, grad = Case(problem), np.zeros(0)
    states, grad = np.array([naive.first_state(problem.weights, cell)] * len(RAGGED)), np.zeros_like(case.theta)
    carried = np.zeros_like(states)
    for batch in in_chunks([full_batch(case.data.lengths, 8)], case.data.lengths, 3, 8):
        step, dstates = SolverStep(updates.NO_STEP, {}, np.zeros((1, 0))), np.zeros_like(states)
        run = case.network.train(case.theta, case.data, case.targets, [batch], step, grad, case.theta, carried)
        loss, expected, states = naive.chunk(
            *problem.data, states=states, start=batch.first, k=3, dstates=dstates, **problem.kind
        )
        if batch.first == 0:
            naive.add_to_learned(dstates, problem.weights, expected, cell)
        assert relative_error(carried[batch.ids], states[batch.ids]) <= 1e-10
        if not np.isnan(loss):
            assert relative_error(run.losses[0], loss) <= 1e-10
            for name, view in case.layout.views(grad).items():
                assert relative_error(view, expected[name]) <= 1e-10, name


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_sequences_that_begin_anew_do_so_with_the_learned_state(cell):
    problem = make_problem(cell, hidden=(4, 3), lengths=RAGGED, output="step", **LEARNED)
    case = Case(problem)
    first = np.array([naive.first_state(problem.weights, cell)] * len(RAGGED))
    states, carried, grad = first.copy(), np.zeros_like(first), np.zeros_like(case.theta)
    chunks = in_chunks([full_batch(case.data.lengths, 8)], case.data.lengths, 2, 8)
    for batch in with_restarts(chunks, 0.5, np.random.default_rng(0)):
        assert batch.first or not len(batch.restarts)
        states[batch.restarts] = first[batch.restarts]
        step, dstates = SolverStep(updates.NO_STEP, {}, np.zeros((1, 0))), np.zeros_like(states)
        case.network.train(case.theta, case.data, case.targets, [batch], step, grad, case.theta, carried)
        _, expected, states = naive.chunk(
            *problem.data, states=states, start=batch.first, k=2, dstates=dstates, **problem.kind
        )
        begun = batch.ids if batch.first == 0 else batch.restarts
        only = np.zeros_like(dstates)
        only[begun] = dstates[begun]
        naive.add_to_learned(only, problem.weights, expected, cell)
        assert relative_error(carried[batch.ids], states[batch.ids]) <= 1e-10
        for name, view in case.layout.views(grad).items():
            assert relative_error(view, expected[name]) <= 1e-10, name


def test_given_states_take_their_place_and_have_the_gradient():
    problem = make_problem("lstm", hidden=(4, 3), lengths=RAGGED, **LEARNED)
    case = Case(problem)
    states = np.array([naive.first_state(problem.weights, "lstm")] * len(RAGGED))
    batch, grad, dstates = full_batch(case.data.lengths, 8), np.zeros_like(case.theta), np.zeros_like(states)
    loss, _ = case.network.gradient(case.theta, case.data, case.targets, batch, grad, states, dstates)
    expected_loss, expected = case.gradient()
    assert loss == expected_loss
    for name, view in case.layout.views(grad).items():
        if name.endswith("_0"):
            assert not view.any()
            case.layout.views(expected)[name][...] = 0
    np.testing.assert_array_equal(grad, expected)
    assert dstates.any()


@pytest.mark.parametrize(
    ("cell", "dtype"), [("elman", np.float64), *((cell, np.float32) for cell in ("elman", "gru", "lstm"))]
)
def test_every_way_to_predict_begins_with_them(cell, dtype):
    """Check that all ways to predict give the same bits.

    These are: alone, in a batch, by a team of threads, in one call for one stream, and step by step.
    """
    problem = make_problem(cell, hidden=(33, 130), lengths=(40, 7, 1), output="step", **LEARNED)
    case = Case(problem, dtype)
    outputs = case.predict()
    np.testing.assert_array_equal(case.network.predict_packed(case.data, threads=3, in_teams=True)[0], outputs)
    predictor, first = Predictor(case.network, case.theta), case.network.first_state()
    assert first.any()
    given = np.repeat(first, 3, axis=0)
    np.testing.assert_array_equal(case.network.predict_packed(case.data, given)[0], outputs)
    for i in range(3):
        expected = outputs[case.data.offsets[i] : case.data.offsets[i + 1]]
        np.testing.assert_array_equal(predictor.predict(case.data[i : i + 1])[0], expected)
        state = None
        for x_t, expected_t in zip(case.data[i], expected, strict=True):
            output, state = predictor.step(x_t, state, lambda largest, outputs: outputs[0].copy())
            np.testing.assert_array_equal(output, expected_t)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_the_bits_do_not_depend_on_the_number_of_threads(cell, dtype, monkeypatch):
    problem = make_problem(cell, hidden=(33, 3), lengths=RAGGED * 4, **LEARNED)
    expected = Case(problem, dtype).gradient()
    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)
    for n_jobs in (2, 3):
        for got, wanted in zip(Case(problem, dtype, n_jobs).gradient(), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)
