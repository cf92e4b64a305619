"""Test callbacks, early stopping, the progress bar, the log and scikit-learn's callbacks."""

import logging
import re
import signal
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from linear_network import problem
from sklearn.base import BaseEstimator

from numrnn import RNNRegressor
from numrnn.solvers import LBFGS, SGD, Adam
from numrnn.training import (
    Checkpoint,
    EarlyStopping,
    EpochRecord,
    ScikitLearnBridge,
    TrainingTerminated,
    check_callbacks,
    default_callbacks,
    loop,
    minimize_lbfgs,
    resolve_schedule,
    train,
)

pytestmark = pytest.mark.serial

NAN = float("nan")


class Recorder:
    def __init__(self, stop_at=None):
        self.events, self.stop_at = [], stop_at

    def on_fit_begin(self, info):
        self.events.append(("begin", info.epoch, info.last, info.max_iter))

    def on_epoch_end(self, info):
        self.events.append(("epoch", info.epoch, info.loss, info.validation_loss, info.validation_score))
        return np.bool_(info.epoch == self.stop_at)

    def on_fit_end(self, info):
        self.events.append(("end", info.epoch))


def run(p, callbacks, method="train", **options):
    options = {"callbacks": callbacks, "max_iter": 4, **options}
    if method == "lbfgs":
        return minimize_lbfgs(p.network, p.state, p.data, p.targets, solver=LBFGS(), **options)
    schedule = resolve_schedule("constant", learning_rate_init=0.05, max_iter=4)
    options = {"solver": Adam(), "schedule": schedule, "batch_size": 8, **options}
    return train(p.network, p.state, p.data, p.targets, **options)


@pytest.mark.parametrize("method", ["train", "lbfgs"])
@pytest.mark.parametrize("stop_at, epochs, reason", [(None, 4, "max_iter"), (2, 2, "callback"), (4, 4, "callback")])
def test_hooks(method, stop_at, epochs, reason):
    first, second = Recorder(stop_at), Recorder()
    state = run(problem(), [first, object(), second], method, validate=lambda theta: (1.5, theta[0]))
    assert state.stop_reason == reason
    assert first.events == second.events
    assert first.events[0] == ("begin", 0, None, 4) and first.events[-1] == ("end", epochs)
    assert [event[1:3] for event in first.events[1:-1]] == [(r.epoch, r.loss) for r in state.history]
    assert [event[3] for event in first.events[1:-1]] == [1.5] * epochs
    assert first.events[-2][4] == state.theta[0] == state.history[-1].validation_score


def test_fit_end_comes_whatever_happens():
    recorder = Recorder()
    failing = SimpleNamespace(on_epoch_end=lambda info: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(problem(), [recorder, failing])
    assert recorder.events[-1] == ("end", 1)


def test_weights_are_read_only_and_current():
    seen = []

    def look(info):
        weights = info.weights
        assert list(weights) == ["V", "c"] and weights["V"].shape == (1, 3)
        with pytest.raises(ValueError, match="read-only"):
            weights["V"][:] = 0
        seen.append((weights["V"].copy(), weights["V"]))

    state = run(problem(), [SimpleNamespace(on_epoch_end=look)])
    assert (seen[0][0] != seen[1][0]).all()
    np.testing.assert_array_equal(seen[-1][1].ravel(), state.theta[:3])


def test_who_looks_from_another_thread_or_a_handler_changes_nothing(monkeypatch):
    """Check that reads from another thread or a signal handler change nothing.

    Both once counted what the training loop had not yet counted: a mini-batch twice, or none that was left.
    """
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e-9)  # one call for each mini-batch
    infos, done = [], threading.Event()

    def look(*_):
        infos[0].weights, infos[0].state

    def keep_looking():
        while not done.is_set():
            look()

    watcher = threading.Thread(target=keep_looking)

    def begin(info):
        infos.append(info)
        watcher.start()
        signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)

    handler = signal.signal(signal.SIGALRM, look)
    try:
        state = run(problem(), [SimpleNamespace(on_fit_begin=begin)], max_iter=20)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        done.set()
        watcher.join(10)
    alone = run(problem(), [], max_iter=20)
    np.testing.assert_array_equal(state.theta, alone.theta)
    assert [record.loss for record in state.history] == [record.loss for record in alone.history]


