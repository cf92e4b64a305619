"""Test dropout: masks differ by seed, epoch, sequence, step and layer; gradients are right for fixed masks."""

import numpy as np
import pytest

from numrnn import RNNClassifier, Sequences
from numrnn.data.batches import full_batch
from numrnn.data.random_streams import mask_keys
from numrnn.data.sources import Targets
from numrnn.kernels.cpu import updates
from numrnn.kernels.cpu.dropout import drop_row
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.interface import SolverStep
from numrnn.network.parameters import Layout, initial_theta

LENGTHS = np.array([37, 1, 20, 33, 5, 12, 12, 40, 2])
RATES = [{"dropout": 0.4}, {"recurrent_dropout": 0.3}, {"dropout": 0.2, "recurrent_dropout": 0.5}]
INPUTS = {"vectors": {"n_inputs": 3}, "symbols": {"n_symbols": 6}, "embedding": {"n_symbols": 6, "embedding_size": 2}}


class Case:
    """Hold a float64 network of two layers on ragged sequences, and compute its loss with fixed masks."""

    def __init__(self, cell, output, inputs, n_jobs=1, bidirectional=False, **dropout):
        random = np.random.default_rng(0)
        inputs_of = {"bidirectional": bidirectional, **INPUTS[inputs]}
        layout = Layout(hidden_layer_sizes=(9, 5), cell=cell, n_outputs=4, **inputs_of)
        steps = LENGTHS.sum()
        values = (
            random.normal(size=(steps, 3)) if inputs == "vectors" else random.integers(0, 6, steps).astype(np.uint8)
        )
        self.data = Sequences(values, np.concatenate([[0], np.cumsum(LENGTHS)]))
        count = steps if output == "step" else len(LENGTHS)
        self.targets = Targets(random.integers(0, 4, count), random.uniform(0.1, 1, count))
        self.theta = initial_theta(layout, "tanh", 0, np.float64)
        self.theta += random.normal(0, 0.1, self.theta.size)
        self.network = CPUNetwork(layout, output=output, dtype=np.float64, n_jobs=n_jobs)
        self.step = SolverStep(updates.NO_STEP, {}, np.zeros((1, 0)), seed=5, epoch=3, **dropout)

    def loss_and_gradient(self, theta):
        batch, gradient = full_batch(LENGTHS, self.network.tile_rows), np.zeros_like(theta)
        run = self.network.train(theta, self.data, self.targets, [batch], self.step, gradient, theta)
        return run.losses[0], gradient


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("output", ["sequence", "step"])
@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize(
    "dropout", [{"dropout": 0.4}, {"recurrent_dropout": 0.3}, {"dropout": 0.2, "recurrent_dropout": 0.5}]
)
def test_gradient_is_the_central_difference_of_the_loss(cell, output, inputs, dropout):
    check_gradient(cell, output, inputs, **dropout)


@pytest.mark.parametrize(
    ("cell", "inputs"), [("elman", "vectors"), ("lstm", "vectors"), *(("gru", name) for name in INPUTS)]
)
@pytest.mark.parametrize("output", ["sequence", "step"])
@pytest.mark.parametrize("dropout", [{"dropout": 0.4}, {"dropout": 0.2, "recurrent_dropout": 0.5}])
def test_gradient_of_bidirectional_layers_is_the_central_difference_of_the_loss(cell, output, inputs, dropout):
    check_gradient(cell, output, inputs, bidirectional=True, **dropout)


def check_gradient(cell, output, inputs, bidirectional=False, **dropout):
    case = Case(cell, output, inputs, bidirectional=bidirectional, **dropout)
    loss, gradient = case.loss_and_gradient(case.theta)
    assert loss != Case(cell, output, inputs, bidirectional=bidirectional).loss_and_gradient(case.theta)[0]
    chosen = np.random.default_rng(1).choice(case.theta.size, 12, replace=False)
    found = []
    for index in chosen:
        sides = []
        for step in (1e-6, -1e-6):
            theta = case.theta.copy()
            theta[index] += step
            sides.append(case.loss_and_gradient(theta)[0])
        found.append((sides[0] - sides[1]) / 2e-6)
    assert np.abs(found - gradient[chosen]).max() <= 1e-6 * np.abs(gradient).max()


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_no_bit_depends_on_threads(inputs, bidirectional):
    options = {"dropout": 0.3, "recurrent_dropout": 0.3, "bidirectional": bidirectional}
    one = Case("gru", "step", inputs, 1, **options)
    expected = one.loss_and_gradient(one.theta)
    for n_jobs in (2, 3):
        loss, gradient = Case("gru", "step", inputs, n_jobs, **options).loss_and_gradient(one.theta)
        assert loss == expected[0]
        np.testing.assert_array_equal(gradient, expected[1])


def test_units_are_left_out_as_often_as_asked_and_the_others_scaled_up():
    rows = np.ones((300, 1000))
    keys = mask_keys(1, 2, np.arange(300), np.zeros(300, np.int64))
    for row, key in zip(rows, keys, strict=True):
        drop_row(key, 7, 1, 1000, 0.8, row, 0, 0)
    assert set(np.unique(rows)) == {0, 1 / 0.8}
    kept = rows > 0
    assert abs(kept.mean() - 0.8) < 5 * 0.4 / np.sqrt(rows.size)
    # Units and rows are dropped independently, so that rates scatter as those of independent draws do.
    assert 0.8 < kept.mean(0).std() / (0.4 / np.sqrt(300)) < 1.2
    assert 0.8 < kept.mean(1).std() / (0.4 / np.sqrt(1000)) < 1.2


def test_masks_differ_by_seed_epoch_sequence_chunk_step_and_layer():
    def mask(seed=1, epoch=0, sequence=0, first=0, step=0, layer=0):
        key = mask_keys(seed, epoch, np.array([sequence]), np.array([first]))[0]
        row = np.ones(64)
        drop_row(key, step, layer, 64, 0.5, row, 0, 0)
        return row.tobytes()

    masks = [mask(), *(mask(**{name: 9}) for name in ("seed", "epoch", "sequence", "first", "step", "layer"))]
    assert len(set(masks)) == len(masks)
    assert mask() == masks[0]


@pytest.mark.parametrize("name", ["dropout", "recurrent_dropout"])
def test_estimators_drop_in_training_only(name):
    random = np.random.default_rng(0)
    X = [random.normal(size=(steps, 2)) for steps in random.integers(1, 9, 30)]
    y = np.array([x.sum() > 0 for x in X]).astype(int)
    options = {"cell": "gru", "max_iter": 3, "random_state": 0}
    plain = RNNClassifier((6, 4), **options).fit(X, y)
    model, again = (RNNClassifier((6, 4), n_jobs=n, **{name: 0.5}, **options).fit(X, y) for n in (1, 2))
    assert not np.array_equal(model.weights_["V"], plain.weights_["V"])
    np.testing.assert_array_equal(model.weights_["V"], again.weights_["V"])
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))
    assert model.loss_and_grad(X, y)[0] == model.loss_and_grad(X, y)[0]


@pytest.mark.parametrize("name", ["dropout", "recurrent_dropout"])
def test_mistakes(name):
    X, y = np.zeros((4, 3, 2)), [0, 1, 0, 1]
    for value in (1.0, -0.1, "much"):
        with pytest.raises(ValueError, match=name):
            RNNClassifier(**{name: value}).fit(X, y)
    with pytest.raises(ValueError, match=f"{name}=0.5: must be 0 with solver="):
        RNNClassifier(**{name: 0.5}, solver="lbfgs").fit(X, y)
