"""Test data in files: they are read as they were written, and train to the same bits as data in memory."""

import collections.abc
import json
import os
import signal
import threading
import tracemalloc

import numpy as np
import pytest
from cut import Cut
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, RNNRegressor, Sequences, SequenceScaler
from numrnn.data import ShardWriter, open_shards
from numrnn.data import scaler as scaler_module
from numrnn.data.batches import WindowReader, epoch_windows
from numrnn.data.shards import sequences
from numrnn.data.shards.format import changed_files
from numrnn.data.shards.read_ahead import read_ahead
from numrnn.data.sources import Targets
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.parameters import Layout, initial_theta
from numrnn.solvers import Adam
from numrnn.training import Checkpoint, TrainingState, loop, resolve_schedule, train

LENGTHS = [1, 9, 3, 40, 2, 2, 17, 5, 1, 30, 12, 8, 8, 21, 4, 6, 33, 2, 10, 7]


def numbers(dtype=np.float32, columns=(3,)):
    random = np.random.default_rng(0)
    return Sequences.from_list([random.normal(size=(n, *columns)).astype(dtype) for n in LENGTHS])


def symbols(dtype=np.int64):
    random = np.random.default_rng(0)
    return Sequences.from_list([random.integers(0, 5, n).astype(dtype) for n in LENGTHS])


LABELS = np.array(["a", "b", "c"])[np.arange(len(LENGTHS)) % 3]
WEIGHTS = np.linspace(0, 2, len(LENGTHS))


def steps_of(X):
    return Sequences(np.arange(len(X.values)) % 2, X.offsets)


def write(folder, X, y=None, sample_weight=None, *, shard_size="400B", parts=2, dtype=None):
    """Write in several calls, whose bounds are not those of shards."""
    with ShardWriter(folder, shard_size=shard_size, dtype=dtype) as writer:
        for ids in np.array_split(np.arange(len(X)), parts):
            writer.write(X[ids], *(None if rows is None else rows[ids] for rows in (y, sample_weight)))
    return folder


def bits(model):
    return {name: values.tobytes() for name, values in model.weights_.items()} | {"loss": model.loss_curve_}


