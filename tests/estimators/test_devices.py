"""Test device="cuda" without a GPU: the error says what is missing, and no other device is used."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import numrnn
from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq
from numrnn.cli import main
from numrnn.distributed.comm import Serial
from numrnn.network.cuda import device
from numrnn.versions import versions

X, Y = np.ones((4, 3, 2)), np.array([0.0, 1.0, 2.0, 3.0])


DATA = {
    RNNClassifier: (X, [0, 1, 0, 1]),
    RNNRegressor: (X, Y),
    RNNLanguageModel: ("abcabcabc",),
    RNNSeq2Seq: (["ab", "a"], ["ba", "b"]),
}
MISSING = r"device='cuda' needs numba-cuda and cupy-cuda13x: pip install 'numrnn\[cuda\]'"
every_kind = pytest.mark.parametrize("kind", DATA)


@pytest.fixture
def no_packages(monkeypatch):
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)


@pytest.fixture
def card(monkeypatch):
    """Pretend that there is a GPU, for errors that are raised before the GPU is used."""
    monkeypatch.setattr(device, "find_spec", lambda name: name)
    monkeypatch.setattr(device, "_why_not", lambda: None)
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)


class Two(Serial):
    """Stand for the communicator of two processes."""

    size = 2


def small(kind, **params):
    return kind((3,), **{"max_iter": 1, "batch_size": 2, "random_state": 0, **params})


def nothing_of(kind):
    """Return invalid data, which would raise an error of their own if they were read."""
    return [None] * len(DATA[kind])


@every_kind
def test_a_missing_package_is_named_with_the_command_that_installs_it(kind, no_packages):
    model = small(kind, device="cuda")
    for call in (model.fit, model.partial_fit, model.initialize):
        for data in (DATA[kind], nothing_of(kind)):
            with pytest.raises(ImportError, match=MISSING):
                call(*data)
            assert not model.__sklearn_is_fitted__()


@every_kind
def test_a_missing_card_is_told(kind, card, monkeypatch):
    monkeypatch.setattr(device, "_why_not", lambda: "no driver")
    with pytest.raises(RuntimeError, match="device='cuda' needs an NVIDIA GPU and its driver: no driver"):
        small(kind, device="cuda").fit(*nothing_of(kind))


@every_kind
def test_a_process_that_was_forked_after_the_card_was_used_is_told_what_to_do(kind, card, monkeypatch):
    monkeypatch.setattr(device, "_used_by", [])
    device.check_device("cuda")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="device='cuda' cannot be used in a process that was forked .*'loky'"):
        small(kind, device="cuda").fit(*nothing_of(kind))


def test_a_card_that_is_full_is_no_missing_one(card, monkeypatch):
    reason = "[2] Call to cuDevicePrimaryCtxRetain results in CUDA_ERROR_OUT_OF_MEMORY"
    monkeypatch.setattr(device, "_why_not", lambda: reason)
    with pytest.raises(MemoryError, match=r"^device='cuda': the GPU is out of memory \(.*CUDA_ERROR_OUT_OF_MEMORY"):
        device.check_device("cuda")


@every_kind
def test_what_only_a_cpu_does_is_refused_before_anything_is_read(kind, card):
    model = small(kind, warm_start=True).fit(*DATA[kind])
    before, attributes = model._state.theta.copy(), set(vars(model))
    model.set_params(device="cuda")
    with pytest.raises(ValueError, match="comm has 2 processes, but device='cuda' trains in one process"):
        model.fit(*nothing_of(kind), comm=Two())
    model.set_params(memory_limit="1GB")
    for call in (model.fit, model.partial_fit, model.initialize):
        with pytest.raises(ValueError, match="memory_limit='1GB': must be None with device='cuda'"):
            call(*nothing_of(kind))
    with pytest.raises(ValueError, match="memory_limit='1GB': must be None with device='cuda'"):
        model.loss_and_grad(*DATA[kind])
    assert set(vars(model)) == attributes and model.n_iter_ == 1
    np.testing.assert_array_equal(model._state.theta, before)
    assert model.set_params(device="cpu", memory_limit=None).fit(*DATA[kind]).n_iter_ == 2


@every_kind
def test_what_was_fitted_on_a_cpu_does_not_predict_there(kind, no_packages):
    data, model = DATA[kind], small(kind).fit(*DATA[kind])
    names = {
        RNNLanguageModel: ("cross_entropy", "score", "predict_proba"),
        RNNSeq2Seq: ("predict",),
        RNNClassifier: ("predict", "predict_proba", "transform"),
        RNNRegressor: ("predict", "transform"),
    }[kind]
    expected = [getattr(model, name)(data[0]) for name in names]
    model.set_params(device="cuda")
    for call in (*(lambda *data, name=name: getattr(model, name)(data[0]) for name in names), model.loss_and_grad):
        with pytest.raises(ImportError, match=MISSING):
            call(*data)
    with pytest.raises(ValueError, match="device must be 'cpu' or 'cuda', got 'gpu'"):
        getattr(model.set_params(device="gpu"), names[0])(data[0])
    model.set_params(device="cpu")
    for name, values in zip(names, expected, strict=True):
        np.testing.assert_array_equal(getattr(model, name)(data[0]), values)


def test_a_language_model_writes_on_a_cpu_whatever_its_device(no_packages):
    model = small(RNNLanguageModel).fit("abcabcabc")
    expected = model.generate("ab", 5, random_state=0)
    assert model.set_params(device="cuda").generate("ab", 5, random_state=0) == expected


def test_steps_of_streams_are_made_on_a_cpu_whatever_the_device(no_packages):
    model = small(RNNRegressor).fit(*DATA[RNNRegressor])
    (one, _), (many, _) = model.predict_step(X[0, 0]), model.predict_step(X[:, 0])
    model.set_params(device="cuda")
    assert model.predict_step(X[0, 0])[0] == one
    np.testing.assert_array_equal(model.predict_step(X[:, 0])[0], many)


def test_a_model_for_a_card_is_read_where_there_is_none(no_packages, tmp_path):
    model = RNNClassifier((3,), max_iter=1, random_state=0).fit(X, [0, 1, 0, 1])
    model.set_params(device="cuda").save(tmp_path / "model.safetensors")
    model = numrnn.load(tmp_path / "model.safetensors")
    with pytest.raises(ImportError, match="device='cuda' needs"):
        model.predict(X)
    assert model.set_params(device="cpu").predict(X).shape == (4,)


@pytest.mark.parametrize("more", [[], ["--task", "language-model"]])
def test_the_command_line_says_so_in_one_line(more, no_packages, tmp_path, capsys):
    data = "japanese_vowels"
    if more:
        data = str(tmp_path / "book.txt")
        Path(data).write_text("abracadabra" * 100)
    assert main(["fit", data, *more, "--output", str(tmp_path / "x"), "--device", "cuda"]) == 1
    error = capsys.readouterr().err
    assert "device='cuda' needs numba-cuda" in error and error.count("\n") == 1


@pytest.mark.parametrize("command", ["predict", "score"])
def test_a_command_computes_on_the_models_device_or_on_the_one_it_is_told(command, no_packages, tmp_path, capsys):
    np.savez(tmp_path / "data.npz", values=np.ones((4, 2)), lengths=[1, 1, 2], y=["a", "b", "a"])
    words, error = [command, str(tmp_path / "model.safetensors"), str(tmp_path / "data.npz")], MISSING.replace("\\", "")
    model = small(RNNClassifier).fit(X, ["a", "b", "a", "b"])
    results = []
    for device_, own_is_missing in (("cpu", False), ("cuda", True)):
        model.set_params(device=device_).save(tmp_path / "model.safetensors")
        assert main([*words, "--device", "cuda"]) == 1
        assert capsys.readouterr().err == f"numrnn: error: {error}\n"
        assert main(words) == own_is_missing
        hint = "; the model was trained on a GPU: pass --device cpu to compute without one"
        assert capsys.readouterr().err == own_is_missing * f"numrnn: error: {error}{hint}\n"
        assert main([*words, "--device", "cpu"]) == 0
        results.append(capsys.readouterr().out)
    assert results[0] == results[1] != ""
    assert main([*words, "--device", "gpu"]) == 2


def test_targets_on_a_card_are_refused_by_name_without_a_look_at_the_card(no_packages):
    class OnCard:
        __cuda_array_interface__ = {}

    for data, name in (((X, OnCard()), "y"), ((X, [OnCard()] * 4), r"y\[0\]"), ((X, Y, OnCard()), "sample_weight")):
        with pytest.raises(TypeError, match=f"^{name} is an array on a GPU, expected one on the host"):
            small(RNNRegressor).fit(*data)


def test_versions_tell_whether_there_is_a_card(no_packages):
    assert versions()["GPU"].startswith("not looked for: numba-cuda is not installed")


def test_a_fit_on_a_cpu_imports_nothing_for_gpus(tmp_path):
    script = """
import sys, numpy as np, numrnn
numrnn.RNNRegressor((2,), max_iter=1).fit(np.ones((4, 3, 1)), np.arange(4.0)).predict(np.ones((4, 3, 1)))
found = [name for name in sys.modules if name.startswith(("numba_cuda", "numba.cuda", "cupy", "numrnn.kernels.cuda"))]
assert not found, found
"""
    root = str(Path(numrnn.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
