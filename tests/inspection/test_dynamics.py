"""Test states, gates, gradients over time and dynamics against slow twins."""

import re

import naive_inspection as naive
import numpy as np
import pytest
from estimators_of_problems import estimator_of
from networks import relative_error
from problems import make_problem

from numrnn import RNNRegressor
from numrnn.inspection import (
    gate_saturation,
    gate_values,
    gradient_flow,
    hidden_states,
    jacobian_singular_values,
    lyapunov_exponents,
    recurrent_eigenvalues,
)
from numrnn.inspection.fitted import read_estimator, read_sequences
from numrnn.inspection.steps import outputs_below

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
LENGTHS = (5, 1, 7, 3)
each_cell = pytest.mark.parametrize(("cell", "activation"), CELLS)


def problem_of(cell="gru", activation="tanh", **kind):
    return make_problem(cell, activation, **{"lengths": LENGTHS, "hidden": (4, 3), "D": 2, "seed": 4, **kind})


@each_cell
@pytest.mark.parametrize("kind", [{}, {"bidirectional": True, "initial_state": "learned"}], ids=str)
@pytest.mark.parametrize("layer", [0, 1])
def test_states_are_those_of_the_slow_twin_and_of_the_steps_in_numpy(cell, activation, kind, layer):
    problem = problem_of(cell, activation, **kind)
    model = estimator_of(problem)
    fitted = read_estimator(model)
    got = hidden_states(model, problem.X, layer=layer)
    for x, values in zip(problem.X, got, strict=True):
        expected = naive.states(problem.weights, x, layer, cell, activation)
        assert relative_error(values, expected) <= 1e-12
        assert relative_error(outputs_below(fitted.architecture, fitted.weights, layer + 1, x), expected) <= 1e-12


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("layer", [0, 1])
def test_gates_are_those_of_the_slow_twin(cell, layer):
    problem = problem_of(cell)
    model = estimator_of(problem)
    got = gate_values(model, problem.X, layer=layer)
    each = [naive.gates(problem.weights, x, layer, cell) for x in problem.X]
    saturation = gate_saturation(model, problem.X, layer=layer)
    assert list(got) == list(each[0])
    for name, values in got.items():
        for rows, expected in zip(values, each, strict=True):
            assert relative_error(rows, expected[name]) <= 1e-12
        rows = np.concatenate([gates[name] for gates in each])
        np.testing.assert_array_equal(saturation[name].open, [np.mean([v > 0.9 for v in unit]) for unit in rows.T])
        np.testing.assert_array_equal(saturation[name].closed, [np.mean([v < 0.1 for v in unit]) for unit in rows.T])


def test_gates_of_both_directions_are_side_by_side():
    problem = problem_of("lstm", bidirectional=True, hidden=(4,))
    gates = gate_values(estimator_of(problem), problem.X)
    reverse = {name: value for name, value in problem.weights.items() if ".reverse." not in name}
    for name in ("U", "W", "b"):
        reverse[f"layers.0.{name}"] = problem.weights[f"layers.0.reverse.{name}"]
    for x, values in zip(problem.X, gates["f"], strict=True):
        assert relative_error(values[::-1, 4:], naive.gates(reverse, x[::-1], 0, "lstm")["f"]) <= 1e-12


def test_an_elman_cell_has_no_gates():
    problem = problem_of("elman")
    with pytest.raises(ValueError, match="estimator has cell='elman', which has no gates"):
        gate_values(estimator_of(problem), problem.X)


@each_cell
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize(
    "kind", [{}, {"output": "step", "head": "identity"}, {"pooling": "mean", "head": "sigmoid"}, {"pooling": "max"}],
    ids=str,
)  # fmt: skip
def test_gradient_flow_is_that_of_the_slow_twin(cell, activation, layer, kind):
    problem = problem_of(cell, activation, **kind)
    got = gradient_flow(estimator_of(problem), problem.X, problem.y, layer=layer)
    sums, counts = np.zeros(7), np.zeros(7, int)
    for x, y in zip(problem.X, problem.y, strict=True):
        last = y[-1] if problem.output == "step" else y
        rows = naive.flow(problem.weights, x, last, layer, **problem.kind)
        for lag in range(len(x)):
            sums[lag] += np.sqrt((rows[len(x) - 1 - lag] ** 2).sum())
            counts[lag] += 1
    np.testing.assert_array_equal(got.counts, counts)
    assert relative_error(got.norms, sums / counts) <= 1e-10


