"""Kill runs of `numrnn fit` at random moments, resume them, and compare what they end with.

    python tests/system/kill_and_resume.py --kills 50

Each cell with each solver is killed in turn, by SIGKILL, and resumed until it has been killed its share of times and
ends. Weights, history and report must then be those of a run that nobody killed, but for times and environment.
"""

import argparse
import csv
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import numrnn
from numrnn.cli import main
from numrnn.io import decode, newest_checkpoint
from numrnn.training import loop

CELLS, SOLVERS = ("elman", "gru", "lstm"), ("sgd", "adam", "adamw", "rmsprop")
OPTIONS = "--hidden-layer-sizes 16 --max-iter 5 --batch-size 4 --bptt-steps 10 --dropout 0.1 --early-stopping".split()
BATCH = "--checkpoint-every 0.02 --resume --quiet --n-iter-no-change 8".split()
OF_ITS_RUN = ("seconds", "versions", "run")  # of a report: times and environment
PAIRS = tuple(itertools.product(CELLS, SOLVERS))


def write_data(path, n_sequences):
    """Write sequences of 20 to 59 steps in two classes, which differ in the first step."""
    generator = np.random.default_rng(0)
    lengths, y = generator.integers(20, 60, n_sequences), generator.integers(0, 2, n_sequences)
    values = generator.standard_normal((lengths.sum(), 4)).astype(np.float32)
    values[np.cumsum(lengths) - lengths, 0] = 2 * y - 1
    np.savez(path, values=values, lengths=lengths, y=y)


def start(folder, data, words):
    """Run the command in a child of this process, which has the kernels; return its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    loop.SECONDS_PER_CALL = 0.01  # epochs are short here, and most checkpoints are to be within one
    try:
        folder.mkdir(exist_ok=True)
        sys.stderr = open(folder / "errors", "a")  # noqa: SIM115 (the process ends)
        folders = ["--output", str(folder), "--checkpoint-dir", str(folder / "checkpoints")]
        code = main(["fit", str(data), *folders, *words])
    finally:
        os._exit(code)


def end(child):
    """Wait for a child, which must end well; return the seconds it took."""
    began = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return time.monotonic() - began


def kill(child, after):
    """Kill a child, unless it ends before; return whether it was killed."""
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def results(folder):
    """Return the history, the report and the weights of a run."""
    with open(folder / "history.csv", newline="", encoding="utf-8") as file:
        history = [{name: x for name, x in row.items() if name != "seconds"} for row in csv.DictReader(file)]
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    del report["options"]["output"], report["options"]["checkpoint_dir"]
    weights = numrnn.load(folder / "model.safetensors").weights_
    return history, {key: value for key, value in report.items() if key not in OF_ITS_RUN}, weights


def same(one, other):
    """Return whether two runs ended with the same bits."""
    weights = [[(name, array.tobytes()) for name, array in run[2].items()] for run in (one, other)]
    return one[:2] == other[:2] and weights[0] == weights[1]


def kill_and_resume(folder, data, words, kills, draw):
    """Compare a run that is killed `kills` times with one that is not.

    Returns the place (see `place`) of each checkpoint that it resumed from.
    """
    seconds = end(start(folder / "whole", data, words))
    places, ended = [], 0
    while len(places) < kills:
        if kill(start(folder / "killed", data, words), draw.uniform(0, 0.8 * seconds)):
            places.append(place(folder / "killed" / "checkpoints"))
        else:  # it had come to its end: another one, from the beginning
            assert same(results(folder / "whole"), results(folder / "killed"))
            ended += 1
            (folder / "killed").rename(folder / f"ended-{ended}")
    end(start(folder / "killed", data, words))
    assert same(results(folder / "whole"), results(folder / "killed")), f"{folder}: {words}"
    return places


def place(checkpoints):
    """Return the epochs, and the mini-batches of the present one, of the newest checkpoint, or None without one."""
    path, _, header = newest_checkpoint(checkpoints)
    if path is None:
        return None
    made = decode(header["progress"])["done"] if header["progress"] else 0
    return decode(header["training"])["epoch"], made


def run(kills, n_sequences, seed):
    """Kill runs `kills` times in all and return the places that they resumed from.

    If there are fewer kills than pairs of a cell and a solver, a random subset of the pairs is used.
    """
    draw, places = random.Random(seed), []
    pairs = draw.sample(PAIRS, min(kills, len(PAIRS)))
    with tempfile.TemporaryDirectory() as name:
        data = Path(name, "data.npz")
        write_data(data, n_sequences)
        numrnn.warmup(cells=sorted({cell for cell, _ in pairs}))
        for i, (cell, solver) in enumerate(pairs):
            share = kills // len(pairs) + (i < kills % len(pairs))
            folder = Path(name, f"{cell}-{solver}")
            folder.mkdir()
            words = ["--cell", cell, "--solver", solver, *OPTIONS, *BATCH]
            places += kill_and_resume(folder, data, words, share, draw)
    return places


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--sequences", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found = run(arguments.kills, arguments.sequences, arguments.seed)
    within = sum(where is not None and where[1] > 0 for where in found)
    print(
        f"{len(found)} kills, {within} resumed within an epoch, {found.count(None)} from the beginning: the same bits"
    )
