"""Test the command line with --device cuda: every kind of model is fitted and scored, and predicts."""

import json
import re

import numpy as np
import pytest
from networks import relative_error

import numrnn
from numrnn.cli import main
from numrnn.network.cuda import network

SMALL = ("--hidden-layer-sizes", "3", "--max-iter", "1", "--batch-size", "2")
RANDOM = np.random.default_rng(0)
LENGTHS = (2, 1, 3, 2, 1, 2, 2, 1)


def fit(folder, data, *more):
    """Fit a model on each device, check that the weights are about the same, and return the folders."""
    folders = [folder / device for device in ("cpu", "cuda")]
    for each in folders:
        assert main(["fit", str(data), "--output", str(each), "--device", each.name, *SMALL, *more]) == 0
    cpu, card = (numrnn.load(each / "model.safetensors") for each in folders)
    assert card.device == "cuda"
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-5
    return folders


def compare_devices(command, folder, data, monkeypatch, capsys):
    """Check that a command prints the same figures on both devices.

    It computes on the device that --device names, or else on the one that trained the model.
    """
    figures, packed = {}, []
    with monkeypatch.context() as patch:
        pack = network.CudaNetwork.pack
        patch.setattr(network.CudaNetwork, "pack", lambda *arguments: packed.append(1) or pack(*arguments))
        for device in ("cpu", "cuda", None):
            capsys.readouterr()
            packed.clear()
            assert main([command, str(folder), str(data), *(["--device", device] if device else [])]) == 0
            assert bool(packed) == ("cuda" == (device or folder.name))
            figures[device] = re.findall(r"-?\d+\.\d+|\b[ab]\b", capsys.readouterr().out)
    assert figures[None] == figures[folder.name] and len(figures["cpu"]) == len(figures["cuda"]) > 0
    for cpu, card in zip(figures["cpu"], figures["cuda"], strict=True):
        assert cpu == card or float(card) == pytest.approx(float(cpu), rel=1e-3)


@pytest.mark.parametrize("y", [np.array(["a", "b"] * 4), RANDOM.normal(size=sum(LENGTHS))], ids=["classes", "steps"])
def test_sequences(y, tmp_path, capsys, monkeypatch):
    parts = {"values": RANDOM.normal(size=(sum(LENGTHS), 2)), "lengths": LENGTHS, "y": y}
    parts |= {f"{name}_test": values for name, values in parts.items()}
    np.savez(tmp_path / "data.npz", **parts)
    for folder in fit(tmp_path, tmp_path / "data.npz"):
        for command in ("predict", "score"):
            compare_devices(command, folder, tmp_path / "data.npz", monkeypatch, capsys)


def test_a_language_model(tmp_path, capsys, monkeypatch):
    (tmp_path / "book.txt").write_text("abracadabra" * 3)
    cpu, card = fit(tmp_path, tmp_path / "book.txt", "--task", "language-model", "--bptt-steps", "4")
    figures = [json.loads((each / "report.json").read_text())["scores"]["test"] for each in (cpu, card)]
    assert figures[1]["cross_entropy"] == pytest.approx(figures[0]["cross_entropy"], rel=1e-5)
    for folder in (cpu, card):
        compare_devices("score", folder, tmp_path / "book.txt", monkeypatch, capsys)
    assert main(["generate", str(card), "--prompt", "ab", "--length", "5"]) == 0