def test_the_horizon_is_the_last_lag_with_a_hundredth_of_the_largest_norm():
    X = np.zeros((1, 30, 1))
    model = RNNRegressor((1,), cell="elman", scale_targets=False, dtype="float64", random_state=0)
    model.initialize(X, [1.0])
    model.set_weights({"layers.0.W": [[0.5]], "layers.0.b": [0.0], "V": [[1.0]], "c": [0.0]})
    flow = gradient_flow(model, X, [1.0])
    np.testing.assert_allclose(flow.norms, 2 * 0.5 ** np.arange(30))  # tanh has the slope 1 at 0
    assert flow.horizon == 6


def test_a_bidirectional_network_has_no_lag():
    problem = problem_of(bidirectional=True)
    with pytest.raises(ValueError, match="estimator is bidirectional: must read in one direction"):
        gradient_flow(estimator_of(problem), problem.X, problem.y)


@each_cell
@pytest.mark.parametrize("layer", [0, 1])
def test_singular_values_and_lyapunov_exponents_are_those_of_the_slow_twins(cell, activation, layer):
    problem = problem_of(cell, activation)
    model = estimator_of(problem)
    runs = [naive.jacobians(problem.weights, x, layer, cell, activation) for x in problem.X]
    for values, run in zip(jacobian_singular_values(model, problem.X, layer=layer), runs, strict=True):
        for row, J in zip(values, run, strict=True):
            assert relative_error(row, naive.singular_values(J)) <= 1e-4
    if activation == "tanh":  # a ReLU that is off has an exponent of minus infinity
        exponents = lyapunov_exponents(model, problem.X, layer=layer)
        assert relative_error(exponents, naive.lyapunov_exponents(runs)) <= 1e-4


def test_the_exponents_of_a_linear_map_are_the_logarithms_of_its_factors():
    X = np.zeros((2, 60, 1))
    model = RNNRegressor((2,), cell="elman", dtype="float64", random_state=0).initialize(X, [1.0, 0.0])
    model.set_weights({"layers.0.W": [[0.5, 0.1], [0.0, 1.5]], "layers.0.b": [0.0, 0.0]})
    assert relative_error(lyapunov_exponents(model, X), np.log([1.5, 0.5])) <= 0.02


@each_cell
def test_eigenvalues_are_the_roots_of_the_characteristic_polynomial(cell, activation):
    problem = problem_of(cell, activation)
    got = recurrent_eigenvalues(estimator_of(problem), layer=0)
    W = problem.weights["layers.0.W"]
    for values, part in zip(got.values(), np.split(W, len(W) // 4), strict=True):
        expected = np.roots(np.poly(part))
        assert relative_error(np.sort(np.abs(values)), np.sort(np.abs(expected))) <= 1e-8
        assert (np.diff(np.abs(values)) <= 1e-12).all()


def test_a_layer_that_does_not_exist_is_named():
    problem = problem_of()
    for layer in (2, True, []):
        with pytest.raises(ValueError, match=f"layer={re.escape(str(layer))}: must be an integer from -2 to 1"):
            hidden_states(estimator_of(problem), problem.X, layer=layer)


def test_numbers_without_an_axis_of_inputs_are_read():
    X = np.random.default_rng(0).normal(size=(5, 6))
    model = RNNRegressor((3,), random_state=0).initialize(X, X[:, 0])
    assert read_sequences(model, X).data.values.shape == (30, 1)
    assert hidden_states(model, X).shape == (5, 6, 3)
