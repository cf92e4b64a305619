"""Test language models: training against training by hand, generated texts, and errors."""

import copy
import pickle
import tracemalloc
from itertools import islice

import naive
import numpy as np
import pytest
from sklearn.base import clone

from numrnn import RNNLanguageModel, Sequences, load
from numrnn.data import Vocabulary
from numrnn.estimators.language_model import scoring
from numrnn.estimators.language_model.fitting import Texts
from numrnn.estimators.problem import Problem
from numrnn.kernels.cpu.sampling import draw
from numrnn.network.interface import RecurrentNetwork
from numrnn.solvers import SGD
from numrnn.training import loop

CELLS = ["elman", "gru", "lstm"]
PERIOD = "abcde fghi."
TEXT = PERIOD * 60
RNG = np.random.default_rng(0)
SYMBOLS = RNG.integers(0, 6, 70)
RAGGED = [RNG.integers(0, 6, n) for n in (9, 2, 14, 7, 23)]


def small(**params):
    defaults = dict(batch_size=6, bptt_steps=20, learning_rate_init=0.02, max_iter=12, random_state=0, restart_rate=0.0)
    return RNNLanguageModel(**{"hidden_layer_sizes": (16,), **defaults, **params})


def untrained(X=TEXT, **params):
    """Return a model whose weights are large enough for its predictions to differ."""
    model = small(**params).initialize(X)
    return model.set_weights({name: 3 * values for name, values in model.weights_.items()})


def plain(model):
    """Return the weights of a model in float64, for the reference implementation."""
    return {name: np.array(values, np.float64) for name, values in model.weights_.items()}


@pytest.mark.parametrize(
    "params",
    [*({"cell": cell} for cell in CELLS), {"hidden_layer_sizes": (16, 8), "embedding_size": 5, "max_iter": 20}],
    ids=str,
)
def test_a_text_with_a_period_is_learnt(params):
    model = small(**params).fit(TEXT)
    assert model.cross_entropy(TEXT[:200]) < 0.15
    assert model.loss_curve_[-1] < 0.3 * model.loss_curve_[0]
    assert model.generate(PERIOD, 25, temperature=0) == (3 * PERIOD)[:25]


def by_hand(model, streams, alpha, rate, epochs):
    """Run truncated BPTT and SGD on one mini-batch of sequences; return the weights and the loss of each epoch."""
    weights, curve = plain(model), []
    inputs, targets = [x[:-1] for x in streams], [x[1:] for x in streams]
    for _ in range(epochs):
        states, losses, counts = [naive.first_state(weights, model.cell)] * len(streams), [], []
        for start in range(0, max(map(len, inputs)), model.bptt_steps):
            loss, grad, states = naive.chunk(
                weights, inputs, targets, alpha=alpha, states=states, start=start, k=model.bptt_steps,
                cell=model.cell, output="step",
            )  # fmt: skip
            weights = {name: values - rate * grad[name] for name, values in weights.items()}
            losses.append(loss)
            counts.append(sum(min(max(len(x) - start, 0), model.bptt_steps) for x in inputs))
        curve.append(np.average(losses, weights=counts))
    return weights, curve


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("embedding_size", [None, 3])
@pytest.mark.parametrize("one", [True, False])
def test_a_fit_is_truncated_bptt_by_hand(cell, embedding_size, one):
    X = SYMBOLS if one else RAGGED
    params = dict(cell=cell, embedding_size=embedding_size, bptt_steps=5, dtype="float64", alpha=0.01, clip_norm=None)
    model = small(hidden_layer_sizes=(4, 3), solver=SGD(momentum=0.0), learning_rate_init=0.5, max_iter=2, **params)
    first = model.initialize(X)
    streams = RAGGED if not one else [SYMBOLS[11 * i : 11 * i + 12] for i in range(6)]
    weights, curve = by_hand(first, streams, 0.01, 0.5, 2)
    model.fit(X)
    np.testing.assert_allclose(model.loss_curve_, curve, rtol=1e-9)
    for name, values in model.weights_.items():
        np.testing.assert_allclose(values, weights[name], rtol=1e-7, atol=1e-10)