@pytest.mark.parametrize("shard_size", ["1B", "400B", "1GB"])
@pytest.mark.parametrize("X", [numbers(), numbers(np.float64), symbols(), symbols(np.uint8), numbers()[:1]])
def test_what_is_written_is_read(X, shard_size, tmp_path):
    y, weights = LABELS[: len(X)], Sequences(np.ones(len(X.values)), X.offsets)
    found = open_shards(write(tmp_path / "data", X, y, weights, shard_size=shard_size, parts=min(2, len(X))))
    assert isinstance(found.X, collections.abc.Sequence)
    assert found.X.n_shards == {"1B": len(X), "1GB": 1}.get(shard_size, found.X.n_shards)
    assert (len(found.X), found.X.shape, found.X.dtype) == (len(X), X.shape, X.values.dtype)
    assert found.X.load() == X and found.X == X and list(found.y) == list(y) and found.sample_weight == weights
    assert np.array_equal(found.X[-1], X[-1]) and found.X.index(X[0]) == 0
    chosen = np.random.default_rng(0).permutation(len(X))[: len(X) // 2 + 1]
    assert found.X[chosen].load() == X[chosen] and found.X[chosen][::2].load() == X[chosen][::2]


def test_numpy_alone_reads_the_files(tmp_path):
    X = numbers()
    folder = write(tmp_path / "data", X, LABELS, WEIGHTS)
    index = json.loads((folder / "index.json").read_text())
    arrays = {
        kind: np.concatenate([np.load(folder / f"{shard['name']}.{kind}.npy") for shard in index["shards"]])
        for kind in ("values", "lengths", "targets", "weights")
    }
    assert Sequences.from_concatenated(arrays["values"], arrays["lengths"]) == X
    assert np.array_equal(arrays["targets"], LABELS) and np.array_equal(arrays["weights"], WEIGHTS)
    assert (index["sequences"], index["steps"]) == (len(X), len(X.values))


def test_forms_that_are_written(tmp_path):
    array = np.random.default_rng(0).normal(size=(4, 6, 2))
    for n, X in enumerate((array, list(array), Sequences.from_array(array))):
        for dtype in (None, "float32"):
            with ShardWriter(tmp_path / f"{n}{dtype}", dtype=dtype) as writer:
                writer.write(X)
            assert open_shards(tmp_path / f"{n}{dtype}").X == Sequences.from_array(array.astype(dtype or "float64"))
    labels = np.array(["a", "bc"], dtype=object)
    assert open_shards(write(tmp_path / "labels", numbers()[:2], labels)).y.tolist() == ["a", "bc"]
    assert open_shards(write(tmp_path / "flat", numbers(columns=()))).X.shape == (len(LENGTHS), None, 1)


CASES = {
    "elman": (numbers(), {}),
    "lstm": (numbers(), {"cell": "lstm", "dropout": 0.2, "recurrent_dropout": 0.2, "hidden_layer_sizes": (6, 5)}),
    "chunks": (numbers(), {"cell": "gru", "bptt_steps": 7, "dropout": 0.3}),
    "bidirectional": (numbers(), {"bidirectional": True}),
    "held out": (numbers(), {"early_stopping": True, "validation_fraction": 0.3, "dropout": 0.2}),
    "in order": (numbers(), {"shuffle": False}),
    "steps": (numbers(), {"output": "step", "early_stopping": True}),
    "converted": (numbers(np.float64), {}),
    "to float64": (numbers(np.int16), {"dtype": "float64"}),
    "symbols": (symbols(), {"n_symbols": "auto", "embedding_size": 4}),
    "narrow symbols": (symbols(np.uint8), {"n_symbols": 9}),
}


@pytest.mark.parametrize("name", CASES)
def test_same_bits_as_in_memory(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sequences, "BLOCK", 300)
    X, options = CASES[name]
    y, weights = (steps_of(X), Sequences(np.ones(len(X.values)), X.offsets)) if name == "steps" else (LABELS, WEIGHTS)
    files = open_shards(write(tmp_path / "data", X, y, weights, shard_size=X.values.nbytes // 6))
    assert files.X.n_shards > 3
    options = {"hidden_layer_sizes": (6,), "batch_size": 4, "max_iter": 3, "random_state": 0} | options
    expected = RNNClassifier(**options).fit(X, y, weights)
    model = RNNClassifier(**options).fit(*files)
    assert bits(model) == bits(expected)
    for method in ("predict_proba", "predict", "transform"):
        assert np.array_equal(*(rows.values if isinstance(rows, Sequences) else rows for rows in [
            getattr(model, method)(files.X), getattr(model, method)(X)
        ]))  # fmt: skip
    assert model.score(*files) == expected.score(X, y, weights)


@pytest.mark.parametrize("options", [{}, {"bptt_steps": 7}, {"shuffle": False}, {"early_stopping": True}])
def test_many_windows_same_bits(options, tmp_path, monkeypatch):
    X, y, _ = open_shards(write(tmp_path / "data", numbers(), LABELS), buffer="1KB")
    options = {"hidden_layer_sizes": (6,), "batch_size": 3, "max_iter": 3, "random_state": 0, "dropout": 0.1} | options
    expected = bits(RNNClassifier(**options, n_jobs=1).fit(X, y))
    assert bits(RNNClassifier(**options, n_jobs=2).fit(X, y)) == expected
    monkeypatch.setattr(loop, "ROWS_PER_CALL", 1)
    assert bits(RNNClassifier(**options).fit(X, y)) == expected


def test_regression_and_search_over_shards(tmp_path):
    X, y = numbers(), WEIGHTS
    files = open_shards(write(tmp_path / "data", X, y), buffer="1GB")
    search = GridSearchCV(RNNRegressor((4,), max_iter=2, random_state=0), {"cell": ["elman", "gru"]}, cv=2)
    scores = [search.fit(data, y).cv_results_["mean_test_score"].tolist() for data in (X, files.X)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("stored", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("options", [{}, {"with_mean": False}, {"with_std": False}])
def test_standardised_as_they_are_read(stored, options, tmp_path, monkeypatch):
    monkeypatch.setattr(sequences, "BLOCK", 300)
    monkeypatch.setattr(scaler_module, "BLOCK", 17)
    random = np.random.default_rng(0)
    X = Sequences.from_list([random.normal(50, 9, size=(n, 3)).astype(stored) for n in LENGTHS])
    files = open_shards(write(tmp_path / "data", X, LABELS)).X
    scaler, twin = SequenceScaler(**options).fit(X), SequenceScaler(**options).fit(files)
    assert np.array_equal(scaler.mean_, twin.mean_) and np.array_equal(scaler.scale_, twin.scale_)
    Z = scaler.transform(files)
    assert Z.load() == scaler.transform(X) and Z[3:5].dtype == scaler.transform(X).values.dtype
    assert scaler.inverse_transform(Z).load() == scaler.inverse_transform(scaler.transform(X))
    model = make_pipeline(SequenceScaler(**options), RNNClassifier((4,), max_iter=2, random_state=0))
    assert bits(model.fit(files, LABELS)[-1]) == bits(model.fit(X, LABELS)[-1])


@pytest.mark.parametrize("shuffle", [True, False])
def test_windows_of_an_epoch(shuffle, tmp_path):
    X = open_shards(write(tmp_path / "data", numbers()), buffer="1KB").X
    options = {"shuffle": shuffle, "tile_rows": 8}
    windows = epoch_windows(X, 3, key=(5, 1), **options)
    ids = [np.concatenate([batch.ids for batch in window]) for window in windows]
    assert sorted(np.concatenate(ids).tolist()) == list(range(len(X))) and len(windows) > 2
    if not shuffle:
        assert all(X.lengths[part].sum() * 12 <= 1000 for part in ids)
    again, other = (epoch_windows(X, 3, key=(5, epoch), **options) for epoch in (1, 2))
    assert str(again) == str(windows) and (str(other) != str(windows)) == shuffle
    for done in range(sum(map(len, windows))):
        left = 0
        for held, batches in WindowReader(X).read(windows, done):
            for batch in batches:
                (values, starts), i = held.gather(batch.ids), batch.ids[0]
                assert np.array_equal(values[starts[0] : starts[0] + X.lengths[i]], X[i])
                left += 1
        assert left == sum(map(len, windows)) - done


@pytest.mark.serial
def test_memory_holds_two_windows(tmp_path, monkeypatch):
    monkeypatch.setattr(sequences, "BLOCK", 100_000)
    X = Sequences.from_array(np.zeros((2000, 250, 8), np.float32))  # 16 MB
    files = open_shards(write(tmp_path / "data", X, np.arange(2000) % 2, shard_size="250KB"), buffer="1MB")
    model = RNNClassifier((4,), max_iter=2, random_state=0, early_stopping=True).fit(X[:64], files.y[:64])
    peaks = []
    for data in (X, files.X):
        tracemalloc.start()
        try:
            model.fit(data, files.y)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # Windows, blocks that are held out, a file's buffer, objects.
    assert peaks[1] - peaks[0] < 2e6 + 3 * sequences.BLOCK + sequences.BUFFERED + 1e5


@pytest.mark.serial
@pytest.mark.parametrize("early_stopping", [False, True])
def test_memory_maps_are_not_copied(early_stopping, tmp_path):
    X, y = np.random.default_rng(0).normal(size=(2000, 50, 8)).astype(np.float32), np.arange(2000) % 2
    np.save(tmp_path / "values.npy", X.reshape(-1, 8))
    np.save(tmp_path / "offsets.npy", np.arange(2001) * 50)
    mapped = Sequences(*(np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("values", "offsets")))
    # One thread: each has memory of its own, and whether a second one comes in time is chance.
    options = {"cell": "elman", "max_iter": 2, "random_state": 0, "n_jobs": 1}
    model = RNNClassifier((4,), early_stopping=early_stopping, **options)
    expected = bits(model.fit(X, y))
    model.predict(X)  # compiled, or read from disk, before memory is counted
    tracemalloc.start()
    try:
        assert bits(model.fit(mapped, y)) == expected
        model.predict(mapped)
        assert tracemalloc.get_traced_memory()[1] < X.nbytes / 3
    finally:
        tracemalloc.stop()


def test_training_goes_on_within_an_epoch(tmp_path):
    X = open_shards(write(tmp_path / "data", numbers(), LABELS), buffer="1KB").X

    class Stop:
        def __init__(self, *calls):
            self.calls, self.n = calls, 0

        def on_progress(self, info):
            self.n += 1
            return self.n in self.calls

    def trained(*stops):
        layout = Layout(n_inputs=3, hidden_layer_sizes=(4,), cell="gru", n_outputs=3)
        network, theta = CPUNetwork(layout), initial_theta(layout, "tanh", seed=0, dtype=np.float32)
        state = TrainingState(theta, seed=0)
        targets, schedule = (
            Targets(np.arange(len(X)) % 3),
            resolve_schedule("constant", learning_rate_init=0.01, max_iter=2),
        )
        for stop in (*stops, Stop()):
            left = 2 - state.epoch
            options = {"batch_size": 3, "bptt_steps": 7, "max_iter": left, "callbacks": [stop]}
            train(network, state, X, targets, solver=Adam(), schedule=schedule, **options)
        assert state.epoch == 2
        return state.theta.tobytes(), [record.loss for record in state.history]

    assert trained(Stop(1), Stop(3), Stop(2)) == trained()


def change(path, at=None, to=b"", size=None):
    content = bytearray(path.read_bytes())
    if at is not None:
        at %= len(content)
        content[at : at + len(to)] = to
    path.write_bytes(bytes(content[:size]))


def replace(path, before, after):
    path.write_text(path.read_text().replace(before, after, 1))


def without(path, **entries):
    """Change entries of an index, and leave its checksum out."""
    index = json.loads(path.read_text()) | entries
    del index["checksum"]
    path.write_text(json.dumps(index))


def with_shards(change):
    """Return a function that changes the list of shards in the index of a folder."""

    def apply(folder):
        shards = json.loads((folder / "index.json").read_text())["shards"]
        without(folder / "index.json", shards=change(shards))

    return apply


def named(name):
    return with_shards(lambda shards: [{**shards[0], "name": name}, *shards[1:]])


FAULTS = {
    "no index": (lambda folder: (folder / "index.json").unlink(), "it is incomplete"),
    "no JSON": (lambda folder: change(folder / "index.json", size=9), "index.json: not a readable index"),
    "other format": (lambda folder: without(folder / "index.json", version=2), "version 2"),
    "no shards": (lambda folder: without(folder / "index.json", shards=[]), "must name at least one shard"),
    "missing": (lambda folder: (folder / "00001.values.npy").unlink(), "00001.values.npy: .* missing"),
    "cut short": (lambda folder: change(folder / "00001.targets.npy", size=-1), "00001.targets.npy: .* truncated"),
    "other type": (lambda folder: without(folder / "index.json", dtype="<f8"), "00000.values.npy: expected <f8"),
    "other width": (lambda folder: without(folder / "index.json", columns=4), r"00000.values.npy: expected .*, 4\)"),
    "no .npy": (
        lambda folder: [as_of_today(folder), change(folder / "00001.lengths.npy", 0, b"x")],
        "00001.lengths.npy: not a readable",
    ),
    "an entry": (lambda folder: without(folder / "index.json", columns="3"), "index.json: not a readable index"),
    "no dtype": (lambda folder: without(folder / "index.json", dtype="banana"), "index.json: not a readable index"),
    "no bytes": (lambda folder: without(folder / "index.json", shards=[{"name": "00000"}]), "not a readable index"),
    "no list": (lambda folder: without(folder / "index.json", shards=[1]), "index.json: not a readable index"),
    "per row": (lambda folder: without(folder / "index.json", targets="row"), "index.json: not a readable index"),
    "lengths": (
        lambda folder: [as_of_today(folder), change(folder / "00001.lengths.npy", 128, b"\x7f")],
        r"00001.lengths.npy: lengths\[0\]=127: must be at most",
    ),
    "changed lengths": (
        lambda folder: change(folder / "00001.lengths.npy", 128, b"\x7f"),
        "00001.lengths.npy: its checksum differs from the one in index.json",
    ),
    "changed targets": (lambda folder: change(folder / "00001.targets.npy", -4, b"b"), "00001.targets.npy: its check"),
    "a changed index": (
        lambda folder: replace(folder / "index.json", '"sequences": ', '"sequences": 1'),
        "index.json: .*its checksum does not match",
    ),
    "an unknown entry": (lambda folder: without(folder / "index.json", chfcksum="0"), "unknown entry 'chfcksum'"),
    "some shards": (with_shards(lambda shards: shards[:2]), "sequences=20: must be the total of its shards, 4"),
    "a shard thrice": (with_shards(lambda shards: [shards[0]] * 3), "it names shard '00000' 3 times"),
    "no shard": (with_shards(lambda shards: {}), "must name at least one shard"),
    "deep": (lambda folder: (folder / "index.json").write_text("[" * 50_000), "index.json: .*recursion"),
    "a header a byte shorter": (
        lambda folder: [as_of_today(folder), change(folder / "00001.values.npy", 8, b"\x75")],
        "00001.values.npy: not a readable .npy file .*but the file has",
    ),
}
NAMES = ("", ".", "..", "../data/00000", "/etc/passwd", "sub/00000", "a\\b", "a\0b", ".hidden")
FAULTS |= {f"a shard called {name!r}": (named(name), "must be the name of a file in the directory") for name in NAMES}
FAULTS |= {f"a shard called {name!r}": (named(name), "not a readable index of shards") for name in (None, 5, ["00000"])}


def as_of_today(folder):
    """Rewrite an index to the format that numrnn wrote before there were checksums."""
    index = json.loads((folder / "index.json").read_text())
    del index["checksum"]
    for shard in index["shards"]:
        del shard["sha256"]
    (folder / "index.json").write_text(json.dumps(index, indent=1))


def test_an_index_without_checksums_is_read(tmp_path):
    folder = write(tmp_path / "data", numbers(), LABELS, WEIGHTS)
    as_of_today(folder)
    X, y, weights = open_shards(folder)
    assert X.load() == numbers() and np.array_equal(y, LABELS) and np.array_equal(weights, WEIGHTS)
    with pytest.raises(ValueError, match="index.json: the index has no checksums"):
        changed_files(folder)


def test_changed_values_are_found(tmp_path):
    folder = write(tmp_path / "data", numbers(), LABELS)
    files = len(list(folder.glob("*.npy")))
    assert changed_files(folder) == ([], files)
    change(folder / "00002.values.npy", -4, np.float32(7).tobytes())
    open_shards(folder)
    assert changed_files(folder) == ([folder / "00002.values.npy"], files)
    (folder / "00001.values.npy").unlink()
    assert changed_files(folder)[0] == [folder / f"0000{n}.values.npy" for n in (1, 2)]


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_with_a_directory(name, tmp_path):
    folder = write(tmp_path / "data", numbers(), LABELS)
    FAULTS[name][0](folder)
    with pytest.raises(ValueError, match=FAULTS[name][1]):
        open_shards(folder)


@pytest.mark.parametrize("name", ["lengths", "targets"])
@pytest.mark.parametrize("array", [np.array(3), np.full((len(LABELS), 2), 1.5), np.array(["7"])])
def test_arrays_of_another_shape_or_kind(name, array, tmp_path):
    folder = write(tmp_path / "data", numbers(), LABELS, shard_size="1MB")
    np.save(folder / f"00000.{name}.npy", array[: len(LABELS)] if array.ndim else array)
    index = json.loads((folder / "index.json").read_text())
    del index["checksum"], index["shards"][0]["sha256"]
    index["shards"][0]["bytes"][name] = (folder / f"00000.{name}.npy").stat().st_size
    (folder / "index.json").write_text(json.dumps(index))
    if name == "targets" and array.ndim == 2:
        assert open_shards(folder).y.shape == array.shape
    else:
        with pytest.raises(ValueError, match=f"00000.{name}.npy: expected"):
            open_shards(folder)


def test_no_directory_and_no_size(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such directory"):
        open_shards(tmp_path / "none")
    for size in ("many", "-1MB", "0", True, "5 parsecs"):
        with pytest.raises(ValueError, match="buffer=.*: must be a number of bytes"):
            open_shards(tmp_path, buffer=size)


@pytest.mark.parametrize("found", [np.nan, np.inf])
def test_errors_of_the_reader_name_file_and_sequence(found, tmp_path):
    X = numbers()
    folder = write(tmp_path / "data", X, LABELS)
    files = open_shards(folder, buffer="1KB")
    shard = files.X._shards[2]
    change(folder / "00002.values.npy", shard.at + 12 * X.lengths[shard.first], np.float32(found).tobytes())
    place = rf"00002.values.npy: sequence 1 of this file \({shard.first + 1} of all\), step 0, contains"
    model = RNNClassifier((4,), max_iter=2, random_state=0)
    with pytest.raises(ValueError, match=place):
        model.fit(*files[:2])
    assert not hasattr(model, "classes_")
    model.fit(X, LABELS)
    with pytest.raises(ValueError, match=place):
        model.predict(files.X)
    change(folder / "00002.values.npy", size=-20)
    with pytest.raises(OSError, match="00002.values.npy: the file ends before"):
        model.predict(files.X)


def test_symbols_outside(tmp_path):
    files = open_shards(write(tmp_path / "data", symbols(), LABELS))
    with pytest.raises(ValueError, match=r"0000\d.values.npy: sequence .* expected a symbol from 0 to 3"):
        RNNClassifier((4,), n_symbols=4, max_iter=1).fit(*files[:2])
    with pytest.raises(ValueError, match="expected symbols"):
        RNNClassifier((4,), n_symbols=4).fit(open_shards(write(tmp_path / "numbers", numbers())).X, LABELS)


@pytest.mark.parametrize("options", [{}, {"bptt_steps": 7, "dropout": 0.2}, {"early_stopping": True}])
def test_a_fit_that_was_cut_off_ends_with_the_same_bits(options, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e-9)
    folder = write(tmp_path / "data", numbers(), LABELS)
    X, y, _ = open_shards(folder, buffer="1KB")

    options = {"hidden_layer_sizes": (4,), "max_iter": 3, "batch_size": 3, "random_state": 3} | options
    whole = bits(RNNClassifier(**options).fit(X, y))
    for at in (2, 4, 9):
        checkpoints = tmp_path / str(at)
        with pytest.raises(MemoryError):
            RNNClassifier(**options, callbacks=[Checkpoint(checkpoints, every=1e-9), Cut(at)]).fit(X, y)
        assert bits(RNNClassifier(**options, n_jobs=2).fit(X, y, resume=checkpoints)) == whole
    with pytest.raises(ValueError, match="training data: buffer was 1000, but is 2000 now"):
        RNNClassifier(**options).fit(open_shards(folder, buffer="2KB").X, y, resume=checkpoints)


def test_what_shards_are_refused_for(tmp_path):
    files = open_shards(write(tmp_path / "data", numbers(), LABELS))
    with pytest.raises(ValueError, match=r"pass X.load\(\)"):
        RNNClassifier((4,), solver="lbfgs").fit(*files)
    with pytest.raises(AttributeError, match="not in memory"):
        files.X.values  # noqa: B018
    with pytest.raises(ValueError, match="not an array"):
        np.asarray(files.X)
    with pytest.raises(ValueError, match="is empty"):
        RNNClassifier((4,)).fit(files.X[[]], [])


BAD_WRITES = {
    "empty sequence": (([np.zeros((0, 3), np.float32)],), r"X\[0\] is empty"),
    "other width": (([np.zeros((2, 4), np.float32)], ["a"]), "4 columns of float32.*3 columns"),
    "wider type": (([np.zeros((2, 3))], ["a"]), "float64.*before has 3 columns of float32"),
    "no targets": (([np.zeros((2, 3), np.float32)],), "no targets, .* before has .* targets per sequence"),
    "rows of y": (([np.zeros((2, 3), np.float32)], ["a", "b"]), r"y must have one row per sequence \(1\)"),
    "objects": ((np.array([["a"]]), ["a"]), "expected numbers"),
    "no columns": (([np.zeros((2, 0), np.float32)], ["a"]), r"X\[0\] has no columns"),
    "a row of y": (
        ([np.zeros((2, 3), np.float32)], [["a", "b"]]),
        r"y has rows of shape \(2,\), .* before have shape \(\)",
    ),
    "objects as y": (([np.zeros((2, 3), np.float32)], [None]), "y has dtype object"),
}


@pytest.mark.parametrize("name", BAD_WRITES)
def test_a_failed_write_leaves_nothing(name, tmp_path):
    rows, message = BAD_WRITES[name]
    with pytest.raises(ValueError, match=message), ShardWriter(tmp_path / "data") as writer:
        writer.write(numbers(), LABELS)
        writer.write(*rows)
    assert list(tmp_path.iterdir()) == []


def test_writer_and_its_directory(tmp_path):
    with pytest.raises(ValueError, match="no sequences to write"), ShardWriter(tmp_path / "none"):
        pass
    assert list(tmp_path.iterdir()) == []
    writer = ShardWriter(tmp_path / "data")
    writer.write(numbers())  # and then the process dies
    with pytest.raises(ValueError, match="it is incomplete"):
        open_shards(writer.folder)
    writer.close()
    with pytest.raises(FileExistsError, match="already exists"):
        ShardWriter(tmp_path / "data")


def test_a_sample(tmp_path):
    X = numbers()
    found = open_shards(write(tmp_path / "data", X)).X
    assert np.array_equal(found.sample(64, 2), np.concatenate([x[:2] for x in X]))
    assert np.array_equal(found.sample(3, 1), X.values[X.offsets[[0, 9, 19]]])
    assert np.array_equal(found[5:].sample(1, 99), X[5])


@pytest.mark.serial
def test_ctrl_c_ends_a_fit_that_waits_for_a_disk(tmp_path, monkeypatch):
    X, y, _ = open_shards(write(tmp_path / "data", numbers(), LABELS), buffer="1KB")
    model, read = RNNClassifier((4,), max_iter=9, random_state=0), sequences.ShardedSequences._read
    begun, ready, waited = threading.Event(), threading.Event(), []

    def slow(self, *arguments):
        begun.set()
        waited.append(ready.wait(60))
        return read(self, *arguments)

    def interrupt():
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(sequences.ShardedSequences, "_read", slow)
    threading.Thread(target=interrupt).start()
    with pytest.warns(UserWarning, match="interrupted after 0 epochs"):
        model.fit(X, y)
    assert not waited
    ready.set()
    assert len(model.predict(numbers())) == len(y)


def test_reading_ahead():
    begun = []

    def read(n):
        def run(stopped):
            begun.append(n)
            if n == 3:
                raise ValueError("three")
            return n

        return run

    results = read_ahead(map(read, range(5)))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert begun == [0, 1, 2, 3]
    assert list(read_ahead([])) == []
