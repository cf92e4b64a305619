"""Test signals: a fit with checkpoints ends where it can be resumed."""

import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from numrnn import RNNClassifier, RNNRegressor
from numrnn.estimators.held_out import Validation
from numrnn.io import newest_checkpoint
from numrnn.network.cpu.network import CPUNetwork
from numrnn.training import Checkpoint, TrainingTerminated, loop
from numrnn.training.exceptions import RESUBMIT

pytestmark = pytest.mark.serial

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6, 2))
Y = X[:, -1].sum(axis=1)
TERM, USR1, INT = signal.SIGTERM, signal.SIGUSR1, signal.SIGINT


@pytest.fixture(autouse=True)
def single_batches(monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e-9)


class Sender:
    """Send signals to this process at the n-th call of a hook."""

    def __init__(self, hook, at, *numbers):
        self._left, self._numbers = at, numbers
        setattr(self, hook, self._count)

    def _count(self, *_):
        self._left -= 1
        if not self._left:
            for number in self._numbers:
                os.kill(os.getpid(), number)


def regressor(folder, *callbacks, **options):
    callbacks = [Checkpoint(folder), *callbacks]
    return RNNRegressor((4,), **{"max_iter": 3, "batch_size": 8, "random_state": 3} | options, callbacks=callbacks)


def figures(model):
    return model._state.theta.tobytes(), model.loss_curve_, model.validation_loss_curve_, model.n_iter_


@pytest.mark.parametrize("number", [TERM, USR1])
@pytest.mark.parametrize(
    "hook, at, words",
    [
        ("on_progress", 3, "0 epochs and 3 mini-batches"),
        ("on_progress", 8, "1 epochs and 3 mini-batches"),
        ("on_epoch_end", 2, "2 epochs and 0 mini-batches"),
    ],
)
def test_a_signal_ends_a_fit_which_can_go_on(number, hook, at, words, tmp_path):
    whole = figures(regressor(tmp_path / "whole").fit(X, Y))
    before = [signal.getsignal(each) for each in (TERM, USR1, INT)]
    model = regressor(tmp_path / "cut", Sender(hook, at, number))
    with pytest.raises(TrainingTerminated, match=f"{number.name} ended training after {words}") as stop:
        model.fit(X, Y)
    assert stop.value.code == RESUBMIT and model._state.stop_reason == "terminated" and model.predict(X).shape == (40,)
    assert [signal.getsignal(each) for each in (TERM, USR1, INT)] == before
    assert figures(regressor(tmp_path / "cut").fit(X, Y, resume=tmp_path / "cut")) == whole


def test_a_signal_while_kernels_are_compiled_ends_a_fit_at_once(tmp_path, monkeypatch):
    regressor(tmp_path / "one", max_iter=1).fit(X, Y)
    before = newest_checkpoint(tmp_path / "one")[0]
    train, sender = CPUNetwork.train, Sender("count", 1, TERM)

    def slow(self, *arguments, **options):
        sender.count()
        return train(self, *arguments, **options)

    monkeypatch.setattr(CPUNetwork, "train", slow)
    for folder, newest in [("one", before), ("none", None)]:
        sender._left = 1
        with pytest.raises(TrainingTerminated, match="SIGTERM ended training as it began"):
            regressor(tmp_path / folder).fit(X, Y, resume=tmp_path / folder)
        assert newest_checkpoint(tmp_path / folder)[0] == newest


def test_what_a_compiler_says_that_a_signal_cut_off_is_no_failure(tmp_path, monkeypatch):
    sender = Sender("count", 1, TERM)

    def train(self, *arguments, **options):
        try:
            sender.count()
        except BaseException:
            raise RuntimeError("no compiled object") from None

    monkeypatch.setattr(CPUNetwork, "train", train)
    with pytest.raises(TrainingTerminated, match="SIGTERM ended training as it began"):
        regressor(tmp_path).fit(X, Y)
    sender = SimpleNamespace(count=lambda: 1 / 0)
    with pytest.raises(RuntimeError, match="no compiled object"):
        regressor(tmp_path).fit(X, Y)


def test_validation_is_cut_short_and_made_anew(tmp_path, monkeypatch):
    options = {"early_stopping": True}
    whole = figures(regressor(tmp_path / "whole", **options).fit(X, Y))
    compute, sender = Validation.__call__, Sender("count", 2, TERM)

    def slow(self, theta):
        sender.count()
        return compute(self, theta)

    monkeypatch.setattr(Validation, "__call__", slow)
    with pytest.raises(TrainingTerminated, match="after 1 epochs and 5 mini-batches"):
        regressor(tmp_path / "cut", **options).fit(X, Y)
    assert figures(regressor(tmp_path / "cut", **options).fit(X, Y, resume=tmp_path / "cut")) == whole


