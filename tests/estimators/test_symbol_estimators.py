"""Test estimators of symbols and truncated BPTT: all methods, forms of X, and mistakes."""

import pickle
import tracemalloc

import naive
import numpy as np
import pandas
import pytest
from problems import make_problem
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from numrnn import RNNClassifier, RNNRegressor, Sequences, load
from numrnn.solvers import SGD

KINDS = [RNNClassifier, RNNRegressor]
N_SYMBOLS = 7
PARAMS = [
    {},
    {"embedding_size": 3},
    {"n_symbols": "auto", "bptt_steps": 2},
    {"n_symbols": np.int64(N_SYMBOLS), "embedding_size": 3, "bptt_steps": 3},
]

rng = np.random.default_rng(0)
X = [rng.integers(0, N_SYMBOLS, length) for length in rng.integers(1, 9, 24)]
X[3] = np.array([1, N_SYMBOLS - 1, 0])
Y = np.arange(24) % 3
Y_STEPS = [x % 3 for x in X]
VECTORS = [x[:, None] * 0.5 for x in X]


def small(kind=RNNClassifier, **params):
    common = {"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, "n_jobs": 1, "n_symbols": N_SYMBOLS}
    return kind(**{**common, **params})


def theta(model):
    return model._state.theta


def with_item(item, at=3):
    return [*X[:at], item, *X[at + 1 :]]


# Every way through the estimators.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", ["sequence", "step"])
@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_fit_predict_steps_files_and_copies(kind, output, params, tmp_path):
    y = Y if output == "sequence" else Y_STEPS
    model = small(kind, output=output, cell="lstm", hidden_layer_sizes=(5, 3), **params)
    assert repr(clone(model)) == repr(model)
    model.fit(X, y)
    assert (model.n_features_in_, model.n_inputs_, len(model.loss_curve_)) == (1, 1, 2)
    table = model.weights_.get("embedding", model.U_[0].T)
    assert table.shape == ((N_SYMBOLS, 3) if "embedding_size" in params else (N_SYMBOLS, 20))
    expected = model.predict(X)
    per_step = expected if output == "step" else [None] * len(X)
    for x, last, each in zip(X, expected, per_step, strict=True):
        state = None
        for t, symbol in enumerate(x):
            prediction, state = model.predict_step(symbol, state)
            assert each is None or prediction == each[t]
        assert prediction == (last if each is None else each[-1])
    predictions, states = model.predict_step([x[0] for x in X])
    assert len(states) == len(X)
    np.testing.assert_array_equal(model.transform([x[:1] for x in X]), states.values[:, 10:13])
    np.testing.assert_array_equal(predictions, np.ravel([model.predict([x[:1]])[0] for x in X]))
    if kind is RNNClassifier:
        for p, log_p in zip(model.predict_proba(X), model.predict_log_proba(X), strict=True):
            np.testing.assert_allclose(np.exp(log_p), p, rtol=1e-5)
            np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-6)
    assert np.isfinite(model.score(X, y))
    model.save(tmp_path / "model")
    other = small(kind, output=output, cell="lstm", hidden_layer_sizes=(5, 3), **params, random_state=1)
    same = [load(tmp_path / "model"), pickle.loads(pickle.dumps(model)), other.initialize(X, y)]
    other.set_weights(model.weights_)
    for copied in same:
        assert copied.n_symbols == model.n_symbols and copied.bptt_steps == model.bptt_steps
        np.testing.assert_array_equal(np.hstack(copied.predict(X)), np.hstack(expected))
    assert same[0].set_params(warm_start=True).fit(X, y).n_iter_ == 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_partial_fit_and_warm_start_go_on(kind, params):
    whole = small(kind, max_iter=4, **params).fit(X, Y)
    parts = small(kind, **params)
    for _ in range(4):
        parts.partial_fit(X, Y, **({"classes": [0, 1, 2]} if kind is RNNClassifier else {}))
    halves = small(kind, warm_start=True, **params).fit(X, Y).fit(X, Y)
    for model in (parts, halves):
        np.testing.assert_array_equal(theta(model), theta(whole))
        assert model.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_every_form_and_type_of_X_has_the_same_bits(params):
    symbols = np.random.default_rng(1).integers(0, N_SYMBOLS, (24, 6))
    symbols[0, 0] = N_SYMBOLS - 1
    expected = small(**params).fit(list(symbols), Y)
    proba = expected.predict_proba(list(symbols))
    forms = [symbols.astype(dtype) for dtype in (np.uint8, np.int8, np.uint16, np.int32, np.uint32, ">i2", np.uint64)]
    forms += [list(forms[0]), tuple(forms[1]), [row[::2] for row in symbols.repeat(2, axis=1)]]
    forms += [Sequences.from_array(symbols), Sequences.from_list(list(forms[0])), symbols.tolist()]
    forms += [pandas.DataFrame(symbols), [pandas.Series(row) for row in symbols], np.asfortranarray(symbols)]
    forms += [[row.tolist() if i % 2 else row.astype(np.uint8) for i, row in enumerate(symbols)]]
    for form in forms:
        model = small(**params).fit(form, Y)
        np.testing.assert_array_equal(theta(model), theta(expected))
        np.testing.assert_array_equal(model.predict_proba(form), proba)
    step = small(output="step").fit(symbols, symbols % 3)
    assert step.predict(symbols).shape == symbols.shape and isinstance(step.predict(list(symbols)), list)
    assert isinstance(step.predict(Sequences.from_array(symbols)), Sequences)


