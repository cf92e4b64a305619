"""Test the time limit with a clock that counts its readings, and once with the real one."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, load
from numrnn.training import Checkpoint, TimeLimit, loop, time_limit

RANDOM = np.random.default_rng(0)
X = [RANDOM.normal(size=(n, 2)) for n in RANDOM.integers(2, 9, 40)]
Y = np.array([int(x[-1, 0] > 0) for x in X])
OPTIONS = {"hidden_layer_sizes": (4,), "batch_size": 8, "max_iter": 6, "random_state": 0}  # 5 mini-batches an epoch


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Replace the clock by one that counts its readings, of which training makes one before each mini-batch."""
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e-9)
    readings = iter(range(10**6))
    monkeypatch.setattr(time_limit, "time", SimpleNamespace(monotonic=lambda: next(readings)))


def fitted(*callbacks, kind=RNNClassifier, y=Y, resume=None, **options):
    return kind(**(OPTIONS | options), callbacks=list(callbacks)).fit(X, y, resume=resume)


def test_training_stops_between_mini_batches_and_keeps_their_updates():
    seen = []
    count = SimpleNamespace(on_progress=lambda info: seen.append(info.state.n_updates))
    model = fitted(count, TimeLimit(13))
    assert model._state.stop_reason == "time_limit"
    assert (model._state.n_updates, model.n_iter_, len(model.history_["loss"])) == (12, 2, 2)
    assert seen == list(range(13))
    two = fitted(max_iter=2)
    assert model.loss_curve_ == two.loss_curve_ and (model.V_ != two.V_).any()


def test_training_stops_after_an_epoch_and_not_after_the_last():
    model = fitted(TimeLimit(11))
    assert (model._state.n_updates, model.n_iter_, model._state.stop_reason) == (10, 2, "time_limit")
    model = fitted(TimeLimit(31))
    assert (model.n_iter_, model._state.stop_reason) == (6, "max_iter")


def test_the_best_weights_are_kept():
    held = {"learning_rate_init": 0.3, "restore_best_weights": True}
    model = fitted(TimeLimit(13), **held)
    best = fitted(learning_rate_init=0.3, max_iter=model.best_iter_)
    assert model.n_iter_ == 2 and (model.V_ == best.V_).all()


def test_the_first_epoch_may_be_cut_off(tmp_path):
    stopped = r"TimeLimit\(seconds=3\) stopped training before the first epoch was completed"
    with pytest.warns(UserWarning, match=stopped):
        model = fitted(TimeLimit(3), restore_best_weights=True)
    assert (model.n_iter_, model._state.n_updates, model.loss_curve_) == (0, 2, [])
    model.set_params(callbacks=None).save(tmp_path / "m.safetensors")
    assert (load(tmp_path / "m.safetensors").predict(X) == model.predict(X)).all()


def test_early_stopping_comes_first():
    options = {"early_stopping": True, "tol": 10.0, "n_iter_no_change": 1}
    alone = fitted(**options)
    readings = alone._state.n_updates + 1
    assert alone.n_iter_ == 2 < 6
    assert fitted(TimeLimit(readings), **options)._state.stop_reason == "callback"


@pytest.mark.parametrize(
    "options", [{}, {"early_stopping": True}, {"bptt_steps": 3, "dropout": 0.2}, {"learning_rate": "cosine"}], ids=str
)
@pytest.mark.parametrize("limit", [3, 6, 13])
@pytest.mark.filterwarnings("ignore:TimeLimit")
def test_a_resumed_fit_goes_on_within_the_epoch_with_a_limit_of_its_own(options, limit, tmp_path):
    whole, parts = fitted(**options), 0
    while True:
        model, parts = fitted(Checkpoint(tmp_path), TimeLimit(limit), resume=tmp_path, **options), parts + 1
        if model._state.stop_reason != "time_limit":
            break
    assert parts > 1
    assert model.loss_curve_ == whole.loss_curve_ and (model.V_ == whole.V_).all()


def test_iterations_of_lbfgs_and_passes_of_partial_fit():
    y = np.array([x.sum() for x in X])
    model = fitted(TimeLimit(3), kind=RNNRegressor, y=y, solver="lbfgs", max_iter=9)
    assert (model.n_iter_, model._state.stop_reason) == (3, "time_limit")
    model = RNNRegressor(**OPTIONS, callbacks=[TimeLimit(6)])
    assert model.partial_fit(X, y).partial_fit(X, y).n_iter_ == 2
    text = RNNLanguageModel((4,), batch_size=2, bptt_steps=5, random_state=0, callbacks=[TimeLimit(15)]).fit("ab" * 50)
    assert (text._state.n_updates, text.n_iter_) == (14, 1)


def test_the_first_process_decides():
    """Check that a process whose own time is not up stops with the first, and the other way around."""
    for first in (True, False):
        asked = []

        def from_first(value, first=first, asked=asked):
            asked.append(value)
            return first

        info = SimpleNamespace(comm=SimpleNamespace(from_first=from_first), stop_reason="callback")
        limit = TimeLimit(1 if not first else 1e6)
        limit.on_fit_begin(info)
        assert limit.on_progress(info) is first and asked == [not first]
        assert info.stop_reason == ("time_limit" if first else "callback")


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "5min", None, True])
def test_other_limits_are_refused(seconds):
    with pytest.raises(ValueError, match="seconds=.*: must be a finite number of seconds above 0; pass 3600 for an"):
        TimeLimit(seconds)


def test_the_real_clock(monkeypatch):
    monkeypatch.setattr(time_limit, "time", time)
    begin = time.monotonic()
    assert fitted(TimeLimit(0.3), max_iter=10**6)._state.stop_reason == "time_limit"
    assert 0.3 <= time.monotonic() - begin < 20
