"""Test that theta and the other arrays stay on the device during training, without a visible difference."""

import gc
import pickle
import signal
import threading

import numpy as np
import pytest
from cut import Cut
from networks import relative_error

from numrnn import RNNClassifier, RNNRegressor
from numrnn.network.cuda import host_mirrors, network, training
from numrnn.network.cuda.host_mirrors import Mirrors
from numrnn.network.cuda.training import Call
from numrnn.network.interface import TrainingRun
from numrnn.training import Checkpoint, TrainingDivergedError, TrainingTerminated, loop

RANDOM = np.random.default_rng(0)
X = [RANDOM.normal(size=(steps, 2)) for steps in (4, 1, 3, 3, 2)]
Y = RANDOM.normal(size=(5, 2))
PARAMS = {"hidden_layer_sizes": (3,), "batch_size": 2, "random_state": 0, "dtype": "float64", "max_iter": 2}
CASES = [
    {"cell": "gru", "bptt_steps": 2, "dropout": 0.3},
    {"cell": "lstm", "solver": "sgd", "clip_norm": 0.1, "alpha": 0.1},
    {"early_stopping": True, "validation_fraction": 0.4},
]


class Looks:
    """Record the weights that a callback reads, which must be up to date on the host."""

    def __init__(self):
        self.weights, self.seen = None, []

    def on_fit_begin(self, info):
        self.weights = info.weights  # views, which must show the present values

    def on_progress(self, info):
        self.seen.append(np.concatenate([array.ravel() for array in self.weights.values()]))


class Changes:
    def on_epoch_end(self, info):
        info.state.theta[::2] *= 0.5
        for array in info.state.solver_state.values():
            array[:] = 0


class Quiet:
    """End training without reading the weights."""

    asks_for_state = True

    def __init__(self, at, error):
        self.left, self.error = at, error

    def on_progress(self, info):
        self.left -= 1
        if not self.left:
            self.end()

    def end(self):
        raise self.error


class Terminated(Quiet):
    asks_for_state = True

    def end(self):
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture(autouse=True)
def one_call_each(monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e-9)  # for each mini-batch


@pytest.fixture
def copied(monkeypatch):
    """Return lists of the sizes of the arrays that are uploaded and downloaded."""
    sizes = {"up": [], "down": []}
    upload, download = host_mirrors.upload, host_mirrors.download
    monkeypatch.setattr(host_mirrors, "upload", lambda array: (sizes["up"].append(array.size), upload(array))[1])

    def noted(*arrays):
        sizes["down"].append(arrays[0].size)
        return download(*arrays)

    monkeypatch.setattr(host_mirrors, "download", noted)
    return sizes


def model(kind=RNNRegressor, device="cuda", **params):
    return kind(**{**PARAMS, "device": device, **params})


def same_bits(got, expected):
    np.testing.assert_array_equal(got._state.theta, expected._state.theta)
    for name, array in expected._state.solver_state.items():
        np.testing.assert_array_equal(got._state.solver_state[name], array)
    assert got.loss_curve_ == expected.loss_curve_ and got._state.n_updates == expected._state.n_updates


@pytest.mark.parametrize("params", CASES, ids=str)
def test_who_looks_changes_no_bit_and_sees_what_a_cpu_computes(params):
    looks, on_cpu = Looks(), Looks()
    alone, seen = model(**params).fit(X, Y), model(callbacks=[looks], **params).fit(X, Y)
    same_bits(alone, seen)
    cpu = model(device="cpu", callbacks=[on_cpu], **params).fit(X, Y)
    assert len(looks.seen) == len(on_cpu.seen) and not np.array_equal(looks.seen[0], looks.seen[-1])
    assert relative_error(looks.seen, on_cpu.seen) <= 1e-10
    assert relative_error(alone._state.theta, cpu._state.theta) <= 1e-10


def test_nothing_goes_up_or_down_while_nobody_looks(copied):
    fitted = model(cell="gru", max_iter=3).fit(X, Y)  # of Adam
    assert copied["up"] == copied["down"] == [fitted._state.theta.size] * 5


@pytest.fixture
def losses_down(monkeypatch):
    """Return a list of events that tells when, among the calls, the losses of a call are downloaded."""
    events, run, on_host = [], Call.run, training.on_host
    monkeypatch.setattr(Call, "run", lambda self: (events.append("call"), run(self))[1])
    monkeypatch.setattr(training, "on_host", lambda a: (a.ndim == 2 and events.append("losses"), on_host(a))[1])
    return events


@pytest.mark.parametrize("callbacks", [[], [Looks()]], ids=["nobody looks", "somebody looks at weights"])
def test_losses_come_back_once_an_epoch(callbacks, losses_down):
    fitted = model(callbacks=callbacks).fit(X, Y)
    assert losses_down == (["call"] * 3 + ["losses"] * 3) * 2
    same_bits(fitted, model().fit(X, Y))