@pytest.mark.parametrize("method", ["train", "lbfgs"])
def test_ctrl_c_before_the_first_epoch(method):
    """Check Ctrl-C in a callback's `on_fit_begin`, which may take long; the callback before it gets `on_fit_end`."""
    first, failing = Recorder(), SimpleNamespace(on_fit_begin=lambda info: signal.raise_signal(signal.SIGINT))
    with pytest.warns(UserWarning, match="training was interrupted after 0 epochs; the weights are kept"):
        state = run(problem(), [first, failing], method)
    assert (state.epoch, state.stop_reason) == (0, "interrupted")
    assert first.events == [("begin", 0, None, 4), ("end", 0)]


@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
def test_signals_before_the_first_epoch_of_a_fit_with_checkpoints(interrupt, tmp_path):
    model = RNNRegressor((2,), max_iter=2, random_state=0)
    begin = SimpleNamespace(on_fit_begin=lambda info: signal.raise_signal(interrupt))
    model.set_params(callbacks=[Checkpoint(tmp_path), begin])
    if interrupt == signal.SIGTERM:
        with pytest.raises(TrainingTerminated, match="SIGTERM ended training as it began"):
            model.fit([[[1.0]], [[2.0]]], [1.0, 2.0])
    else:
        with pytest.warns(UserWarning, match="interrupted after 0 epochs"):
            model.fit([[[1.0]], [[2.0]]], [1.0, 2.0])
    assert model.n_iter_ == 0 and [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize(
    "callbacks, message",
    [
        (Recorder(), "callbacks must be a list of objects or None"),
        ([Recorder(), Recorder], r"callbacks\[1\] must be an object, got the class Recorder: did you mean Recorder"),
        ([3], r"callbacks\[0\] must have one of the methods .*on_fit_end, got 3"),
    ],
)
def test_bad_callbacks(callbacks, message):
    with pytest.raises(TypeError, match=message):
        check_callbacks(callbacks)


def test_good_callbacks():
    recorder = Recorder()
    assert check_callbacks((recorder,)) == [recorder]


@pytest.mark.parametrize(
    "scores, losses, n_iter_no_change, tol, epochs, best_epoch",
    [
        ([1, 2, 3, 4, 5, 6], [1] * 6, 2, 0.0, 6, 6),
        ([1, 3, 2, 2, 5, 6], [1] * 6, 2, 0.1, 4, 2),
        ([1, 3, 2, 4, 3, 3], [1] * 6, 2, 0.1, 6, 4),
        ([1, 1.05, 1.09, 1.04, 2, 2], [1] * 6, 3, 0.1, 4, 3),
        ([1, 1, 1, 1, 1, 1], [3, 2, 4, 5, 6, 7], 3, 0.1, 4, 2),
        ([NAN, NAN, NAN, 1, 1, 1], [3, 2, 4, 1, 1, 1], 3, 0.1, 3, 2),
    ],
    ids=["rising", "falls", "waits", "less than tol", "ties by loss", "nan by loss"],
)
def test_early_stopping(scores, losses, n_iter_no_change, tol, epochs, best_epoch):
    stopper, thetas = EarlyStopping(tol, n_iter_no_change, monitor="score"), []

    def validate(theta):
        thetas.append(theta.copy())
        return losses[len(thetas) - 1], scores[len(thetas) - 1]

    state = run(problem(), [stopper], validate=validate, max_iter=6)
    assert state.epoch == epochs and stopper.best_epoch == best_epoch
    np.testing.assert_array_equal(state.theta, thetas[best_epoch - 1])
    best = scores[best_epoch - 1]
    assert (stopper.best_score, stopper.best_loss) == (-np.inf if np.isnan(best) else best, losses[best_epoch - 1])
    assert [record.validation_score for record in state.history] == pytest.approx(scores[:epochs], nan_ok=True)


def test_early_stopping_after_an_interrupt_gives_back_the_best():
    thetas = []

    def validate(theta):
        thetas.append(theta.copy())
        if len(thetas) == 4:
            raise KeyboardInterrupt
        return 1.0, [1, 3, 2][len(thetas) - 1]

    with pytest.warns(UserWarning, match="interrupted after 3 epochs"):
        state = run(problem(), [EarlyStopping(monitor="score")], validate=validate)
    np.testing.assert_array_equal(state.theta, thetas[1])


@pytest.mark.parametrize(
    "verbose, terminal, bar",
    [(False, True, False), (True, True, True), (True, False, False), (1, True, True), (2, False, True)],
)
def test_progress_bar(verbose, terminal, bar, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    run(problem(), default_callbacks(verbose), validate=lambda theta: (0.25, 0.75))
    out, err = capsys.readouterr()
    assert out == ""
    if bar:
        assert re.search(r"4/4 \[.*loss=[0-9.e-]+, val_loss=0.25, val_score=0.75, sequences/s=\d+", err)
    else:
        assert err == ""


def test_progress_bar_survives_a_failed_begin():
    failing = SimpleNamespace(on_fit_begin=lambda info: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(problem(), [failing, *default_callbacks(2)])


def test_the_progress_bar_of_an_early_stop_is_full(monkeypatch):
    bars = []

    class Bar:
        def __init__(self, total, unit):
            self.total, self.n = total, 0
            bars.append(self)

        def set_postfix(self, figures, refresh):
            pass

        def update(self):
            self.n += 1

        def refresh(self):
            pass

        def close(self):
            self.closed_at = self.n, self.total

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)

    class Stop:
        def on_epoch_end(self, info):
            return info.epoch == 2

    X = np.zeros((4, 3, 1))
    RNNRegressor(2, max_iter=5, verbose=2, callbacks=[Stop()]).fit(X, np.arange(4.0))
    assert bars[0].closed_at == (2, 2)


def test_log(caplog):
    with caplog.at_level(logging.INFO, logger="numrnn"):
        run(problem(), default_callbacks(False))
    assert [record.name for record in caplog.records] == ["numrnn"] * 4
    assert re.fullmatch(r"epoch 4: loss [0-9.]+, sequences/s \d+, memory \d+ MB", caplog.messages[-1])


def test_record_is_plain():
    assert EpochRecord._fields[:4] == ("epoch", "loss", "validation_loss", "validation_score")
    state = run(problem(dtype=np.float32), [], validate=lambda theta: (np.float32(1), theta[0]), solver=SGD())
    assert [type(value) for value in state.history[0]] == [int] + [float] * 6 + [int, dict]


@pytest.mark.parametrize("stop_at, epochs", [(None, 4), (2, 2)])
def test_scikit_learn_callbacks(stop_at, epochs):
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9's callbacks")

    class Listener:
        def __init__(self):
            self.events = []

        def setup(self, estimator, context):
            self.events.append("setup")

        def teardown(self, estimator, context):
            self.events.append("teardown")

        def on_fit_task_begin(self, estimator, context):
            self.events.append(("begin", context.task_name, context.task_id))

        def on_fit_task_end(self, estimator, context, *, X=None, metadata=None, fitted_estimator=None):
            self.events.append(("end", context.task_name, context.task_id, X, metadata, fitted_estimator.theta_))
            return context.task_id + 1 == stop_at

    class Model(callback.CallbackSupportMixin, BaseEstimator):
        @callback.with_callbacks
        def fit(self, X, y=None):
            context = self._init_callback_context(max_subtasks=4)
            bridge = ScikitLearnBridge(context, self, X, y, {"a": 1}, lambda state: {"theta_": state.theta.copy()})
            self.state_ = run(problem(), [bridge])
            return self

    listener = Listener()
    model = Model().set_callbacks(listener).fit("X")
    assert model.state_.epoch == epochs and not hasattr(model, "theta_")
    assert listener.events[0] == "setup" and listener.events[-1] == "teardown"
    assert listener.events[1:-1:2] == [("begin", "epoch", i) for i in range(epochs)]
    ends = [event[:5] for event in listener.events[2:-1:2]]
    assert ends == [("end", "epoch", i, "X", {"a": 1}) for i in range(epochs)]
    np.testing.assert_array_equal(listener.events[-2][5], model.state_.theta)
    assert (listener.events[2][5] != model.state_.theta).any()
