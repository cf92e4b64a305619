"""Test models in files: loading gives the same bits, and other files raise clear errors."""

import json
import os
import threading

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import numrnn
from numrnn import RNNClassifier, RNNRegressor, load
from numrnn.io import FORMAT, decode, encode, read_model, write_model
from numrnn.solvers import SGD, Adam

VALUES = [
    None,
    True,
    -3,
    2**70,
    0.1,
    "text",
    [1, [2.5, None]],
    (1, (2, "a"), [3]),
    {1: 0.5, "1": 2.0, (1, 2): [3], None: 4},
    {},
    np.float32(0.1),
    np.int64(7),
    np.bool_(True),
    np.str_("a"),
    np.float32,
    np.array([1.5, -0.0, np.inf, 1e-300]),
    np.array([[1, 2], [3, 4]], dtype=np.uint8),
    np.array(["b", "aa"]),
    np.array(["a", 1, None, 2.5], dtype=object),
    np.array([True, False]),
    np.zeros((0, 3), dtype=np.float32),
]


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() or a.tolist() == b.tolist()
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_with_their_types(value):
    assert same(value, decode(json.loads(json.dumps(encode(value), allow_nan=False))))


def test_not_finite_numbers_and_solvers_come_back():
    text = json.dumps(encode([np.nan, -np.inf, Adam(beta_2=0.98)]), allow_nan=False)
    nan, inf, solver = decode(json.loads(text), {"Adam": Adam})
    assert np.isnan(nan) and inf == -np.inf
    assert type(solver) is Adam and solver.get_params() == Adam(beta_2=0.98).get_params()


@pytest.mark.parametrize(
    "value", [len, object(), {"f": print}, np.zeros(2, dtype=complex), np.longdouble(1), Adam, {1, 2}], ids=type
)
def test_values_without_encoding_are_refused(value):
    with pytest.raises(TypeError, match="cannot be stored in a model file"):
        encode(value)


@pytest.mark.parametrize("encoded", [{"pickle": "x"}, {"object": {"class": "Popen", "params": {}}}, {}])
def test_unknown_encodings_are_refused(encoded):
    with pytest.raises(ValueError, match="model file"):
        decode(encoded, {"Adam": Adam})


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 3)) for length in rng.integers(1, 9, 24)]


def labels(values):
    return np.array(values, dtype=object if isinstance(values[0], (str, type(None))) else None)[np.arange(24) % 3]


MODELS = [
    RNNClassifier((4,), class_weight={1: 2.0, 5: 0.5}, solver=SGD(momentum=0.5), alpha=np.float64(0.1)),
    RNNClassifier(np.array([4, 3]), cell="gru", class_weight="balanced", early_stopping=True, n_iter_no_change=1),
    RNNClassifier([4], cell="lstm", dtype="float64", random_state=np.random.RandomState(3), output="step"),
    RNNRegressor(3, cell="elman", activation="relu", dtype=np.float64, solver="lbfgs"),
    RNNRegressor((3,), output="step", random_state=7, n_jobs=1, max_iter=3),
]


@pytest.mark.parametrize("model", MODELS)
def test_a_loaded_estimator_is_the_one_that_was_saved(model, X, tmp_path):
    y = labels([1, 5, 9])
    if model.output == "step":
        y = [np.arange(len(x)) % 2 + 0.5 * isinstance(model, RNNRegressor) for x in X]
    model.set_params(max_iter=2).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    loaded = load(str(tmp_path / "model.safetensors"))
    for method in ("predict", "predict_proba"):
        if hasattr(model, method):
            for a, b in zip(getattr(model, method)(X), getattr(loaded, method)(X), strict=True):
                assert np.array_equal(a, b) and np.asarray(a).dtype == np.asarray(b).dtype
    assert set(vars(loaded)) == set(vars(model))
    for name in ("n_features_in_", "n_inputs_", "n_outputs_", "n_iter_", "loss_", "loss_curve_"):
        assert getattr(loaded, name) == getattr(model, name)
    for name, values in model.history_.items():
        np.testing.assert_array_equal(loaded.history_[name], values)
    params = loaded.get_params(deep=False)
    random_state = params.pop("random_state")
    assert random_state == model.random_state or isinstance(model.random_state, np.random.RandomState)
    assert repr(loaded.set_params(random_state=None)) == repr(model.set_params(random_state=None))
    np.testing.assert_equal(loaded.loss_and_grad(X, y), model.loss_and_grad(X, y))
    loaded.set_params(random_state=random_state).fit(X, y)


@pytest.mark.parametrize("classes", [["b", "a", "c"], [3, 1, 2], [0.5, 1.5, 2.5], np.uint8([1, 2, 3])], ids=repr)
def test_labels_keep_their_dtype(classes, X, tmp_path):
    y = np.asarray(classes)[np.arange(24) % 3]
    if y.dtype.kind == "f":
        y = y.astype(np.float32) * 2
    model = RNNClassifier((2,), max_iter=1).fit(X, y)
    model.save(tmp_path / "m")
    assert same(load(tmp_path / "m").classes_, model.classes_)


