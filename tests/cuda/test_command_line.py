"""The command line with --device cuda: every kind of model is fitted, scored and predicts."""

import json

import numpy as np
import pytest
from networks import relative_error

import numrnn
from numrnn.cli import main

SMALL = ("--hidden-layer-sizes", "3", "--max-iter", "1", "--batch-size", "2")
RANDOM = np.random.default_rng(0)
LENGTHS = (2, 1, 3, 2, 1, 2, 2, 1)


def fit(folder, data, *more):
    """Models of both devices with about the same weights: their folders."""
    folders = [folder / device for device in ("cpu", "cuda")]
    for each in folders:
        assert main(["fit", str(data), "--output", str(each), "--device", each.name, *SMALL, *more]) == 0
    cpu, card = (numrnn.load(each / "model.safetensors") for each in folders)
    assert card.device == "cuda"
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-5
    return folders


@pytest.mark.parametrize("y", [np.array(["a", "b"] * 4), RANDOM.normal(size=sum(LENGTHS))], ids=["classes", "steps"])
def test_sequences(y, tmp_path, capsys):
    parts = {"values": RANDOM.normal(size=(sum(LENGTHS), 2)), "lengths": LENGTHS, "y": y}
    parts |= {f"{name}_test": values for name, values in parts.items()}
    np.savez(tmp_path / "data.npz", **parts)
    _, card = fit(tmp_path, tmp_path / "data.npz")
    for command in ("predict", "score"):
        capsys.readouterr()
        assert main([command, str(card), str(tmp_path / "data.npz")]) == 0
        assert capsys.readouterr().out


def test_a_language_model(tmp_path, capsys):
    (tmp_path / "book.txt").write_text("abracadabra" * 3)
    cpu, card = fit(tmp_path, tmp_path / "book.txt", "--task", "language-model", "--bptt-steps", "4")
    figures = [json.loads((each / "report.json").read_text())["scores"]["test"] for each in (cpu, card)]
    assert figures[1]["cross_entropy"] == pytest.approx(figures[0]["cross_entropy"], rel=1e-5)
    assert main(["score", str(card), str(tmp_path / "book.txt")]) == 0
    assert "nats" in capsys.readouterr().out
    assert main(["generate", str(card), "--prompt", "ab", "--length", "5"]) == 0
