"""Test checkpoints: an interrupted fit ends with the same bits, damaged and foreign files raise errors."""

import json
import logging
import os
import resource

import numpy as np
import pytest
from cut import Cut

import numrnn
from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq
from numrnn.io import newest_checkpoint, read_checkpoint, write_checkpoint
from numrnn.io.atomic import create_temporary
from numrnn.solvers import SGD
from numrnn.training import Checkpoint, loop

RNG = np.random.default_rng(0)
X = [RNG.normal(size=(length, 2)) for length in RNG.integers(3, 9, 40)]
Y = [x[-1].sum() for x in X]
LABELS = ["up" if y > 0 else "down" for y in Y]
TEXT = "the rain in spain stays mainly in the plain. " * 10
WORDS = [text[::-1] for text in TEXT.split()]
SEQUENCES, TEXTS, PAIRS = (X, Y), (TEXT,), (TEXT.split(), WORDS)


@pytest.fixture(autouse=True)
def single_batches(monkeypatch):
    """Train each mini-batch in a call of its own, so that an epoch can be interrupted."""
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e-9)


def figures(model):
    """Return all that two fits must have in common, without times."""
    history = [record._replace(seconds=0) for record in model._state.history]
    return model._state.theta.tobytes(), repr(history), repr(model.validation_scores_), model.n_iter_


def cut_off(model, data, folder, at, **options):
    model.set_params(callbacks=[Checkpoint(folder, every=1e-9), Cut(at)])
    with pytest.raises(MemoryError):
        model.fit(*data, resume=folder, **options)


CASES = [
    (RNNRegressor, SEQUENCES, {}),
    (RNNRegressor, SEQUENCES, {"early_stopping": True, "n_iter_no_change": 2, "learning_rate_init": 0.5}),
    (RNNRegressor, SEQUENCES, {"cell": "lstm", "bptt_steps": 3, "dropout": 0.2, "recurrent_dropout": 0.1}),
    (RNNRegressor, SEQUENCES, {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0}),
    (RNNRegressor, SEQUENCES, {"solver": SGD(momentum=0.5, nesterov=True), "learning_rate": "invscaling"}),
    (RNNRegressor, SEQUENCES, {"solver": "adamw", "learning_rate": "cosine", "dtype": "float64"}),
    (RNNClassifier, (X, LABELS), {"solver": "rmsprop", "cell": "gru", "class_weight": "balanced"}),
    (RNNClassifier, (X, LABELS), {"learning_rate": lambda epoch: 1 / (1 + epoch), "early_stopping": True}),
    (RNNRegressor, (X, [np.cumsum(1e4 * x[:, 0]) for x in X]), {"output": "step", "washout": 2, "validation": "last"}),
    (RNNClassifier, (X, LABELS), {"validation": "last", "gap": 3, "scoring": ["f1_macro"], "monitor": "f1_macro"}),
    (RNNRegressor, SEQUENCES, {"restore_best_weights": True, "learning_rate_init": 0.5}),
    (RNNLanguageModel, TEXTS, {"bptt_steps": 5, "early_stopping": True, "dropout": 0.1, "restart_rate": 0.4}),
    (RNNSeq2Seq, PAIRS, {"early_stopping": True, "recurrent_dropout": 0.1}),
]


@pytest.mark.parametrize("kind, data, options", CASES)
def test_a_fit_that_was_cut_off_ends_with_the_same_bits(kind, data, options, tmp_path):
    """Check interruptions in the first epoch and later, at its beginning and within, once and twice.

    The number of threads differs between the parts.
    """
    options = {"max_iter": 4, "batch_size": 8, "random_state": 3} | options
    whole = kind((4,), **options).fit(*data)
    for first in (1, 3, 8):
        folder = tmp_path / str(first)
        cut_off(kind((4,), **options), data, folder, first)
        cut_off(kind((4,), **options), data, folder, 3)
        resumed = kind((4,), n_jobs=2, callbacks=[Checkpoint(folder)], **options).fit(*data, resume=folder)
        assert figures(resumed) == figures(whole)
        again = kind((4,), callbacks=[Checkpoint(folder), Cut(1)], **options).fit(*data, resume=folder)
        assert figures(again) == figures(whole) and not list(folder.glob(".*"))