def test_losses_come_back_for_what_is_saved_within_an_epoch(losses_down):
    saved = []

    class Saves:
        def on_progress(self, info):
            saved.append(pickle.dumps(info.state))

    model(callbacks=[Saves()], max_iter=1).fit(X, Y)
    assert losses_down == ["call", "losses"] * 3
    first, last = (pickle.loads(state).progress for state in (saved[1], saved[2]))
    assert (first.done, last.done) == (1, 2) and [type(run) for run in last.runs] == [TrainingRun] * 2
    assert first.figures()[0] == last.figures()[0][:1] and np.isfinite(last.figures()[2])


def test_states_of_chunks_go_up_once_an_epoch(copied):
    fitted = model(bptt_steps=1, max_iter=2).fit(X, Y)
    vectors, states = [fitted._state.theta.size] * 5, [len(X) * 3]
    assert copied["up"] == vectors + 2 * states and sorted(copied["down"]) == sorted(vectors + 2 * states)


def test_states_that_are_given_go_up_once_and_never_come_back(copied):
    state = RANDOM.normal(size=(5, 3))
    before = state.copy()
    fitted = model().fit(X, Y, state=state)
    assert copied["up"] == [fitted._state.theta.size] * 5 + [15]
    assert copied["down"] == [fitted._state.theta.size] * 5
    np.testing.assert_array_equal(state, before)
    cpu = model(device="cpu").fit(X, Y, state=state)
    assert relative_error(fitted._state.theta, cpu._state.theta) <= 1e-10


def test_a_progress_that_is_only_saved_now_and_then_is_copied_then(tmp_path, copied):
    fitted = model(max_iter=3, callbacks=[Checkpoint(tmp_path, every="2 epochs")]).fit(X, Y)
    assert len(copied["down"]) == len(copied["up"]) == 2 * 5  # before the third epoch, and at the end
    same_bits(fitted, model(max_iter=3).fit(X, Y))


def test_what_a_callback_changes_is_not_lost():
    changed, cpu = (model(device=device, callbacks=[Changes()], max_iter=3).fit(X, Y) for device in ("cuda", "cpu"))
    assert relative_error(changed._state.theta, cpu._state.theta) <= 1e-10
    assert relative_error(changed._state.theta, model(max_iter=3).fit(X, Y)._state.theta) > 1e-3


def interrupted_within_a_call(monkeypatch, at):
    left, run_batch = [at], Call._run_batch

    def interrupting(self, n):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        run_batch(self, n)

    monkeypatch.setattr(Call, "_run_batch", interrupting)


@pytest.mark.parametrize("within", [True, False], ids=["within a call", "between two"])
def test_ctrl_c_keeps_what_was_trained(within, monkeypatch):
    """Check the weights after Ctrl-C after the fifth mini-batch, which is the second of the second epoch."""
    with monkeypatch.context() as patch:
        callbacks = [] if within else [Quiet(6, KeyboardInterrupt())]
        if within:
            interrupted_within_a_call(patch, 6)
        with pytest.warns(UserWarning, match="interrupted after 1 epochs"):
            stopped = model(callbacks=callbacks).fit(X, Y)
    looks = Looks()
    model(callbacks=[looks]).fit(X, Y)
    np.testing.assert_array_equal(stopped._state.theta, looks.seen[5])


class Handler:
    """Record the weights that a signal handler or another thread reads while a call runs."""

    def __init__(self):
        self.seen, self.info, self.threads = [], None, []

    def on_fit_begin(self, info):
        self.info = info

    def look(self):
        self.seen.append(info_theta(self.info))

    def look_from_afar(self):
        self.threads.append(threading.Thread(target=self.look))
        self.threads[-1].start()


def info_theta(info):
    return np.concatenate([array.ravel() for array in info.weights.values()])


@pytest.mark.parametrize("how", ["look", "look_from_afar"])
def test_who_looks_while_a_call_runs_loses_nothing(how, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e9)
    expected, handler, run_batch = model(max_iter=4).fit(X, Y), Handler(), Call._run_batch

    def asked(self, n):
        run_batch(self, n)
        if n == 1:
            getattr(handler, how)()

    monkeypatch.setattr(Call, "_run_batch", asked)
    same_bits(model(max_iter=4, callbacks=[handler]).fit(X, Y), expected)
    for thread in handler.threads:
        thread.join(10)
    assert len(handler.seen) == 4 and not np.isnan(handler.seen).any()


def test_ctrl_c_as_copies_are_given_up_loses_nothing(monkeypatch):
    expected, made = model().fit(X, Y), []

    class Interrupted(network.Sources):
        def __init__(self):
            super().__init__()
            made.append(1)
            if len(made) == 2:  # at the end of the fit
                raise KeyboardInterrupt

    monkeypatch.setattr(network, "Sources", Interrupted)
    with pytest.warns(UserWarning, match="interrupted after 2 epochs"):
        same_bits(model().fit(X, Y), expected)


