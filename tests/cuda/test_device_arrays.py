"""Test X on the device: it is read there, and gives the same fits and predictions as the same host array."""

import importlib
from contextlib import contextmanager

import numpy as np
import pytest
from device_arrays import to_card

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq, Sequences, SequenceScaler
from numrnn.data.conversion import to_sequences
from numrnn.data.fingerprint import fingerprint
from numrnn.data.symbols.checks import check_symbols
from numrnn.network.cuda import device, transfer
from numrnn.network.cuda.device_sequences import DeviceSequences, to_device_sequences
from numrnn.training import Checkpoint

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(6, 3, 2)).astype(np.float32)
Y = np.array([0, 1, 2, 1, 0, 2])
STEPS = X.sum(axis=2)
RAGGED = [X[0], X[1, :1], X[2, :2], X[3], X[4, :2], X[5]]
PARAMS = {"hidden_layer_sizes": (3,), "max_iter": 2, "batch_size": 2, "random_state": 0, "device": "cuda"}
EXPECTED = {  # what errors say of X
    "NaN": (lambda: to_card(np.where(np.arange(36).reshape(6, 3, 2) == 21, np.nan, X)), r"X\[3\] .*NaN in step 1"),
    "infinity": (
        lambda: to_card(np.full((2, 3, 2), 1e300)),
        r"X\[0\] contains infinity or a value too large for .* in step 0",
    ),
    "shape": (lambda: to_card(X[None]), r"X has shape \(1, 6, 3, 2\), expected .* \(N, T, D\)"),
    "empty": (lambda: to_card(X[:0]), "at least one sequence"),
    "kind": (lambda: to_card(X.astype(complex)), "X has dtype complex128: Complex data not supported"),
    "host": (lambda: [to_card(X[0]), X[1]], r"X\[1\] is on the host"),
    "no steps": (lambda: [to_card(X[0]), to_card(X[1, :0])], r"X\[1\] has shape \(0, 2\)"),
    "columns": (lambda: [to_card(X[0]), to_card(X[1, :, :1])], r"X\[1\] has shape \(3, 1\), but X\[0\] has \(3, 2\)"),
}


def fit(kind, *data, X_val=None, y_val=None, **params):
    return kind(**{**PARAMS, **params}).fit(*data, **({} if X_val is None else {"X_val": X_val, "y_val": y_val}))


def same_bits(one, other):
    np.testing.assert_array_equal(one._state.theta, other._state.theta)
    assert one.loss_curve_ == other.loss_curve_


