"""Test runs that are killed and resumed, by a few of the kills of `kill_and_resume.py`."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.serial
def test_killed_runs_end_with_the_same_bits():
    """Check a few kills, in a process of its own because the program forks."""
    script = Path(__file__).with_name("kill_and_resume.py")
    run = subprocess.run(
        [sys.executable, script, "--kills", "3", "--sequences", "600"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "3 kills" in run.stdout