def test_ctrl_c_before_anything_is_put_back_loses_nothing(monkeypatch):
    expected, settled, settle = model().fit(X, Y), [], Mirrors.settle

    def interrupted(self):
        settled.append(1)
        if len(settled) == 1:
            raise KeyboardInterrupt
        settle(self)

    monkeypatch.setattr(Mirrors, "settle", interrupted)
    with pytest.warns(UserWarning, match="interrupted after 2 epochs"):
        same_bits(model().fit(X, Y), expected)


def test_an_error_keeps_what_was_trained(monkeypatch):
    looks = Looks()
    model(callbacks=[looks]).fit(X, Y)
    stopped = model(callbacks=[Quiet(6, MemoryError("cut"))])
    with pytest.raises(MemoryError, match="cut"):
        stopped.fit(X, Y)
    np.testing.assert_array_equal(stopped._state.theta, looks.seen[5])


@pytest.mark.parametrize("callbacks", [[], [Looks()]], ids=["alone", "watched"])
def test_training_that_diverges_goes_back(callbacks):
    params = {"cell": "elman", "activation": "relu", "solver": "sgd"}
    params["learning_rate"] = lambda epoch: (1e-3, 1e-3, 1e300)[epoch]
    diverged = model(callbacks=callbacks, max_iter=3, **params)
    with np.errstate(all="ignore"), pytest.raises(TrainingDivergedError, match="epoch 3"):
        diverged.fit(X, Y)
    cpu = model(device="cpu", max_iter=3, **params)
    with pytest.raises(TrainingDivergedError):
        cpu.fit(X, Y)
    assert np.isfinite(diverged._state.theta).all()
    assert relative_error(diverged._state.theta, cpu._state.theta) <= 1e-10


@pytest.mark.parametrize("cut", [Cut(3), Quiet(3, MemoryError("cut"))], ids=["looks", "does not look"])
def test_a_checkpoint_within_an_epoch_is_one_of_now(cut, tmp_path):
    params = {"cell": "lstm", "bptt_steps": 2, "max_iter": 1}
    whole = model(**params).fit(X, Y)
    with pytest.raises(MemoryError, match="cut"):
        model(callbacks=[Checkpoint(tmp_path, every=1e-9), cut], **params).fit(X, Y)
    resumed = model(**params).fit(X, Y, resume=tmp_path)
    same_bits(resumed, whole)


def test_a_signal_leaves_a_checkpoint_of_now(tmp_path):
    params = {"cell": "gru", "bptt_steps": 2}
    callbacks = [Terminated(5, None), Checkpoint(tmp_path, every="1h")]
    with pytest.raises(TrainingTerminated, match="0 epochs and 4 mini-batches"):
        model(callbacks=callbacks, max_iter=3, **params).fit(X, Y)
    gc.unfreeze()
    resumed = model(max_iter=3, **params).fit(X, Y, resume=tmp_path)
    same_bits(resumed, model(max_iter=3, **params).fit(X, Y))


def test_partial_fit_takes_weights_that_were_set_meanwhile():
    labels = np.array(["a", "b", "a", "b", "a"])
    card, cpu = (model(RNNClassifier, device).partial_fit(X, labels, classes=["a", "b"]) for device in ("cuda", "cpu"))
    for fitted in (card, cpu):
        fitted.set_weights({name: array * 0.5 for name, array in fitted.weights_.items()})
        fitted.partial_fit(X, labels)
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-10


def test_an_array_that_gives_way_to_another_is_put_back_first():
    kept, card = Mirrors(), np.zeros(3)
    first, second = np.ones(3), np.full(3, 2.0)
    kept.bring("theta", first, card)
    card += 1
    kept.bring("theta", first, card)
    np.testing.assert_array_equal(card, 2)
    kept.bring("theta", second, card)
    np.testing.assert_array_equal(first, 2)
    moved = np.zeros(3)
    card += 5
    kept.bring("theta", second, moved)
    np.testing.assert_array_equal(moved, 7)
    kept.settle()
    kept.bring("theta", second, moved, changes=False)
    moved += 1
    kept.settle()
    np.testing.assert_array_equal(second, 7)


def test_ctrl_c_while_all_is_put_back_loses_nothing(monkeypatch):
    kept, hosts, left, download = Mirrors(), [np.zeros(3), np.zeros(2)], [1], host_mirrors.download

    def interrupting(card, host):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        download(card, host)

    monkeypatch.setattr(host_mirrors, "download", interrupting)
    for left[0] in (1, 2):
        for name, host in zip(("theta", "first"), hosts, strict=True):
            card = np.zeros_like(host)
            kept.bring(name, host, card)
            card += 1
        with pytest.raises(KeyboardInterrupt):
            kept.settle()
        for host in hosts:
            np.testing.assert_array_equal(host, 1)
            host[:] = 0
