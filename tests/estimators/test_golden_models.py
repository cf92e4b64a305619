"""Model files of earlier versions load, and predict what they predicted then, bit for bit."""

from pathlib import Path

import numpy as np
import pytest
from golden.make_models import CASES, arrays_of

import numrnn

FOLDER = Path(__file__).parents[1] / "golden" / "models"
VERSIONS = sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_models_of_earlier_versions_predict_what_they_did(version, name):
    model = numrnn.load(FOLDER / version / f"{name}.safetensors")
    found = arrays_of(model, CASES[name][2])
    with np.load(FOLDER / version / f"{name}.npz") as expected:
        assert found.keys() == set(expected)
        for key, values in found.items():
            np.testing.assert_array_equal(values, expected[key])
