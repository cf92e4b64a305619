"""Test memory limits: training gives the same bits within the limit, or an error says how much it needs."""

import re
import tracemalloc

import naive
import numpy as np
import pytest
from networks import Case
from problems import make_problem

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq, Sequences, warmup
from numrnn.data.byte_sizes import n_bytes
from numrnn.kernels.cpu import minibatches
from numrnn.kernels.cpu.tile import checkpoint_schedule
from numrnn.kernels.cpu.tile.checkpoint_schedule import ONE_SEGMENT
from numrnn.network.cpu import workspaces
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.cpu.workspaces import Workspaces

RAGGED = (300, 250, 33, 1, 64, 170, 299, 2, 300, 31)  # two tiles
KINDS = {
    "elman": {"cell": "elman", "hidden": (5,)},
    "relu": {"cell": "elman", "activation": "relu", "hidden": (5, 7), "output": "step", "head": "identity"},
    "gru": {"cell": "gru", "hidden": (5, 7), "initial_state": "learned"},
    "lstm": {"cell": "lstm", "hidden": (5, 7), "output": "step"},
    "one sequence": {"cell": "lstm", "hidden": (5,), "lengths": (500,)},
    "whole blocks": {"cell": "gru", "hidden": (5,), "lengths": (320,) * 8},
    "one step": {"cell": "elman", "hidden": (1,), "lengths": (1, 1)},
    "one-hot": {"cell": "gru", "hidden": (5,), "n_symbols": 6},
    "embedding": {"cell": "gru", "hidden": (5, 4), "n_symbols": 6, "embedding_size": 3, "output": "step"},
    "mean": {"cell": "elman", "hidden": (5,), "pooling": "mean"},
    "max": {"cell": "elman", "hidden": (5, 7), "pooling": "max"},
}


def under_limit(problem, dtype, limit, n_jobs=1):
    """Return a case whose network has a memory limit."""
    case = Case(problem, dtype=dtype)
    case.network = CPUNetwork(
        case.layout, activation=problem.activation, head=problem.head, output=problem.output, pooling=problem.pooling,
        dtype=dtype, n_jobs=n_jobs, memory_limit=limit,
    )  # fmt: skip
    return case


def bytes_needed(call):
    """Return the bytes that the error about a too low memory limit asks for."""
    with pytest.raises(ValueError, match=r"memory_limit is too low: .* needs at least \d+ bytes.*; got \d+") as error:
        call()
    return int(re.search(r"at least (\d+) bytes", str(error.value))[1])


def test_what_warmup_compiles_trains_in_segments(monkeypatch):
    warmup(cells=["elman"])
    compiled, seen, take = len(getattr(minibatches.run_batches, "signatures", ())), [], Workspaces.of_thread
    monkeypatch.setattr(Workspaces, "of_thread", lambda *args: seen.append(take(*args)) or seen[-1])
    RNNRegressor((1,), cell="elman", max_iter=1, memory_limit=5_000_000).fit(np.zeros((1, 20_000, 1)), [0.0])
    assert any(scratch.segments.shape[1] > ONE_SEGMENT for scratch, _levels in seen)
    assert len(getattr(minibatches.run_batches, "signatures", ())) == compiled


def threads_in_segments(case):
    """Count the threads whose memory does not hold all steps."""
    return sum(kept[2].segments.shape[1] > ONE_SEGMENT for kept in case.network.memory._of_threads.values())


@pytest.mark.parametrize("slots", range(1, 7))
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 21, 40])
def test_the_schedule_is_optimal_and_does_what_it_says(count, slots):
    assert checkpoint_schedule.made_again(count, slots) == naive.fewest_made_again(count, slots)
    walked, held = 0, [0]
    for segment in range(count - 1, -1, -1):
        while held[-1] > segment:
            held.pop()
        now = held[-1]
        while now < segment:
            more = len(held) < slots
            step = checkpoint_schedule.next_slot(segment + 1 - now, slots + 1 - len(held)) if more else segment - now
            now, walked = now + step, walked + step
            held += [now] * more
        assert now == segment and len(held) <= slots
    assert walked == checkpoint_schedule.made_again(count, slots)


@pytest.mark.parametrize("slots, times", [(1, 9), (2, 3), (3, 5), (10, 2), (10, 3)])
def test_the_schedule_is_the_binomial_one(slots, times):
    # Griewank and Walther 2000: none more often than `times`, for so many segments and not for one more.
    count = naive.binomial(slots + times, times)
    assert checkpoint_schedule.repeats(count, slots) == (times, count)
    assert checkpoint_schedule.repeats(count + 1, slots)[0] == times + 1
    assert checkpoint_schedule.made_again(count, slots) == times * count - naive.binomial(slots + times, times - 1)


