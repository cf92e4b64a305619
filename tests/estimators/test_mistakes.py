"""Test mistakes in a call: the error names what is wrong, and trained weights are kept."""

import copy
import json
import warnings

import numpy as np
import pandas
import pytest
from safetensors.numpy import save_file

from numrnn import RNNClassifier, RNNRegressor, Sequences, TrainingDivergedError, load
from numrnn.estimators import StepState
from numrnn.io import read_model, write_model
from numrnn.solvers import SGD

rng = np.random.default_rng(0)
X = [rng.normal(size=(length, 3)) for length in rng.integers(1, 9, 24)]
Y = np.arange(24) % 3
Y_STEPS = [np.arange(len(x)) % 3 for x in X]


def small(kind=RNNClassifier, **params):
    return kind(**{"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, "n_jobs": 1, **params})


def objects(arrays):
    return np.fromiter(arrays, dtype=object, count=len(arrays))


# Weights.


@pytest.mark.parametrize("weight", ["2", None, np.nan, np.inf, -1, [1.0]], ids=repr)
def test_a_wrong_weight_of_a_class_is_named(weight):
    with pytest.raises(ValueError, match=r"class_weight\[1\] must be a finite, non-negative number, got"):
        small(class_weight={0: 1, 1: weight}).fit(X, Y)


def test_weights_that_leave_nothing_are_named_before_training():
    with pytest.raises(ValueError, match="^class_weight: all targets in y have weight zero; give"):
        small(class_weight={0: 0, 1: 0, 2: 0}).fit(X, Y)
    one = small(class_weight={0: 0})
    with pytest.raises(ValueError, match="^class_weight.* in y have weight zero after .* by sample_weight;"):
        one.fit(X, Y, sample_weight=Y == 0)
    zeros = {"X_val": X[:6], "y_val": np.zeros(6)}
    with pytest.raises(ValueError, match="^class_weight.* in y_val have weight zero;"):
        one.fit(X, Y, **zeros)
    with pytest.raises(ValueError, match="^class_weight.* in y_val .* multiplication by sample_weight_val;"):
        one.fit(X, Y, **zeros, sample_weight_val=np.ones(6))
    assert not hasattr(one, "n_iter_")


def test_weights_of_steps_as_an_array_of_arrays():
    weights = [np.linspace(1, 2, len(x)) for x in X]
    model = small(RNNRegressor, output="step").initialize(X, Y_STEPS)
    assert model.loss_and_grad(X, Y_STEPS, objects(weights))[0] == model.loss_and_grad(X, Y_STEPS, weights)[0]


@pytest.mark.parametrize(
    "output, weights",
    [
        ("sequence", ["1"] * 24),
        ("sequence", [*["a"], *[1] * 23]),
        ("sequence", np.array(["a", *[1] * 23], dtype=object)),
        ("sequence", np.ones(24, complex)),
        ("step", [np.full(len(x), "1") for x in X]),
        ("step", [np.ones((len(x), 2)) for x in X]),
        ("step", objects([np.full(len(x), "a", dtype=object) for x in X])),
    ],
)
def test_weights_that_are_no_numbers_are_named(output, weights):
    y = Y if output == "sequence" else Y_STEPS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="^sample_weight must"):
            small(output=output).fit(X, y, sample_weight=weights)


# What was trained stays.


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {"class_weight": {0: 0, 1: 0, 2: 0}},
        {"learning_rate": lambda epoch: -1},
        {"callbacks": [type("Broken", (), {"on_fit_begin": lambda self, info: 1 / 0})()]},
    ],
    ids=["class_weight", "learning_rate", "callbacks"],
)
def test_a_fit_that_fails_before_it_has_trained_changes_nothing(params, warm_start):
    model = small(warm_start=warm_start).fit(X, Y)
    expected, kept = model.predict_proba(X), dict(vars(model))
    model.set_params(**params)
    for call in (model.fit, model.partial_fit):
        with pytest.raises((ValueError, ZeroDivisionError)):
            call(X, Y)
        np.testing.assert_array_equal(model.predict_proba(X), expected)
        assert {name: vars(model)[name] for name in kept if name not in params} == {
            name: value for name, value in kept.items() if name not in params
        }
    fresh = small(**params)
    with pytest.raises((ValueError, ZeroDivisionError)):
        fresh.fit(X, Y)
    assert set(vars(fresh)) == set(fresh.get_params(deep=False))


def test_an_error_after_an_epoch_keeps_what_was_trained():
    model = small(max_iter=5).fit(X, Y)
    stop = type("Stop", (), {"on_epoch_end": lambda self, info: info.epoch == 2 and 1 / 0})()
    with pytest.raises(ZeroDivisionError):
        model.set_params(callbacks=[stop], random_state=1).fit(X, Y)
    assert model.n_iter_ == 2
    np.testing.assert_array_equal(model.predict_proba(X), small(random_state=1).fit(X, Y).predict_proba(X))


def test_divergence_keeps_the_new_training():
    model = small(RNNRegressor).fit(X, Y)
    model.set_params(solver=SGD(), cell="elman", activation="relu", learning_rate_init=1e30, clip_norm=None)
    model.set_params(hidden_layer_sizes=(4,))
    with pytest.raises(TrainingDivergedError):
        model.fit(X, Y)
    assert model.V_.shape == (1, 4) and np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_training_a_shallow_copy_leaves_the_original(solver):
    model = small(warm_start=True, solver=solver).fit(X, Y)
    expected, history = model.predict_proba(X), list(model._state.history)
    copies = [copy.copy(model) for _ in range(3)]
    copies[0].fit(X, Y)
    copies[1].set_weights({"c": np.ones(3)})
    if solver == "adam":
        copies[2].partial_fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    assert model._state.history == history


