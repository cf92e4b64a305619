"""Test compiled training: against a loop by hand, with any number of threads, with divergence and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import naive
import numpy as np
import pytest
from networks import Case, relative_error, with_last_steps_unweighted
from problems import make_problem

import numrnn
from numrnn import Sequences
from numrnn.data.batches import epoch_batches
from numrnn.data.sources import Targets
from numrnn.network.cpu import network, scheduling
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.parameters import Layout
from numrnn.solvers import SGD, Adam, AdamW, RMSprop
from numrnn.training import TrainingDivergedError, TrainingState, resolve_schedule, train

LENGTHS = np.random.default_rng(1).integers(1, 9, 60).tolist()
PROBLEMS = [
    make_problem("gru", hidden=(7, 3), lengths=LENGTHS),
    make_problem("lstm", hidden=(5,), lengths=LENGTHS, output="step", head="sigmoid"),
    make_problem("elman", "relu", hidden=(6, 4), lengths=LENGTHS, output="step", head="identity"),
]
RULES = [
    (SGD(momentum=0.0), naive.sgd, {}, 0.1),
    (SGD(nesterov=False), naive.sgd, {"momentum": 0.9}, 0.05),
    (SGD(), naive.sgd, {"momentum": 0.9, "nesterov": True}, 0.05),
    (Adam(), naive.adam, {}, 0.01),
    (AdamW(weight_decay=0.1), naive.adamw, {"weight_decay": 0.1}, 0.01),
    (RMSprop(), naive.rmsprop, {}, 0.01),
    (RMSprop(momentum=0.5), naive.rmsprop, {"momentum": 0.5}, 0.01),
]
IDS = [f"{solver}" for solver, *_ in RULES]
ALPHA, CLIP = 0.05, 0.4
CUTS = [(1, 2e9), (2, 2e9), (3, 2e9), (3, 2e5), (2, 1)]  # threads; operations between looks at Ctrl-C, on this one


@pytest.fixture
def threads(monkeypatch):
    """Give all threads to every mini-batch, however small; return a list of the number of threads of each call."""
    counts, run_threads = [], network.run_threads

    def count(work, count, *rest):
        counts.append(count)
        return run_threads(work, count, *rest)

    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)
    monkeypatch.setattr(network, "run_threads", count)
    return counts


def mini_batches(case, seed=0):
    """Return two mini-batches of four tiles and one of two."""
    return epoch_batches(
        case.data.lengths, 25, shuffle=True, generator=np.random.default_rng(seed), tile_rows=case.network.tile_rows
    )


def rates_of(rate):
    return [rate, rate / 2, rate / 3]


def by_hand(case, make_step, options, rate, alpha, clip, epochs):
    """Compute what two calls of `Case.train` must give: theta, the solver's arrays, losses and norms."""
    theta, state, losses, norms = case.theta.copy(), {}, [], []
    decayed = np.zeros(len(theta), bool)
    for name, view in case.layout.views(decayed).items():
        view[...] = name.split(".")[-1] in "UWV"
    for batches in epochs:
        for batch, rate_now in zip(batches, rates_of(rate), strict=True):
            grad = np.empty_like(theta)
            loss, _ = case.network.gradient(theta, case.data, case.targets, batch, grad)
            losses.append(loss + alpha / 2 * (theta[decayed] ** 2).sum())
            grad += alpha * theta * decayed
            norms.append(np.sqrt((grad**2).sum()))
            grad *= min(1, clip / (norms[-1] + 1e-6))
            make_step(theta, grad, state, rate_now, len(losses), **options)
    return theta, state, losses, norms


@pytest.mark.parametrize(
    ("problem", "alpha", "clip"),
    [(PROBLEMS[0], ALPHA, CLIP), (PROBLEMS[1], 0.0, None), (PROBLEMS[2], ALPHA, 1e6)],
    ids=["clip", "bare", "decay"],
)
@pytest.mark.parametrize(("solver", "make_step", "options", "rate"), RULES, ids=IDS)
def test_updates_are_those_made_by_hand(solver, make_step, options, rate, problem, alpha, clip):
    case = Case(problem)
    epochs = [mini_batches(case, seed) for seed in (0, 1)]
    theta, state, losses, norms = by_hand(case, make_step, options, rate, alpha, clip or np.inf, epochs)
    assert clip != CLIP or max(norms) > CLIP
    runs = [case.train(solver, rates_of(rate), batches, alpha, clip) for batches in epochs]
    assert [run.outcome for run in runs] == ["done"] * 2 and [run.done for run in runs] == [3, 3]
    assert relative_error(case.theta, theta) <= 1e-12
    assert relative_error(np.concatenate([run.losses for run in runs]), losses) <= 1e-12
    assert relative_error(np.concatenate([run.norms for run in runs]), norms) <= 1e-12
    for name, values in case.state.solver_state.items():
        assert relative_error(values, state[name]) <= 1e-12, name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("solver", "rate"), [(solver, rate) for solver, _, _, rate in RULES], ids=IDS)
