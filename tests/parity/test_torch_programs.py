"""Run the programs of other libraries that the guide shows, if these are installed."""

import re
import runpy
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[2] / "docs" / "programs"


@pytest.mark.parametrize("library", ["torch", "skorch", "keras"])
def test_the_same_task_in_another_library(library, tmp_path, monkeypatch):
    """Train for 3 of the 40 epochs, enough to be far better than chance, 1/9."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip(library)
    program = (PROGRAMS / f"with_{library}.py").read_text(encoding="utf-8")
    short = tmp_path / "short.py"
    short.write_text(re.sub(r"\b40\b", "3", program), encoding="utf-8")
    assert 0.3 < runpy.run_path(str(short))["accuracy"] <= 1


def test_weights_of_torch_give_the_same_predictions():
    pytest.importorskip("torch")
    assert runpy.run_path(str(PROGRAMS / "weights_from_torch.py"))["difference"] < 1e-6
