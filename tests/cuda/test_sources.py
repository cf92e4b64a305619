"""Test the ways from host to device: one copy, two buffers and windows of files give the same bits."""

import numpy as np
import pytest
from networks import relative_error

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, Sequences
from numrnn.data import ShardWriter, open_shards
from numrnn.data.batches import Batch, Rows, in_chunks
from numrnn.data.shards import sequences
from numrnn.data.views import Held
from numrnn.network.cuda import network as network_module
from numrnn.network.cuda import transfer
from numrnn.network.cuda.device import to_host
from numrnn.network.cuda.transfer import Sources, Streamed, _feed_once

RANDOM = np.random.default_rng(0)
LENGTHS = (3, 1, 4, 2, 2, 3, 1)
X = Sequences.from_list([RANDOM.normal(size=(steps, 2)).astype(np.float32) for steps in LENGTHS])
SYMBOLS = Sequences.from_list([RANDOM.integers(0, 300, steps).astype(np.uint16) for steps in LENGTHS])
Y = np.array([0, 1, 2, 1, 0, 2, 1])


def fit(kind, *data, **params):
    params = {"hidden_layer_sizes": (3,), "max_iter": 2, "batch_size": 2, "random_state": 0, **params}
    return kind(**{"device": "cuda", **params}).fit(*data)


def same_bits(one, other):
    np.testing.assert_array_equal(one._state.theta, other._state.theta)
    assert one.loss_curve_ == other.loss_curve_


@pytest.fixture
def brought(monkeypatch):
    """Return a list of the steps that come through the buffers, one entry per mini-batch."""
    brought, bring = [], transfer.Buffers.bring

    def noted(self, rows, write):
        brought.append(rows)
        return bring(self, rows, write)

    monkeypatch.setattr(transfer.Buffers, "bring", noted)
    return brought


@pytest.fixture
def no_room(brought, monkeypatch):
    """Make all data too large for one copy on the device; return the list of `brought`."""
    monkeypatch.setattr(transfer, "SHARE", 0.0)
    return brought