def test_lbfgs_goes_on_from_its_last_iterate(tmp_path):
    model = RNNRegressor((4,), solver="lbfgs", max_iter=6, dtype="float64", random_state=0)
    cut_off(model, SEQUENCES, tmp_path, 4)
    made = model._state.history
    model.set_params(callbacks=[Checkpoint(tmp_path)]).fit(*SEQUENCES, resume=tmp_path)
    assert model.n_iter_ == 6 and repr(model._state.history[:4]) == repr(made)
    assert model.loss_curve_[-1] < made[-1].loss
    loss = model.loss_
    assert model.fit(*SEQUENCES, resume=tmp_path).loss_ == loss and model.n_iter_ == 6


def test_held_out_sequences_of_ones_own_and_weights_and_states(tmp_path):
    weights, state = RNG.uniform(size=30), RNG.normal(size=(30, 4))
    watched = {"X_val": X[30:], "y_val": Y[30:], "sample_weight": weights, "state": state, "state_val": state[:10]}
    model = RNNRegressor((4,), max_iter=3, batch_size=8, random_state=3)
    whole = figures(model.fit(X[:30], Y[:30], **watched))
    cut_off(model, (X[:30], Y[:30]), tmp_path, 6, **watched)
    model.set_params(callbacks=None)
    assert figures(model.fit(X[:30], Y[:30], resume=tmp_path, **watched)) == whole
    for name, words in [
        ("X_val", "validation data: values differ"),
        ("sample_weight", "training data: weights differ"),
        ("state", "training data: states differ"),
    ]:
        other = [2 * x for x in watched[name]]
        with pytest.raises(ValueError, match=words):
            model.fit(X[:30], Y[:30], resume=tmp_path, **watched | {name: other})


def test_the_seed_is_the_checkpoints(tmp_path):
    """Check that a resumed fit uses the checkpoint's seed for held-out data, shuffling and dropout, even if drawn."""
    model = RNNRegressor((4,), max_iter=3, batch_size=8, early_stopping=True)
    cut_off(model, SEQUENCES, tmp_path, 6)
    seed = model._state.seed
    resumed = RNNRegressor((4,), max_iter=3, batch_size=8, early_stopping=True).fit(*SEQUENCES, resume=tmp_path)
    again = RNNRegressor((4,), max_iter=3, batch_size=8, early_stopping=True).fit(*SEQUENCES, resume=tmp_path)
    assert resumed._state.seed == seed and figures(resumed) == figures(again)


def test_more_epochs_are_those_of_a_longer_fit(tmp_path):
    options = {"batch_size": 8, "random_state": 3}
    model = RNNRegressor((4,), max_iter=3, callbacks=[Checkpoint(tmp_path)], **options).fit(*SEQUENCES)
    model.set_params(max_iter=5).fit(*SEQUENCES, resume=tmp_path)
    assert figures(model) == figures(RNNRegressor((4,), max_iter=5, **options).fit(*SEQUENCES))
    with pytest.raises(ValueError, match="has made 5 epochs, more than max_iter=4"):
        model.set_params(max_iter=4).fit(*SEQUENCES, resume=tmp_path)


def test_a_warm_start_is_resumed_as_one(tmp_path):
    options = {"batch_size": 8, "random_state": 3, "warm_start": True, "learning_rate": "cosine", "max_iter": 2}
    whole = RNNRegressor((4,), **options).fit(*SEQUENCES).fit(*SEQUENCES)
    model = RNNRegressor((4,), **options).fit(*SEQUENCES)
    with pytest.raises(MemoryError):
        model.set_params(callbacks=[Checkpoint(tmp_path, every=1e-9), Cut(8)]).fit(*SEQUENCES)
    begun = RNNRegressor((4,), **options).fit(*SEQUENCES)
    assert figures(begun.fit(*SEQUENCES, resume=tmp_path)) == figures(whole)
    with pytest.raises(ValueError, match="epochs before was 2, but is 0 now"):
        RNNRegressor((4,), **options).fit(*SEQUENCES, resume=tmp_path)


