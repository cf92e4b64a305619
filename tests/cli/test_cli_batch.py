"""Test `numrnn fit` in a batch job: checkpoints, signals and lines of progress."""

import contextlib
import csv
import json
import os
import re
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

import numrnn
from numrnn.cli import main
from numrnn.training import TrainingTerminated, loop
from numrnn.training.checkpoint import Checkpoint
from numrnn.training.exceptions import RESUBMIT

pytestmark = pytest.mark.serial

SHORT = ("--hidden-layer-sizes", "5", "--batch-size", "8")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    generator = np.random.default_rng(0)
    lengths, y = generator.integers(2, 6, 24), np.arange(24) % 2
    values = generator.standard_normal((lengths.sum(), 3)) + 3 * np.repeat(y, lengths)[:, None]
    path = tmp_path_factory.mktemp("data") / "labelled.npz"
    part = {"values": values, "lengths": lengths, "y": y}
    np.savez(path, **part, **{f"{name}_test": array for name, array in part.items()})
    return str(path)


def fit(data, folder, *words):
    return main(["fit", data, "--output", str(folder / "out"), *SHORT, *words])


def checkpointed(folder, *words):
    return ("--checkpoint-dir", str(folder / "checkpoints"), "--resume", *words)


def results(folder):
    with open(folder / "out" / "history.csv", newline="", encoding="utf-8") as file:
        history = [{name: x for name, x in row.items() if name != "seconds"} for row in csv.DictReader(file)]
    report = json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))
    weights = numrnn.load(folder / "out" / "model.safetensors").weights_
    return history, report["scores"], report["stop_reason"], {name: w.tobytes() for name, w in weights.items()}


@pytest.fixture
def sends(monkeypatch):
    """Return a function that makes `Checkpoint` send a signal at the n-th call of a hook."""

    def arrange(hook, at, number):
        method, left = getattr(Checkpoint, hook), [at]

        def sending(self, info):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), number)
            return method(self, info)

        monkeypatch.setattr(Checkpoint, hook, sending)
        monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e-9)

    return arrange


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_terminated_and_submitted_again(data, tmp_path, sends, number, capsys):
    assert fit(data, tmp_path / "whole", "--max-iter", "4") == 0
    sends("on_progress", 6, number)
    words = ("--max-iter", "4", *checkpointed(tmp_path))
    before = signal.getsignal(number)
    assert fit(data, tmp_path, *words) == RESUBMIT == TrainingTerminated("").code
    assert signal.getsignal(number) == before
    err = capsys.readouterr().err
    assert f"numrnn: error: {number.name} ended training after 1 epochs and 2 mini-batches; a checkpoint is" in err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["history.csv"]
    assert fit(data, tmp_path, *words) == 0
    assert results(tmp_path) == results(tmp_path / "whole")
    run = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["run"]
    assert run["ranks"] == 1 and run["threads"] >= 1
    assert run["resumed_from"] == str(tmp_path / "checkpoints" / "checkpoint-000001.safetensors")
    assert fit(data, tmp_path, *words) == 0  # it is done, and says so again
    assert results(tmp_path) == results(tmp_path / "whole")


def test_ctrl_c_saves(data, tmp_path, sends, capsys):
    sends("on_progress", 6, signal.SIGINT)
    assert fit(data, tmp_path, "--max-iter", "4", *checkpointed(tmp_path)) == 1
    err = capsys.readouterr().err
    assert f"interrupted; pass --resume to continue from the checkpoints in {tmp_path / 'checkpoints'}" in err
    assert fit(data, tmp_path, "--max-iter", "4", *checkpointed(tmp_path)) == 0
    assert fit(data, tmp_path / "whole", "--max-iter", "4") == 0
    assert results(tmp_path) == results(tmp_path / "whole")