def test_the_bits_of_training_do_not_depend_on_the_number_of_threads(solver, rate, dtype, threads, monkeypatch):
    def bits(problem, n_jobs, flops):
        monkeypatch.setattr(scheduling, "FLOPS_PER_CALL", flops)
        case = Case(problem, dtype, n_jobs)
        runs = [case.train(solver, rates_of(rate), mini_batches(case, seed), ALPHA, CLIP) for seed in (0, 1)]
        values = [case.theta, case.before, *case.state.solver_state.values()]
        return [value.tobytes() for value in (*values, *(part for run in runs for part in run[1:4]))]

    for problem in PROBLEMS:
        expected = bits(problem, *CUTS[0])
        for cut in CUTS[1:]:
            assert bits(problem, *cut) == expected, cut
    assert threads == [n_jobs for n_jobs, _ in CUTS for _ in range(2)] * len(PROBLEMS)


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_mini_batch_without_weight_is_left_out(place, n_jobs, threads):
    """Check that mini-batches without weight are left out and not counted by Adam."""
    problem = PROBLEMS[0]._replace(w=np.ones(len(LENGTHS)))
    case, other = Case(problem, n_jobs=n_jobs), Case(problem)
    batches = mini_batches(case)
    case.targets.weights[batches[place].ids] = 0
    run = case.train(Adam(), [0.1, 0.01, 0.02], batches, ALPHA)
    expected = other.train(Adam(), [0.1, 0.01], batches[:place] + batches[place + 1 :], ALPHA)
    assert (run.outcome, run.done, case.state.n_updates) == ("done", 2, 2)
    for got, wanted in zip(run[1:4], expected[1:4], strict=True):
        np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(case.theta, other.theta)
    assert 1 in threads and n_jobs in threads


def test_mini_batches_without_any_weight_change_nothing():
    case = Case(PROBLEMS[0]._replace(w=np.zeros(len(LENGTHS))))
    theta = case.theta.copy()
    run = case.train(Adam(), [0.1] * 3, mini_batches(case), ALPHA)
    assert (run.outcome, run.done, len(run.losses)) == ("done", 0, 0)
    np.testing.assert_array_equal(case.theta, theta)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_last_chunks_without_weight_leave_the_gradient_of_the_one_before(n_jobs, threads):
    problem = make_problem("gru", output="step", lengths=(4, 2, 3))
    (case, chunks), (other, _) = (with_last_steps_unweighted(Case(problem, n_jobs=n)) for n in (n_jobs, 1))
    run = case.train(Adam(), [0.1] * len(chunks), chunks, ALPHA)
    assert run.done == 2 == len(chunks) - 2
    other.train(Adam(), [0.1] * 2, chunks[:2], ALPHA)
    np.testing.assert_array_equal(case.grad, other.grad)
    np.testing.assert_array_equal(case.theta, other.theta)


HUGE, OVERFLOW = 1e200, np.finfo(float).max  # theta stays finite and its square does not; theta itself does not


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
@pytest.mark.parametrize("wrong", [HUGE, OVERFLOW, "target"])
@pytest.mark.parametrize("bad", range(6))
def test_divergence_goes_back_to_the_last_weights_whose_loss_was_finite(bad, wrong, n_jobs, threads):
    """Check which weights are kept after divergence, in two calls of three steps of which one is wrong.

    A step that overflows is found and undone at once. A loss that overflows shows that the step before, which made the
    weights, was wrong, and that step is undone.
    """
    problem = PROBLEMS[2]._replace(y=[1e3 * y for y in PROBLEMS[2].y])
    case, other = Case(problem, n_jobs=n_jobs), Case(problem)
    rates, runs, kept = [1e-6] * 6, [], bad
    if wrong == "target":
        kept = max(bad - 1, 0)
    else:
        rates[bad] = wrong
    for start in (0, 3):
        batches = mini_batches(case)
        if wrong == "target" and start <= bad < start + 3:
            sequence = batches[bad - start].ids[0]
            case.targets.values[case.data.offsets[sequence]] = 1e200
        if not runs or runs[0].outcome == "done":
            runs.append(case.train(SGD(momentum=0.0), rates[start : start + 3], batches))
        count = max(0, min(3, kept - start))
        if count:
            other.train(SGD(momentum=0.0), [1e-6] * count, mini_batches(other)[:count])
    assert runs[-1].outcome == "diverged" and 3 * (len(runs) - 1) + runs[-1].done == bad
    assert np.isfinite(runs[-1].losses[runs[-1].done]) == (wrong != "target")
    np.testing.assert_array_equal(case.theta, other.theta)
    assert threads[0] == n_jobs