def test_a_directory_without_checkpoints_begins_anew_and_says_so(tmp_path, caplog):
    model = RNNRegressor((4,), max_iter=2, batch_size=8, random_state=3)
    with caplog.at_level(logging.INFO, logger="numrnn"):
        model.set_params(callbacks=[Checkpoint(tmp_path / "new" / "one")]).fit(*SEQUENCES, resume=tmp_path / "new/one")
    assert f"no checkpoint in {tmp_path / 'new/one'}: training starts from the beginning" in caplog.messages
    path, _, header = newest_checkpoint(tmp_path / "new" / "one")
    assert path.name == "checkpoint-000001.safetensors" and header["facts"]["class"] == "RNNRegressor"


def test_a_file_is_no_directory_of_checkpoints(folder):
    with pytest.raises(ValueError, match="resume=.*: must be the directory of checkpoints, but is a file"):
        regressor().fit(*SEQUENCES, resume=newest_checkpoint(folder)[0])


def test_numbers_of_numpy_are_the_same_parameters(folder):
    model = regressor(random_state=np.int64(3), learning_rate_init=np.float64(3e-3), shuffle=np.bool_(True))
    assert model.fit(*SEQUENCES, resume=folder).n_iter_ == regressor().max_iter


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a regressor's fit that was interrupted in its second epoch."""
    cut_off(regressor(), SEQUENCES, tmp_path / "checkpoints", 8)
    return tmp_path / "checkpoints"


def regressor(**options):
    return RNNRegressor((4,), **{"cell": "elman", "max_iter": 3, "batch_size": 8, "random_state": 3} | options)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"batch_size": 9}, "batch_size was 8, but is 9 now"),
        ({"random_state": 4}, "random_state was 3, but is 4 now"),
        ({"dtype": "float64"}, "dtype was 'float32', but is 'float64' now; network: dtype"),
        ({"cell": "gru", "alpha": 1.0}, "alpha was 0.0, but is 1.0 now; cell was 'elman', but is 'gru' now"),
        ({"solver": SGD()}, "solver was {'object': {'class': 'Adam'.* is {'object': {'class': 'SGD'"),
        ({"learning_rate": np.sin}, "learning_rate was 'constant'"),
        ({"learning_rate": "cosine"}, "learning_rate was 'constant', but is 'cosine' now; max_iter was None, but is 3"),
    ],
)
def test_other_parameters_are_refused(folder, options, words):
    model = regressor(**options)
    with pytest.raises(ValueError, match=f"resume: .*checkpoint-.* belongs to another fit: {words}"):
        model.fit(*SEQUENCES, resume=folder)
    assert not hasattr(model, "n_iter_")


@pytest.mark.parametrize(
    "data, words",
    [
        ((X[:-1], Y[:-1]), "sequences was 40, but is 39 now; training data: steps was"),
        ((X, Y[::-1]), "training data: targets differ"),
        (([2 * x for x in X], Y), "training data: values differ"),
        ((X[::-1], Y), "training data: lengths differ; training data: values differ"),
    ],
)
def test_other_data_are_refused(folder, data, words):
    model = regressor(max_iter=1).fit(*SEQUENCES)
    before = figures(model)
    with pytest.raises(ValueError, match=words):
        model.set_params(max_iter=3).fit(*data, resume=folder)
    assert figures(model) == before


