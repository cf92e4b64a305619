"""Test damaged files by a few seconds of `fuzz_files.py`, and that it would find a fault."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import fuzz_files
import numpy as np
import pytest


@pytest.mark.serial
def test_damaged_files_are_refused():
    """Check a sample of damaged files, in a process of its own because the program forks."""
    script = Path(__file__).with_name("fuzz_files.py")
    run = subprocess.run(
        [sys.executable, script, "--seconds", "6", "--seed", "1"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(" mutants: ") == len(fuzz_files.KINDS) and run.stdout.endswith("\n0 faults\n")


def fail(error):
    raise error


def take_memory():
    np.ones(20_000_000)
    return 1


FAULTS = {
    "a crash": (lambda path: os.kill(os.getpid(), signal.SIGKILL), ("crash", "SIGKILL")),
    "another error": (lambda path: fail(RecursionError("deep")), ("raw error", "RecursionError: deep")),
    "no name": (lambda path: fail(ValueError("bad")), ("raw error", "does not name the file: ValueError: bad")),
    "other content": (lambda path: 2, ("silent change", "")),
    "memory": (lambda path: take_memory(), ("memory", "MB")),
    "refused": (lambda path: fail(ValueError(f"{path}: bad")), (None, "refused")),
    "the same": (lambda path: 1, (None, "same")),
}


@pytest.mark.serial
@pytest.mark.parametrize("name", FAULTS)
def test_what_the_fuzzer_sees(name, tmp_path):
    read, (fault, details) = FAULTS[name]
    good = fuzz_files.read_in_child(lambda path: 1, tmp_path)
    found = fuzz_files.judge(good, fuzz_files.read_in_child(read, tmp_path), checked=True)
    assert found[0] == fault and details in found[1]