@pytest.mark.parametrize(("rate", "batch_size", "epoch"), [(HUGE, 60, 3), (OVERFLOW, 60, 3), (HUGE, 25, 3)])
def test_an_epoch_that_diverges_is_named_and_the_weights_before_it_are_kept(rate, batch_size, epoch):
    """Check divergence in the third epoch, whose learning rate is too large."""
    problem = PROBLEMS[2]._replace(y=[1e3 * y for y in PROBLEMS[2].y])

    def run(max_iter):
        case = Case(problem)
        rates = [1e-6, 1e-6, rate, 1e-6]
        schedule = resolve_schedule(lambda epoch: rates[epoch], learning_rate_init=1.0, max_iter=max_iter)
        options = dict(solver=SGD(momentum=0.0), schedule=schedule, batch_size=batch_size, max_iter=max_iter)
        return case, lambda: train(case.network, case.state, case.data, case.targets, **options)

    case, fit = run(4)
    with pytest.raises(TrainingDivergedError, match=f"in epoch {epoch}:"):
        fit()
    assert case.state.epoch == epoch - 1
    other, fit = run(2)
    fit()
    np.testing.assert_array_equal(case.theta, other.theta)


CTRL_C = """
import json, signal, sys, warnings
import numpy as np
from numrnn import RNNClassifier

class Begun:
    def on_fit_begin(self, info):
        print("begun", flush=True)

def fit(n, length, hidden, **rest):
    X = np.random.default_rng(0).standard_normal((n, length, 1)).astype(np.float32)
    model = RNNClassifier(cell="lstm", hidden_layer_sizes=hidden, solver=sys.argv[1], n_jobs=2, random_state=0, **rest)
    return model.fit(X, np.arange(n) % 3)

signal.signal(signal.SIGINT, signal.default_int_handler)     # a process in the background may ignore it
fit(4, 3, 4, max_iter=1)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model = fit(40000, 200, int(sys.argv[2]), max_iter=1000, batch_size=64, callbacks=[Begun()])
print(json.dumps({"finite": bool(np.isfinite(model._state.theta).all()), "reason": model._state.stop_reason,
                  "warnings": [str(warning.message) for warning in caught]}))
"""


@pytest.mark.serial
@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="plain Python would take hours")
@pytest.mark.parametrize(("solver", "hidden"), [("adam", "128"), ("adam", "256"), ("lbfgs", "128")])
def test_ctrl_c_ends_training_within_an_epoch(solver, hidden):
    """Check that Ctrl-C ends training within an epoch (for L-BFGS, within a gradient), which would take far longer.

    The main thread computes in the first case and waits for the others in the rest.
    """
    paths = [str(Path(numrnn.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with subprocess.Popen(
        [sys.executable, "-c", CTRL_C, solver, hidden],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout.readline() == "begun\n", process.stderr.read()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert json.loads(out) == {
        "finite": True,
        "reason": "interrupted",
        "warnings": ["training was interrupted after 0 epochs; the weights are kept"],
    }


def test_weights_that_overflow_where_a_bounded_cell_hides_it_are_never_kept():
    layout = Layout(n_inputs=1, hidden_layer_sizes=(1,), cell="elman", n_outputs=2)
    data = Sequences.from_list([np.full((1, 1), 1e10, np.float32)] * 4)
    theta = np.full(layout.size, 0.5, np.float32)
    views = layout.views(theta)
    views["layers.0.U"][:] = 0
    views["V"][:] = [[1.0], [-1.0]]
    schedule = resolve_schedule(lambda epoch: 1.0, learning_rate_init=1e30, max_iter=1)
    state = TrainingState(theta, seed=0)
    with pytest.raises(TrainingDivergedError):
        train(
            CPUNetwork(layout),
            state,
            data,
            Targets(np.zeros(4, np.int64)),
            solver=SGD(momentum=0.0),
            schedule=schedule,
            batch_size=1,
            max_iter=1,
        )
    assert np.isfinite(theta).all()