def test_another_estimator_other_labels_and_other_callbacks_are_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="class was 'RNNRegressor', but is 'RNNClassifier' now"):
        RNNClassifier((4,), max_iter=3, batch_size=8, random_state=3).fit(X, LABELS, resume=folder)
    with pytest.raises(TypeError, match="resume must be the directory of checkpoints, got True"):
        regressor().fit(*SEQUENCES, resume=True)
    model = RNNClassifier((4,), max_iter=1, callbacks=[Checkpoint(tmp_path)]).fit(X, LABELS)
    with pytest.raises(ValueError, match="training data: labels and symbols differ"):
        model.fit(X, [label + "s" for label in LABELS], resume=tmp_path)

    class Counter:
        def on_epoch_end(self, info):
            pass

        def get_state(self):
            return {}

    with pytest.raises(ValueError, match=r"callbacks with a state must be those of .*, \[\], got \['Counter'\]"):
        regressor(callbacks=[Counter()]).fit(*SEQUENCES, resume=folder)


def rewrite(path, **changes):
    tensors, header = read_checkpoint(path)
    write_checkpoint(path, changes.pop("tensors", tensors), header | changes)


def test_another_format_and_other_kernels_are_refused(folder):
    path, _, header = newest_checkpoint(folder)
    rewrite(path, facts=header["facts"] | {"kernels": "0" * 64})
    with pytest.raises(ValueError, match="kernels were those of another version of numrnn or Numba"):
        regressor().fit(*SEQUENCES, resume=folder)
    rewrite(path, format=2)
    with pytest.raises(ValueError, match="has checkpoint format 2, written by numrnn .*reads format 1"):
        regressor().fit(*SEQUENCES, resume=folder)


def test_a_checkpoint_is_no_model(folder):
    with pytest.raises(ValueError, match=r"is a checkpoint, not a model; pass its folder to fit"):
        numrnn.load(newest_checkpoint(folder)[0])


def damaged(content, draw):
    """Return content with a byte changed, with its end cut off or zeroed, or with bytes appended."""
    place, kind = int(draw.integers(len(content))), draw.integers(4)
    if kind == 0:
        return content[:place] + bytes([content[place] ^ int(draw.integers(1, 256))]) + content[place + 1 :]
    if kind == 1:
        return content[:place]
    if kind == 2:
        return content[:place] + bytes(len(content) - place)
    return content + bytes(draw.integers(0, 256, place % 100 + 1, dtype=np.uint8))


def test_damage_falls_back_or_is_refused_100_of_100(folder):
    whole = figures(regressor().fit(*SEQUENCES))
    numbered = sorted(folder.glob("checkpoint-*"))
    newest, before, contents = numbered[-1], numbered[-2], [path.read_bytes() for path in numbered]
    draw, places = np.random.default_rng(1), []
    for i in range(100):
        newest.write_bytes(damaged(contents[-1], draw))
        with pytest.warns(UserWarning, match=f"{newest.name} is damaged.*resuming.*, {before.name}"):
            places.append(newest_checkpoint(folder)[0])
        if i % 10 == 0:
            with pytest.warns(UserWarning, match="resuming from the previous one"):
                assert figures(regressor().fit(*SEQUENCES, resume=folder)) == whole
            for path, content in zip(numbered[:-1], contents[:-1], strict=True):
                path.write_bytes(damaged(content, draw))
            with pytest.raises(ValueError, match=f"resume: no checkpoint in {folder} can be used: .*is damaged"):
                regressor().fit(*SEQUENCES, resume=folder)
            for path, content in zip(numbered[:-1], contents[:-1], strict=True):
                path.write_bytes(content)
    assert places == [before] * 100


@pytest.mark.parametrize(
    "changes",
    [
        {"training": None},
        {"training": {"dict": [["epoch", "many"]]}},
        {"training": json.loads("[" * 500 + "]" * 500)},
        {"history": ["epoch"]},
        {"facts": []},
        {"solver": ["x"]},
        {"callbacks": 3},
        {"callbacks": [{"class": "EarlyStopping"}]},
        {"progress": {"dict": [["done", -1]]}},
        {"progress": {"dict": [["done", 1], ["norm", 0.0], ["seconds", 0.0], ["more", 0]]}},
        {"tensors": {}},
        {"tensors": {"theta": np.zeros(3, np.float32), "history": np.zeros((0, 8))}, "solver": [], "progress": None},
        {"tensors": {"theta": np.zeros((0, 9)), "history": np.zeros(3)}, "solver": []},
    ],
)
def test_well_formed_files_of_nonsense_are_refused(changes, folder):
    for path in folder.glob("checkpoint-*"):
        rewrite(path, **changes)
    model = regressor()
    with pytest.raises(ValueError, match="^resume: "):
        model.fit(*SEQUENCES, resume=folder)
    assert not hasattr(model, "n_iter_")


