"""Test targets and scores of `RNNRegressor`."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from numrnn import RNNRegressor, Sequences
from numrnn.network import components


def ragged(n=24, D=3, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, D)) for length in rng.integers(1, 9, n)]


X = ragged()
SUMS = np.array([x.sum() for x in X])


def small(**params):
    return RNNRegressor(**{"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, "n_jobs": 1, **params})


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("output", ["sequence", "step"])
def test_learns_running_means(cell, output):
    sequences = ragged(300, seed=1)
    y = [np.cumsum(x[:, :2], axis=0) / np.arange(1, len(x) + 1)[:, None] for x in sequences]
    y = np.array([steps[-1] for steps in y]) if output == "sequence" else y
    model = RNNRegressor((24,), cell=cell, output=output, learning_rate_init=0.01, max_iter=40, random_state=0)
    assert model.fit(sequences[:200], y[:200]).score(sequences[200:], y[200:]) > 0.6
    assert model.loss_ < model.loss_curve_[0] / 3 and model.n_outputs_ == 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_have_the_shape_of_y(dtype):
    for y, shape in [(SUMS, (24,)), (SUMS[:, None], (24, 1)), (np.stack([SUMS, -SUMS], axis=1), (24, 2))]:
        predicted = small(dtype=dtype).fit(X, y).predict(X)
        assert predicted.shape == shape and predicted.dtype == np.float64
    for columns in ((), (1,), (2,)):
        y = [np.zeros((len(x), *columns)) for x in X]
        predicted = small(output="step", dtype=dtype).fit(X, Sequences.from_list(y)).predict(X)
        assert [p.shape for p in predicted] == [t.shape for t in y]


def test_a_column_is_the_same_problem():
    np.testing.assert_array_equal(small().fit(X, SUMS).predict(X), small().fit(X, SUMS[:, None]).predict(X)[:, 0])


def test_score_is_r2():
    y, weights = np.stack([SUMS, SUMS**2], axis=1), np.linspace(0, 1, 24)
    model = small().fit(X, y)
    assert model.score(X, y) == r2_score(y, model.predict(X))
    assert model.score(X, y, weights) == r2_score(y, model.predict(X), sample_weight=weights)
    steps = [np.cumsum(x[:, 0]) for x in X]
    model = small(output="step").fit(X, steps)
    of_steps = np.repeat(weights, [len(x) for x in X])
    expected = r2_score(np.concatenate(steps), np.concatenate(model.predict(X)), sample_weight=of_steps)
    assert model.score(X, steps, weights) == expected


@pytest.mark.parametrize(
    "y, match",
    [
        (np.where(SUMS > 0, np.nan, SUMS), "NaN"),
        (np.where(SUMS > 0, 1e300, SUMS), "too large"),
        (["a"] * 24, "y must hold numbers"),
        (SUMS * 1j, "Complex"),
        (np.zeros((24, 2, 2)), "dim 3"),
    ],
    ids=["nan", "large", "text", "complex", "3-D"],
)
def test_wrong_targets(y, match):
    with pytest.raises(ValueError, match=match):
        small(scale_targets=False).fit(X, y)


def test_another_number_of_targets():
    model = small().fit(X, SUMS)
    with pytest.raises(ValueError, match="y has 2 targets in each row, but fit got 1"):
        model.partial_fit(X, np.stack([SUMS, SUMS], axis=1))


def test_early_stopping_holds_out_two_at_least():
    """Check that two sequences are held out of eight: a tenth is less than one, and R2 of one is undefined."""
    model = small(early_stopping=True).fit(X[:8], SUMS[:8])
    assert np.isfinite(model.validation_scores_).all()
    with pytest.raises(ValueError, match="at least 3 sequences"):
        small(early_stopping=True).fit(X[:2], SUMS[:2])


def test_lbfgs_is_deterministic_and_fits():
    model = small(solver="lbfgs", max_iter=200, dtype="float64").fit(X[:8], SUMS[:8])
    again = small(solver="lbfgs", max_iter=200, dtype="float64", n_jobs=2).fit(X[:8], SUMS[:8])
    np.testing.assert_array_equal(model._state.theta, again._state.theta)
    assert model.score(X[:8], SUMS[:8]) > 0.99


def test_a_loss_may_need_more_outputs_than_there_are_targets(monkeypatch):
    """Check that the raw outputs are those that the loss needs, and the columns of y those of the fit."""
    loss = components.LOSSES["squared_error"]._replace(outputs_per_target=2)
    monkeypatch.setitem(components.LOSSES, "squared_error", loss)
    X, y = np.zeros((4, 3, 1)), np.zeros((4, 3))
    model = RNNRegressor((2,)).initialize(X, y)
    assert (model.n_outputs_, model.V_.shape) == (3, (6, 2))
    assert model._encode_targets(y, "y").shape == (4, 3)
    with pytest.raises(ValueError, match="y has 2 targets in each row, but fit got 3"):
        model._encode_targets(y[:, :2], "y")
