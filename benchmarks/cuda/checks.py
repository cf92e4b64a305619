"""Run the checks that pass or fail: the tests, identical bits in repeated runs, and compute-sanitizer."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from parity import Case, problem_of

from numrnn import Sequences
from numrnn.data.batches import full_batch
from numrnn.data.sources import Targets
from numrnn.network.cuda.network import CudaNetwork
from numrnn.network.interface import SolverStep
from numrnn.solvers import Adam

ROOT = Path(__file__).parents[2]
RAGGED = (9, 1, 4, 4, 7, 9, 2)
# Kernels of all kinds, small: compute-sanitizer makes them some hundred times as slow.
WATCHED = [
    Case("narrow", (33,), RAGGED, {"bidirectional": True}),
    Case("plain", (129,), RAGGED),
    Case("wide", (132,), RAGGED, {"bidirectional": True}, {"output": "step"}),
    Case("wide, pieces", (1024,), RAGGED * 4),
    Case("embedded symbols", (33,), RAGGED, {"n_inputs": None, "n_symbols": 7, "embedding_size": 4}),
]
REPEATED = [
    Case("32 units", (32,), tuple(1 + n * 7 % 40 for n in range(64))),
    Case("two layers of 128, both directions", (128, 128), RAGGED * 8, {"bidirectional": True}, {"output": "step"}),
    Case("256 units", (256,), tuple(1 + n * 7 % 40 for n in range(64))),
    Case("512 units", (512,), RAGGED * 8),
    Case("embedded symbols", (132,), RAGGED * 8, {"n_inputs": None, "n_symbols": 7, "embedding_size": 4}),
]


class Verdict(NamedTuple):
    """Hold the result of a check."""

    text: str
    met: bool

    def __str__(self):
        return self.text


def trained(cell, case, steps):
    """Return theta after `steps` steps of Adam on one mini-batch."""
    layout, theta, X, y = problem_of(cell, case)
    network, data, solver = CudaNetwork(layout, **case.network), Sequences.from_list(X), Adam()
    batch = full_batch(data.lengths, network.tile_rows)
    scalars = np.array([solver.scalars(1e-2, n + 1) for n in range(steps)])
    step = SolverStep(solver.rule(), solver.init_state(theta), scalars)
    network.train(theta, data, Targets(y), [batch] * steps, step, np.empty_like(theta), theta.copy())
    return theta


def same_bits(cell, case, runs, steps):
    """Check that theta after `steps` steps has the same bits in all runs."""
    found = {trained(cell, case, steps).tobytes() for _ in range(runs)}
    return Verdict("the same" if len(found) == 1 else f"{len(found)} results", len(found) == 1)


def tests_pass():
    """Run the tests that need a GPU."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/cuda"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    last = (found.stdout.strip().splitlines() or [found.stderr.strip()[-200:]])[-1]
    return Verdict(last.strip("= "), found.returncode == 0)


def sanitized(tool, command):
    """Run a command under a tool of compute-sanitizer and return the verdict."""
    if shutil.which("compute-sanitizer") is None:
        return Verdict("not run: compute-sanitizer is not on the PATH", False)
    command = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "99", *command]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode == 0:
        return Verdict("clean", True)
    errors = [line.strip("= ") for line in found.stdout.splitlines() if "ERROR SUMMARY" in line or "Error" in line]
    return Verdict(errors[-1] if errors else f"exit status {found.returncode}: {found.stderr.strip()[-200:]}", False)
