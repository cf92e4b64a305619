"""Check that the first steps of sequences are read without loss."""

import numpy as np
import pytest

from numrnn import RNNClassifier, RNNRegressor, Sequences

SMALL = {"hidden_layer_sizes": (8,), "output": "step", "max_iter": 3, "random_state": 0}


def ragged(seed=0):
    random = np.random.default_rng(seed)
    X = [random.normal(size=(length, 2)) for length in random.integers(5, 12, 30)]
    return X, [x.sum(axis=1) for x in X]


def weights_without(X, washout, weights=None):
    weights = [np.ones(len(x)) for x in X] if weights is None else [w.copy() for w in weights]
    for row in weights:
        row[:washout] = 0
    return weights


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("bptt_steps", [None, 3])
def test_it_equals_weights_of_zero(weighted, bptt_steps):
    X, y = ragged()
    weights = [np.random.default_rng(1).uniform(1, 2, len(x)) for x in X] if weighted else None
    options = SMALL | {"bptt_steps": bptt_steps}
    model = RNNRegressor(**options, washout=4).fit(X, y, weights)
    by_hand = RNNRegressor(**options).fit(X, y, weights_without(X, 4, weights))
    assert model.loss_curve_ == by_hand.loss_curve_
    assert (model.V_ == by_hand.V_).all()
    assert model.score(X, y) == by_hand.score(X, y, weights_without(X, 4))
    assert [len(row) for row in model.predict(X)] == [len(x) for x in X]


def test_the_targets_of_the_washout_do_not_matter():
    X, y = ragged()
    other = [np.concatenate([np.full(4, 1e6), row[4:]]) for row in y]
    first, second = (RNNRegressor(**SMALL, washout=4, early_stopping=True).fit(X, target) for target in (y, other))
    assert (first.V_ == second.V_).all()
    assert first.validation_scores_ == second.validation_scores_


def test_classifiers_have_it_too():
    X, y = ragged()
    y = [(row > 0).astype(int) for row in y]
    model = RNNClassifier(**SMALL, washout=4, class_weight="balanced").fit(X, y)
    by_hand = RNNClassifier(**SMALL, class_weight="balanced").fit(X, y, weights_without(X, 4))
    assert model.loss_curve_ == by_hand.loss_curve_
    assert model.score(X, y) == by_hand.score(X, y, weights_without(X, 4))


def test_a_sequence_without_further_steps_is_named():
    X, y = ragged()
    X[3], y[3] = X[3][:4], y[3][:4]
    with pytest.raises(ValueError, match=r"X\[3\] has 4 steps, but must have more than washout=4; lower washout"):
        RNNRegressor(**SMALL, washout=4).fit(X, y)
    model = RNNRegressor(**SMALL, washout=4).fit(X[4:], y[4:])
    with pytest.raises(ValueError, match=r"X\[0\] has 2 steps"):
        model.score([X[4][:2]], [y[4][:2]])
    with pytest.raises(ValueError, match=r"X_val\[1\] has 4 steps"):
        RNNRegressor(**SMALL, washout=4).fit(X[4:], y[4:], X_val=X[2:4], y_val=y[2:4])


def test_weights_of_the_washout_alone_are_none():
    X, y = ragged()
    weights = [np.where(np.arange(len(x)) < 4, 1.0, 0.0) for x in X]
    for model, targets in ((RNNRegressor, y), (RNNClassifier, [(row > 0).astype(int) for row in y])):
        with pytest.raises(ValueError, match="sample_weight must have a non-zero weight after the washout of 4 steps"):
            model(**SMALL, washout=4).fit(X, targets, weights)


def test_it_needs_targets_of_steps():
    X, y = ragged()
    with pytest.raises(ValueError, match="washout=2: must be 0 with output='sequence'"):
        RNNRegressor(**(SMALL | {"output": "sequence"}), washout=2).fit(X, [row[0] for row in y])


def test_the_steps_of_a_set_of_sequences_are_counted_in_each():
    X, y = ragged()
    ready = RNNRegressor(**SMALL, washout=4).fit(Sequences.from_list(X), Sequences.from_list(y))
    assert (ready.V_ == RNNRegressor(**SMALL, washout=4).fit(X, y).V_).all()
