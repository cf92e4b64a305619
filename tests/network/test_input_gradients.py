"""Test gradients with respect to inputs against central differences of the loss."""

import naive
import numpy as np
import pytest
from networks import Case, relative_error
from problems import make_problem

from numrnn.data.batches import Batch, full_batch
from numrnn.network.cpu import scheduling

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
RAGGED = (4, 1, 7, 3, 1, 2, 2, 5, 6, 4)
KINDS = [
    {},
    {"hidden": (4, 3)},
    {"output": "step", "head": "sigmoid"},
    {"output": "step", "head": "identity", "hidden": (3, 4), "bidirectional": True},
    {"bidirectional": True, "initial_state": "learned"},
    {"pooling": "mean", "hidden": (4, 3)},
    {"pooling": "max", "bidirectional": True},
    {"lengths": (40, 1, 33, 70)},
]
SYMBOLS = [
    {"n_symbols": 5, "embedding_size": 3, "hidden": (4, 3)},
    {"n_symbols": 5, "embedding_size": 3, "bidirectional": True, "output": "step"},
    {"n_symbols": 5, "embedding_size": 3, "pooling": "mean"},
    {"n_symbols": 5},
    {"n_symbols": 5, "bidirectional": True, "output": "step"},
]


def case_of(cell, activation, kind, **options):
    return Case(make_problem(cell, activation, **{"lengths": RAGGED, **kind}), **options)


def input_gradient(case, batch=None, given=None):
    """Return dloss/dx of a mini-batch, by default of all sequences in their order."""
    batch = Batch(np.arange(len(case.data))) if batch is None else batch
    return case.network.input_gradient(case.theta, case.data, case.targets, batch, given)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_gradients_are_central_differences(cell, activation, kind):
    case = case_of(cell, activation, kind)
    expected = naive.central_differences(
        lambda: case.network.loss(case.theta, case.data, case.targets)[0], case.data.values
    )
    assert relative_error(input_gradient(case), expected) <= 1e-6


@pytest.mark.parametrize("kind", SYMBOLS, ids=str)
@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_gradients_of_symbols_are_those_of_the_vectors_that_they_select(cell, activation, kind):
    """Compare with a network that reads the rows of the embedding, or one-hot vectors, as numbers."""
    problem = make_problem(cell, activation, **{"lengths": RAGGED, **kind})
    rows = problem.weights.get("embedding", np.eye(kind["n_symbols"]))
    weights = {name: value for name, value in problem.weights.items() if name != "embedding"}
    vectors = Case(problem._replace(weights=weights, X=[rows[x] for x in problem.X]))
    expected = naive.central_differences(
        lambda: vectors.network.loss(vectors.theta, vectors.data, vectors.targets)[0], vectors.data.values
    )
    assert relative_error(input_gradient(Case(problem)), expected) <= 1e-6


def test_gradients_of_an_embedding_are_sums_over_the_steps_of_each_symbol():
    case = case_of("gru", "tanh", SYMBOLS[0])
    rows = np.zeros((5, 3))
    np.add.at(rows, case.data.values, input_gradient(case))
    assert relative_error(rows, case.layout.views(case.gradient()[1])["embedding"]) <= 1e-12


def test_rows_follow_the_order_of_the_mini_batch():
    case = case_of("lstm", "tanh", {})
    whole = np.split(input_gradient(case), case.data.offsets[1:-1])
    batch = full_batch(case.data.lengths, case.network.tile_rows)
    assert relative_error(input_gradient(case, batch), np.concatenate([whole[i] for i in batch.ids])) <= 1e-12


def test_a_mini_batch_has_its_own_mean():
    case = case_of("gru", "tanh", {}, weighted=False)
    ids = np.array([2, 5])
    whole = np.split(input_gradient(case), case.data.offsets[1:-1])
    expected = np.concatenate([whole[i] for i in ids]) * len(case.data) / len(ids)
    assert relative_error(input_gradient(case, Batch(ids)), expected) <= 1e-12


def test_sequences_begin_with_given_states():
    case = case_of("lstm", "tanh", {"hidden": (4, 3)})
    states = np.random.default_rng(1).normal(0, 0.5, (len(case.data), case.network.state_size))

    def loss():
        logits, _ = case.network.predict(case.theta, case.data, states, raw=True)
        return case.network.loss_of(logits, case.targets)[0]

    assert relative_error(input_gradient(case, given=states), naive.central_differences(loss, case.data.values)) <= 1e-6


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_the_bits_do_not_depend_on_the_number_of_threads(cell, monkeypatch):
    kind = {"hidden": (33, 3), "lengths": RAGGED * 4}
    expected = input_gradient(case_of(cell, "tanh", kind, dtype=np.float32))
    assert expected.dtype == np.float32
    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)
    for n_jobs in (2, 3):
        np.testing.assert_array_equal(
            input_gradient(case_of(cell, "tanh", kind, dtype=np.float32, n_jobs=n_jobs)), expected
        )


def test_data_theta_and_packed_weights_stay_as_they_are():
    case = case_of("gru", "tanh", {})
    values, theta, outputs = case.data.values.copy(), case.theta.copy(), case.predict()
    input_gradient(case)
    np.testing.assert_array_equal(case.data.values, values)
    np.testing.assert_array_equal(case.theta, theta)
    np.testing.assert_array_equal(case.network.predict_packed(case.data)[0], outputs)
