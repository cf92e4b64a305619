"""Test the scores of language models that have a value for each symbol."""

import tracemalloc

import naive
import numpy as np
import pytest
from scipy.special import log_softmax

from numrnn import RNNLanguageModel, Sequences
from numrnn.estimators.language_model import scoring
from numrnn.network.interface import RecurrentNetwork

RANDOM = np.random.default_rng(0)
TEXTS = ["".join(RANDOM.choice(list("abcdef"), n)) for n in (9, 2, 40, 7, 123, 2, 33, 5, 64, 3)]
SYMBOLS = [RANDOM.integers(0, 6, n) for n in (9, 2, 14, 7, 23)]
CELLS = ["elman", "gru", "lstm"]


def untrained(X, **params):
    """Return a model whose weights are large enough for its predictions to differ."""
    model = RNNLanguageModel(**{"hidden_layer_sizes": (16,), "random_state": 0} | params).initialize(X)
    return model.set_weights({name: 3 * values for name, values in model.weights_.items()})


@pytest.mark.parametrize("boundaries", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_figures_of_symbols_are_those_of_the_distributions(cell, boundaries):
    model = untrained(TEXTS, cell=cell, boundaries=boundaries, hidden_layer_sizes=(9, 5), embedding_size=3)
    surprisal, rows = model.surprisal(TEXTS), model.predict_proba(TEXTS, every_step=True)
    assert [len(values) for values in surprisal] == [len(text) + (1 if boundaries else -1) for text in TEXTS]
    right = []
    for text, values, p in zip(TEXTS, surprisal, rows, strict=True):
        codes = model.vocabulary_.transform(text)
        assert p.shape == (len(text) + boundaries, 6 + boundaries)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
        targets = np.append(codes, model.end_symbol_) if boundaries else codes[1:]
        p = p if boundaries else p[:-1]
        np.testing.assert_allclose(values, -np.log(p[np.arange(len(targets)), targets]), rtol=1e-4)
        right.extend(p.argmax(axis=1) == targets)
    total = np.concatenate(surprisal)
    assert total.dtype == np.float64 and total.mean() == pytest.approx(model.cross_entropy(TEXTS), rel=1e-6)
    assert total.mean() == pytest.approx(-model.score(TEXTS), rel=1e-6)
    assert model.accuracy(TEXTS) == np.mean(right)
    last = model.predict_proba(TEXTS)
    assert (last == [p[-1] for p in rows]).all()


def test_the_surprisal_is_the_slow_one():
    model = untrained(SYMBOLS, dtype="float64", hidden_layer_sizes=(5, 4), embedding_size=3)
    weights = {name: np.array(values) for name, values in model.weights_.items()}
    for x, values in zip(SYMBOLS, model.surprisal(SYMBOLS), strict=True):
        sums = [naive.loss(weights, [x[:n]], [x[1 : n + 1]], cell="gru", output="step") * n for n in range(1, len(x))]
        np.testing.assert_allclose(np.cumsum(values), sums, rtol=1e-10)


@pytest.mark.parametrize("boundaries", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_a_text_has_the_same_bits_alone_in_a_list_and_in_pieces(cell, boundaries, monkeypatch):
    model = untrained(TEXTS, cell=cell, boundaries=boundaries, hidden_layer_sizes=(20, 9))
    together, rows = model.surprisal(TEXTS), model.predict_proba(TEXTS, every_step=True)
    for text, values, p in zip(TEXTS, together, rows, strict=True):
        assert (model.surprisal(text) == values).all() and (model.surprisal([text])[0] == values).all()
        assert (model.predict_proba(text, every_step=True) == p).all()
    accuracy = model.accuracy(TEXTS)
    for outputs, texts, jobs in [(60, 1024, 1), (1, 2, 2), (200, 3, 4)]:
        monkeypatch.setattr(RecurrentNetwork, "outputs_at_once", outputs)
        monkeypatch.setattr(scoring, "TEXTS", texts)
        model.set_params(n_jobs=jobs)
        found = model.surprisal(TEXTS)
        assert all((a == b).all() for a, b in zip(found, together, strict=True))
        assert model.accuracy(TEXTS) == accuracy


def test_results_have_the_form_of_symbols():
    model = untrained(SYMBOLS)
    rows = model.predict_proba(SYMBOLS, every_step=True)
    assert isinstance(rows, list) and rows[2].shape == (14, 6)
    found = model.predict_proba(Sequences.from_list(SYMBOLS), every_step=True)
    assert isinstance(found, Sequences) and all((a == b).all() for a, b in zip(found, rows, strict=True))
    table = np.stack([SYMBOLS[4][:9], SYMBOLS[0]])
    found = model.predict_proba(table, every_step=True)
    assert found.shape == (2, 9, 6) and (found[1] == rows[0]).all()
    assert [len(values) for values in model.surprisal(table)] == [8, 8]
    assert model.predict_proba(SYMBOLS[0], every_step=True).shape == (9, 6)
    assert model.surprisal(SYMBOLS[0]).shape == (8,)


def test_empty_texts_end_at_once():
    model = untrained(TEXTS, boundaries=True)
    (ends,) = model.surprisal("")
    p = model.predict_proba("")
    assert ends == pytest.approx(-np.log(p[model.end_symbol_]), rel=1e-5)
    assert [len(values) for values in model.surprisal(["", "a"])] == [1, 2]
    assert model.predict_proba(["", "a"], every_step=True)[0].shape == (1, 7)


def test_improbable_symbols_have_finite_surprisals():
    model = untrained("abab")
    model.set_weights({"V": np.zeros((2, 16)), "c": [0.0, 500.0]})
    expected = -log_softmax([0.0, 500.0])[[1, 0, 1]]
    np.testing.assert_allclose(model.surprisal("abab"), expected)
    assert model.accuracy("abab") == 2 / 3


def test_texts_of_one_symbol_and_unfitted_models_are_refused():
    model = untrained(TEXTS, boundaries=False)
    for method in (model.accuracy, model.surprisal):
        with pytest.raises(ValueError, match=r"X\[1\] has 1 symbol, but needs at least 2"):
            method(["ab", "a"])
    with pytest.raises(ValueError, match="not fitted"):
        RNNLanguageModel().surprisal("ab")


@pytest.mark.serial
def test_memory_is_a_few_numbers_for_each_symbol():
    model = untrained([np.arange(2000)], hidden_layer_sizes=(4,), cell="elman", embedding_size=2, n_jobs=1)
    text = RANDOM.integers(0, 2000, 30_000)
    model.surprisal(text[:10])
    for method in (model.surprisal, model.accuracy):
        tracemalloc.start()
        method(text)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 60e6 < 4 * len(text) * 2000
