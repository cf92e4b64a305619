"""Run the recipe of the guide for shap on a short sequence, whose Shapley values can be enumerated."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from estimators_of_problems import estimator_of
from problems import make_problem

shap = pytest.importorskip("shap")


def shapley_values(function, x):
    """Return the mean contribution of each feature over all orders; absent features are 0."""
    n = len(x)
    values = np.zeros(n)
    for feature in range(n):
        others = [other for other in range(n) if other != feature]
        for size in range(n):
            share = factorial(size) * factorial(n - size - 1) / factorial(n)
            for kept in combinations(others, size):
                without = np.zeros(n)
                without[list(kept)] = x[list(kept)]
                beside = without.copy()
                beside[feature] = x[feature]
                values[feature] += share * (function(beside[None]) - function(without[None]))[0]
    return values


def test_the_recipe_gives_shapley_values():
    problem = make_problem("gru", lengths=(4, 4), D=2, hidden=(5,), head="identity", seed=1)
    model = estimator_of(problem)
    X = np.array(problem.X)

    def predict(rows):
        return model.predict(rows.reshape(len(rows), *X.shape[1:])).reshape(len(rows), -1)[:, 0]

    explainer = shap.KernelExplainer(predict, np.zeros((1, X[0].size)))
    x = X[:1].reshape(1, -1)
    values = explainer.shap_values(x, nsamples=2000, silent=True)
    np.testing.assert_allclose(values.ravel(), shapley_values(predict, x[0]), rtol=0, atol=1e-6)