# X, y and streams.


@pytest.mark.parametrize("columns", [1, 4])
def test_a_table_must_have_the_columns_of_the_table_that_was_fitted(columns, tmp_path):
    model = small().fit(rng.normal(size=(24, columns)), Y)
    model.save(tmp_path / "m")
    for fitted in (model, load(tmp_path / "m")):
        with pytest.raises(ValueError, match=f"X has 9 features, but RNNClassifier is expecting {columns} features"):
            fitted.predict(np.zeros((8, 9)))
        assert len(fitted.predict(np.zeros((8, 9, 1)))) == len(fitted.predict(np.zeros((8, columns)))) == 8


def test_partial_fit_with_other_classes():
    model = small().partial_fit(X, Y, classes=[0, 1, 2])
    model.partial_fit(X, Y, classes=[2, 1, 0]).partial_fit(X, Y)
    for classes in ([0, 1], [0, 1, 2, 3], ["a", "b", "c"]):
        with pytest.raises(ValueError, match="must be .*, as on the first call to partial_fit"):
            model.partial_fit(X, Y, classes=classes)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_target_that_is_not_finite_is_named(bad):
    y = np.arange(24.0)
    y[7] = bad
    for targets in (y, y.tolist(), np.stack([np.zeros(24), y], axis=1)):
        with pytest.raises(ValueError, match=r"y\[7\].*: Input y contains "):
            small(RNNRegressor).fit(X, targets)


def test_labels_that_have_no_order_or_no_place_in_a_file():
    for labels in ([1, "a", "b"], ["a", 1, "b"]):
        labels = np.array(labels, dtype=object)
        with pytest.raises(ValueError, match=r"y\[\d\] is .*: labels must not mix str and other types"):
            small().fit(X, labels[Y])
        with pytest.raises(ValueError, match="classes must hold labels of one type"):
            small().partial_fit(X, np.array(["a", "b", "b"])[Y], classes=labels)
    with pytest.raises(ValueError, match="y has dtype datetime64"):
        small().fit(X, np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[ns]")[Y])


@pytest.mark.parametrize(
    "values, error, match",
    [
        (np.full((1, 5), np.nan), ValueError, "state contains NaN"),
        (np.full((1, 5), "a"), TypeError, "state must hold real numbers"),
        (np.zeros((1, 5), complex), TypeError, "state must hold real numbers"),
        (None, TypeError, "state must hold real numbers"),
        ([0.0] * 5, ValueError, r"state must have shape \(1, 5\), .* got \(5,\)"),
    ],
)
def test_a_state_of_wrong_values_is_refused(values, error, match):
    model = small().fit(X, Y)
    with pytest.raises(error, match=match):
        model.predict_step(np.zeros(3), StepState(values))
    assert model.predict_step(np.zeros(3), StepState([[0] * 5]))[1].values.dtype == np.float32


def test_sequences_are_found_by_their_values():
    sequences = Sequences.from_list([[5, 6], [7], [7]])
    assert sequences.index([7]) == sequences.index([7], 1) == sequences.index([7], -3, 2) == 1
    assert sequences.index([7], 2) == 2 and sequences.count(np.array([7])) == 2
    assert [5, 6] in sequences and [5] not in sequences and "a" not in sequences
    for arguments in (([5],), ([5, 6], 1), ([7], 0, 1)):
        with pytest.raises(ValueError, match="must be one of the sequences"):
            sequences.index(*arguments)
    with pytest.raises(ValueError, match="dtype=float64: must be object"):
        np.asarray(sequences, dtype=float)


# Model files.


def test_sizes_of_any_kind_are_stored(tmp_path):
    for sizes in (range(4, 6), pandas.Series([4, 5])):
        model = small(hidden_layer_sizes=sizes).fit(X, Y)
        model.save(tmp_path / "m")
        loaded = load(tmp_path / "m")
        assert loaded.hidden_layer_sizes == [4, 5]
        np.testing.assert_array_equal(loaded.fit(X, Y).predict_proba(X), model.predict_proba(X))


def test_save_onto_a_directory(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a directory, expected a regular file"):
        small().fit(X, Y).save(tmp_path)


def test_headers_changed_by_hand_are_refused(tmp_path):
    path = tmp_path / "m"
    small().fit(X, Y).save(path)
    tensors, header = read_model(path)
    learnt, params = header["learnt"], header["params"]
    for change, match in [
        ({"learnt": {name: value for name, value in learnt.items() if name != "classes_"}}, "expected.*classes_"),
        ({"learnt": {**learnt, "predict": 1}}, "predict.*damaged or was changed by hand"),
        ({"params": {**params, "batch_size": -1}}, "'batch_size' parameter"),
        ({"params": {**params, "cell": "gru", "activation": "relu"}}, "activation='relu': needs"),
    ]:
        write_model(path, tensors, {**header, **change})
        with pytest.raises(ValueError, match=match):
            load(path)
    for file_format in (0, -1, "1", 1.5, True, None):
        save_file(tensors, path, {"numrnn": json.dumps({**header, "format": file_format})})
        with pytest.raises(ValueError, match="must be an integer of at least 1"):
            load(path)
