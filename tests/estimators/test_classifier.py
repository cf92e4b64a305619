"""Test heads, labels and scores of `RNNClassifier`."""

import re

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_sample_weight

from numrnn import RNNClassifier, Sequences
from numrnn.datasets import load_japanese_vowels


def ragged(n=24, D=3, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, D)) for length in rng.integers(1, 9, n)]


X = ragged()
CODES = np.arange(24) % 3


def small(**params):
    return RNNClassifier(**{"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, "n_jobs": 1, **params})


@pytest.mark.parametrize("cell, accuracy", [("elman", 0.85), ("gru", 0.9), ("lstm", 0.85)])
def test_learns_the_vowels(cell, accuracy):
    vowels = load_japanese_vowels()
    model = RNNClassifier((32,), cell=cell, learning_rate_init=0.01, max_iter=20, random_state=0)
    assert model.fit(vowels.X_train, vowels.y_train).score(vowels.X_test, vowels.y_test) > accuracy
    p = model.predict_proba(vowels.X_test)
    assert p.dtype == np.float32 and p.shape == (370, 9)
    np.testing.assert_allclose(p.sum(axis=1, dtype=np.float64), 1, atol=1e-6)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(vowels.X_test)), p, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("output", ["sequence", "step"])
@pytest.mark.parametrize(
    "labels",
    [
        np.array(["b", "aa", "c"]),
        np.array(["b", "aa", "c"], dtype=object),
        np.array([3, -1, 7]),
        np.array([0.0, 2.0, 1.0], dtype=np.float32),
        np.array([3, 1, 2], dtype=np.uint8),
        np.array([True, False, True]),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_of_any_dtype(labels, output):
    y = labels[CODES] if output == "sequence" else [labels[np.arange(len(x)) % 3] for x in X]
    model = small(output=output).fit(X, y)
    assert model.classes_.tolist() == sorted(set(labels.tolist())) and model.n_outputs_ == len(model.classes_)
    predicted = model.predict(X)
    if output == "step":
        assert all(p.dtype == labels.dtype for p in predicted)
        predicted, y_flat = np.concatenate(predicted), np.concatenate(y)
    else:
        assert predicted.dtype == labels.dtype
        y_flat = y
    assert model.score(X, y) == accuracy_score(y_flat, predicted)
    same = small(output=output).fit(X, Sequences.from_list(y) if output == "step" else y.tolist())
    np.testing.assert_array_equal(same._state.theta, model._state.theta)


def test_score_per_step_weighs_steps():
    y = [np.arange(len(x)) % 3 for x in X]
    weights = np.linspace(0, 1, 24)
    model = small(output="step").fit(X, y)
    p = model.predict_proba(X)
    assert isinstance(p, list) and all(a.shape == (len(x), 3) for a, x in zip(p, X, strict=True))
    right = [a == b for a, b in zip(model.predict(X), y, strict=True)]
    of_steps = np.repeat(weights, [len(x) for x in X])
    np.testing.assert_allclose(model.score(X, y), np.concatenate(right).mean())
    np.testing.assert_allclose(model.score(X, y, weights), np.average(np.concatenate(right), weights=of_steps))


@pytest.mark.parametrize("output", ["sequence", "step"])
def test_multi_label(output):
    """Check that each label is learned independently, namely whether an input's last value is positive."""
    sequences = ragged(200, seed=1)
    y = [(x > 0).astype(int) for x in sequences]
    y = np.array([labels[-1] for labels in y]) if output == "sequence" else y
    model = RNNClassifier((16,), output=output, learning_rate_init=0.02, max_iter=40, random_state=0)
    model.fit(sequences[:150], y[:150])
    assert model.classes_.tolist() == [0, 1, 2] and model.n_outputs_ == 3
    assert model.score(sequences[150:], y[150:]) > 0.7
    p, predicted = model.predict_proba(sequences[150:]), model.predict(sequences[150:])
    log_p = model.predict_log_proba(sequences[150:])
    if output == "step":
        p, predicted, log_p = np.concatenate(p), np.concatenate(predicted), np.concatenate(log_p)
    np.testing.assert_array_equal(predicted, p > 0.5)
    np.testing.assert_allclose(np.exp(log_p), p, rtol=1e-5)
    assert small(early_stopping=True, output=output).fit(sequences, y).validation_scores_
    boolean = [labels.astype(bool) for labels in y] if output == "step" else y.astype(bool)
    assert model.score(sequences, boolean) == model.score(sequences, y)
    for change in (lambda v: v[..., :2], lambda v: 2 * v):
        with pytest.raises(ValueError, match="y must hold zeros and ones"):
            model.loss_and_grad(sequences, [change(v) for v in y] if output == "step" else change(y))
    with pytest.raises(ValueError, match="class_weight"):
        small(class_weight="balanced", output=output).fit(sequences, y)
    started = small(output=output).partial_fit(sequences, y).partial_fit(sequences, y)
    assert started.n_iter_ == 2


@pytest.mark.parametrize(
    "y, match",
    [
        (["a"] * 24, "at least 2 classes, got one class: 'a'"),
        (np.linspace(0, 1, 24), "Unknown label type"),
        (np.where(CODES == 0, np.nan, CODES), "NaN"),
        (np.stack([CODES, CODES], axis=1), "a single column of labels"),
        (CODES * 1j, "Complex"),
    ],
    ids=["one class", "numbers", "nan", "two columns", "complex"],
)
def test_wrong_labels(y, match):
    with pytest.raises(ValueError, match=match):
        small().fit(X, y)


def test_a_column_of_labels_warns():
    with pytest.warns(UserWarning, match="column-vector"):
        model = small().fit(X, CODES[:, None])
    np.testing.assert_array_equal(model.predict(X), small().fit(X, CODES).predict(X))


def test_class_weight_is_a_sample_weight():
    y = np.array(["a", "b", "b", "b", "c", "c"])[np.arange(24) % 6]
    for class_weight in ("balanced", {"a": 3.0, "b": 0.5}):
        weighted = small(class_weight=class_weight).fit(X, y)
        expected = small().fit(X, y, sample_weight=compute_sample_weight(class_weight, y))
        np.testing.assert_allclose(weighted._state.theta, expected._state.theta, rtol=1e-4, atol=1e-6)


def test_balanced_counts_targets_by_their_weight():
    """Check that weights of 0 and 2 give the same class weights as removed and repeated sequences."""
    weights = np.array([0.0, 1.0, 2.0])[np.arange(24) // 8]
    model = small(class_weight="balanced").initialize(X, CODES)
    assert np.allclose(model._class_weights, 1)
    ids = np.repeat(np.arange(24), weights.astype(int))
    a = small(class_weight="balanced").fit(X, CODES, weights)._class_weights
    b = small(class_weight="balanced").fit([X[i] for i in ids], CODES[ids])._class_weights
    np.testing.assert_allclose(a, b)


def test_partial_fit_needs_the_classes_first():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        small().partial_fit(X, CODES)
    model = small().partial_fit(X[:2], CODES[:2], classes=[2, 1, 0])
    assert model.classes_.tolist() == [0, 1, 2]
    model.partial_fit(X, CODES)
    with pytest.raises(ValueError, match="unseen labels"):
        model.partial_fit(X, CODES + 5)
    with pytest.raises(ValueError, match=r"unseen labels: \['a', 'b'\]"):
        model.partial_fit(X, np.array(["a", "b"])[np.arange(24) % 2])
    with pytest.raises(ValueError, match="must be a dict of weights for partial_fit"):
        small(class_weight="balanced").partial_fit(X, CODES, classes=[0, 1, 2])
    assert small(class_weight={0: 2.0}).partial_fit(X, CODES, classes=[0, 1, 2]).n_iter_ == 1


@pytest.mark.parametrize(
    ("classes", "y", "unseen"),
    [
        ([1, 2], [1.5, 2.0], [1.5]),
        ([1, 2], ["1", "2"], ["1", "2"]),
        (["ab", "cd"], ["abc", "cd"], ["abc"]),
        (["1", "2"], [1, 2], [1, 2]),
        ([False, True], [2, 1], [2]),
        (np.array([1, 2], np.uint8), [257, 2], [257]),
    ],
)
def test_labels_are_not_cast_to_the_type_of_the_classes(classes, y, unseen):
    X = np.random.default_rng(0).normal(size=(2, 3, 1))
    model = RNNClassifier((2,), max_iter=1, random_state=0).partial_fit(X, classes, classes=classes)
    with pytest.raises(ValueError, match=re.escape(f"y contains previously unseen labels: {unseen}")):
        model.partial_fit(X, y)


def test_log_probabilities_stay_finite():
    model = small().fit(X, CODES).set_weights({"c": [1e3, 0, -1e3]})
    assert model.predict_proba(X)[:, 2].max() < 1e-37
    np.testing.assert_allclose(model.predict_log_proba(X)[:, 2], -2000, atol=10)