@pytest.fixture
def no_copies(monkeypatch):
    """Return a context that fails if X is copied to the device or from it."""
    # a module that is first imported within the context would keep the patches
    importlib.import_module("numrnn.network.cuda.encoder_decoder")

    def refuse(function):
        def checked(array, *rest):
            assert array.size < X.size and array.dtype.kind != "u"
            return function(array, *rest)

        return checked

    @contextmanager
    def refusing():
        with monkeypatch.context() as patches:
            patches.setattr(transfer, "upload", refuse(transfer.upload))
            patches.setattr(device, "download", refuse(device.download))
            yield

    return refusing


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_classifier_reads_an_array_where_it_lies(dtype, no_copies):
    def results(X, Y):
        model = fit(RNNClassifier, X, Y, early_stopping=True)
        yield from (model._state.theta.copy(), model.predict(X), model.predict_proba(X), model.transform(X))
        yield from (model.score(X, Y), model.n_inputs_, model.n_features_in_)
        yield model.partial_fit(X, Y)._state.theta
        loss, gradient = model.loss_and_grad(X, Y)
        yield from (loss, gradient["V"])

    with no_copies():
        found = list(results(to_card(X.astype(dtype)), to_card(Y)))
    for got, expected in zip(found, results(X, Y), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_ragged_arrays_targets_of_steps_and_weights(no_copies):
    targets, weights = [x[:, :1] for x in RAGGED], np.arange(6.0)
    host = RNNRegressor(output="step", **PARAMS).fit(RAGGED, targets, weights)
    device_X, card = list(map(to_card, RAGGED)), RNNRegressor(output="step", **PARAMS)
    with no_copies():
        card.fit(device_X, list(map(to_card, targets)), to_card(weights))
        predicted = card.predict(device_X)
    same_bits(card, host)
    for got, expected in zip(predicted, host.predict(RAGGED), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_sequences_to_watch_and_tables():
    params = {"output": "step", "early_stopping": True}
    card, host = RNNRegressor(**PARAMS | params), RNNRegressor(**PARAMS | params)
    same_bits(
        card.fit(to_card(STEPS), STEPS, X_val=to_card(STEPS[:2]), y_val=to_card(STEPS[:2])),
        host.fit(STEPS, STEPS, X_val=STEPS[:2], y_val=STEPS[:2]),
    )
    assert card.n_features_in_ == host.n_features_in_ == 3
    np.testing.assert_array_equal(card.predict(to_card(STEPS)), host.predict(STEPS))


def test_an_array_is_read_where_it_lies_if_it_can_be():
    array = np.ascontiguousarray(X)
    sequences, form = to_device_sequences(to_card(array), dtype=np.float32)
    assert form == "array" and sequences.shape == (6, None, 2) and len(sequences.choose(np.array([4, 1]))) == 2
    assert repr(sequences) == "DeviceSequences(6 sequences, 2 columns, float32)"
    if device.in_simulator():
        assert np.shares_memory(sequences.values, array)
    for other in (array.transpose(0, 2, 1).copy().transpose(0, 2, 1), array.astype(np.float64), array[::-1][::-1]):
        values = to_device_sequences(to_card(other), dtype=np.float32)[0].values
        np.testing.assert_array_equal(device.to_host(values), array.reshape(-1, 2))
        assert values.flags.c_contiguous and values.dtype == np.float32


@pytest.mark.parametrize("kind", EXPECTED)
def test_errors_name_the_sequence_at_fault(kind):
    make, message = EXPECTED[kind]
    model = RNNClassifier(**PARAMS)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(make(), Y)
    assert not hasattr(model, "n_inputs_")


def test_another_number_of_inputs_is_an_error():
    model = fit(RNNClassifier, X, Y)
    with pytest.raises(ValueError, match=r"X\[0\] has shape \(3, 1\), expected \(steps, 2\)"):
        model.predict(to_card(X[:, :, :1]))
    with pytest.raises(ValueError, match=r"\[6, 2\]"):
        model.fit(to_card(X), to_card(Y[:2]))


def test_who_reads_from_the_host_says_so():
    expected = r"X(\[0\])? is an array on a GPU, expected one on the host: pass cupy.asnumpy\(X(\[0\])?\)"
    for given in (to_card(X), [to_card(X[0])]):
        with pytest.raises(TypeError, match=expected):
            fit(RNNClassifier, given, Y[: len(given)], device="cpu")
        with pytest.raises(TypeError, match=expected):
            SequenceScaler().fit(given)
        with pytest.raises(TypeError, match=expected):
            fit(RNNSeq2Seq, given, RAGGED[: len(given)], device="cpu")
    symbols = np.ones((6, 3), np.int64)
    for name, given in (("X", to_card(symbols)), (r"X\[0\]", list(map(to_card, symbols)))):
        with pytest.raises(TypeError, match=f"^{name} is an array on a GPU"):
            fit(RNNLanguageModel, given, device="cpu")
        with pytest.raises(TypeError, match=f"^{name.replace('X', 'prompt')} is an array on a GPU"):
            fit(RNNLanguageModel, symbols, device="cpu").generate(given, 1)
    step = to_card(X[0, 0])
    with pytest.raises(TypeError, match=r"^x is an array on a GPU, expected one on the host: pass cupy.asnumpy\(x\)$"):
        fit(RNNClassifier, X, Y).predict_step(step)
    with pytest.raises(TypeError, match=r"^x is an array on a GPU"):
        fit(RNNClassifier, symbols, Y, n_symbols=2).predict_step(to_card(symbols[0, :1]))
    with pytest.raises(TypeError, match=r"^state is an array on a GPU"):
        RNNClassifier(**PARAMS).fit(X, Y, state=to_card(np.zeros((6, 3))))
    with pytest.raises(TypeError, match=r"^classes is an array on a GPU"):
        RNNClassifier(**PARAMS).partial_fit(X, Y, classes=to_card(Y[:3]))
    with pytest.raises(TypeError, match=r"^weights\['c'\] is an array on a GPU"):
        fit(RNNClassifier, X, Y).set_weights({"c": to_card(np.zeros(3))})
    with pytest.raises(TypeError, match=r"^lengths is an array on a GPU"):
        fit(RNNSeq2Seq, X, X).predict(X, lengths=to_card(np.ones(6, int)))
    with pytest.raises(TypeError, match=r"^values is an array on a GPU"):
        Sequences(to_card(X[0]), [0, 3])
    with pytest.raises(TypeError, match=r"^X must hold strings, .* holds symbols on a GPU"):
        fit(RNNLanguageModel, "banana").cross_entropy(to_card(symbols))


def test_a_card_that_is_not_there_is_told_before_it_is_asked_for_arrays(monkeypatch):
    models = [
        (fit(RNNRegressor, X, STEPS, output="step", device="cpu"), (to_card(X), STEPS)),
        (fit(RNNLanguageModel, RANDOM.integers(0, 5, 30), device="cpu"), (to_card(np.arange(5)),)),
        (fit(RNNSeq2Seq, X[:, 0], X, input="vector", device="cpu"), (to_card(X[:, 0]), X)),
    ]

    def missing():
        raise RuntimeError("device='cuda' needs an NVIDIA GPU")

    monkeypatch.setattr(device, "in_simulator", lambda: False)  # so CuPy would be asked for
    monkeypatch.setattr(device, "find_spec", lambda name: True)
    monkeypatch.setattr(device, "_why_not", missing)
    for model, data in models:
        model.set_params(device="cuda")
        with pytest.raises(RuntimeError, match="needs an NVIDIA GPU"):
            model.loss_and_grad(*data)


def test_lists_are_told_apart_by_all_that_is_in_them():
    y = [np.array(steps) for steps in STEPS]
    expected = fit(RNNRegressor, X, y, output="step")
    same_bits(fit(RNNRegressor, X, [y[0], *map(to_card, y[1:])], output="step"), expected)
    objects = np.empty(6, object)
    for i, x in enumerate(X):
        objects[i] = to_card(x)
    same_bits(fit(RNNRegressor, objects, y, output="step"), expected)


def test_arrays_of_several_types_are_cast_as_on_the_host():
    large = [np.array([[2**60 + 2**36 + 1]], np.int64), np.array([[1.0]], np.float32)]
    read, _ = to_device_sequences(list(map(to_card, large)), dtype=np.float32)
    np.testing.assert_array_equal(device.to_host(read.values), to_sequences(large, dtype=np.float32)[0].values)


def test_targets_and_weights_on_the_card_are_for_estimators_of_the_card():
    def refused(kind, name, *data, **options):
        expected = rf"^{name}(\[0\])? is an array on a GPU, expected one on the host: pass cupy.asnumpy\({name}"
        for given in (to_card(Y), [to_card(y) for y in X]):
            with pytest.raises(TypeError, match=expected):
                fit(kind, *(given if part is None else part for part in data), **options)

    cpu = {"device": "cpu"}
    refused(RNNClassifier, "y", X, None, **cpu)
    refused(RNNRegressor, "y", X, None, output="step", **cpu)
    refused(RNNRegressor, "sample_weight", X, X[:, :, 0], None, output="step", **cpu)
    refused(RNNSeq2Seq, "y", X, None, **cpu)
    refused(RNNSeq2Seq, "X", None, X, input="vector", **cpu)
    model = fit(RNNClassifier, X, Y, **cpu)
    for name, data in (("y", (to_card(Y),)), ("sample_weight", (Y, to_card(Y)))):
        with pytest.raises(TypeError, match=f"^{name} is an array on a GPU"):
            model.score(X, *data)
    with pytest.raises(TypeError, match="^y_val is an array on a GPU"):
        model.fit(X, Y, X_val=X, y_val=to_card(Y))


@pytest.mark.parametrize("params", [{"n_symbols": "auto"}, {"n_symbols": 300, "embedding_size": 2}], ids=str)
def test_symbols_are_read_where_they_lie(params, no_copies):
    params = params | {"output": "step", "max_iter": 1}
    symbols = [RANDOM.integers(0, 4, len(x)) for x in RAGGED]
    symbols[0][0] = 4
    targets = [x % 2 for x in symbols]
    host = fit(RNNClassifier, symbols, targets, X_val=symbols[1:], y_val=targets[1:], **params)
    expected = host.predict(symbols), host.transform(symbols)
    on_card = list(map(to_card, symbols))
    with no_copies():
        card = fit(RNNClassifier, on_card, targets, X_val=on_card[1:], y_val=targets[1:], **params)
        found = card.predict(on_card), card.transform(on_card)
    same_bits(card, host)
    for got, values in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.concatenate(got), np.concatenate(values))
    assert (card.n_features_in_, card.n_inputs_) == (host.n_features_in_, host.n_inputs_) == (1, 1)


@pytest.mark.parametrize("params", [{}, {"n_symbols": "auto"}], ids=str)
def test_an_encoder_reads_where_it_lies(params, tmp_path):
    given = [RANDOM.integers(0, 4, len(x)) for x in RAGGED] if params else RAGGED
    texts = ["a", "bb", "ab", "b", "ba", "aab"]

    def results(X):
        model = fit(RNNSeq2Seq, X, texts, X_val=X[1:], y_val=texts[1:], **params)
        return model._state.theta.copy(), model.predict(X), model.score(X, texts), model.partial_fit(X, texts)

    on_card = list(map(to_card, given))
    (*expected, host), (*found, card) = map(results, (given, on_card))
    for got, value in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, value)
    same_bits(card, host)
    assert isinstance(card._readers()[0].read(on_card), DeviceSequences)
    params |= {"early_stopping": True, "validation_fraction": 0.4}
    fit(RNNSeq2Seq, given, texts, callbacks=[Checkpoint(tmp_path)], **params | {"max_iter": 1})
    model = RNNSeq2Seq(**PARAMS | params, callbacks=[Checkpoint(tmp_path)])
    assert model.fit(on_card, texts, resume=tmp_path).n_iter_ == 2


