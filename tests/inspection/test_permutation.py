"""Test the importance of permuted inputs against its slow twin."""

import naive_inspection as naive
import numpy as np
import pandas
import pytest
from sklearn.pipeline import make_pipeline

from numrnn import RNNRegressor, SequenceScaler
from numrnn.inspection import permutation_importance


def ragged(count=30):
    random = np.random.default_rng(0)
    X = [random.normal(size=(T, 3)) for T in random.integers(2, 9, count)]
    return X, np.array([x[-1, 1] for x in X])


def test_importances_are_those_of_the_slow_twin():
    X, y = ragged()
    model = RNNRegressor((6,), max_iter=100, random_state=0).fit(X, y)
    got = permutation_importance(model, X, y, n_repeats=3, random_state=7)
    expected = naive.permutation_importance(lambda X: model.score(X, y), X, 3, np.random.RandomState(7))
    np.testing.assert_allclose(got.importances, expected)
    np.testing.assert_allclose(got.importances_mean, expected.mean(axis=1))
    np.testing.assert_allclose(got.importances_std, expected.std(axis=1))
    assert got.importances_mean.argmax() == 1


def test_pipelines_scorers_weights_and_data_frames_are_accepted():
    X, y = ragged()
    frames = [pandas.DataFrame(x, columns=["a", "b", "c"]) for x in X]
    model = make_pipeline(SequenceScaler(), RNNRegressor((6,), max_iter=20, random_state=0)).fit(frames, y)
    got = permutation_importance(model, frames, y, scoring="neg_mean_squared_error", random_state=0)
    assert got.importances.shape == (3, 5)
    assert got.importances_mean.argmax() == 1
    alone = RNNRegressor((6,), max_iter=2, random_state=0).fit(X, y)
    first = permutation_importance(alone, X, y, sample_weight=np.arange(30.0), random_state=0)
    assert not np.allclose(first.importances, permutation_importance(alone, X, y, random_state=0).importances)


@pytest.mark.parametrize("n_repeats", [0, True, 2.0, "a"])
def test_the_number_of_repeats_is_checked(n_repeats):
    X, y = ragged()
    with pytest.raises(ValueError, match=f"n_repeats must be an integer of at least 1, got {n_repeats!r}"):
        permutation_importance(RNNRegressor((2,), max_iter=1).fit(X, y), X, y, n_repeats=n_repeats)


@pytest.mark.parametrize("estimator", [1.5, {}, RNNRegressor])
def test_other_objects_are_not_estimators(estimator):
    X, y = ragged()
    with pytest.raises(TypeError, match=f"estimator={estimator}: must be a fitted estimator or pipeline"):
        permutation_importance(estimator, X, y)
