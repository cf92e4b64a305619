"""Test the scripts of docs/hpc without Slurm, with stand-ins for `srun` and `scontrol`."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

SCRIPTS = Path(__file__).parents[2] / "docs" / "hpc"
SHORT = "--hidden-layer-sizes 16 --batch-size 8 --max-iter 200 --n-jobs 1"

pytestmark = [
    pytest.mark.serial,
    pytest.mark.skipif(not SCRIPTS.is_dir() or sys.platform != "linux", reason="needs the checkout, and Linux"),
]

# srun --options command: with STOPPED it gets a signal, like two minutes before the time limit, once there is a
# checkpoint to see.
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
[ -z "${STOPPED:-}" ] && exec ${LAUNCHER:-} "$@"
"$@" & job=$!
while kill -0 $job 2> /dev/null && ! ls "$OUTPUT"/checkpoints/*.safetensors > /dev/null 2>&1; do sleep 0.01; done
kill -USR1 $job
wait $job
"""
SCONTROL = """#!/bin/bash
echo "$@" >> "$OUTPUT/requeued"
"""


@pytest.fixture
def submit(tmp_path):
    """Return a function that runs a script as a job with environment variables and returns the exit code."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    numrnn = f"#!/bin/sh\nexec {sys.executable} -c 'import sys; from numrnn.cli import main; sys.exit(main())' \"$@\"\n"
    (commands / "numrnn").write_text(numrnn)
    (commands / "numrnn").chmod(0o755)
    path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
    cache = os.environ["NUMBA_CACHE_DIR"]

    def run(script, **variables):
        text = (SCRIPTS / script).read_text().replace("export NUMBA_CACHE_DIR=", "# ")
        environment = os.environ | {"PATH": path, "NUMBA_CACHE_DIR": cache, "OPTIONS": SHORT, "SLURM_JOB_ID": "7"}
        return subprocess.run(["bash", "-c", text], cwd=tmp_path, env=environment | variables, timeout=600).returncode

    return run


def weights(folder):
    """Return the weights of the model as bytes, since its file also holds the duration of epochs."""
    return {name: array.tobytes() for name, array in load_file(folder / "model.safetensors").items()}


def history(folder):
    with open(folder / "history.csv", newline="") as file:
        return [row[:-1] for row in csv.reader(file)]


def test_a_job_that_is_stopped_puts_itself_in_the_queue_and_ends_with_the_same_bits(submit, tmp_path):
    options = f"{SHORT} --checkpoint-every 0.02"
    assert submit("requeue.sh", OUTPUT="whole", OPTIONS=options) == 0
    assert not (tmp_path / "whole" / "requeued").exists()
    assert submit("requeue.sh", OUTPUT="parts", OPTIONS=options, STOPPED="yes") == 0
    assert (tmp_path / "parts" / "requeued").read_text() == "requeue 7\n"
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    assert submit("requeue.sh", OUTPUT="parts", OPTIONS=options) == 0
    assert weights(tmp_path / "whole") == weights(tmp_path / "parts")
    assert history(tmp_path / "whole") == history(tmp_path / "parts")


def test_a_job_that_fails_is_not_put_in_the_queue_again(submit, tmp_path):
    (tmp_path / "none").mkdir()
    assert submit("requeue.sh", OUTPUT="none", DATA="no-such-file.npz") == 2
    assert not (tmp_path / "none" / "requeued").exists()


def test_a_task_of_an_array_has_its_own_seed(submit, tmp_path):
    short = SHORT.replace("200", "2")
    for task in "01":
        assert submit("array.sh", OUTPUT="seeds", SLURM_ARRAY_TASK_ID=task, OPTIONS=short) == 0
    assert weights(tmp_path / "seeds" / "0") != weights(tmp_path / "seeds" / "1")


def test_ranks_give_the_bits_of_one_process(submit, tmp_path):
    pytest.importorskip("mpi4py")
    options = SHORT.replace("200", "2").replace("--batch-size 8", "--batch-size 64")
    assert submit("mpi.sh", OUTPUT="ranks", LAUNCHER="mpiexec -n 2", OPTIONS=options) == 0
    assert submit("mpi.sh", OUTPUT="alone", OPTIONS=options) == 0
    assert weights(tmp_path / "ranks") == weights(tmp_path / "alone")