@pytest.mark.parametrize("data", [X, SYMBOLS], ids=["vectors", "symbols"])
@pytest.mark.parametrize("steps", [None, 2])
def test_both_ways_bring_the_same_steps(data, steps, monkeypatch):
    batches = [Batch(np.array([2, 0])), Batch(np.array([6, 1, 3])), Batch(np.array([4])), Batch(np.array([5, 2]))]
    rows = Rows(batches if steps is None else in_chunks(batches, data.lengths, steps, 8), data.lengths)
    fed = []
    for share in (1.0, 0.0):
        monkeypatch.setattr(transfer, "SHARE", share)
        feed = Sources().feed(data, rows)
        assert isinstance(feed, Streamed) == (share == 0.0)
        for first, end in zip(rows.first, rows.first[1:], strict=False):
            values, starts = feed.read(slice(first, end))
            places = zip(starts, rows.lengths[first:end], strict=True)
            fed.append([np.array(to_host(values[s : s + n])) for s, n in places])
            feed.done()
    assert len(fed) % 2 == 0
    for one, other in zip(fed[: len(fed) // 2], fed[len(fed) // 2 :], strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(fed[0][0], data[2] if steps is None else data[2][:2])


class Noted:
    """Stand for a stream or an event, and log its calls."""

    def __init__(self, name, log):
        self.name, self.log = name, log

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def synchronize(self):
        self.log.append(("host waits for", self.name))

    def wait_event(self, event):
        self.log.append((self.name, "waits for", event.name))

    def record(self, stream):
        self.log.append((self.name, "after", stream.name))


def test_a_buffer_is_filled_only_after_it_was_read(monkeypatch):
    log, names = [], iter(["copied 0", "read 0", "copied 1", "read 1"])
    monkeypatch.setattr(transfer, "new_stream", lambda: Noted("copies", log))
    monkeypatch.setattr(transfer, "new_event", lambda: Noted(next(names), log))
    monkeypatch.setattr(transfer, "current_stream", lambda: Noted("work", log))
    monkeypatch.setattr(transfer, "copy_to_card", lambda *rest: log.append("copy"))
    two = transfer.Buffers(3, (2,), np.float32)
    for _ in range(3):
        two.bring(2, lambda host: log.append("fill"))
        two.done()

    def turn(n):
        copied, read = f"copied {n}", f"read {n}"
        before = ("host waits for", copied), "fill", ("copies", "waits for", read), "copy", (copied, "after", "copies")
        return [*before, ("work", "waits for", copied), (read, "after", "work")]

    assert log == turn(0) + turn(1) + turn(0)


@pytest.mark.parametrize(
    "options",
    [{"cell": "lstm", "dropout": 0.3}, {"bptt_steps": 2}, {"early_stopping": True}, {"solver": "lbfgs"}],
    ids=str,
)
def test_a_fit_by_two_buffers_has_the_bits_of_one_upload(options, no_room, monkeypatch):
    streamed = fit(RNNClassifier, X, Y, **options)
    assert no_room and max(no_room) < len(X.values) or "solver" in options
    streamed_p = streamed.predict_proba(X)
    monkeypatch.setattr(transfer, "SHARE", 1.0)
    no_room.clear()
    uploaded = fit(RNNClassifier, X, Y, **options)
    assert not no_room or "early_stopping" in options  # of the sequences held out alone
    same_bits(streamed, uploaded)
    np.testing.assert_array_equal(streamed_p, uploaded.predict_proba(X))


def test_a_language_model_by_two_buffers_has_the_bits_of_one_upload(no_room, monkeypatch):
    params = {"bptt_steps": 3, "max_iter": 1}
    streamed = fit(RNNLanguageModel, "abracadabra" * 2, **params)
    assert no_room
    monkeypatch.setattr(transfer, "SHARE", 1.0)
    same_bits(streamed, fit(RNNLanguageModel, "abracadabra" * 2, **params))


def test_predictions_in_groups_have_the_same_bits(no_room, monkeypatch):
    monkeypatch.setattr(network_module, "ROWS_AT_ONCE", 5)
    model = fit(RNNRegressor, X, X, output="step")
    no_room.clear()
    streamed = model.predict(X)
    assert len(no_room) > 2 and sum(no_room) == sum(LENGTHS)
    monkeypatch.setattr(transfer, "SHARE", 1.0)
    np.testing.assert_array_equal(streamed.values, model.predict(X).values)


def test_a_few_of_many_sequences_are_brought_alone(monkeypatch):
    monkeypatch.setattr(transfer, "SHARE", 1.0)
    assert isinstance(_feed_once(X, [np.array([0]), np.array([4])]), transfer.Streamed)
    assert isinstance(_feed_once(X, [np.array([2, 0]), np.array([5])]), transfer.Resident)


def test_an_array_that_was_changed_is_read_again():
    data = np.array(X[2][None].repeat(4, axis=0))
    model = fit(RNNClassifier, data, Y[:4], warm_start=True)
    first = model.predict_proba(data)
    data[...] = RANDOM.normal(size=data.shape)
    second = model.predict_proba(data)
    assert (first != second).any()
    np.testing.assert_array_equal(second, model.predict_proba(data.copy()))
    other = fit(RNNClassifier, X[2][None].repeat(4, axis=0), Y[:4], warm_start=True)
    same_bits(model.fit(data, Y[:4]), other.fit(data.copy(), Y[:4]))
    same_bits(model.partial_fit(data, Y[:4]), other.partial_fit(data.copy(), Y[:4]))


@pytest.fixture
def files(tmp_path):
    with ShardWriter(tmp_path / "data", shard_size="1B") as writer:
        writer.write(X, Y)
    return lambda buffer: open_shards(tmp_path / "data", buffer=buffer)


def test_windows_of_files_train_as_data_in_memory(files, brought, monkeypatch):
    monkeypatch.setattr(sequences, "BLOCK", 40)
    step, options = X.values[0].nbytes, {"shuffle": False}
    data = files(f"{6 * step}B").X  # windows of two sequences or one
    in_files = fit(RNNClassifier, data, Y, **options)
    assert sum(brought) == 2 * sum(LENGTHS)
    in_memory, one_window = (fit(RNNClassifier, x, Y, **options) for x in (X, files("1GB").X))
    assert sum(brought) == 2 * sum(LENGTHS)
    same_bits(in_files, in_memory)
    same_bits(one_window, in_memory)
    predicted = in_files.predict_proba(data), in_memory.predict_proba(X)
    assert relative_error(*predicted) <= 1e-6  # a BLAS has other routines for other numbers of rows


@pytest.mark.parametrize("options", [{"bptt_steps": 2}, {"early_stopping": True}], ids=str)
def test_shuffled_windows_train_as_on_the_cpu(options, files):
    step = X.values[0].nbytes
    card, cpu = (fit(RNNClassifier, files(f"{6 * step}B").X, Y, device=device, **options) for device in ("cuda", "cpu"))
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-5
    assert relative_error(card.loss_curve_, cpu.loss_curve_) <= 1e-5


def test_a_window_has_an_array_of_its_own(files):
    data = files("1GB").X
    memory = np.empty((30, 2), np.float32)
    windows = [Held(data, ids, *data.gather(ids, memory)) for ids in (np.array([0, 2]), np.array([1, 3]))]
    arrays = [window.gather(np.array([first]))[0] for window, first in zip(windows, (0, 1), strict=True)]
    assert arrays[0] is not arrays[1] and np.shares_memory(*arrays)
    assert windows[0].gather(np.array([2]))[0] is arrays[0] and len(arrays[0]) == 7
    assert windows[1].release() is memory
