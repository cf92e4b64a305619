"""Model files and checkpoints whose facts were changed are refused, or are other valid files: a sample of each kind."""

import sys

import pytest
from forged_files import forge

# Their kernels are compiled by other tests; `.ci/run` tries all kinds.
KINDS = ("classifier", "regressor", "language_model", "seq2seq", "checkpoint", "checkpoint_chunks")

pytestmark = [
    pytest.mark.serial,
    pytest.mark.skipif(sys.platform == "win32", reason="it forks"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_no_forged_file_crashes_or_contradicts_itself(kind):
    assert forge(kind, alone=60, pairs=20) == 0