def test_lbfgs_is_ended_within_an_iteration(tmp_path):
    options = {"solver": "lbfgs", "max_iter": 5}
    with pytest.raises(TrainingTerminated, match="SIGTERM ended training after 2 epochs"):
        regressor(tmp_path, Sender("on_epoch_end", 2, TERM), **options).fit(X, Y)
    assert regressor(tmp_path, **options).fit(X, Y, resume=tmp_path).n_iter_ == 5


def test_the_first_ctrl_c_saves(tmp_path):
    whole = figures(regressor(tmp_path / "whole").fit(X, Y))
    model = regressor(tmp_path / "cut", Sender("on_progress", 8, INT))
    with pytest.warns(UserWarning, match="training was interrupted after 1 epochs; the weights are kept"):
        model.fit(X, Y)
    assert model._state.stop_reason == "interrupted" and model.n_iter_ == 1
    assert figures(regressor(tmp_path / "cut").fit(X, Y, resume=tmp_path / "cut")) == whole


def test_the_second_ctrl_c_ends_at_once(tmp_path):
    model = regressor(tmp_path, Sender("on_progress", 8, INT, INT))
    with pytest.warns(UserWarning, match="training was interrupted after 1 epochs"):
        model.fit(X, Y)
    assert newest_checkpoint(tmp_path)[0] is None
    model = regressor(tmp_path, Sender("on_progress", 8, TERM, TERM, USR1))  # as batch systems do
    with pytest.raises(TrainingTerminated, match="SIGTERM"):
        model.fit(X, Y)
    assert newest_checkpoint(tmp_path)[0] is not None


def test_a_signal_after_the_end_goes_where_it_would_have_gone(tmp_path):
    heard = []
    before = signal.signal(TERM, lambda number, frame: heard.append(number))
    try:
        model = regressor(tmp_path, Sender("on_stop", 1, TERM)).fit(X, Y)
    finally:
        signal.signal(TERM, before)
    assert heard == [TERM] and model.n_iter_ == 3


def test_in_another_thread_signals_are_the_main_ones(tmp_path):
    models, before = [], signal.getsignal(TERM)
    seen = SimpleNamespace(on_epoch_end=lambda info: models.append(signal.getsignal(TERM)))
    thread = threading.Thread(target=lambda: models.append(regressor(tmp_path, seen).fit(X, Y)))
    thread.start()
    thread.join()
    assert models[:3] == [before] * 3 and models[3].n_iter_ == 3


SCRIPT = """
import sys
import numpy as np
from numrnn import RNNClassifier
from numrnn.training import Checkpoint

X = np.random.default_rng(0).normal(size=(200, 20, 2))
options = {"max_iter": int(sys.argv[2]), "batch_size": 8, "random_state": 3}
model = RNNClassifier((8,), callbacks=[Checkpoint(sys.argv[1])], **options)
print("training", flush=True)
model.fit(X, X[:, 0, 0] > 0, resume=sys.argv[1])
print(model.loss_)
"""


def test_a_script_ends_with_a_code_and_can_be_submitted_again(tmp_path):
    """Check the exit code of a script that is killed in a fit of hours, and then makes one epoch more."""
    words = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen([*words, "1000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "training\n"
        deadline = time.monotonic() + 100
        while not (tmp_path / "lock").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(TERM)
        out, err = process.communicate(timeout=100)
    assert (process.returncode, out, err) == (RESUBMIT, "", "")
    epochs = str(newest_checkpoint(tmp_path)[1]["history"].shape[0] + 1)
    again = subprocess.run([*words, epochs], capture_output=True, text=True, check=True)
    data = np.random.default_rng(0).normal(size=(200, 20, 2))
    model = RNNClassifier((8,), max_iter=int(epochs), batch_size=8, random_state=3).fit(data, data[:, 0, 0] > 0)
    assert again.stdout == f"training\n{model.loss_}\n"


def test_signals_that_are_ignored_stay_so(tmp_path):
    before = signal.signal(INT, signal.SIG_IGN)
    try:
        model = regressor(tmp_path, Sender("on_progress", 3, INT)).fit(X, Y)
    finally:
        signal.signal(INT, before)
    assert model._state.stop_reason == "max_iter"
