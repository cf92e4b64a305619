"""Test the encoder-decoder estimator: its inputs, training, outputs and errors."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from numrnn import RNNSeq2Seq, Sequences, load
from numrnn.data import Vocabulary
from numrnn.solvers import SGD

NAMES = "zero one two three four five six seven eight nine".split()
TEXTS = [f"{n}" for n in range(60)]
WORDS = [" ".join(NAMES[int(digit)] for digit in text) for text in TEXTS]
RNG = np.random.default_rng(0)
SYMBOLS = [RNG.integers(0, 4, n) for n in RNG.integers(1, 6, 60)]
VECTORS = RNG.standard_normal((60, 3))
SERIES = [RNG.standard_normal((n, 2)) for n in RNG.integers(1, 6, 60)]


def small(**params):
    return RNNSeq2Seq(**{"hidden_layer_sizes": (12,), "max_iter": 2, "random_state": 0, **params})


def test_texts_are_learnt():
    model = small(hidden_layer_sizes=(32,), learning_rate_init=0.02, max_iter=80).fit(TEXTS, WORDS)
    assert model.score(TEXTS, WORDS) > 0.9
    assert model.predict(["42", "7"]) == ["four two", "seven"]
    assert model.loss_curve_[-1] < 0.1 * model.loss_curve_[0]
    assert model.longest_target_ == max(map(len, WORDS))


@pytest.mark.parametrize(
    ("X", "params"),
    [
        (TEXTS, {}),
        (SYMBOLS, {"n_symbols": "auto"}),
        (SYMBOLS, {"n_symbols": 9, "embedding_size": 3}),
        (Sequences.from_list(SYMBOLS), {"n_symbols": 4}),
        (SERIES, {}),
        (RNG.standard_normal((60, 4, 2)), {}),
        (RNG.standard_normal((60, 4)), {}),
        (VECTORS, {"input": "vector"}),
    ],
    ids=["texts", "symbols", "embedded", "sequences", "series", "3-D", "table", "vectors"],
)
@pytest.mark.parametrize(
    "y",
    [WORDS, SYMBOLS, RNG.integers(0, 3, (60, 4)), SERIES, [rows[:, 0] for rows in SERIES], RNG.normal(size=(60, 3, 2))],
    ids=["texts", "symbols", "table", "vectors", "numbers", "3-D"],
)
def test_every_form_of_x_and_y_comes_back_from_its_file(X, params, y, tmp_path):
    model = small(**params, max_iter=1).fit(X, y)
    lengths = None if model.n_target_symbols_ is not None else [len(each) for each in y]
    found = model.predict(X, lengths=lengths)
    assert len(found) == 60
    if y is WORDS:
        assert all(isinstance(text, str) for text in found)
    else:
        first = y[0]
        assert found[0].ndim == np.ndim(first) and found[0].dtype.kind == first.dtype.kind
    assert np.isfinite(model.score(X, y))
    model.save(tmp_path / "model.safetensors")
    same = load(tmp_path / "model.safetensors")
    for a, b in zip(found, same.predict(X, lengths=lengths), strict=True):
        assert np.array_equal(a, b)
    assert same.get_params().keys() == model.get_params().keys()
    assert same.partial_fit(X, y).n_iter_ == 2


def test_one_length_is_known():
    y = RNG.normal(size=(60, 3, 2))
    model = small(input="vector").fit(VECTORS, y)
    assert [rows.shape for rows in model.predict(VECTORS[:2])] == [(3, 2), (3, 2)]
    with pytest.raises(ValueError, match="lengths must be given"):
        small(input="vector").fit(VECTORS, SERIES).predict(VECTORS)
    model.partial_fit(VECTORS, SERIES)
    with pytest.raises(ValueError, match="lengths must be given"):
        model.predict(VECTORS)


def test_parts_make_a_fit():
    """Check that partial_fit is one epoch, that warm_start continues, and that a copy is independent."""
    whole = small(max_iter=3).fit(TEXTS, WORDS)
    parts = small().initialize(TEXTS, WORDS)
    for _ in range(3):
        parts.partial_fit(TEXTS, WORDS)
    warm = small(max_iter=1, warm_start=True).fit(TEXTS, WORDS)
    kept = pickle.loads(pickle.dumps(warm))
    warm.set_params(max_iter=2).fit(TEXTS, WORDS)
    for name, values in whole.weights_.items():
        assert np.array_equal(values, parts.weights_[name]), name
        assert np.array_equal(values, warm.weights_[name]), name
        assert values.dtype == np.float32
    assert kept.n_iter_ == 1 and whole.loss_curve_ == parts.loss_curve_


def test_a_step_is_the_gradient_by_hand():
    """Check a step of plain SGD on all pairs at once, with the L2 term and clipping, against the gradient."""
    model = small(solver=SGD(momentum=0.0), batch_size=60, alpha=0.1, clip_norm=0.3, dtype="float64", max_iter=1)
    model.initialize(TEXTS, WORDS)
    loss, gradient = model.loss_and_grad(TEXTS, WORDS)
    norm = np.sqrt(sum((values**2).sum() for values in gradient.values()))
    before = {name: values.copy() for name, values in model.weights_.items()}
    model.set_params(learning_rate_init=0.5).partial_fit(TEXTS, WORDS)
    assert model.loss_ == pytest.approx(loss, rel=1e-9) and norm > 0.3
    for name, values in model.weights_.items():
        np.testing.assert_allclose(values, before[name] - 0.5 * 0.3 / norm * gradient[name], rtol=1e-5, atol=1e-9)


def test_lbfgs_trains():
    model = small(solver="lbfgs", max_iter=8).fit(TEXTS, WORDS)
    assert model.loss_curve_[-1] < 0.9 * model.loss_curve_[0]
    assert not hasattr(model, "partial_fit")


def test_validation_and_early_stopping():
    model = small(max_iter=4).fit(TEXTS[:50], WORDS[:50], X_val=TEXTS[40:], y_val=WORDS[40:])
    assert len(model.validation_loss_curve_) == 4
    assert model.validation_loss_curve_[-1] == pytest.approx(model.loss_and_grad(TEXTS[40:], WORDS[40:])[0], rel=1e-5)
    assert model.validation_scores_[-1] == -model.validation_loss_curve_[-1]
    stopped = small(max_iter=50, early_stopping=True, n_iter_no_change=2, tol=10.0).fit(TEXTS, WORDS)
    assert stopped.n_iter_ < 50


def test_it_is_an_estimator_of_scikit_learn():
    model = small(target_vocabulary=Vocabulary("token"), dropout=0.1)
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(model, {"cell": ["elman", "gru"], "alpha": [0.0, 0.1]}, cv=2).fit(TEXTS, WORDS)
    assert search.best_estimator_.target_vocabulary_.symbols_[0] == "<unknown>"
    assert search.predict(TEXTS[:3]) == search.best_estimator_.predict(TEXTS[:3])


def test_the_right_share_is_scored():
    model = small().fit(TEXTS, WORDS)
    assert model.score(TEXTS, model.predict(TEXTS, max_length=200)) == 1.0 if all(model.predict(TEXTS)) else True
    symbols = small(n_symbols="auto").fit(SYMBOLS, SYMBOLS)
    found = [each if len(each) else np.array([0]) for each in symbols.predict(SYMBOLS)]
    share = np.mean([np.array_equal(a, b) for a, b in zip(found, symbols.predict(SYMBOLS), strict=True)])
    assert symbols.score(SYMBOLS, found) == share


def test_mistakes_are_named():
    for X, y, params, error, message in [
        (TEXTS, WORDS[:-1], {}, ValueError, "y has 59 sequences, but X has 60 sequences"),
        (TEXTS, None, {}, ValueError, "requires y"),
        (TEXTS, [*WORDS[:3], "", *WORDS[4:]], {}, ValueError, r"y\[3\] holds no character"),
        ([*TEXTS[:3], "", *TEXTS[4:]], WORDS, {}, ValueError, r"X\[3\] holds no character"),
        (TEXTS, [*SYMBOLS[:2], np.zeros(0, int), *SYMBOLS[3:]], {}, ValueError, r"y\[2\] is empty"),
        (TEXTS, [*SYMBOLS[:2], np.array([-1]), *SYMBOLS[3:]], {}, ValueError, r"y\[2\] has the symbol -1"),
        (TEXTS, np.arange(60), {}, ValueError, r"y\[0\] is one value"),
        (TEXTS, [*SERIES[:4], np.ones((2, 3)), *SERIES[5:]], {}, ValueError, r"y\[4\] has shape \(2, 3\)"),
        (TEXTS, [*SERIES[:4], np.full((2, 2), np.nan), *SERIES[5:]], {}, ValueError, r"y\[4\] contains NaN in step 0"),
        ("abc", WORDS, {}, TypeError, r"pass \[X\]"),
        (TEXTS, "abc", {}, TypeError, r"pass \[y\]"),
        (TEXTS, WORDS, {"n_symbols": 5}, ValueError, "n_symbols=5: must be None if X holds strings"),
        (SERIES, WORDS, {"vocabulary": Vocabulary()}, TypeError, "vocabulary=.*: must be None, since X .* no strings"),
        (TEXTS, SYMBOLS, {"target_vocabulary": Vocabulary()}, TypeError, "target_vocabulary=.*: must be None, since y"),
        (SYMBOLS, WORDS, {"n_symbols": 3}, ValueError, r"X\[\d+\] has the symbol 3"),
        (SERIES, SERIES, {"embedding_size": 3}, ValueError, "embedding_size=3: must be None unless X or y"),
        (TEXTS, WORDS, {"input": "vector"}, TypeError, "input='vector'"),
        (RNG.normal(size=(60, 3, 2)), WORDS, {"input": "vector"}, ValueError, "dim 3"),
        (np.where(VECTORS > 2, np.nan, VECTORS), WORDS, {"input": "vector"}, ValueError, "X contains NaN"),
        (VECTORS, WORDS, {"input": "vector", "n_symbols": 3}, ValueError, "n_symbols=3: must be None with input"),
        (TEXTS, WORDS, {"input": "matrix"}, ValueError, "'input'"),
    ]:
        with pytest.raises(error, match=message):
            small(**params).fit(X, y)


def test_an_unseen_character_is_the_unknown_in_x_alone():
    model = small(max_iter=1).fit(TEXTS, WORDS)
    assert model.vocabulary_.unknown_symbol_ == 0 and model.target_vocabulary_.unknown_symbol_ is None
    assert model.n_symbols_ == 1 + len(set("".join(TEXTS)))
    assert len(model.predict(["1ù", "1"])) == 2 and model.predict(["1ù", "1x"])[0] == model.predict(["1x"])[0]
    assert 0 <= model.score(["ù"], WORDS[:1]) <= 1
    with pytest.raises(ValueError, match=r"y\[0\] has 'ù'"):
        model.score(TEXTS[:1], ["ù"])
    with pytest.raises(ValueError, match=r"X\[0\] has 'ù'"):
        small(vocabulary=Vocabulary(unknown=False), max_iter=1).fit(TEXTS, WORDS).predict(["ù"])


def test_mistakes_after_a_fit_leave_it_as_it_was():
    model = small().fit(TEXTS, WORDS)
    before = model.predict(TEXTS)
    for call, error, message in [
        (lambda: model.predict(SYMBOLS), TypeError, "X must hold strings"),
        (lambda: model.predict([]), TypeError, r"X must hold strings, .*, got \[\] \(list\)"),
        (lambda: model.score(TEXTS, SYMBOLS), TypeError, "y holds symbols, but the model was fitted on texts"),
        (lambda: model.score(TEXTS[:2], ["one", "QED"]), ValueError, r"y\[1\] has 'Q'"),
        (lambda: model.predict(TEXTS, beam_width=0), ValueError, "beam_width must be"),
        (lambda: model.predict(TEXTS, length_penalty=-1), ValueError, "length_penalty must be"),
        (lambda: model.predict(TEXTS, max_length=0), ValueError, "max_length must be"),
        (lambda: model.predict(TEXTS, lengths=3), ValueError, "symbols, which end with the end symbol"),
        (lambda: model.partial_fit(TEXTS, SYMBOLS), TypeError, "y holds symbols"),
        (lambda: model.fit(TEXTS, WORDS, X_val=TEXTS), ValueError, "X_val and y_val"),
        (lambda: model.fit(TEXTS, WORDS, X_val=TEXTS, y_val=WORDS[:3]), ValueError, "y_val has 3"),
        (lambda: model.fit(TEXTS, WORDS, X_val=["1"], y_val=["Q"]), ValueError, r"y_val\[0\] has 'Q'"),
    ]:
        with pytest.raises(error, match=message):
            call()
        assert model.predict(TEXTS) == before
    with pytest.raises(ValueError, match="cell='elman': must be 'lstm' to continue training"):
        model.set_params(cell="elman").partial_fit(TEXTS, WORDS)
    vectors = small(input="vector").fit(VECTORS, SERIES)
    for options, message in [({"beam_width": 2, "lengths": 1}, "beam search"), ({"max_length": 2}, "pass lengths"),
                             ({"lengths": [1, 2]}, "60 such integers"), ({"lengths": 0}, "at least 1")]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            vectors.predict(VECTORS, **options)
    with pytest.raises(ValueError, match="X has 2 features"):
        vectors.predict(VECTORS[:, :2], lengths=1)
    with pytest.raises(ValueError, match="^input=.sequence.: must be .vector. to continue"):
        vectors.set_params(input="sequence").partial_fit(VECTORS, SERIES)
