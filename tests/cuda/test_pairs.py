"""Test encoder-decoders on the GPU against the CPU: the same networks and the same texts."""

import numpy as np
import pytest
from networks import relative_error

import numrnn
from numrnn import RNNSeq2Seq

RANDOM = np.random.default_rng(0)
NUMBERS = [RANDOM.normal(size=(steps, 2)) for steps in (2, 1, 3, 2, 1)]
SYMBOLS = [RANDOM.integers(0, 3, steps) for steps in (1, 3, 2, 1, 2)]
VECTORS = RANDOM.normal(size=(5, 3))
SERIES = [RANDOM.normal(size=(steps, 2)) for steps in (2, 1, 3, 2, 1)]
TEXTS, WORDS = ["ab", "ba", "abb", "a", "b"], ["ba", "ab", "bba", "a", "b"]
KINDS = [
    (NUMBERS, SYMBOLS, {"cell": "lstm", "embedding_size": 2}),
    (SYMBOLS, SERIES, {"cell": "elman", "n_symbols": 3, "activation": "relu", "hidden_layer_sizes": (3, 2)}),
    (VECTORS, SYMBOLS, {"cell": "gru", "input": "vector"}),
    (TEXTS, WORDS, {"cell": "gru", "embedding_size": 2, "hidden_layer_sizes": (3, 2)}),
]
OPTIONS = [
    (TEXTS, WORDS, {"cell": "lstm", "dropout": 0.3, "recurrent_dropout": 0.2, "hidden_layer_sizes": (3, 2)}),
    (TEXTS, WORDS, {"embedding_size": 2, "early_stopping": True, "validation_fraction": 0.4, "alpha": 0.1}),
    (VECTORS, SERIES, {"input": "vector", "solver": "rmsprop", "clip_norm": 0.01}),
]


def pair(X, y, **params):
    """Return the same fit on both devices."""
    params = {"hidden_layer_sizes": (4,), "max_iter": 2, "batch_size": 2, "random_state": 0, **params}
    return [RNNSeq2Seq(device=device, **params).fit(X, y) for device in ("cpu", "cuda")]


def same(got, expected, tolerance):
    for one, another in zip(got, expected, strict=True):
        assert one.shape == another.shape and relative_error(one, another) <= tolerance


@pytest.mark.parametrize(("X", "y", "params"), KINDS)
def test_loss_and_gradient_are_those_of_the_cpu(X, y, params):
    params = {"hidden_layer_sizes": (4,), "dtype": "float64", "random_state": 0, "alpha": 0.1, **params}
    model = RNNSeq2Seq(**params).initialize(X, y)
    expected_loss, expected = model.loss_and_grad(X, y)
    loss, gradient = model.set_params(device="cuda").loss_and_grad(X, y)
    assert abs(loss - expected_loss) <= 1e-12
    for name, values in expected.items():
        assert relative_error(gradient[name], values) <= 1e-10, name


@pytest.mark.parametrize(("X", "y", "params"), OPTIONS)
def test_a_fit_is_the_same_on_both_devices(X, y, params):
    cpu, card = pair(X, y, **params)
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-5
    assert relative_error(card.loss_curve_, cpu.loss_curve_) <= 1e-5
    if "early_stopping" in params:
        assert relative_error(card.validation_loss_curve_, cpu.validation_loss_curve_) <= 1e-5
    for model in (cpu, card):
        model.partial_fit(X, y)
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-5


def test_texts_are_written_alike_by_whatever_device(tmp_path):
    """Check that both devices write the same texts, whichever device trained the model."""
    params = {"hidden_layer_sizes": (4,), "batch_size": 2, "learning_rate_init": 0.05, "random_state": 0}
    model = RNNSeq2Seq(max_iter=10, dtype="float64", **params).fit(TEXTS, WORDS)
    calls = model.predict, lambda X: model.predict(X, beam_width=2, length_penalty=0.6), lambda X: model.score(X, WORDS)
    expected = [call(TEXTS) for call in calls]
    assert len(set(expected[0])) > 1
    model.set_params(device="cuda")
    assert [call(TEXTS) for call in calls] == expected
    model = RNNSeq2Seq(device="cuda", max_iter=1, **params).fit(TEXTS, WORDS)
    model.save(tmp_path / "card.safetensors")
    there = numrnn.load(tmp_path / "card.safetensors")
    assert there.device == "cuda"
    there.set_params(device="cpu")
    assert there.predict(TEXTS, max_length=2) == model.predict(TEXTS, max_length=2)


def test_vectors_are_written_alike():
    cpu, card = pair(NUMBERS, SERIES, max_iter=1)
    same(card.predict(NUMBERS, lengths=[3, 1, 2, 1, 1]), cpu.predict(NUMBERS, lengths=[3, 1, 2, 1, 1]), 1e-5)
    assert abs(card.score(NUMBERS, SERIES) - cpu.score(NUMBERS, SERIES)) <= 1e-5


def test_lbfgs_steps_alike():
    cpu, card = pair(TEXTS, WORDS, solver="lbfgs", dtype="float64")
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-9