@pytest.mark.parametrize("name, dtype", [*((name, np.float32) for name in KINDS), ("elman", np.float64)])
def test_gradients_are_those_of_everything_stored(name, dtype):
    problem = make_problem(**{"lengths": RAGGED, **KINDS[name]})
    loss, gradient = Case(problem, dtype=dtype).gradient()
    least = bytes_needed(under_limit(problem, dtype, 1).gradient)
    cuts = set()
    for factor in (1, 1.001, 1.003, 1.01, 1.1, 1.2, 1.5, 2, 3):
        case = under_limit(problem, dtype, int(factor * least))
        loss_again, gradient_again = case.gradient()
        assert loss_again == loss and np.array_equal(gradient_again, gradient), factor
        if threads_in_segments(case):
            cuts.add(np.count_nonzero(case.network.memory._of_threads[0][2].segments[0]))  # of the last tile
    assert (min(cuts) < max(cuts) and max(cuts) >= 7) or name == "one step", cuts
    assert bytes_needed(under_limit(problem, dtype, least - 1).gradient) == least


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("lengths", [RAGGED, (1000,)])
def test_with_one_slot_each_segment_is_come_to_from_the_first_step(kind, lengths, monkeypatch):
    monkeypatch.setattr(workspaces, "_least_slots", lambda blocks: 1)
    problem = make_problem(**KINDS[kind], lengths=lengths)
    loss, gradient = Case(problem, dtype=np.float32).gradient()
    case = under_limit(problem, np.float32, bytes_needed(under_limit(problem, np.float32, 1).gradient))
    loss_again, gradient_again = case.gradient()
    assert loss_again == loss and np.array_equal(gradient_again, gradient)
    scratch = case.network.memory._of_threads[0][2]
    segments, held = scratch.segments
    assert not held.any()
    assert lengths == RAGGED or np.count_nonzero(segments) == 32


@pytest.mark.serial
def test_threads_share_the_limit_and_change_no_bit():
    problem = make_problem("gru", hidden=(16,), lengths=RAGGED * 4)
    loss, gradient = Case(problem, dtype=np.float32).gradient()
    least = bytes_needed(under_limit(problem, np.float32, 1, n_jobs=2).gradient)
    for limit in (least, 2 * least, 3 * least):
        case = under_limit(problem, np.float32, limit, n_jobs=2)
        loss_again, gradient_again = case.gradient()
        assert loss_again == loss and np.array_equal(gradient_again, gradient)
        memory = case.network.memory
        assert memory._threads == (1 if limit == least else 2)  # a busy machine may run all of it on one thread thread
        taken = sum(kept[2].work.nbytes + kept[3].nbytes for kept in memory._of_threads.values())
        assert taken + memory._nodes.nbytes <= limit


def test_everything_is_stored_where_it_fits():
    problem = make_problem("gru", hidden=(5,), lengths=RAGGED)
    case = under_limit(problem, np.float32, 1 << 30)
    assert np.array_equal(case.gradient()[1], Case(problem, dtype=np.float32).gradient()[1])
    assert threads_in_segments(case) == 0


def ragged_X_y(steps=False):
    random = np.random.default_rng(0)
    X = [random.standard_normal((length, 3)).astype(np.float32) for length in RAGGED]
    return X, [x.sum(axis=1) for x in X] if steps else np.arange(len(X)) % 2


