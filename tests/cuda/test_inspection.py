"""Test what `numrnn.inspection` computes on a GPU against a CPU."""

import numpy as np
import pytest

from numrnn import RNNClassifier
from numrnn.inspection import attribute, hidden_states


@pytest.mark.parametrize("method", ["gradient", "integrated", "occlusion"])
def test_influences_and_states_are_those_of_a_cpu(method):
    X = [np.random.default_rng(length).normal(size=(length, 2)) for length in (3, 1, 4)]
    model = RNNClassifier((3,), cell="lstm", dtype="float64", random_state=0).initialize(X, [0, 1, 2])
    expected = attribute(model, X, method=method, n_steps=3), hidden_states(model, X)
    model.set_params(device="cuda")
    got = attribute(model, X, method=method, n_steps=3), hidden_states(model, X)
    for values, wanted in zip(got, expected, strict=True):
        for rows, each in zip(values, wanted, strict=True):
            np.testing.assert_allclose(rows, each, rtol=1e-10, atol=1e-12)
