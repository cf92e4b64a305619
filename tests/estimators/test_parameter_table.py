"""Test signatures, docstrings, constraints, options and model files against the table of constructor parameters."""

import inspect
import subprocess
import sys
from pathlib import Path

import parameter_table as script
import pytest

import numrnn
from numrnn.estimators.parameter_table import ALL, IN_ALL_FILES, TABLE, parameters_of
from numrnn.io import read_model

MODELS = Path(__file__).parents[1] / "golden" / "models"


def test_generated_code_is_not_stale():
    assert script.stale() == [], "run python tests/parameter_table.py"


@pytest.mark.parametrize("estimator", ALL)
def test_signatures_are_those_of_the_table(estimator):
    kind, rows = getattr(numrnn, estimator), parameters_of(estimator)
    signature = inspect.signature(kind).parameters.values()
    assert [(parameter.name, parameter.default) for parameter in signature] == [(row.name, row.default) for row in rows]
    assert [parameter.kind for parameter in signature][1:] == [inspect.Parameter.KEYWORD_ONLY] * (len(rows) - 1)
    assert list(kind._parameter_constraints) == [row.name for row in rows if row.allows is not None]
    assert kind().get_params() == {row.name: row.default for row in rows}
    kind()._validate_params()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tol: float = 1e-4,", "tol: float = 1e-3,"),
        ("        self.tol = tol\n", ""),
        ("    tol : float, default=1e-4\n", "    tol : float\n"),
        ("Smallest improvement", "An improvement"),
    ],
)
def test_a_change_by_hand_is_stale(old, new):
    source = (script.ROOT / script.FILES["RNNRegressor"]).read_text(encoding="utf-8")
    changed = source.replace(old, new, 1)
    assert changed != source
    assert script.rewritten(changed, "RNNRegressor", parameters_of("RNNRegressor")) == source


def test_without_markers_nothing_is_written():
    with pytest.raises(ValueError, match="RNNSeq2Seq: there is no"):
        script.rewritten("class RNNSeq2Seq(Model):\n", "RNNSeq2Seq", parameters_of("RNNSeq2Seq"))


@pytest.mark.parametrize(
    ("value", "text"),
    [("tanh", '"tanh"'), (2e-3, "2e-3"), (1.2e-3, "1.2e-3"), (0.1, "0.1"), ((64,), "(64,)"), (None, "None")],
)
def test_defaults_are_written_as_people_do(value, text):
    assert script.written(value) == text


def test_names_of_the_table_are_known():
    for row in TABLE:
        assert set(row.differs) <= set(row.estimators) <= set(ALL)
        assert all(set(fields) <= set(row._fields) for fields in row.differs.values())


@pytest.mark.parametrize("path", sorted(MODELS.glob("*/*.safetensors")), ids=lambda path: path.stem)
def test_a_parameter_that_model_files_lack_has_a_value_for_them(path):
    _, header = read_model(path)
    lacking = [row for row in parameters_of(header["class"]) if row.name not in header["params"]]
    assert [row.name for row in lacking if row.before is IN_ALL_FILES] == []


def test_the_table_imports_nothing_heavy():
    code = "import sys, numrnn.estimators.parameter_table; assert not {'numpy', 'sklearn', 'numba'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