@pytest.mark.parametrize(
    "targets, dtype", [("symbols", np.float64), ("a table of symbols", np.float32), ("vectors", np.float32)]
)
def test_vectors_and_what_is_written_may_lie_on_the_card(targets, dtype):
    table = RANDOM.normal(size=(6, 3)).astype(dtype)[:, ::2]
    y = {
        "symbols": [RANDOM.integers(0, 4, n) for n in (3, 1, 2, 2, 4, 1)],
        "a table of symbols": RANDOM.integers(0, 4, (6, 2)),
        "vectors": RANDOM.normal(size=(6, 3, 2)),
    }[targets]

    def results(X, y):
        model = fit(RNNSeq2Seq, X, y, X_val=X, y_val=y, input="vector")
        return [model._state.theta.copy(), model.score(X, y), *model.predict(X), model.partial_fit(X, y)._state.theta]

    y_on_card = list(map(to_card, y)) if isinstance(y, list) else to_card(y)
    for got, value in zip(results(to_card(table), y_on_card), results(table, y), strict=True):
        np.testing.assert_array_equal(got, value)


def test_what_is_wrong_with_vectors_on_the_card_is_named():
    y, table = [[0, 1]] * 6, X[:, 0]
    model = fit(RNNSeq2Seq, table, y, input="vector")
    with pytest.raises(ValueError, match=r"^X has shape \(6, 3, 2\), expected an array of shape \(N, D\)"):
        model.predict(to_card(X))
    with pytest.raises(ValueError, match=r"X has 1 features, but RNNSeq2Seq is expecting 2 features"):
        model.predict(to_card(table[:, :1]))
    broken = table.copy()
    broken[4, 1] = np.nan
    with pytest.raises(ValueError, match=r"X\[4\] contains NaN"):
        model.predict(to_card(broken))
    with pytest.raises(TypeError, match=r"^X\[0\] is an array on a GPU"):
        model.predict(list(map(to_card, table)))


