"""Test that the README and the metadata are true."""

import inspect
import re
import shlex
import subprocess
import sys
import textwrap
from importlib.metadata import entry_points, metadata, requires
from pathlib import Path

import numpy as np
import pytest

import numrnn
from numrnn.cli import _parser
from numrnn.training import FitInfo

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.rst"))]
BLOCK = re.compile(r"^\.\. code-block:: python\n((?:\n| +.*\n)+)", re.MULTILINE)
COMMAND = re.compile(
    r"^ +(?:\$ )?(?:(?:srun|mpiexec)[^\n]*? )?numrnn ((?:fit|predict|score|generate|shard|info|warmup)\b.*)"
)


def blocks():
    """Return the Python of the documentation that is no doctest, with the page and the place."""
    return [
        pytest.param(textwrap.dedent(found[1]), id=f"{page.name}-{n}")
        for page in PAGES
        for n, found in enumerate(BLOCK.finditer(page.read_text()))
    ]


def commands():
    """Return the command lines of the documentation, without what stands for any arguments."""
    lines = [line for page in PAGES for line in page.read_text().replace("\\\n", " ").splitlines()]
    found = [match[1] for line in lines if (match := COMMAND.match(line)) and " ..." not in line]
    return sorted({command for line in found for command in line.split(" && numrnn ")})


def test_the_example_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall("```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(example, {})
    assert float(capsys.readouterr().out) > 0.95


def test_the_metadata_say_what_setup_cfg_means():
    # INI files have no schema: a misspelt key is silently ignored.
    about = metadata("numrnn")
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] == "BSD-3-Clause"
    assert about["Version"] == numrnn.__version__
    assert {re.match(r"[\w-]+", line)[0] for line in requires("numrnn") if "extra" not in line} == {
        "numba",
        "numpy",
        "regex",
        "safetensors",
        "scikit-learn",
        "scipy",
        "tqdm",
    }
    assert [script.value for script in entry_points(group="console_scripts", name="numrnn")] == ["numrnn.cli:main"]
    assert f"version: {numrnn.__version__}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("block", blocks())
def test_the_python_of_the_guide_runs(block, tmp_path, monkeypatch):
    """Check that the guide's Python runs, with small data, few epochs and the CPU in place of a GPU."""
    monkeypatch.chdir(tmp_path)
    block = block.replace('device="cuda"', 'device="cpu"').replace("random_state=0", "random_state=0, max_iter=1")
    if "mpi4py" in block:  # MPI is for a process of its own
        subprocess.run([sys.executable, "-c", block], check=True)
        return
    X, y = np.random.default_rng(0).normal(size=(8, 5, 2)), np.arange(8) % 2
    model = numrnn.RNNClassifier((4,), max_iter=1).fit(X, y)
    names = {"numrnn": numrnn, "RNNClassifier": numrnn.RNNClassifier, "X": X, "y": y, "model": model}
    exec(block, names)


@pytest.mark.parametrize("command", commands())
def test_the_command_lines_of_the_documentation_are_known(command):
    assert callable(_parser().parse_args(shlex.split(command, comments=True)).run)


def test_the_reference_has_every_public_name():
    """Check the names of the public packages against api.rst, apart from those that are documented elsewhere."""
    listed = set(re.findall(r"^   ([\w.]+)$", (ROOT / "docs" / "api.rst").read_text(encoding="utf-8"), re.MULTILINE))
    packages = [name for name in numrnn.__all__ if inspect.ismodule(getattr(numrnn, name))]
    public = {name for name in numrnn.__all__ if name not in packages}
    public |= {f"{package}.{name}" for package in packages for name in getattr(numrnn, package).__all__}
    assert public - listed == {"metrics.make_step_scorer", "solvers.resolve_solver"}  # an alias, and an internal name


def test_the_tests_that_the_documentation_names_exist():
    named = {name for page in PAGES for name in re.findall(r"``(tests/[\w/]+\.py::\w+)``", page.read_text())}
    assert len(named) > 15
    missing = [name for name in named if not defines(*name.split("::"))]
    assert not missing


def defines(path, name):
    """Return whether a file of the project defines a function."""
    file = ROOT / path
    return file.exists() and f"\ndef {name}(" in file.read_text(encoding="utf-8")


def test_what_the_guide_says_of_callbacks_is_there():
    info = FitInfo(None, None, 1)
    named = {name for page in PAGES for name in re.findall(r"``info\.([\w.]+)", page.read_text())}
    assert "comm.rank" in named
    for name in named:
        first, _, second = name.partition(".")
        assert hasattr(FitInfo, first) or hasattr(info, first)
        assert not second or hasattr(getattr(info, first), second)
