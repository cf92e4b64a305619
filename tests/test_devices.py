"""device="cuda" where there is no GPU: an error that says what is missing, never another device."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import numrnn
from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq
from numrnn.cli import main
from numrnn.gpu import device
from numrnn.versions import versions

X, Y = np.ones((4, 3, 2)), np.array([0.0, 1.0, 2.0, 3.0])


@pytest.fixture
def no_packages(monkeypatch):
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)


def test_a_missing_package_is_named_with_the_command_that_installs_it(no_packages):
    message = r"device='cuda' needs numba-cuda and cupy-cuda13x: pip install 'numrnn\[cuda\]'"
    model = RNNRegressor((3,), max_iter=1, device="cuda")
    for call in (model.fit, model.partial_fit, model.initialize):
        with pytest.raises(ImportError, match=message):
            call(X, Y)
        assert not model.__sklearn_is_fitted__()
    with pytest.raises(ImportError, match=message):
        RNNLanguageModel((3,), batch_size=2, device="cuda").fit("abcabcabc")


def test_a_missing_card_is_told(monkeypatch):
    monkeypatch.setattr(device, "find_spec", lambda name: name)
    monkeypatch.setattr(device, "_why_not", lambda: "no driver")
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    with pytest.raises(RuntimeError, match="device='cuda' needs an NVIDIA GPU and its driver: no driver"):
        RNNRegressor((3,), max_iter=1, device="cuda").fit(X, Y)


def test_what_was_fitted_on_a_cpu_does_not_predict_there(no_packages):
    model = RNNRegressor((3,), max_iter=1, random_state=0).fit(X, Y)
    expected = model.predict(X)
    model.set_params(device="cuda")
    for call in (model.predict, model.transform):
        with pytest.raises(ImportError, match="device='cuda' needs"):
            call(X)
    with pytest.raises(ImportError, match="device='cuda' needs"):
        model.loss_and_grad(X, Y)
    with pytest.raises(ValueError, match="device must be 'cpu' or 'cuda', got 'gpu'"):
        model.set_params(device="gpu").predict(X)
    np.testing.assert_array_equal(model.set_params(device="cpu").predict(X), expected)


def test_a_model_for_a_card_is_read_where_there_is_none(no_packages, tmp_path):
    model = RNNClassifier((3,), max_iter=1, random_state=0).fit(X, [0, 1, 0, 1])
    model.set_params(device="cuda").save(tmp_path / "model.safetensors")
    model = numrnn.load(tmp_path / "model.safetensors")
    with pytest.raises(ImportError, match="device='cuda' needs"):
        model.predict(X)
    assert model.set_params(device="cpu").predict(X).shape == (4,)


def test_an_encoder_decoder_computes_on_a_cpu_only():
    with pytest.raises(ValueError, match="device='cuda': an encoder-decoder computes on device='cpu' only"):
        RNNSeq2Seq((3,), device="cuda").fit(["ab"], ["ba"])
    model = RNNSeq2Seq((3,), max_iter=1).fit(["ab", "a"], ["ba", "b"])
    with pytest.raises(ValueError, match="on device='cpu' only"):
        model.set_params(device="cuda").predict(["ab"])


def test_the_command_line_says_so_in_one_line(no_packages, tmp_path, capsys):
    assert main(["fit", "japanese_vowels", "--output", str(tmp_path / "x"), "--device", "cuda"]) == 1
    error = capsys.readouterr().err
    assert "device='cuda' needs numba-cuda" in error and error.count("\n") == 1


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
