"""Test learning rate schedules."""

import numpy as np
import pytest
from linear_network import problem

from numrnn.solvers import SGD
from numrnn.training import EpochRecord, TrainingState, resolve_schedule, train

NAN = float("nan")


def rates(schedule, losses, scores=None, n_sequences=10, state=None):
    """Return the learning rates of epochs that end with these losses and validation scores."""
    state = state or TrainingState(np.zeros(2), seed=0)
    used = []
    for loss, score in zip(losses, scores or [NAN] * len(losses), strict=True):
        used.append(schedule.rate(state))
        held = NAN if scores is None else loss
        record = EpochRecord(state.epoch + 1, loss, held, score, used[-1], 1.0, 1.0, n_sequences)
        state.epoch += 1
        state.n_seen += n_sequences
        schedule.epoch_end(state, record)
    return used


def make(learning_rate, **options):
    return resolve_schedule(learning_rate, **{"learning_rate_init": 0.1, "max_iter": 4, **options})


@pytest.mark.parametrize(
    "learning_rate, expected",
    [
        ("constant", [0.1] * 6),
        ("invscaling", [0.1 / (10 * n + 1) ** 0.5 for n in range(6)]),
        ("cosine", [0.1, 0.05 * (1 + 0.5**0.5), 0.05, *[0.05 * (1 - 0.5**0.5)] * 3]),
        (lambda epoch: 1 / (1 + epoch), [0.1 / (1 + n) for n in range(6)]),
        (lambda epoch: np.float32(0.5), [0.05] * 6),
    ],
)
def test_rates(learning_rate, expected):
    np.testing.assert_allclose(rates(make(learning_rate), [1.0] * 6), expected, rtol=1e-7)


@pytest.mark.parametrize(
    "losses, fifths",
    [
        ([5, 4, 3, 2, 1, 0], [0, 0, 0, 0, 0, 0]),
        ([5, 5, 5, 5, 5, 5], [0, 0, 0, 1, 1, 2]),
        ([5, 5, 4, 4, 3, 3], [0, 0, 0, 0, 0, 0]),
        ([5, 4.95, 4.9, 4.85, 4.8, 4.7], [0, 0, 0, 1, 1, 2]),
        ([5, 6, 7, 4, NAN, NAN, 3], [0, 0, 0, 1, 1, 1, 2]),
    ],
    ids=["falling", "flat", "every other", "less than tol", "worse and nan"],
)
@pytest.mark.parametrize("monitor", ["loss", "score"])
def test_adaptive(losses, fifths, monitor):
    schedule = make("adaptive", tol=0.1, monitor=monitor)
    if monitor == "loss":
        used = rates(schedule, losses)
    else:
        used = rates(schedule, [1.0] * len(losses), scores=[-loss for loss in losses])
    np.testing.assert_allclose(used, [0.1 / 5**n for n in fifths], rtol=1e-12)


def test_adaptive_has_a_floor():
    assert 1e-6 / 5 < rates(make("adaptive"), [1.0] * 100)[-1] <= 1e-6


@pytest.mark.parametrize("learning_rate", ["invscaling", "adaptive", "cosine", lambda epoch: 0.5**epoch])
def test_restart(learning_rate):
    state = TrainingState(np.zeros(2), seed=0)
    first = rates(make(learning_rate), [1.0] * 4, state=state)
    assert first[-1] < 0.1
    state.restart_schedule()
    assert rates(make(learning_rate), [1.0] * 4, state=state) == first


def test_the_loop_uses_and_records_the_rate():
    schedule = make(lambda epoch: float(epoch == 1))
    p = problem()
    options = {"solver": SGD(momentum=0.0), "schedule": schedule, "max_iter": 1}
    assert not train(p.network, p.state, p.data, p.targets, **options).theta.any()
    assert train(p.network, p.state, p.data, p.targets, **options).theta.any()
    assert [record.learning_rate for record in p.state.history] == [0.0, 0.1]


@pytest.mark.parametrize(
    "learning_rate, init, message",
    [
        ("linear", 0.1, "learning_rate must be one of .* or a function of the epoch, got 'linear'"),
        (0.1, 0.1, "learning_rate must be one of .*, got 0.1"),
        (["cosine"], 0.1, "learning_rate must be one of"),
        ("constant", 0.0, "learning_rate_init must be a positive finite number, got 0.0"),
        ("constant", float("inf"), "learning_rate_init"),
        ("constant", NAN, "learning_rate_init"),
        ("constant", "0.1", "learning_rate_init must be a positive finite number, got '0.1'"),
    ],
)
def test_bad_parameters(learning_rate, init, message):
    with pytest.raises(ValueError, match=message):
        resolve_schedule(learning_rate, learning_rate_init=init, max_iter=4)


@pytest.mark.parametrize("factor", [-1.0, NAN, float("inf"), "half", None])
def test_bad_factors(factor):
    with pytest.raises(ValueError, match="learning_rate must return a finite, non-negative factor, got .* for epoch 0"):
        rates(make(lambda epoch: factor), [1.0])
