"""Run the programs that pages of the guide show, and the scripts that draw their figures."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"


def run(script, tmp_path):
    """Run a script beside which the slow twins can be imported, with a cache of kernels of its own."""
    folders = [str(TESTS), str(TESTS / "support"), *filter(None, [os.environ.get("PYTHONPATH")])]
    options = {"PYTHONPATH": os.pathsep.join(folders), "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, script], cwd=script.parent, env=os.environ | options, check=True)


@pytest.mark.parametrize("name", ["check_cell", "check_loss"])
def test_the_extensions_of_the_guide_agree_with_their_slow_twins(name, tmp_path):
    run(DOCS / "extending" / f"{name}.py", tmp_path)


def test_the_program_of_the_guide_is_as_good_as_the_page_says():
    assert runpy.run_path(str(DOCS / "programs" / "with_numrnn.py"))["accuracy"] > 0.95


@pytest.fixture
def figures(monkeypatch):
    """Return the functions of a script in docs/figures."""
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(DOCS / "figures")
    return lambda name: runpy.run_path(str(DOCS / "figures" / f"{name}.py"))


def test_the_figure_of_gradients_begins_with_the_norm_at_the_last_step(figures):
    script = figures("gradient_by_lag")
    norms = script["norms"](script["new_model"]("elman", trained=False))
    assert norms.shape == (script["LENGTH"],) and norms[0] == 1
    assert (np.diff(norms) < 0).all()  # W is orthogonal, and the slopes of tanh are below 1


def test_the_figure_of_speed_can_be_drawn_from_its_table(figures, tmp_path):
    script = figures("speed")
    script["draw"](script["read_table"](), tmp_path / "speed.svg")
    drawn = (tmp_path / "speed.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg") and "1024" in drawn and "currentColor" in drawn