def test_the_last_so_many_are_kept_and_remains_of_writers_are_removed(tmp_path):
    os.close(create_temporary(tmp_path / "checkpoint-000009.safetensors", 0o600)[1])  # of a process that is dead
    regressor(callbacks=[Checkpoint(tmp_path, every="1 epoch", keep=2)]).fit(*SEQUENCES)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint-000002.safetensors",
        "checkpoint-000003.safetensors",
        "lock",
    ]


def test_checkpoints_of_another_run_are_not_overwritten(folder):
    model = regressor(callbacks=[Checkpoint(folder)])
    with pytest.raises(ValueError, match=f"has checkpoints of an earlier run: pass resume='{folder}' to resume"):
        model.fit(*SEQUENCES)
    with pytest.raises(ValueError, match="a Checkpoint works with fit only"):
        model.partial_fit(*SEQUENCES)
    assert not hasattr(model, "n_iter_")


def test_a_second_run_is_kept_out(folder):
    class Second:
        def on_epoch_end(self, info):
            regressor(callbacks=[Checkpoint(folder)]).fit(*SEQUENCES, resume=folder)

    with pytest.raises(
        ValueError, match=r"are being written by process \d+ on .+; stop that run or choose another folder"
    ):
        regressor(callbacks=[Checkpoint(folder), Second()]).fit(*SEQUENCES, resume=folder)
    regressor(callbacks=[Checkpoint(folder)]).fit(*SEQUENCES, resume=folder)  # the lock went with the first


@pytest.mark.parametrize("every", [0, -1, float("nan"), True, "5", "min", "0s", "1 year", None, "5 minutes"])
def test_bad_periods(every, tmp_path):
    with pytest.raises(ValueError, match="every must be a number of seconds or a string"):
        Checkpoint(tmp_path, every=every)


@pytest.mark.parametrize("keep", [0, -1, 1.5, True, "3"])
def test_bad_numbers_to_keep(keep, tmp_path):
    with pytest.raises(ValueError, match="keep must be an integer of at least 1"):
        Checkpoint(tmp_path, keep=keep)


class FullDisk:
    """Limit the size of files from the second epoch on, so that writing fails as on a full disk.

    The limit is lifted at the end of `fit`, since pytest may write to a file, too.
    """

    def on_fit_begin(self, info):
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def on_epoch_end(self, info):
        if info.epoch == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, self.limits[1]))

    def on_fit_end(self, info):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)


@pytest.mark.serial
def test_a_full_disk_ends_training_and_leaves_the_old_checkpoint(tmp_path):
    model = regressor(callbacks=[Checkpoint(tmp_path, every="1 epoch"), FullDisk()])
    with pytest.raises(OSError, match="File too large: '.*checkpoint-000002.safetensors'"):
        model.fit(*SEQUENCES)
    assert model.n_iter_ == 2 and sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint-000001.safetensors",
        "lock",
    ]
    resumed = regressor(callbacks=[Checkpoint(tmp_path)]).fit(*SEQUENCES, resume=tmp_path)
    assert figures(resumed) == figures(regressor().fit(*SEQUENCES))


@pytest.mark.serial
def test_a_full_disk_at_the_end_is_a_warning(tmp_path):
    model = regressor(max_iter=2, callbacks=[Checkpoint(tmp_path), FullDisk()])
    with pytest.warns(UserWarning, match="last checkpoint could not be written: .*File too large"):
        model.fit(*SEQUENCES)
    assert figures(model) == figures(regressor(max_iter=2).fit(*SEQUENCES))