def test_names_of_the_arrays_and_header(X, tmp_path):
    model = RNNClassifier((4, 2), cell="gru", max_iter=1).fit(X, labels(["a", "b", "c"]))
    model.save(tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        header = json.loads(file.metadata()["numrnn"])
    assert shapes == {name: values.shape for name, values in model.weights_.items()}
    assert (header["format"], header["numrnn"], header["class"]) == (FORMAT, numrnn.__version__, "RNNClassifier")
    assert os.listdir(tmp_path) == ["m.safetensors"]


def test_functions_and_callbacks_are_dropped_with_a_warning(X, tmp_path):
    model = RNNRegressor((2,), max_iter=1, learning_rate=lambda epoch: 0.5, callbacks=[])
    model.fit(X, np.arange(24.0)).set_params(callbacks=[object()])
    with pytest.warns(UserWarning) as warned:
        model.save(tmp_path / "m")
    assert {str(warning.message).split("=")[0].split()[-1] for warning in warned} == {"learning_rate", "callbacks"}
    loaded = load(tmp_path / "m")
    assert (loaded.learning_rate, loaded.callbacks) == ("constant", None)


def test_partial_fit_goes_on_after_load(X, tmp_path):
    """Check that a loaded model continues as the original does, with plain SGD, which keeps nothing between updates."""
    model = RNNRegressor((3,), solver=SGD(momentum=0.0), random_state=0).fit(X, np.arange(24.0))
    model.save(tmp_path / "m")
    loaded = load(tmp_path / "m").partial_fit(X, np.arange(24.0))
    model.partial_fit(X, np.arange(24.0))
    np.testing.assert_array_equal(loaded._state.theta, model._state.theta)
    assert loaded.loss_curve_ == model.loss_curve_


def test_feature_names_come_back(X, tmp_path):
    pandas = pytest.importorskip("pandas")
    frames = [pandas.DataFrame(x, columns=["a", "b", "c"]) for x in X]
    RNNRegressor((2,), max_iter=1).fit(frames, np.arange(24.0)).save(tmp_path / "m")
    assert load(tmp_path / "m").feature_names_in_.tolist() == ["a", "b", "c"]


def test_what_is_no_model_is_refused_by_name(X, tmp_path):
    good, path = tmp_path / "good", tmp_path / "bad"
    model = RNNRegressor((2,), max_iter=1).fit(X, np.arange(24.0))
    model.save(good)
    content = good.read_bytes()
    tensors, header = read_model(good)

    def refused(match, kind=ValueError):
        with pytest.raises(kind, match=match) as raised:
            load(path)
        assert "bad" in str(raised.value)

    refused("No such file", FileNotFoundError)
    for size in (0, 5, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        refused("not a complete safetensors file")
    path.write_bytes(b"PK\x03\x04 a zip" * 50)
    refused("not a complete safetensors file")
    save_file({"a": np.zeros(2)}, path)
    refused("numrnn did not write it")
    save_file({"a": np.zeros(2)}, path, {"numrnn": "{"})
    refused("damaged")
    save_file(tensors, path, {"numrnn": json.dumps({**header, "format": FORMAT + 1, "numrnn": "9.0"})})
    refused(f"model format {FORMAT + 1}, written by numrnn 9.0.*Upgrade")
    for change, match in [
        ({"class": "Popen"}, "unknown class 'Popen'"),
        ({"params": {"new": 1}}, "damaged.*new"),
        ({"learnt": None}, "damaged"),
        ({"architecture": {**header["architecture"], "more": 1}}, "model file"),
    ]:
        write_model(path, tensors, {**header, **change})
        refused(match)
    write_model(path, {**tensors, "V": tensors["V"][:, :1]}, header)
    refused("array 'V' has shape")
    write_model(path, {"V": tensors["V"]}, header)
    refused("architecture needs")


def test_a_file_without_what_later_versions_added_is_loaded(X, tmp_path):
    model = RNNRegressor((2,), max_iter=1).fit(X, np.arange(24.0))
    model.save(tmp_path / "m")
    tensors, header = read_model(tmp_path / "m")
    added = ("pooling", "initial_state")
    header["params"] = {name: value for name, value in header["params"].items() if name not in added}
    header["architecture"]["dict"] = [pair for pair in header["architecture"]["dict"] if pair[0] not in added]
    write_model(tmp_path / "m", tensors, header)
    np.testing.assert_array_equal(load(tmp_path / "m").predict(X), model.predict(X))


def test_a_failed_save_leaves_the_old_file(X, tmp_path, monkeypatch):
    model = RNNRegressor((2,), max_iter=1).fit(X, np.arange(24.0))
    path = tmp_path / "m"
    model.save(path)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        model.save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["m"]


@pytest.mark.serial
def test_many_threads_may_save_to_one_path(X, tmp_path):
    model = RNNRegressor((2,), max_iter=1).fit(X, np.arange(24.0))
    threads = [threading.Thread(target=model.save, args=(tmp_path / "m",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.listdir(tmp_path) == ["m"] and load(tmp_path / "m").n_iter_ == 1


def test_unfitted_and_foreign_classes_are_not_saved(X, tmp_path):
    class Mine(RNNRegressor):
        pass

    with pytest.raises(ValueError, match="not fitted"):
        RNNRegressor().save(tmp_path / "m")
    with pytest.raises(TypeError, match="Mine"):
        Mine((2,), max_iter=1).fit(X, np.arange(24.0)).save(tmp_path / "m")