def test_an_epoch_without_learning_gives_the_cross_entropy_of_the_streams():
    model = small(learning_rate_init=1e-12, max_iter=1).fit(TEXT)
    length = (len(TEXT) - 1) // 6
    streams = [TEXT[i * length : (i + 1) * length + 1] for i in range(6)]
    assert model.loss_ == pytest.approx(model.cross_entropy(streams), rel=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_the_cross_entropy_is_the_slow_one_whatever_the_pieces(cell, monkeypatch):
    model = untrained(SYMBOLS, cell=cell, dtype="float64", hidden_layer_sizes=(5, 4), embedding_size=3)
    expected = [naive.loss(plain(model), [x[:-1]], [x[1:]], cell=cell, output="step") for x in [SYMBOLS, *RAGGED]]
    mean = np.average(expected[1:], weights=[len(x) - 1 for x in RAGGED])
    for outputs, texts in [(1 << 20, 1024), (60, 1024), (1, 2), (30, 1)]:
        monkeypatch.setattr(RecurrentNetwork, "outputs_at_once", outputs)
        monkeypatch.setattr(scoring, "TEXTS", texts)
        assert model.cross_entropy(SYMBOLS) == pytest.approx(expected[0], rel=1e-12)
        assert model.cross_entropy(RAGGED) == pytest.approx(mean, rel=1e-12)
        assert model.cross_entropy(Sequences.from_list(RAGGED)) == pytest.approx(mean, rel=1e-12)
    assert model.score(RAGGED) == -model.cross_entropy(RAGGED)
    assert model.bits_per_symbol(RAGGED) == pytest.approx(mean / np.log(2))
    assert model.perplexity(RAGGED) == pytest.approx(np.exp(mean))
    assert model.loss_and_grad(RAGGED)[0] == pytest.approx(mean, rel=1e-12)


def test_the_gradient_is_the_slow_one():
    model = untrained(RAGGED, dtype="float64", alpha=0.3, hidden_layer_sizes=(4,))
    inputs, targets = [x[:-1] for x in RAGGED], [x[1:] for x in RAGGED]
    expected = naive.gradient(plain(model), inputs, targets, alpha=0.3, cell="gru", output="step")
    for name, values in model.loss_and_grad(RAGGED)[1].items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("X", [TEXT, [TEXT[: 10 + 7 * i] for i in range(20)]], ids=["one", "many"])
def test_neither_threads_nor_the_size_of_a_call_change_a_bit(X, monkeypatch):
    params = dict(hidden_layer_sizes=(40,), batch_size=20, max_iter=3, dropout=0.1, clip_norm=0.5)
    one = small(n_jobs=1, **params).fit(X)
    two = small(n_jobs=2, **params).fit(X)
    monkeypatch.setattr(loop, "ROWS_PER_CALL", 25)
    parts = small(n_jobs=2, **params).fit(X)
    for other in (two, parts):
        assert one.loss_curve_ == other.loss_curve_
        assert all(np.array_equal(one.weights_[name], values) for name, values in other.weights_.items())
    assert one.cross_entropy(X) == two.cross_entropy(X)


def test_forms_of_the_same_symbols_give_the_same_bits():
    forms = [SYMBOLS, SYMBOLS.astype(np.uint8), SYMBOLS.tolist(), SYMBOLS.astype(np.uint32)]
    models = [small(max_iter=1).fit(X) for X in forms]
    lists = [RAGGED, Sequences.from_list(RAGGED), [x.astype(np.uint16) for x in RAGGED], [x.tolist() for x in RAGGED]]
    many = [small(max_iter=1).fit(X) for X in lists]
    text = small(max_iter=1).fit(["".join("abcdef"[k] for k in x) for x in RAGGED])
    assert len({model.loss_ for model in models}) == 1
    assert len({model.loss_ for model in many}) == 1
    assert sorted(text.vocabulary_.symbols_) == list("abcdef")
    assert text.n_symbols_ == 6 and models[0].vocabulary_ is None


# Writing.


@pytest.mark.parametrize(
    "params", [*({"cell": cell} for cell in CELLS), {"embedding_size": 5, "dtype": "float64"}], ids=str
)
def test_a_text_is_written_from_the_probabilities_of_the_next_symbol(params):
    model = untrained(hidden_layer_sizes=(9, 5), **params)
    text = "bad"
    for _ in range(12):
        text += model.generate(text, 1, temperature=0)
        assert model.vocabulary_.symbols_[model.predict_proba(text[:-1]).argmax()] == text[-1]
    # No state is lost, and none made again, whatever the calls.
    assert text == "bad" + model.generate("bad", 12, temperature=0)
    assert text == "bad" + "".join(model.stream("bad", 12, temperature=0))


def test_many_symbols_have_the_probabilities_that_the_model_says():
    # States do not depend on the symbols, so each is drawn from one distribution.
    model = small(hidden_layer_sizes=(3,)).initialize(np.arange(6))
    model.set_weights({name: 0 * values for name, values in model.weights_.items()})
    model.set_weights({"c": [0.5, 1.0, -1.0, 2.0, 0.0, 1.0]})
    p = model.predict_proba([0])
    of_two = np.where([0, 1, 0, 1, 0, 0], p, 0) / (p[1] + p[3])
    for options, expected in [
        ({}, p),
        ({"temperature": 0.5}, p**2 / (p**2).sum()),
        ({"top_k": 2}, of_two),
        ({"top_p": p[3] + 0.5 * p[1]}, of_two),
        (
            {"top_k": 3, "top_p": 0.99 * (p[3] + p[1]) / (p[3] + 2 * p[1])},
            np.where([0, 1, 0, 1, 0, 0], p, 0) / (p[1] + p[3]),
        ),
    ]:
        counts = np.bincount(model.generate([0], 20000, random_state=0, **options), minlength=6)
        assert np.all(counts[expected == 0] == 0)
        np.testing.assert_allclose(counts / 20000, expected, atol=0.015)


def slow_draw(logits, temperature, top_k, top_p, uniform):
    logits = logits.astype(np.float64)
    if temperature == 0:
        return int(np.argmax(logits))
    weights = np.exp((logits - logits.max()) / temperature)
    order = np.arange(len(logits))
    if top_k < len(logits) or top_p < 1:
        order = np.argsort(-logits, kind="stable")[:top_k]
        total = weights[order].sum()
        order = order[: 1 + int((np.cumsum(weights[order]) < top_p * total).sum())]
    reached = np.cumsum(weights[order])
    return int(order[min(np.searchsorted(reached, uniform * reached[-1], side="right"), len(order) - 1)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_draws_are_the_slow_ones(dtype):
    rng = np.random.default_rng(0)
    for K in (1, 2, 7, 82):
        weights, heap = np.empty(K), np.empty(K, np.int64)
        for n in range(200):
            logits = (rng.normal(size=K) * rng.choice([0.1, 1, 30])).astype(dtype)
            if n % 3 == 0:
                logits = np.round(logits)  # some are equal
            options = (
                float(rng.choice([0, 1e-3, 0.5, 1, 1e9])),
                int(rng.integers(1, K + 2)),
                float(rng.choice([1, 0.9, 0.3])),
            )
            uniform = float(rng.choice([0.0, rng.random(), 1 - 2**-53]))
            assert draw(logits, *options, uniform, weights, heap) == slow_draw(logits, *options, uniform)


def test_one_seed_writes_one_text_however_it_is_asked_for(monkeypatch):
    model = untrained()
    options = dict(temperature=0.8, top_k=8, top_p=0.95, random_state=3)
    text = model.generate("abc", 300, **options)
    assert len(text) == 300 and set(text) <= set(TEXT)
    assert text == "".join(model.stream("abc", 300, **options))
    assert text[:50] == model.generate("abc", 50, **options) == "".join(islice(model.stream("abc", **options), 50))
    assert text != model.generate("abc", 300, **{**options, "random_state": 4})
    monkeypatch.setattr("numrnn.network.cpu.sampling.FIRST_BLOCK", 1)
    monkeypatch.setattr("numrnn.network.cpu.sampling.LARGEST_BLOCK", 3)
    long = "abcde" * 5
    assert text == model.generate("abc", 300, **options)
    assert model.generate(long, 20, temperature=0) == model.generate(long, 10, temperature=0) + model.generate(
        long + model.generate(long, 10, temperature=0), 10, temperature=0
    )


def test_one_symbol_of_all_is_the_most_probable():
    model = untrained()
    greedy = model.generate("abc", 40, temperature=0)
    assert greedy == model.generate("abc", 40, top_k=1) == model.generate("abc", 40, top_p=1e-9)
    assert greedy == model.generate("abc", 40, temperature=1e-6)
    assert model.generate("abc", 0) == "" and list(model.stream("abc", 0)) == []


def test_integers_are_written_as_integers_and_tokens_as_tokens():
    model = untrained(SYMBOLS)
    symbols = model.generate([0, 3], 10, random_state=0)
    assert symbols.dtype == np.int64 and symbols.tolist() == list(model.stream([0, 3], 10, random_state=0))
    words = small(vocabulary=Vocabulary("token"), max_iter=25).fit("one two three four " * 40)
    assert words.generate("one two", 3, temperature=0) == "three four one"
    assert list(words.stream("one two", 2, temperature=0)) == ["three", "four"]
    assert words.vocabulary is not words.vocabulary_ and not hasattr(words.vocabulary, "symbols_")


def test_more_symbols_than_a_byte_holds():
    X = RNG.integers(0, 300, 80)
    X[40] = 299
    model = untrained(X, dtype="float64", hidden_layer_sizes=(4,), cell="lstm")
    expected = naive.loss(plain(model), [X[:-1]], [X[1:]], cell="lstm", output="step")
    assert model.cross_entropy(X) == pytest.approx(expected, rel=1e-12)
    written = model.generate(X, 200, temperature=5.0, random_state=0)
    assert written.max() > 255 and len(set(written.tolist())) > 50
    model.set_weights({"c": np.where(np.arange(300) == 257, 1e3, 0)})
    assert model.generate([3, 299], 3).tolist() == [257] * 3


# Training goes on, stops, is saved.


def test_a_model_from_its_file_is_the_same(tmp_path):
    for X, params in [
        (TEXT, {"vocabulary": Vocabulary(max_symbols=9, lowercase=True)}),
        (SYMBOLS, {"embedding_size": 3}),
    ]:
        model = small(max_iter=2, **params).fit(X)
        model.save(tmp_path / "model")
        for same in (load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
            assert same.get_params().keys() == model.get_params().keys() and same.vocabulary_ == model.vocabulary_
            assert same.vocabulary == model.vocabulary and same.n_symbols_ == model.n_symbols_
            assert same.cross_entropy(X) == model.cross_entropy(X) and same.loss_curve_ == model.loss_curve_
            prompt = X[:5]
            written, again = (m.generate(prompt, 30, random_state=0) for m in (model, same))
            assert np.array_equal(written, again)
            assert same.partial_fit(X).n_iter_ == 3


def test_epochs_may_be_made_one_by_one():
    whole = small(max_iter=3).fit(TEXT)
    passes = small(max_iter=1).initialize(TEXT)
    for _ in range(3):
        passes.partial_fit(TEXT)
    warm = small(max_iter=1, warm_start=True).fit(TEXT).fit(TEXT).fit(TEXT)
    assert whole.loss_curve_ == passes.loss_curve_ == warm.loss_curve_
    copy = clone(whole)
    assert not hasattr(copy, "n_iter_") and copy.fit(TEXT).loss_curve_ == whole.loss_curve_


def test_the_end_of_a_text_or_some_texts_are_held_out():
    model = small(early_stopping=True, max_iter=4, validation_fraction=0.25, n_iter_no_change=99).fit(TEXT)
    kept = small(max_iter=4).fit(TEXT[:-165], X_val=TEXT[-165:])
    assert model.validation_loss_curve_ == kept.validation_loss_curve_
    assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]
    best = min(model.validation_loss_curve_)
    assert model.cross_entropy(TEXT[-165:]) == pytest.approx(best, rel=1e-6)
    many = small(early_stopping=True, max_iter=4, n_iter_no_change=1, tol=10.0).fit([TEXT[:50]] * 10)
    assert many.n_iter_ == 2 and len(many.validation_scores_) == 2
    assert small(max_iter=1).fit(RAGGED, X_val=SYMBOLS).validation_loss_curve_ is not None


@pytest.mark.serial
def test_memory_does_not_grow_with_the_text_but_for_a_byte_a_character():
    model = small(hidden_layer_sizes=(4,), cell="elman", batch_size=100, bptt_steps=50, max_iter=1, n_jobs=1)
    model.fit(TEXT)  # so that imports and compilation are not measured
    peaks = []
    for length in (500_000, 2_500_000):
        text = (PERIOD * (length // len(PERIOD) + 1))[:length]
        tracemalloc.start()
        model.fit(text, X_val=text[:10_000])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 2_000_000 < 1.5 and peaks[1] / 2_500_000 < 2


# Mistakes.


@pytest.mark.parametrize(
    ("X", "params", "error", "message"),
    [
        (TEXT[:6], {}, ValueError, "X has 6 symbols, but batch_size=6 needs at least 7"),
        (["abc", "a"], {"boundaries": False}, ValueError, r"X\[1\] has 1 symbol, but needs at least 2"),
        ("", {}, ValueError, "X has no character: there is nothing"),
        ([], {}, ValueError, "X is empty"),
        (None, {}, TypeError, "X is None, expected a str, an array of symbols or a list of them"),
        (b"abc", {}, TypeError, r"X must be a str or a list of str, got bytes: pass X.decode\('utf-8'\)"),
        (["abc", 3], {}, TypeError, r"X\[1\] is 3 \(int\), expected a str"),
        ([0, 1, 7] * 9, {"n_symbols": 7}, ValueError, "X has the symbol 7 in step 2, expected 0 to 6"),
        ([[0, 1], [0, 1, 9]], {"n_symbols": 7}, ValueError, r"X\[1\] has the symbol 9 in step 2, expected 0 to 6"),
        ([0, -1, 7] * 9, {}, ValueError, "X has the symbol -1 in step 1"),
        (np.linspace(0, 1, 30), {}, ValueError, "X must hold symbols"),
        (np.zeros((3, 4, 2)), {}, ValueError, r"X\[0\] has shape \(4, 2\), expected symbols"),
        (TEXT, {"n_symbols": 7}, ValueError, "n_symbols=7: must be None if X holds strings"),
        (SYMBOLS, {"vocabulary": Vocabulary()}, TypeError, r"vocabulary=.*: must be None, .*X .* ndarray"),
        (TEXT, {"solver": "lbfgs", "bptt_steps": None}, ValueError, "solver='lbfgs': must be a mini-batch solver"),
        (TEXT, {"activation": "relu"}, ValueError, "activation='relu': needs cell='elman'"),
        (TEXT, {"bptt_steps": 0}, ValueError, "The 'bptt_steps' parameter"),
        (TEXT, {"n_symbols": None}, ValueError, "The 'n_symbols' parameter"),
        (TEXT, {"device": "gpu"}, ValueError, "device must be 'cpu' or 'cuda'"),
        (TEXT[:9], {"early_stopping": True}, ValueError, "X has 7 symbols without its last 0.1, but batch_size=8"),
    ],
)  # fmt: skip
def test_what_no_fit_takes(X, params, error, message):
    params = {"batch_size": 8, **params} if "early_stopping" in params else params
    with pytest.raises(error, match=message):
        small(**params).fit(X)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.cross_entropy("abcXde"), ValueError, r"X has 'X' \(U\+0058\) at index 3, which is not among"),
        (lambda m: m.cross_entropy(["abc", "dXe"]), ValueError, r"X\[1\] has 'X' \(U\+0058\) at index 1"),
        (lambda m: m.cross_entropy([0, 1, 2]), TypeError, "X must hold text \\(str\\), as in fit"),
        (lambda m: m.cross_entropy("a"), ValueError, "X has 1 symbol, but needs at least 2"),
        (lambda m: m.partial_fit("abc?" * 10), ValueError, r"X has '\?' \(U\+003F\) at index 3"),
        (lambda m: m.fit(TEXT, X_val="ab#"), ValueError, r"X_val has '#' \(U\+0023\) at index 2"),
        (lambda m: m.set_params(cell="lstm").partial_fit(TEXT), ValueError, "cell='lstm': must be 'gru' to continue"),
        (lambda m: m.generate("abX", 3), ValueError, r"prompt has 'X' \(U\+0058\) at index 2"),
        (lambda m: m.generate("", 3), ValueError, "prompt is empty"),
        (lambda m: m.generate(5, 3), TypeError, "prompt is of type int, expected a str, an array of symbols or"),
        (lambda m: m.generate(["a", "b"], 3), ValueError, "prompt must be one string"),
        (lambda m: m.generate([0, 1], 3), TypeError, "prompt must hold text"),
        (lambda m: m.generate("a", -1), ValueError, "length must be a non-negative integer, got -1"),
        (lambda m: m.generate("a", 2.5), ValueError, "length must be"),
        (lambda m: m.generate("a", 2, temperature=-1), ValueError, "temperature must be a finite, non-negative number"),
        (lambda m: m.generate("a", 2, temperature=np.nan), ValueError, "temperature must be"),
        (lambda m: m.generate("a", 2, top_k=0), ValueError, "top_k must be an integer of at least 1"),
        (lambda m: m.generate("a", 2, top_p=0.0), ValueError, "top_p must be a number above 0"),
        (lambda m: m.stream("a", top_p=1.5), ValueError, "top_p must be a number above 0"),
    ],
)  # fmt: skip
def test_what_a_model_of_texts_does_not_take(call, error, message):
    model = small(max_iter=1).fit(TEXT)
    with pytest.raises(error, match=message):
        call(model)


def test_what_a_model_of_symbols_does_not_take():
    model = small(max_iter=1).fit(SYMBOLS)
    with pytest.raises(TypeError, match=r"X must hold symbols \(integers\), as in fit, got '"):
        model.cross_entropy(TEXT)
    with pytest.raises(ValueError, match="prompt has the symbol 6 in step 1, expected 0 to 5"):
        model.generate([0, 6], 3)
    with pytest.raises(ValueError, match=r"X\[1\] has the symbol 8 in step 0"):
        model.cross_entropy([[1, 2], [8, 2]])


def test_series_of_any_index_and_frames_are_read():
    """Check Series with any index, and frames; reading the first item by the label 0 once raised a KeyError."""
    pandas = pytest.importorskip("pandas")
    model = RNNLanguageModel((2,), batch_size=1, random_state=0)
    assert model.initialize(pandas.Series([0, 2, 1], index=[5, 6, 7])).n_symbols_ == 3
    assert model.initialize(pandas.DataFrame({"a": [0, 1], "b": [3, 2]})).n_symbols_ == 4
    assert model.initialize(pandas.Series(["ab", "bcd"], index=["x", "y"])).n_symbols_ == 4
    with pytest.raises(ValueError, match=r"X\[0\] holds object, expected symbols"):
        model.initialize(pandas.DataFrame({"text": ["ab", "bcd"]}))
    with pytest.raises(TypeError, match="X=array.*: must be a str, an array of symbols or a list of them"):
        model.initialize(np.array(3))


def test_symbols_too_large_to_count_up_to_are_named():
    """Check the error about too large symbols, which was once an OverflowError from the sizes of the weights."""
    with pytest.raises(ValueError, match=rf"X has the symbol {2**63} in step 1, expected 0 to"):
        RNNLanguageModel((2,), batch_size=1).initialize(np.array([0, 2**63, 1], dtype=np.uint64))


def test_the_parameter_at_fault_is_named():
    """Check that errors name the right parameter.

    Once, the error about random_state spoke of a seed, and the one about solver="lbfgs" of bptt_steps, which is a
    default.
    """
    model = RNNLanguageModel((2,), batch_size=1, random_state=0).initialize("abc")
    with pytest.raises(ValueError, match="random_state=-1: must be an integer from 0 to 4294967295"):
        model.generate("a", 3, random_state=-1)
    with pytest.raises(ValueError, match="^solver='lbfgs'"):
        RNNLanguageModel(solver="lbfgs").fit("abc")


# Training that ends within an epoch.


class StopAt:
    """End training at the `count`-th call, and keep a copy of the state."""

    def __init__(self, count):
        self.count = count

    def on_progress(self, info):
        self.count -= 1
        self.state = copy.deepcopy(info.state)
        return self.count == 0


@pytest.mark.parametrize("params", [{}, {"solver": "sgd", "bptt_steps": 7}, {"learning_rate": "cosine"}], ids=str)
def test_training_goes_on_within_an_epoch_with_the_same_bits(params, monkeypatch):
    params = dict(hidden_layer_sizes=(12,), batch_size=3, max_iter=3, dropout=0.1, bptt_steps=20) | params
    whole = small(**params).fit(TEXT)
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 0)  # a mini-batch a call
    stop = StopAt(15)
    part = small(**params, callbacks=[stop]).fit(TEXT)
    assert part._state.stop_reason == "callback" and part._state.progress is None
    assert stop.state.progress.done and 0 < part._state.n_updates < whole._state.n_updates
    part._state = stop.state
    options = part._options()
    problem = part._lay_out(options, Problem(part._architecture, Texts(*part._reader().read(TEXT))))
    part._train(options, problem, 3 - stop.state.epoch, [])
    assert part.loss_curve_ == whole.loss_curve_
    assert all(np.array_equal(whole.weights_[name], values) for name, values in part.weights_.items())
