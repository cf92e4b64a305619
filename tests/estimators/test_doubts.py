"""Check the warnings about fits that look like a mistake."""

import warnings

import numpy as np
import pytest
from scipy.stats import entropy

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq, SequenceScaler
from numrnn.data.sources import Targets
from numrnn.estimators.doubts import loss_of_constant

SMALL = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 6, 2))
LABELS = RANDOM.integers(0, 3, 60)


def found_by(fit):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    assert all(warning.filename == __file__ for warning in caught)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("weights", [None, RANDOM.uniform(0, 2, 60)])
def test_the_loss_of_a_constant_is_that_of_the_best_one(weights):
    share = np.ones(60) if weights is None else weights
    counts = np.bincount(LABELS, weights=share)
    assert loss_of_constant(Targets(LABELS, weights), "softmax") == pytest.approx(entropy(counts))
    values = RANDOM.normal(size=(60, 2))
    errors = [np.average((values - c) ** 2, axis=0, weights=share) for c in np.linspace(-3, 3, 2001)]
    best = np.min(errors, axis=0).mean()
    assert loss_of_constant(Targets(values, weights), "identity") == pytest.approx(best, rel=1e-4)
    bits = (values > 0.5).astype(float)
    rates = np.average(bits, axis=0, weights=share)
    wanted = np.mean([entropy([rate, 1 - rate]) for rate in rates])
    assert loss_of_constant(Targets(bits, weights), "sigmoid") == pytest.approx(wanted)


@pytest.mark.parametrize(
    "values",
    [X + 100, X * 50, X * 1e-4, np.concatenate([X, 1e3 * X], axis=2), X * 0.1 + 9, X * [1, 1e-5]],
    ids=["mean", "large", "small", "one", "offset", "drowned"],
)
def test_inputs_of_another_scale_give_one_warning_that_names_the_scaler(values):
    found = found_by(lambda: RNNClassifier(**SMALL).fit(values, LABELS))
    assert len(found) == 1
    assert "has mean" in found[0] and "SequenceScaler" in found[0]
    assert not found_by(lambda: RNNClassifier(**SMALL).fit(SequenceScaler().fit_transform(values), LABELS))


def test_plain_inputs_give_no_warning():
    rare = (RANDOM.random((60, 6, 5)) < 0.05).astype(float)
    for values in (X, rare, 3 * X + 2, np.zeros_like(X)):
        assert not found_by(lambda values=values: RNNClassifier(**SMALL).fit(values, LABELS))
    assert not found_by(lambda: RNNClassifier(**SMALL, n_symbols=500).fit(RANDOM.integers(0, 500, (60, 6)), LABELS))


def test_validation_inputs_of_another_scale_give_a_warning():
    raw = 5 * X + 9
    scaled = SequenceScaler().fit_transform(raw)
    found = found_by(lambda: RNNClassifier(**SMALL).fit(scaled, LABELS, X_val=100 * raw, y_val=LABELS))
    assert len(found) == 1
    assert found[0].startswith("X_val: input") and "transform_input" in found[0]
    assert not found_by(lambda: RNNClassifier(**SMALL).fit(scaled, LABELS, X_val=2 * scaled + 1, y_val=LABELS))


def test_a_network_that_learned_nothing_gives_a_warning():
    noise = np.random.default_rng(1).integers(0, 2, 60)
    options = {"learning_rate_init": 1e-9, "max_iter": 120, "random_state": 0, "hidden_layer_sizes": (4,)}
    for fit in (
        lambda: RNNClassifier(**options).fit(X, noise),
        lambda: RNNClassifier(**options, alpha=1.0).fit(X, noise),
        lambda: RNNRegressor(**options).fit(X, 500 + 140 * X[:, 0, 0]),
        lambda: RNNSeq2Seq(**options).fit(["ab", "ba"] * 30, ["aaaaaaa", "aaaaaab"] * 30),
        lambda: RNNLanguageModel(**options).fit(["aaaaaaaaab", "aaaaaaa"] * 30),
    ):
        found = found_by(fit)
        assert len(found) == 1
        assert "no better than the" in found[0] and "learning_rate_init" in found[0]


def test_a_network_that_deteriorated_after_its_best_epoch_gives_no_warning():
    options = {"learning_rate": lambda epoch: 1.0 if epoch < 40 else 1e4, "learning_rate_init": 0.01, "alpha": 0.01}
    options |= {"max_iter": 45, "random_state": 0, "hidden_layer_sizes": (8,), "restore_best_weights": True}
    assert not found_by(lambda: RNNClassifier(**options).fit(X, X[:, -1, 0] > 0))


def test_a_network_that_learned_gives_no_warning():
    options = {"learning_rate_init": 0.01, "max_iter": 60, "random_state": 0, "hidden_layer_sizes": (8,)}
    assert not found_by(lambda: RNNClassifier(**options).fit(X, X[:, -1, 0] > 0))
    assert not found_by(lambda: RNNRegressor(**options).fit(X, X[:, -1, 0] * 100))
    assert not found_by(lambda: RNNRegressor(**options).fit(X, np.full(60, 7.0)))