FITS = {
    "dropout": (RNNClassifier, {"dropout": 0.3, "recurrent_dropout": 0.2, "hidden_layer_sizes": (6, 4)}),
    "chunks": (RNNRegressor, {"output": "step", "bptt_steps": 150, "cell": "gru"}),
    "one batch": (RNNRegressor, {"output": "step", "solver": "lbfgs", "cell": "gru"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FITS)
def test_fits_have_the_same_bits(name):
    kind, parameters = FITS[name]
    X, y = ragged_X_y(kind is RNNRegressor)
    parameters = {"hidden_layer_sizes": (6,), "max_iter": 3, "batch_size": 32} | parameters
    parameters |= {"random_state": 0, "n_jobs": 1}
    stored = kind(**parameters).fit(X, y)
    least = bytes_needed(lambda: kind(**parameters, memory_limit=1).fit(X, y))
    for limit in (least, f"{least // 1000 + 30}KB"):
        model = kind(**parameters, memory_limit=limit).fit(X, y)
        assert np.array_equal(model._state.theta, stored._state.theta)
        assert model.loss_curve_ == stored.loss_curve_


def test_given_states_and_loss_and_grad():
    X, y = ragged_X_y(steps=True)
    states = np.random.default_rng(1).standard_normal((len(X), 6)).astype(np.float32)
    model = RNNRegressor((6,), cell="gru", output="step", random_state=0, n_jobs=1).initialize(X, y)
    loss, gradient = model.loss_and_grad(X, y, state=states)
    model.set_params(memory_limit=1)
    model.set_params(memory_limit=bytes_needed(lambda: model.loss_and_grad(X, y, state=states)))
    loss_again, gradient_again = model.loss_and_grad(X, y, state=states)
    assert loss_again == loss and all(np.array_equal(gradient[name], gradient_again[name]) for name in gradient)


def test_a_language_model_reads_whole_texts():
    text, parameters = "abcdbdac" * 60, {"cell": "gru", "embedding_size": 3, "batch_size": 2, "bptt_steps": None}
    parameters |= {"hidden_layer_sizes": (6,), "max_iter": 2, "random_state": 0, "n_jobs": 1}
    stored = RNNLanguageModel(**parameters).fit(text)
    least = bytes_needed(lambda: RNNLanguageModel(**parameters, memory_limit=1).fit(text))
    model = RNNLanguageModel(**parameters, memory_limit=least).fit(text)
    assert np.array_equal(model._state.theta, stored._state.theta)
    with pytest.raises(ValueError, match="memory_limit"):
        RNNLanguageModel(**parameters | {"embedding_size": 50_000}, memory_limit=least).fit(text)


def test_an_encoder_decoder_has_half_for_each():
    X, y = ["abcd" * 60, "dcba" * 20, "bad"], ["ab" * 60, "ba", "ab"]
    parameters = {"hidden_layer_sizes": (6,), "max_iter": 2, "random_state": 0, "n_jobs": 1}
    stored = RNNSeq2Seq(**parameters).fit(X, y)
    limit = max(bytes_needed(lambda: RNNSeq2Seq(**parameters, memory_limit=1000).fit(X, y)) * 2, 2)
    model = RNNSeq2Seq(**parameters, memory_limit=limit + 10_000).fit(X, y)
    assert np.array_equal(model._state.theta, stored._state.theta)


def test_bidirectional_networks_are_refused_where_all_steps_do_not_fit():
    X, y = ragged_X_y()
    model = RNNClassifier(
        (6, 4), bidirectional=True, max_iter=1, n_jobs=1, random_state=0, memory_limit="400kB", batch_size=32
    )
    with pytest.raises(ValueError, match=r"is too low: .* since bidirectional layers store all .* got 400000"):
        model.fit(X, y)
    assert not hasattr(model, "classes_")
    needed = bytes_needed(lambda: model.fit(X, y))
    model.set_params(memory_limit=needed).fit(X, y)
    assert np.array_equal(model._state.theta, model.set_params(memory_limit=None).fit(X, y)._state.theta)


def test_a_fit_that_is_refused_leaves_the_model_as_it_was():
    X, y = ragged_X_y()
    model = RNNClassifier((6,), max_iter=1, random_state=0, batch_size=32).fit(X, y)
    before = model._state.theta.copy()
    with pytest.raises(ValueError, match="memory_limit is too low: a mini-batch of 10 .* up to 300 .* got 1000"):
        model.set_params(memory_limit=1000).fit(X, y)
    assert np.array_equal(model._state.theta, before) and model.predict(X).shape == (10,)


@pytest.mark.serial
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_what_a_fit_allocates_is_within_the_limit(cell):
    limit = 2_000_000
    X = Sequences.from_array(np.random.default_rng(0).standard_normal((2, 20_000, 2)).astype(np.float32))
    model = RNNRegressor((16,), cell=cell, max_iter=1, random_state=0, memory_limit=limit).fit(X, [0.0, 1.0])
    tracemalloc.start()  # imports and compilation are not measured
    try:
        model.fit(X, [0.0, 1.0])
        assert 0.8 * limit < tracemalloc.get_traced_memory()[1] <= limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text, size",
    [("512MB", 512 * 10**6), ("2GiB", 2**31), (" 1.5 kb ", 1500), ("64 KiB", 2**16), ("7", 7), (np.int64(9), 9)],
)
def test_limits_are_read(text, size):
    assert n_bytes(text, "memory_limit") == size


@pytest.mark.parametrize("limit", ["", "MB", "12 parsecs", "-1MB", "0", 0, -5, 1.5, True, [1], "5 iB", "9" * 400])
def test_other_limits_are_refused(limit):
    X, y = ragged_X_y()
    with pytest.raises((ValueError, TypeError), match="memory_limit"):
        RNNClassifier((3,), max_iter=1, memory_limit=limit).fit(X, y)