@pytest.mark.parametrize("fitted", [[[1, 2, 0]] * 4, np.array([[1, 2, 0]] * 4)], ids=["lists", "array"])
def test_symbols_of_one_length_bind_no_later_ones(fitted):
    model = small().fit(fitted, [0, 1, 0, 1])
    assert model.n_features_in_ == 1
    np.testing.assert_array_equal(model.predict([[1, 2]]), model.predict([np.array([1, 2])]))
    np.testing.assert_array_equal(model.predict(np.array([[1, 2]])), model.predict([np.array([1, 2])]))


def test_the_size_of_an_embedding_is_searched():
    search = GridSearchCV(small(), {"embedding_size": [None, 1, 4], "bptt_steps": [None, 3]}, cv=3)
    search.fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.predict(X)) == 24


@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping_on_symbols(kind):
    model = small(kind, early_stopping=True, embedding_size=3, max_iter=3, n_symbols="auto")
    model.fit(X, Y)
    assert len(model.validation_scores_) == 3
    model.fit(X, Y, X_val=X[:6], y_val=Y[:6])
    np.testing.assert_allclose(model.validation_scores_[-1], model.score(X[:6], Y[:6]), rtol=1e-6)
    for bad, match in [
        (with_item(np.array([1, 9])), r"X_val\[3\] has the symbol 9 in step 1, expected 0 to 6"),
        (VECTORS, r"X_val\[0\] has shape \(\d, 1\), expected symbols"),
        (with_item(np.array([0.5])), r"X_val\[3\] holds float64, expected symbols"),
    ]:
        with pytest.raises(ValueError, match=match):
            model.fit(X, Y, X_val=bad, y_val=Y)


@pytest.mark.parametrize("output", ["sequence", "step"])
@pytest.mark.parametrize("embedding_size", [None, 3])
def test_loss_and_grad_is_the_objective(output, embedding_size):
    """Check that loss_and_grad returns the objective, in which an embedding has no L2 term."""
    for cell in ("elman", "gru", "lstm"):
        problem = make_problem(
            cell, hidden=(5, 4), lengths=(4, 1, 6), output=output, head="identity", n_symbols=9,
            embedding_size=embedding_size,
        )  # fmt: skip
        params = {"cell": cell, "output": output, "n_symbols": 9, "embedding_size": embedding_size}
        model = RNNRegressor((5, 4), alpha=0.3, dtype="float64", scale_targets=False, **params)
        targets = np.array(problem.y) if output == "sequence" else problem.y
        model.initialize(problem.X, targets).set_weights(problem.weights)
        loss, gradient = model.loss_and_grad(problem.X, targets, problem.w)
        np.testing.assert_allclose(loss, naive.loss(*problem.data, 0.3, **problem.kind), rtol=1e-10)
        for name, expected in naive.gradient(*problem.data, 0.3, **problem.kind).items():
            np.testing.assert_allclose(gradient[name], expected, rtol=1e-7, atol=1e-10)


def test_lbfgs_learns_symbols():
    model = small(RNNRegressor, output="step", embedding_size=3, solver="lbfgs", max_iter=30, dtype="float64")
    model.fit(X, [x * 1.0 for x in X])
    assert model.loss_ < 0.1 * model.loss_curve_[0]


# Truncated BPTT.


