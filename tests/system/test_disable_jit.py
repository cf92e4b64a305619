"""Test the kernels as plain Python (`NUMBA_DISABLE_JIT=1`, for debuggers) against the compiled ones."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks import Case, relative_error
from problems import make_problem

import numrnn

SCRIPT = """
import sys
import numpy as np
from test_disable_jit import results
np.savez(sys.argv[1], **results())
"""


SHORT, BLOCKS = (2, 1, 3), (40, 33, 20, 9, 5, 3, 2, 1, 1)  # the second: two tiles, several blocks of steps
VECTORS, ONE_HOT, EMBEDDING = {"D": 2}, {"n_symbols": 5}, {"n_symbols": 5, "embedding_size": 2}
BOTH_WAYS = {"bidirectional": True}
POOLED = {"D": 2, "initial_state": "learned"}
CASES = [
    ("elman", "tanh", "sequence", "softmax", np.float64, BLOCKS, VECTORS),
    ("elman", "relu", "step", "identity", np.float64, SHORT, VECTORS),
    ("elman", "tanh", "step", "softmax", np.float64, BLOCKS, EMBEDDING),
    ("gru", "tanh", "step", "softmax", np.float32, SHORT, VECTORS),
    ("gru", "tanh", "sequence", "softmax", np.float32, SHORT, ONE_HOT),
    ("lstm", "tanh", "sequence", "sigmoid", np.float32, SHORT, VECTORS),
    ("elman", "tanh", "step", "softmax", np.float64, BLOCKS, VECTORS | BOTH_WAYS),
    ("gru", "tanh", "sequence", "softmax", np.float64, SHORT, ONE_HOT | BOTH_WAYS),
    ("gru", "tanh", "step", "softmax", np.float64, SHORT, EMBEDDING | BOTH_WAYS),
    ("lstm", "tanh", "step", "softmax", np.float64, SHORT, VECTORS | BOTH_WAYS),
    ("gru", "tanh", "sequence", "softmax", np.float64, BLOCKS, ONE_HOT | {"pooling": "max"}),
    ("elman", "tanh", "sequence", "identity", np.float64, BLOCKS, POOLED | {"pooling": "mean"}),
]


def results():
    """Return outputs, losses and gradients of one small network for each cell, head, dtype and kind of input."""
    found = {}
    for number, (cell, activation, output, head, dtype, lengths, inputs) in enumerate(CASES):
        problem = make_problem(cell, activation, (3, 2), K=2, lengths=lengths, output=output, head=head, **inputs)
        case = Case(problem, dtype)
        loss, grad = case.gradient()
        found |= {
            f"{number} {cell} {activation} {name}": value
            for name, value in (("outputs", case.predict()), ("loss", loss), ("gradient", grad))
        }
    return found


def test_plain_python_computes_what_the_compiled_kernels_compute(tmp_path):
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        pytest.skip("nothing is compiled in this run")
    here, tests = Path(__file__).parents[:2]
    paths = map(str, (Path(numrnn.__file__).parent.parent, here, tests, tests / "support"))
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(paths)}
    subprocess.run([sys.executable, "-c", SCRIPT, tmp_path / "plain.npz"], env=environment, check=True)
    compiled = results()
    with np.load(tmp_path / "plain.npz") as plain:
        assert set(plain) == set(compiled)
        for name, value in compiled.items():
            assert plain[name].dtype == np.asarray(value).dtype
            assert relative_error(plain[name], value) <= 1e-6, name
