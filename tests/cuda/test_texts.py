"""Test scores and gradients of language models on the GPU."""

import numpy as np
import pytest
from networks import relative_error

from numrnn import RNNLanguageModel
from numrnn.estimators.language_model import scoring
from numrnn.network.cuda import network

TEXTS = ["abracadabra", "ab", "cadabra", "rabarba"]


def fitted(X, **params):
    """Return the same fit on both devices."""
    params = {"hidden_layer_sizes": (4,), "batch_size": 2, "bptt_steps": 4, "max_iter": 1, "random_state": 0, **params}
    return [RNNLanguageModel(device=device, **params).fit(X) for device in ("cpu", "cuda")]


def test_scores_are_those_of_the_cpu_whatever_the_pieces(monkeypatch):
    params = {"hidden_layer_sizes": (3, 2), "embedding_size": 2, "dtype": "float64", "random_state": 0}
    model = RNNLanguageModel(**params, initial_state="learned").initialize(TEXTS)
    model.set_weights({name: values + 0.1 for name, values in model.weights_.items()})
    calls = model.score, model.bits_per_symbol, model.perplexity
    expected, expected_one = [call(TEXTS) for call in calls], model.cross_entropy(TEXTS[0])
    for outputs, rows, texts in [(1 << 20, 1 << 20, 1024), (30, 4, 2)]:
        monkeypatch.setattr(network, "OUTPUTS_AT_ONCE", outputs)
        monkeypatch.setattr(network, "ROWS_AT_ONCE", rows)
        monkeypatch.setattr(scoring, "TEXTS", texts)
        model.set_weights({})  # what was prepared to predict is left behind
        model.set_params(device="cuda")
        assert relative_error([call(TEXTS) for call in calls], expected) <= 1e-12
        assert abs(model.cross_entropy(TEXTS[0]) - expected_one) <= 1e-12


def test_probabilities_and_gradients_are_those_of_the_cpu():
    model = RNNLanguageModel((4,), dtype="float64", alpha=0.1, random_state=0).initialize(TEXTS)
    proba, one, (loss, gradient) = model.predict_proba(TEXTS), model.predict_proba("ab"), model.loss_and_grad(TEXTS)
    model.set_params(device="cuda")
    assert relative_error(model.predict_proba(TEXTS), proba) <= 1e-12
    assert relative_error(model.predict_proba("ab"), one) <= 1e-12
    other_loss, other = model.loss_and_grad(TEXTS)
    assert abs(other_loss - loss) <= 1e-12
    for name, values in gradient.items():
        assert relative_error(other[name], values) <= 1e-10, name


@pytest.mark.parametrize("X", ["abracadabra" * 2, TEXTS], ids=["one text", "many"])
def test_what_is_held_out_has_the_loss_of_the_cpu(X):
    cpu, card = fitted(X, early_stopping=True, validation_fraction=0.3)
    assert relative_error(card.validation_loss_curve_, cpu.validation_loss_curve_) <= 1e-5
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-5
    assert card.generate("abra", 5, temperature=0) == cpu.generate("abra", 5, temperature=0)


def test_a_score_has_the_same_bits_each_time():
    _, card = fitted(TEXTS)
    scores = {card.cross_entropy(TEXTS) for _ in range(2)}
    assert len(scores) == 1 and np.isfinite(scores.pop())
