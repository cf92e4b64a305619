import subprocess
import sys
from importlib.metadata import version

import pytest

import numrnn
from numrnn.versions import versions

PUBLIC = [
    "RNNClassifier",
    "RNNLanguageModel",
    "RNNRegressor",
    "RNNSeq2Seq",
    "SequenceScaler",
    "Sequences",
    "TrainingDivergedError",
    "data",
    "datasets",
    "inspection",
    "load",
    "metrics",
    "model_selection",
    "show_versions",
    "solvers",
    "warmup",
]


def test_the_public_names():
    assert numrnn.__all__ == PUBLIC
    assert set(PUBLIC) <= set(dir(numrnn))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        numrnn.nonsense  # noqa: B018


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_found(name):
    assert getattr(numrnn, name).__doc__


def test_import_is_light():
    code = (
        "import sys; before = set(sys.modules); import numrnn; dir(numrnn)\n"
        "assert not {'numpy', 'numba', 'sklearn', 'scipy'} & (set(sys.modules) - before)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_show_versions(capsys):
    numrnn.show_versions()
    shown = capsys.readouterr().out
    for line in (f"numrnn {numrnn.__version__}", f"scikit-learn {version('scikit-learn')}", "python 3."):
        assert line in " ".join(shown.split())
    assert versions()["numba"] == version("numba")
