"""Test the held-out loss and score of a fit on the GPU against the CPU."""

import warnings

import numpy as np
import pytest
from networks import relative_error

from numrnn import RNNClassifier, RNNRegressor
from numrnn.network import architecture

RANDOM = np.random.default_rng(0)
LENGTHS = (3, 1, 4, 2, 2, 3)
X = [RANDOM.normal(size=(steps, 2)).astype(np.float32) for steps in LENGTHS]
LABELS = ["a", "b", "a", "b", "a", "b"]
STEPS = [RANDOM.integers(0, 2, steps) for steps in LENGTHS]
WEIGHTS = RANDOM.uniform(1, 2, 6)
STATES = RANDOM.normal(size=(6, 8)).astype(np.float32)
HELD = {"X_val": X[:3], "y_val": WEIGHTS[:3], "sample_weight_val": WEIGHTS[:3], "state_val": STATES[:3]}
CASES = [
    (RNNClassifier, LABELS, {"early_stopping": True, "validation_fraction": 0.4}, {"sample_weight": WEIGHTS}),
    (RNNClassifier, STEPS, {"early_stopping": True, "output": "step"}, {}),
    (RNNRegressor, X, {"output": "step", "early_stopping": True, "cell": "lstm"}, {"state": STATES}),
    (RNNRegressor, WEIGHTS, {"cell": "lstm"}, {"state": STATES} | HELD),
]


@pytest.mark.parametrize(("kind", "y", "params", "options"), CASES)
def test_validation_is_that_of_the_cpu(kind, y, params, options):
    params = {"max_iter": 2, "batch_size": 2, "random_state": 0, **params}
    cpu, card = (kind((4,), device=device, **params).fit(X, y, **options) for device in ("cpu", "cuda"))
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-5
    assert len(card.validation_loss_curve_) == 2
    assert relative_error(card.validation_loss_curve_, cpu.validation_loss_curve_) <= 1e-5
    assert relative_error(card.validation_scores_, cpu.validation_scores_) <= 1e-4


def test_that_no_card_has_seen_it_is_said_once():
    architecture._warn_of_simulator.cache_clear()
    with pytest.warns(UserWarning, match="tested in Numba's simulator only"):
        architecture.check_place("cuda")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        architecture.check_place("cuda")