def test_a_prompt_may_lie_on_the_card():
    model = fit(RNNLanguageModel, RANDOM.integers(0, 5, 30))
    prompt = np.array([1, 2])
    np.testing.assert_array_equal(*(model.generate(given, 4, random_state=0) for given in (to_card(prompt), prompt)))


@pytest.mark.parametrize("form, dtype", [("one", np.uint8), ("list", np.int64), ("table", np.uint8)])
def test_a_language_model_reads_where_it_lies(form, dtype, no_copies, tmp_path):
    one = RANDOM.integers(0, 5, 16).astype(dtype)
    one[:2] = 4
    X, on_card = {
        "one": (one, to_card(one)),
        "list": ([one[:4], one[4:6], one[6:]], [to_card(one[:4]), to_card(one[4:6]), to_card(one[6:])]),
        "table": (one.reshape(4, 4), to_card(one.reshape(4, 4))),
    }[form]
    params = {"bptt_steps": 3, "early_stopping": True, "validation_fraction": 0.4}

    def results(X):
        model = fit(RNNLanguageModel, X, **params)
        yield from (model._state.theta.copy(), model.loss_curve_, model.validation_loss_curve_)
        yield from (model.cross_entropy(X), model.predict_proba(X), model.partial_fit(X)._state.theta)
        yield from model.loss_and_grad(X)[1].values()

    expected = list(results(X))
    with no_copies():
        found = list(results(on_card))
    for got, value in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, value)
    half = {"callbacks": [Checkpoint(tmp_path)], **params}
    fit(RNNLanguageModel, X, **half | {"max_iter": 1})
    model = RNNLanguageModel(**PARAMS | half).fit(on_card, resume=tmp_path)
    np.testing.assert_array_equal(model._state.theta, expected[0])