@pytest.mark.parametrize("data", [X, VECTORS], ids=["symbols", "vectors"])
def test_truncated_bptt_is_the_loop_by_hand(data):
    n_symbols = N_SYMBOLS if data is X else None
    options = {"output": "step", "n_symbols": n_symbols, "bptt_steps": 3, "batch_size": 24, "clip_norm": None}
    options |= {"solver": SGD(momentum=0.0), "learning_rate_init": 0.1, "dtype": "float64", "warm_start": True}
    options |= {"scale_targets": False, "cell": "elman"}
    y = [(x % 3) * 0.5 for x in X]
    model = small(RNNRegressor, alpha=0.01, **options).initialize(data, y)
    weights = {name: value.copy() for name, value in model.weights_.items()}
    kind = {"cell": "elman", "output": "step", "head": "identity"}
    targets, losses = [each[:, None] for each in y], []
    for _ in range(2):
        states, total = np.zeros((24, 5)), 0.0
        for start in range(0, max(map(len, X)), 3):
            steps = sum(len(x[start : start + 3]) for x in X)
            loss, grad, states = naive.chunk(
                weights, data, targets, None, 0.01, states=states, start=start, k=3, **kind
            )
            total += loss * steps
            for name in weights:
                weights[name] -= 0.1 * grad[name]
        losses.append(total / sum(map(len, X)))
    model.fit(data, y)
    np.testing.assert_allclose(model.loss_curve_, losses, rtol=1e-10)
    for name, value in model.weights_.items():
        np.testing.assert_allclose(value, weights[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("data", [X, VECTORS], ids=["symbols", "vectors"])
def test_chunks_longer_than_all_sequences_cut_nothing(data):
    n_symbols = N_SYMBOLS if data is X else None
    whole, chunks = (
        small(n_symbols=n_symbols, bptt_steps=steps, dtype="float64", max_iter=3).fit(data, Y) for steps in (None, 100)
    )
    np.testing.assert_allclose(theta(chunks), theta(whole), rtol=1e-9, atol=1e-12)


# Memory.


def peak(function):
    function()  # so that imports and compilation are not measured
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.serial
def test_predictions_need_no_room_for_the_gradient_of_an_embedding():
    """Check the memory of a prediction; an early version allocated a gradient row of the embedding per step."""
    text, E = [np.zeros(100_000, np.uint8)], 64
    model = small(embedding_size=E).initialize(X, Y)
    assert peak(lambda: model.predict(text)) < len(text[0]) * E


@pytest.mark.serial
def test_chunks_bound_the_memory_of_training():
    def of_length(length):
        texts = np.zeros((8, length), np.uint8)
        model = small(embedding_size=16, bptt_steps=20, cell="lstm", hidden_layer_sizes=(32,), max_iter=1)
        return peak(lambda: model.fit(texts, np.arange(8) % 2))

    assert of_length(2000) < 1.5 * of_length(200)


# Mistakes.


@pytest.mark.parametrize(
    "bad, match",
    [
        ([x * 1.0 for x in X], r"X\[0\] holds float64, expected symbols: a 1-D array of integers"),
        (with_item(np.array([1.0, 2.0])), r"X\[3\] holds float64, expected symbols"),
        (with_item(np.array([1.0, np.nan])), r"X\[3\] holds float64, expected symbols"),
        ([x > 2 for x in X], r"X\[0\] holds bool, expected symbols"),
        ([x.astype(object) for x in X], r"X\[0\] holds object, expected symbols"),
        (with_item(np.array([1, -2])), r"X\[3\] has the symbol -2 in step 1, expected 0 to 6"),
        (with_item(np.array([1, 2, 7])), r"X\[3\] has the symbol 7 in step 2, expected 0 to 6 \(n_symbols=7\)"),
        (with_item(np.array([256])), r"X\[3\] has the symbol 256 in step 0"),
        (with_item(np.array([2**32])), r"X\[3\] has the symbol 4294967296 in step 0"),
        ([x.astype(np.uint64) for x in with_item(np.array([2**63], np.uint64))], r"X\[3\] has the symbol 92233720"),
        (with_item(np.array([[1], [2]])), r"X\[3\] has shape \(2, 1\), expected symbols"),
        (VECTORS, r"X\[0\] has shape \(\d, 1\), expected symbols"),
        ([pandas.DataFrame({0: x}) for x in X], r"X\[0\] has shape \(\d, 1\), expected symbols"),
        (np.zeros((24, 4, 1), int), r"X\[0\] has shape \(4, 1\), expected symbols"),
        (np.zeros((24, 4)), r"X\[0\] holds float64, expected symbols"),
        (Sequences.from_list(VECTORS), r"X\[0\] has shape \(\d, 1\), expected symbols"),
        (Sequences.from_list([x * 1.0 for x in X]), r"X\[0\] holds float64, expected symbols"),
        (with_item(np.array([], int)), r"X\[3\] is empty"),
        (with_item([]), r"X\[3\] is empty"),
        (with_item(2), r"X\[3\] is a single value.*if X is a single sequence, pass \[X\]"),
        (with_item(None), r"X\[3\] is a single value"),
        (X[3], r"X\[0\] is a single value.*if X is a single sequence, pass \[X\]"),
        (["text"] * 24, r"X holds strings, expected numbers: set vocabulary=numrnn.data.Vocabulary"),
        ("text", r"X holds strings, expected numbers: set vocabulary=numrnn.data.Vocabulary"),
        ([["a", "b"]] * 24, r"X holds strings, expected numbers: set vocabulary=numrnn.data.Vocabulary"),
        ([], "X is empty"),
        (None, "X is None, expected a list"),
    ],
)
@pytest.mark.parametrize("n_symbols", [N_SYMBOLS, "auto"])
def test_X_that_is_not_of_symbols(bad, match, n_symbols):
    """Check that errors name the first faulty sequence, in training and in prediction."""
    fitted = small(n_symbols=n_symbols).fit(X, Y)
    before = dict(vars(fitted))
    calls = [fitted.predict, lambda bad: fitted.partial_fit(bad, Y)]
    if n_symbols != "auto" or "has the symbol" not in match:
        calls.append(lambda bad: small(n_symbols=n_symbols).fit(bad, Y))
    for call in calls:
        with pytest.raises((ValueError, TypeError), match=match):
            call(bad)
    assert vars(fitted) == before


@pytest.mark.parametrize("negative", [X[:3] + [np.array([2, -1])], [np.array([-3, -1])] * 4])
def test_no_symbol_is_negative(negative):
    with pytest.raises(ValueError, match=r"X\[\d\] has the symbol -\d in step \d, expected 0 to"):
        small(n_symbols="auto").fit(negative, Y[:4])


@pytest.mark.parametrize("kind", KINDS)
def test_training_cannot_go_on_with_other_symbols(kind):
    """Check that continued training rejects other symbols.

    An early version ignored another number of symbols, and after training on numbers took symbols for numbers.
    """
    model = small(kind, n_symbols="auto", warm_start=True).fit(X, Y)
    kept = theta(model).copy()
    larger = with_item(np.array([1, 9]))
    for call in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=r"X\[3\] has the symbol 9 in step 1, expected 0 to 6 \(n_symbols=7\)"):
            call(larger, Y)
        for params in ({"n_symbols": 10}, {"n_symbols": None}, {"n_symbols": N_SYMBOLS, "embedding_size": 2}):
            with pytest.raises(ValueError, match="^(n_symbols|embedding_size)=.*: must be .* to continue training"):
                getattr(model.set_params(**params), call.__name__)(X, Y)
            model.set_params(n_symbols="auto", embedding_size=None)
    np.testing.assert_array_equal(theta(model), kept)
    assert model.set_params(n_symbols=N_SYMBOLS).partial_fit(X[:4], Y[:4]).n_iter_ == 3
    assert model.set_params(warm_start=False, n_symbols=10).fit(larger, Y).U_[0].shape == (15, 10)
    vectors = small(kind, n_symbols=None, warm_start=True).fit(VECTORS, Y)
    for n_symbols in ("auto", N_SYMBOLS):
        with pytest.raises(ValueError, match="^n_symbols=.*: must be .* to continue training"):
            vectors.set_params(n_symbols=n_symbols).fit(X, Y)


@pytest.mark.parametrize(
    "x, match",
    [
        (1.0, r"x must be a symbol \(an integer\) .* got float64"),
        (True, r"x must be a symbol \(an integer\) .* got bool"),
        ("a", "x must be a symbol"),
        (None, "x must be a symbol"),
        ([], "x must be a symbol"),
        ([[1]], r"x must be a symbol .* of shape \(1, 1\)"),
        (np.zeros(N_SYMBOLS, np.float32), "x must be a symbol .* got float32"),
        (-1, "x holds the symbol -1, expected symbols from 0 to 6"),
        ([1, 7], "x holds the symbol 7, expected symbols from 0 to 6"),
        (256, "x holds the symbol 256, expected symbols from 0 to 6"),
        (np.uint64(2**64 - 1), "x holds the symbol 18446744073709551615"),
    ],
    ids=str,
)
def test_a_step_that_is_no_symbol(x, match):
    model = small().initialize(X, Y)
    with pytest.raises(ValueError, match=match):
        model.predict_step(x)
    _, state = model.predict_step([1, 2])
    with pytest.raises(ValueError, match=r"state must have shape \(1, "):
        model.predict_step(1, state)
