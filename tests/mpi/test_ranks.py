"""Test training by several processes under MPI: each test starts `mpiexec` with a program of this folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import numrnn
from numrnn.cli import main

pytest.importorskip("mpi4py", exc_type=ImportError)
HERE = Path(__file__).parent
# The package mpich installs its mpiexec beside this Python.
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
pytestmark = [pytest.mark.serial, pytest.mark.skipif(MPIEXEC is None, reason="no mpiexec")]


NUMRNN = ["-c", "import sys; from numrnn.cli import main; sys.exit(main())"]


def start(ranks, program, *arguments):
    program = [str(HERE / program)] if isinstance(program, str) else program
    command = [MPIEXEC, "-n", str(ranks), sys.executable, *program, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(ranks, program, *arguments, seconds=300):
    process = start(ranks, program, *arguments)
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def of_one_process():
    command = [sys.executable, str(HERE / "same_bits.py")]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


@pytest.mark.parametrize("ranks", [3, 4])
def test_any_number_of_ranks_and_threads_gives_the_bits_of_one_process(ranks, of_one_process):
    code, out, err = run(ranks, "same_bits.py")
    assert code == 0, err
    found = json.loads(out)
    assert {name for name in found if found[name] != of_one_process[name]} == set()
    assert found.keys() == of_one_process.keys()


def test_what_goes_wrong_in_one_rank_or_in_all():
    """Check different data, an error on all ranks, and stops and seeds that differ, all in one start."""
    code, out, err = run(3, "mistakes.py")
    assert code == 0, err
    assert out.splitlines() == [
        "X of rank 2 differs from that of rank 0; pass the same value to all ranks",
        "alpha of rank 1 differs from that of rank 0; pass the same value to all ranks",
        "solver of rank 1 differs from that of rank 0; pass the same value to all ranks",
        "y has 5 targets, but X has 60 sequences",
        "training diverged in epoch 1",
        "stopped after 3 epochs",
        "interrupted after the same mini-batch",
        "the time of the first rank",
        "one seed for all",
    ]


def test_an_error_of_one_rank_ends_the_job_with_its_traceback():
    begin = time.monotonic()
    code, _, err = run(3, "failing.py", "error", seconds=60)
    assert code != 0
    assert "rank 1 of 3 failed" in err
    assert "RuntimeError: only here" in err
    assert time.monotonic() - begin < 30


def test_a_rank_that_is_killed_ends_the_job():
    process = start(3, "failing.py", "wait")
    try:
        killed = int(process.stdout.readline())  # training goes on then
        time.sleep(0.5)
        begin = time.monotonic()
        os.kill(killed, signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode != 0
        assert time.monotonic() - begin < 10
    finally:
        process.kill()


def test_a_killed_job_is_resumed_with_the_same_bits(tmp_path):
    alone = subprocess.run([sys.executable, str(HERE / "resumed.py"), str(tmp_path / "alone"), "run"],
                           stdout=subprocess.PIPE, check=True, text=True).stdout  # fmt: skip
    process = start(3, "resumed.py", str(tmp_path / "ranks"), "kill")
    try:
        os.kill(int(process.stdout.readline()), signal.SIGKILL)
        begin = time.monotonic()
        process.communicate(timeout=60)
        assert process.returncode != 0 and time.monotonic() - begin < 10
    finally:
        process.kill()
    assert list((tmp_path / "ranks").glob("checkpoint-*.safetensors"))
    for ranks in (2, 1):  # the second finds the finished fit
        code, out, err = run(ranks, "resumed.py", str(tmp_path / "ranks"), "run")
        assert (code, out) == (0, alone), err


def test_the_command_line_trains_with_all_ranks_and_one_of_them_speaks(tmp_path):
    fit = ["fit", "japanese_vowels", "--max-iter", "2", "--random-state", "1"]
    code, out, err = run(2, NUMRNN, *fit, "--output", str(tmp_path / "two"))
    assert code == 0 and "error" not in err, err
    assert err.count("epoch 2:") == 1
    assert out.count("test accuracy") == 1
    assert main([*fit, "--output", str(tmp_path / "one")]) == 0
    one, two = (numrnn.load(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert one._state.theta.tobytes() == two._state.theta.tobytes()
    assert one.loss_curve_ == two.loss_curve_
    assert json.loads((tmp_path / "two" / "report.json").read_text())["run"]["ranks"] == 2
    code, _, err = run(2, NUMRNN, *fit, "--output", str(tmp_path / "three"), "--hidden-layer-sizes", "0")
    assert code == 2
    assert err.count("numrnn: error: hidden_layer_sizes") == 1