def test_symbols_on_the_card_that_are_none_are_named():
    model = fit(RNNLanguageModel, np.array([0, 1, 2, 1, 0]))
    for given, expected in (
        (np.array([0, 3]), r"X has the symbol 3 in step 1, expected 0 to 2"),
        (np.array([0.0, 1.0]), "X has dtype float64, expected symbols"),
        (np.array([1]), "X has 1 symbol, but needs at least 2"),
        (np.zeros(0, int), r"X has shape \(0,\), expected \(steps,\)"),
    ):
        with pytest.raises(ValueError, match=expected):
            model.cross_entropy(to_card(given))
    with pytest.raises(ValueError, match=r"X\[1\] has the symbol 7 in step 0"):
        model.cross_entropy([to_card(np.array([0, 1])), to_card(np.array([7, 1]))])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_symbols_of_any_integers_and_tables_of_them(dtype):
    table = RANDOM.integers(0, 100, (6, 3)).astype(dtype)
    host, card = (fit(RNNRegressor, X, Y * 0.5, n_symbols=101, max_iter=1) for X in (table, to_card(table)))
    same_bits(card, host)
    np.testing.assert_array_equal(card.predict(to_card(table)), host.predict(table))
    sequences = check_symbols(to_device_sequences(to_card(table), dtype=np.float32, allow_symbols=True)[0], 101)
    assert sequences.shape == (6, None) and sequences.values.dtype == np.uint8
    assert repr(sequences) == "DeviceSequences(6 sequences, 1 value a step, uint8)"
    if device.in_simulator():
        assert np.shares_memory(sequences.values, table) == (dtype == np.uint8)
    assert fingerprint(sequences) == fingerprint(check_symbols(Sequences.from_array(table), 101))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: list(map(to_card, ([1, 2], [0, 9], [-1]))), r"X\[2\] has the symbol -1 in step 0, expected 0 to 3"),
        (lambda: to_card([[1, 2], [0, 9]]), r"X\[1\] has the symbol 9 in step 1, expected 0 to 3 \(n_symbols=4\)"),
        (lambda: [to_card([1]), to_card([0.5])], r"X\[1\] has dtype float64, expected symbols: a 1-D array"),
        (lambda: [to_card([[1], [2]])], r"X\[0\] has shape \(2, 1\), expected symbols: a 1-D array of integers"),
        (lambda: to_card(np.ones((2, 3, 1), int)), r"X has shape \(2, 3, 1\), expected symbols: an array \(N, T\)"),
        (lambda: to_card(np.ones((2, 3))), "X has dtype float64, expected symbols: an array"),
        (lambda: [to_card([1]), to_card(np.ones(0, int))], r"X\[1\] has shape \(0,\), expected \(steps,\)"),
        (lambda: [to_card(np.ones(1, t)) for t in (np.uint64, int)], "1-D arrays of integers, got 1-D arrays of"),
    ],
)
def test_errors_name_what_is_no_symbol(make, message):
    model, data = RNNClassifier(n_symbols=4, **PARAMS), make()
    with pytest.raises(ValueError, match=message):
        model.fit(data, Y[: len(data)])
    assert not hasattr(model, "n_inputs_")


def test_marks_are_those_of_the_host_and_a_fit_goes_on_from_either(tmp_path):
    card, _ = to_device_sequences(to_card(X), dtype=np.float32)
    assert isinstance(card, DeviceSequences)
    assert fingerprint(card) == fingerprint(to_sequences(X, dtype=np.float32)[0])
    whole = fit(RNNClassifier, X, Y, max_iter=3, early_stopping=True)
    options = {"early_stopping": True, "callbacks": [Checkpoint(tmp_path, every=1)]}
    fit(RNNClassifier, to_card(X), Y, **options)
    resumed = RNNClassifier(**PARAMS | {"max_iter": 3, "early_stopping": True}).fit(X, Y, resume=tmp_path)
    same_bits(resumed, whole)
    with pytest.raises(ValueError, match="resume"):
        RNNClassifier(**PARAMS | {"early_stopping": True}).fit(to_card(X + 1), Y, resume=tmp_path)