def test_a_signal_while_nothing_is_trained_ends_the_command_at_once(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(numrnn, "warmup", lambda **_options: os.kill(os.getpid(), signal.SIGTERM))
    assert fit(data, tmp_path, "--max-iter", "1", *checkpointed(tmp_path)) == RESUBMIT
    assert "SIGTERM arrived outside of training, with nothing to save; submit the job again" in capsys.readouterr().err


def test_what_a_compiler_says_that_a_signal_cut_off_is_no_failure(data, tmp_path, monkeypatch, capsys):
    def compile_in_vain(**_options):
        with contextlib.suppress(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("no compiled object yet")

    monkeypatch.setattr(numrnn, "warmup", compile_in_vain)
    assert fit(data, tmp_path, "--max-iter", "1", *checkpointed(tmp_path)) == RESUBMIT
    assert "SIGTERM arrived outside of training, with nothing to save; submit the job again" in capsys.readouterr().err


def test_a_signal_that_a_library_took_for_its_own_is_not_lost(data, tmp_path, monkeypatch):
    def swallow(**_options):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except BaseException:
            pass

    monkeypatch.setattr(numrnn, "warmup", swallow)
    assert fit(data, tmp_path, "--max-iter", "1", *checkpointed(tmp_path)) == RESUBMIT


def test_a_line_an_epoch(data, tmp_path, capsys):
    assert fit(data, tmp_path, "--max-iter", "2", *checkpointed(tmp_path)) == 0
    lines = capsys.readouterr().err.splitlines()
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d "
    expected = f"no checkpoint in {tmp_path}/checkpoints: training starts from the beginning"
    assert re.fullmatch(stamp + expected, lines[0])
    figures = r"loss [\d.]+, val_loss [\d.]+, val_score [\d.]+, sequences/s \d+, memory \d+ MB"
    assert re.fullmatch(stamp + "epoch 1: " + figures, lines[1]) and len(lines) == 4
    assert re.fullmatch(stamp + "checkpoint .*000001.safetensors after 2 epochs", lines[3])
    for words in (["--quiet"], ["--progress"]):
        assert fit(data, tmp_path, "--max-iter", "2", *words) == 0
        out, err = capsys.readouterr()
        assert "epoch 1: " not in err and (out == err == "") == (words == ["--quiet"])


def test_the_history_is_on_the_disk_after_each_epoch(data, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "numrnn.cli.training_run.Course.on_epoch_end",
        lambda self, info: seen.append((tmp_path / "out" / "history.csv").read_text(encoding="utf-8").splitlines()),
        raising=False,
    )
    assert fit(data, tmp_path, "--max-iter", "3") == 0
    assert [len(lines) for lines in seen] == [1, 2, 3]  # the reader is called before the writer
    assert seen[0][0].startswith("epoch,loss,validation_loss,validation_score,learning_rate,seconds")
    lines = (tmp_path / "out" / "history.csv").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == seen[-1] and lines[3].startswith("3,")


@pytest.mark.parametrize(
    "words, error",
    [
        (["--resume"], "--resume needs a directory; pass --checkpoint-dir DIR"),
        (["--checkpoint-every", "5min"], "--checkpoint-every needs a directory; pass --checkpoint-dir DIR"),
        (["--checkpoint-dir", "{}", "--checkpoint-every", "soon"], "--checkpoint-every must be a number of seconds"),
        (["--checkpoint-dir", "{}", "--checkpoint-keep", "0"], "--checkpoint-keep must be an integer of at least 1"),
    ],
)
def test_bad_usage(data, tmp_path, words, error, capsys):
    assert fit(data, tmp_path, *(word.format(tmp_path) for word in words)) == 2
    assert error in capsys.readouterr().err


def test_checkpoints_of_another_run_are_refused(data, tmp_path, capsys):
    words = ("--checkpoint-dir", str(tmp_path / "checkpoints"))
    assert fit(data, tmp_path, "--max-iter", "1", *words) == 0
    before = results(tmp_path)
    for more, error in [
        ([], "has checkpoints of an earlier run: pass resume="),
        (["--cell", "lstm", "--resume"], "cell"),
    ]:
        assert fit(data, tmp_path, "--max-iter", "1", *words, *more) == 2
        assert error in capsys.readouterr().err and results(tmp_path) == before


def test_a_config_file_may_ask_for_checkpoints(data, tmp_path):
    config = tmp_path / "job.toml"
    config.write_text(
        f'checkpoint_dir = "{tmp_path}/checkpoints"\ncheckpoint_every = 60\nresume = true\n', encoding="utf-8"
    )
    assert fit(data, tmp_path, "--max-iter", "1", "--config", str(config)) == 0
    assert (tmp_path / "checkpoints" / "checkpoint-000001.safetensors").exists()


def test_a_full_disk(data, tmp_path, monkeypatch, capsys):
    words = checkpointed(tmp_path, "--checkpoint-every", "1 epoch", "--max-iter", "4")
    write = Checkpoint._save

    def save(self, info):
        if info.epoch == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        write(self, info)

    monkeypatch.setattr(Checkpoint, "_save", save)
    try:
        assert fit(data, tmp_path, *words) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert re.search(r"numrnn: error: OSError: .*File too large: '.*checkpoint-000002", capsys.readouterr().err)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "checkpoint-000001.safetensors",
        "lock",
    ]


def test_the_codes_reach_the_shell(data, tmp_path):
    """Check the exit codes in the resubmission loop of a batch job, see docs/guide/checkpoints."""
    code = (
        "import os, signal, sys\nfrom numrnn.cli import main\nfrom numrnn.training import Checkpoint\n"
        "save = Checkpoint._save\n"
        "def saving(self, info):\n    save(self, info)\n    os.kill(os.getpid(), signal.SIGTERM)\n"
        "Checkpoint._save = saving\nsys.exit(main())"
    )
    words = ["fit", data, "--output", str(tmp_path / "out"), *SHORT, "--max-iter", "3"]
    words += checkpointed(tmp_path, "--checkpoint-every", "1 epoch")
    codes = []
    while not codes or codes[-1] == 75 and len(codes) < 9:
        codes.append(subprocess.run([sys.executable, "-c", code, *words], capture_output=True, check=False).returncode)
    assert codes == [75, 75, 0]
    assert fit(data, tmp_path / "whole", "--max-iter", "3") == 0
    assert results(tmp_path) == results(tmp_path / "whole")
