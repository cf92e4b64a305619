"""Test PyTorch's part of the GPU report on the CPU: the same network and the same text."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
for folder in ("peers", "cuda"):
    sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / folder))

from numrnn_side import NumrnnSide, estimator_of  # noqa: E402
from problem import Problem, check_gradients, check_predictions  # noqa: E402
from texts import TorchSide  # noqa: E402
from torch_card import WAYS, Side  # noqa: E402


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("way", WAYS)
def test_both_sides_have_one_network(cell, way):
    problem = Problem(cell, (4, 5, 3, 6))
    side = Side(problem, way, "cpu")
    check_gradients(NumrnnSide(problem, 1).gradients(), side.gradients(), way)
    check_predictions({"numrnn": estimator_of(problem, 1).predict_proba(problem.X), way: side.predict()}, way)
    side.train(2)


def test_epochs_of_a_text():
    text = "abracadabra " * 40
    side = TorchSide(("lstm", 4, 2), text, text, "table", tf32=False, device="cpu")
    before = side.cross_entropy(text)
    for _ in range(3):
        side.epoch()
    assert np.isfinite(before) and side.cross_entropy(text) < before
