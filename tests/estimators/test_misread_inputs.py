"""Test inputs that once trained on something else than they say, without an error."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq, Sequences, SequenceScaler
from numrnn.data import ShardWriter
from numrnn.estimators.held_out import split
from numrnn.training import Checkpoint, EarlyStopping

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6, 2)).astype(np.float32)
y = np.where(X[:, -1].sum(axis=1) > 0, "high", "low")
OPTIONS = {"hidden_layer_sizes": (6,), "random_state": 0, "learning_rate_init": 0.02}


def masked(array, place):
    mask = np.zeros(np.shape(array), bool)
    mask[place] = True
    return np.ma.MaskedArray(array, mask)


@pytest.mark.parametrize("copy", [False, True])
def test_early_stopping_begins_anew_with_each_fit(copy):
    stopping = EarlyStopping(n_iter_no_change=5)
    options = OPTIONS | {"max_iter": 12, "callbacks": [stopping]}
    alone = RNNClassifier(**options | {"callbacks": [EarlyStopping(n_iter_no_change=5)]})
    alone.fit(X, y, X_val=X, y_val=y)
    RNNClassifier(**options | {"hidden_layer_sizes": (9,)}).fit(X, y, X_val=X, y_val=y)
    again = RNNClassifier(**options)
    again = (clone(again) if copy else again).fit(X, y, X_val=X, y_val=y)
    assert again.n_iter_ == alone.n_iter_
    np.testing.assert_array_equal(again.V_, alone.V_)


def test_early_stopping_without_sequences_held_out_watches_the_training_loss():
    stopping = EarlyStopping(n_iter_no_change=2, tol=0.9)
    model = RNNClassifier(**OPTIONS, callbacks=[stopping]).set_params(max_iter=20).fit(X, np.arange(40) % 2)
    assert model.n_iter_ == 3 and stopping.best_loss == min(model.loss_curve_)
    with pytest.raises(ValueError, match="monitor='f1': must be one of 'loss', 'score'; scoring has no such entry"):
        RNNClassifier(**OPTIONS, callbacks=[EarlyStopping(monitor="f1")]).fit(X, np.arange(40) % 2)


class Fails:
    """Stand for a callback with a state, one hook of which fails."""

    def __init__(self, hook=None):
        self.hook = hook

    def get_state(self):
        return {}

    def set_state(self, state):
        if self.hook == "set_state":
            raise ValueError("it fails")

    def on_fit_begin(self, info):
        if self.hook == "on_fit_begin":
            raise ValueError("it fails")


@pytest.mark.parametrize("hook", ["set_state", "on_fit_begin"])
@pytest.mark.parametrize("first", [False, True], ids=["behind", "before"])
def test_early_stopping_begins_anew_after_a_fit_that_could_not_resume(hook, first, tmp_path):
    def model(stopping, fails, *more, size=6, epochs=4):
        own = [fails, stopping] if first else [stopping, fails]
        options = OPTIONS | {"hidden_layer_sizes": (size,), "learning_rate_init": 0.2 if size == 6 else 1e-6}
        return RNNClassifier(**options, max_iter=epochs, callbacks=[*own, *more])

    held, stopping = {"X_val": X, "y_val": y}, EarlyStopping(n_iter_no_change=3)
    model(EarlyStopping(n_iter_no_change=3), Fails(), Checkpoint(tmp_path), epochs=3).fit(X, y, **held)
    with pytest.raises(ValueError, match="it fails"):
        model(stopping, Fails(hook), Checkpoint(tmp_path)).fit(X, y, **held, resume=tmp_path)
    found = model(stopping, Fails(), size=9).fit(X, y, **held)
    expected = model(EarlyStopping(n_iter_no_change=3), Fails(), size=9).fit(X, y, **held)
    np.testing.assert_array_equal(found.V_, expected.V_)
    with pytest.raises(ValueError, match="it fails"):  # and not an error of the weights that were kept
        model(stopping, Fails("on_fit_begin"), size=6).fit(X, y, **held)


def test_early_stopping_goes_on_where_a_checkpoint_has_it(tmp_path):
    def model(epochs, *more):
        callbacks = [EarlyStopping(n_iter_no_change=50), *more]
        return RNNClassifier(**OPTIONS, max_iter=epochs, callbacks=callbacks)

    whole = model(6).fit(X, y, X_val=X, y_val=y)
    model(3, Checkpoint(tmp_path)).fit(X, y, X_val=X, y_val=y)
    resumed = model(6, Checkpoint(tmp_path)).fit(X, y, X_val=X, y_val=y, resume=tmp_path)
    np.testing.assert_array_equal(resumed.V_, whole.V_)


@pytest.mark.parametrize("seed", range(20))
def test_the_only_member_of_a_class_is_trained_on(seed):
    codes = np.array([0, 0, 0, 0, 1, 2, 2, 2, 2])
    for fraction in (0.1, 0.3, 0.6, 0.8):
        train, held = split(9, fraction, seed, codes=codes, members=(np.arange(9), codes))
        assert set(codes[train]) == {0, 1, 2} and len(held) >= 1
        assert sorted([*train, *held]) == list(range(9))


def test_a_class_of_steps_keeps_a_sequence_to_train_on():
    steps = np.zeros((9, 6), int)
    steps[4, 2] = 1
    for seed in range(8):
        options = OPTIONS | {"random_state": seed}
        model = RNNClassifier(**options, output="step", early_stopping=True, max_iter=1)
        model.fit(X[:9], steps)
        members = model._members(Sequences.from_array(X[:9]), type("T", (), {"values": steps.ravel(), "weights": None}))
        assert 4 in split(9, 0.1, model._state.seed, members=members)[0]


def test_classes_of_one_sequence_each_cannot_be_held_out():
    with pytest.raises(ValueError, match="each of them has a class that no other sequence has: pass X_val"):
        RNNClassifier(**OPTIONS, early_stopping=True).fit(X[:3], ["a", "b", "c"])


def test_a_split_without_rare_classes_is_as_it_was():
    codes = np.arange(50) % 5
    for seed in range(5):
        expected = split(50, 0.2, seed, codes=codes)
        found = split(50, 0.2, seed, codes=codes, members=(np.arange(50), codes))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


VALUES = masked(np.where(np.arange(6)[:, None] == 2, 1e3, X), (0, 2))


NESTED = [[masked([1.0, 1e3], 1)] * 3] * 40  # the same one level down
ONE_MASKED = [*range(39), np.ma.masked]
PER_STEP = [masked(np.ones(6), 1)] * 40


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: RNNRegressor(**OPTIONS).fit(NESTED, np.arange(40.0)), r"X\[0\]\[0\] is a masked array"),
        (lambda: RNNRegressor(**OPTIONS).fit(X, ONE_MASKED), r"y\[39\] is masked"),
        (lambda: RNNRegressor(**OPTIONS).fit(X, y == "low", ONE_MASKED), r"sample_weight\[39\] is masked"),
        (lambda: RNNClassifier(**OPTIONS, output="step").fit(X, PER_STEP), r"y\[0\] is a masked array"),
        (lambda: RNNLanguageModel((4,), n_symbols=3).fit([[0, np.ma.masked, 1]] * 9), r"X\[0\]\[1\] is masked"),
        (lambda: SequenceScaler().fit(NESTED), r"X\[0\]\[0\] is a masked array"),
        (lambda: Sequences.from_list(NESTED), r"\[0\]\[0\] is a masked array"),
        (lambda: Sequences.from_array(NESTED), r"array\[0\]\[0\] is a masked array"),
        (lambda: Sequences.from_padded(NESTED), r"X\[0\]\[0\] is a masked array"),
        (lambda: Sequences.from_concatenated(NESTED[0], [3]), r"values\[0\] is a masked array"),
        (
            lambda: RNNRegressor(**OPTIONS).fit(VALUES, np.arange(40.0)),
            r"X is a masked array: 2 .* at index \[0, 2, 0\]",
        ),
        (lambda: RNNRegressor(**OPTIONS).fit([*X[:2], VALUES[0]], np.arange(3.0)), r"X\[2\] is a masked array"),
        (lambda: RNNRegressor(**OPTIONS).fit(X, masked(np.arange(40.0), 3)), r"y is a masked array.*\[3\]"),
        (lambda: RNNClassifier(**OPTIONS).fit(X, masked(np.arange(40) % 2, 3)), "y is a masked array"),
        (lambda: RNNClassifier(**OPTIONS, output="step").fit(X, masked(np.ones((40, 6)), (0, 1))), "y is a masked"),
        (lambda: RNNRegressor(**OPTIONS).fit(X, y == "low", masked(np.ones(40), 3)), "sample_weight is a masked array"),
        (lambda: RNNRegressor(**OPTIONS).fit(X, y == "low", state=masked(np.zeros((40, 6)), 3)), "state is a masked"),
        (lambda: SequenceScaler().fit(VALUES), "X is a masked array"),
        (lambda: Sequences.from_array(VALUES), "array is a masked array"),
        (lambda: Sequences.from_padded(VALUES, [3] * 40), "X is a masked array"),
        (lambda: Sequences.from_concatenated(VALUES[0], masked([3, 3], 1)), "is a masked array"),
        (lambda: RNNLanguageModel((4,), n_symbols=3).fit(masked([0, 1, 2] * 9, 3)), "X is a masked array"),
        (lambda: RNNSeq2Seq((4,)).fit(VALUES, X[:, :2]), "X is a masked array"),
        (lambda: RNNSeq2Seq((4,)).fit(X, list(VALUES)), r"y\[0\] is a masked array"),
    ],
)
def test_masked_values_are_refused_by_name(call, name):
    with pytest.raises(ValueError, match=name):
        call()


def test_masked_values_are_refused_by_fitted_models_and_shards(tmp_path):
    model = RNNRegressor(**OPTIONS, max_iter=1).fit(X, np.arange(40.0))
    with pytest.raises(ValueError, match="X is a masked array"):
        model.predict(VALUES)
    with pytest.raises(ValueError, match="y is a masked array"):
        model.score(X, masked(np.arange(40.0), 3))
    with pytest.raises(ValueError, match="x is a masked array"):
        model.predict_step(VALUES[0, 2])
    with pytest.raises(ValueError, match=r"weights\['c'\] is a masked array"):
        model.set_weights({"c": masked([0.5], 0)})
    with pytest.raises(ValueError, match="masked array"), ShardWriter(tmp_path / "shards") as writer:
        writer.write(VALUES)
    with pytest.raises(ValueError, match="y is a masked array"), ShardWriter(tmp_path / "more") as writer:
        writer.write(X, masked(np.arange(40.0), 3))


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ((VALUES,), "X is a masked array"),
        ((NESTED,), r"X\[0\]\[0\] is a masked array"),
        ((X, PER_STEP), r"y\[0\] is a masked array"),
        ((X, ONE_MASKED), r"y\[39\] is masked"),
        ((X, y, ONE_MASKED), r"sample_weight\[39\] is masked"),
    ],
)
def test_shards_refuse_masked_values_by_name(rows, name, tmp_path):
    with pytest.raises(ValueError, match=name), ShardWriter(tmp_path / "shards") as writer:
        writer.write(*rows)


def test_masked_arrays_without_masked_values_are_read():
    values = np.ma.MaskedArray(X, np.zeros(X.shape, bool))
    one, other = (RNNRegressor(**OPTIONS, max_iter=1).fit(data, np.arange(40.0)) for data in (X, values))
    np.testing.assert_array_equal(one.V_, other.V_)


def test_labels_of_steps_without_output_step_are_warned_of():
    steps = (X.sum(axis=2) > 0).astype(int)
    with pytest.warns(UserWarning, match="Each sequence of X has 6 steps.*output='step'"):
        RNNClassifier(**OPTIONS, max_iter=1).fit(X, steps)


def test_one_hot_targets_are_warned_of():
    with pytest.warns(UserWarning, match=r"exactly one 1.*y.argmax\(axis=1\)"):
        RNNClassifier(**OPTIONS, max_iter=1).fit(X, np.eye(4, dtype=int)[np.arange(40) % 4])


def test_multi_label_targets_are_not_warned_of(recwarn):
    RNNClassifier(**OPTIONS, max_iter=1).fit(X, RNG.integers(0, 2, (40, 4)))
    RNNClassifier(**OPTIONS, max_iter=1, output="step").fit(X, (X.sum(axis=2) > 0).astype(int))
    assert not [warning for warning in recwarn if "treated as multi-label" in str(warning.message)]


def test_objects_that_are_no_numbers_are_refused_as_weights_and_vectors():
    X, text = np.zeros((6, 3, 2)), np.array(["1_0"], object)
    model = RNNRegressor((2,)).initialize(X, np.zeros(6))
    with pytest.raises(ValueError, match=r"weights\['c'\]\[0\] is '1_0'"):
        model.set_weights({"c": text})
    with pytest.raises(ValueError, match=r"X\[0\]\[0\] is '1_0'"):
        RNNSeq2Seq((2,), input="vector").initialize(np.tile(text, (6, 2)), [[0, 1]] * 6)


def test_labels_that_may_mean_two_things_get_both_hints():
    y = np.eye(3, dtype=int)[np.arange(12) % 3]
    with pytest.warns(UserWarning, match=r"3 steps: .*output='step'.*one class per sequence pass y.argmax"):
        RNNClassifier((2,)).initialize(np.zeros((12, 3, 2)), y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        RNNClassifier((2,)).initialize(np.zeros((1, 2, 2)), y[:1])  # one row has one label by chance
