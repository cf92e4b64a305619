"""What README and metadata say is true."""

import re
from importlib.metadata import entry_points, metadata, requires
from pathlib import Path

import numrnn

ROOT = Path(__file__).parent.parent


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
        "safetensors",
        "scikit-learn",
        "scipy",
        "tqdm",
    }
    assert [script.value for script in entry_points(group="console_scripts", name="numrnn")] == ["numrnn.cli:main"]
    assert f"version: {numrnn.__version__}\n" in (ROOT / "CITATION.cff").read_text()
