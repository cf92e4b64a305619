"""Damage files in all ways, read them, and count what goes wrong.

    python tests/system/fuzz_files.py --seconds 3600 --seed 1 [KIND ...]

A damaged file is read in a child process, as is an unharmed one to compare with. What goes wrong is a crash, an error
that is none of ValueError, TypeError and OSError or does not name the file, content that differs without an error
(of kinds with checksums), and 50 MB of memory or a second of the processor more than the unharmed file takes. Each
file follows from seed, kind and number alone. The exit code is 1 if anything went wrong.

A kind is a row of `KINDS`: a function of (random, folder) that writes a good file, or a folder of files, and returns
its path, and a function of the path that reads it and returns content that `digest` takes.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mutations import mutate

import numrnn
from numrnn import Sequences
from numrnn.cli import _parser
from numrnn.cli.options import UsageError
from numrnn.data import ShardWriter, open_shards
from numrnn.data.readers import tables, text
from numrnn.data.readers.npz import read_npz
from numrnn.data.shards.format import changed_files
from numrnn.io import read_checkpoint, write_checkpoint
from numrnn.training import TrainingState, restore_state
from numrnn.training.state import take_snapshot

MEMORY, SECONDS = 50e6, 1.0  # that a damaged file may take beyond a good one
PER_FILE = 25  # mutants of one good file
ADDRESSES = 8 << 30  # bytes: no mutant takes the machine's memory
DEADLINE = 30  # seconds


class Kind(NamedTuple):
    """Describe how files of a format are written and read; `checked` has checksums, `text` writes numbers as digits."""

    make: Callable
    read: Callable
    checked: bool
    text: bool = False


def some_sequences(generator):
    n, columns = generator.randint(1, 12), generator.randint(1, 4)
    lengths = [generator.randint(1, 20) for _ in range(n)]
    values = np.random.default_rng(generator.getrandbits(32)).normal(size=(sum(lengths), columns))
    return values.astype(generator.choice(["f4", "f8"])), np.array(lengths), np.array(["a", "bc"] * n)[:n]


def make_npz(generator, folder):
    parts = dict(zip(("values", "lengths", "y"), some_sequences(generator), strict=True))
    generator.choice((np.savez, np.savez_compressed))(folder / "data.npz", **parts)
    return folder / "data.npz"


def parts_of(data):
    return [[part.X, part.y] for part in data if part is not None]


def make_shards(generator, folder):
    values, lengths, y = some_sequences(generator)
    with ShardWriter(folder / "shards", shard_size="500B") as writer:
        writer.write(Sequences.from_concatenated(values, lengths), y, np.ones(len(y)))
    return folder / "shards"


def read_shards(path):
    """Read everything but the values of the steps."""
    X, *rows = open_shards(path)
    return [X.lengths, X.shape, X.dtype.str, *rows]


def read_verified_shards(path):
    changed, _ = changed_files(path)
    if changed:
        raise ValueError(f"changed: {changed}")
    return [*read_shards(path), open_shards(path).X.load()]


def make_table(generator, folder):
    values, lengths, y = some_sequences(generator)
    lines = ["sequence,label," + ",".join(f"x{k}" for k in range(values.shape[1]))]
    for i, (length, label) in enumerate(zip(lengths, y, strict=True)):
        lines += [f"s{i},{label}," + ",".join(map(str, row)) for row in values[:length]]
    (folder / "steps.csv").write_text("\n".join(lines) + "\n")
    return folder / "steps.csv"


def read_table(path):
    return [list(rows) for rows in tables.read_step_table(path, tables.Columns("sequence", "label"))]


def make_texts(generator, folder):
    words = ["good", "bad, very", 'a ""film""', "naïve", "two\nlines"]
    labels = generator.choice((["1", "0"], ["1.5", "-2e3"], ["good", "bad"]))
    rows = [f'"{" ".join(generator.choices(words, k=9))}",{generator.choice(labels)}' for _ in range(30)]
    (folder / "texts.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return folder / "texts.csv"


def read_texts(path):
    table = text.read_text_table(path, "text", "label")
    return [table.X, table.y]


def make_toml(generator, folder):
    lines = [
        'cell = "lstm"',
        f"hidden_layer_sizes = [{generator.randint(1, 99)}, 32]",
        "max_iter = 0x10",
        "alpha = 1e-3",
    ]
    lines += ["# a comment", "class_weight = {a = 2, b = 0.5}", "shuffle = false", "output = '''mine'''"]
    (folder / "job.toml").write_text("\n".join(generator.sample(lines, len(lines))))
    return folder / "job.toml"


def read_toml(path):
    """Read the options as the command line does, without training."""
    from numrnn.cli.options import over_config

    parser = _parser()._subparsers._group_actions[0].choices["fit"]
    return repr(over_config(parser, Namespace(config=str(path))))


def make_model(generator, folder):
    X, y = np.zeros((6, 4, generator.randint(1, 5))), np.array(["a", "bc", "d"] * 2)
    options = {"cell": generator.choice(["elman", "gru", "lstm"]), "random_state": generator.randint(0, 99)}
    sizes = (generator.randint(1, 20),) * generator.randint(1, 2)
    if generator.random() < 0.3:
        model = numrnn.RNNLanguageModel(sizes, **options).initialize("never odd or even")
    else:
        model = numrnn.RNNClassifier(sizes, **options).initialize(X, y)
    model.save(folder / "model.safetensors")
    return folder / "model.safetensors"


def read_model(path):
    model = numrnn.load(path)
    learnt = [repr(vars(model)[name]) for name in model._learnt if name in vars(model)]
    return [*model.weights_.items(), repr(model.get_params()), *learnt, repr(model._state.history)]


def make_checkpoint(generator, folder):
    random = np.random.default_rng(generator.getrandbits(32))
    theta = random.normal(size=generator.randint(1, 200)).astype(generator.choice(["f4", "f8"]))
    solver_state = {"m": random.normal(size=theta.size).astype(theta.dtype)}
    state = TrainingState(theta, generator.getrandbits(64), solver_state, n_updates=generator.randint(0, 99))
    tensors, header = take_snapshot(state, [])
    write_checkpoint(folder / "checkpoint-000001.safetensors", tensors, {**header, "facts": {}})
    return folder / "checkpoint-000001.safetensors"


def read_state(path):
    tensors, header = read_checkpoint(path)
    state = restore_state(tensors, header)
    return [state.theta, *state.solver_state.items(), state.seed, state.n_updates]


KINDS = {
    "models": Kind(make_model, read_model, checked=True),
    "checkpoints": Kind(make_checkpoint, read_state, checked=True),
    "npz": Kind(make_npz, lambda path: parts_of(read_npz(path)), checked=True),
    "shards": Kind(make_shards, read_shards, checked=True),
    "verified shards": Kind(make_shards, read_verified_shards, checked=True),
    "table": Kind(make_table, read_table, checked=False, text=True),
    "texts": Kind(make_texts, read_texts, checked=False, text=True),
    "toml": Kind(make_toml, read_toml, checked=False, text=True),
}


def digest(content):
    """Return a checksum of arrays, sequences, texts and numbers, in lists or alone."""
    if isinstance(content, Sequences):
        content = [content.values, content.offsets]
    if isinstance(content, np.ndarray):
        content = repr((content.dtype.str, content.shape)) + hashlib.sha256(content.tobytes()).hexdigest()
    elif isinstance(content, (list, tuple)):
        content = [digest(item) for item in content]
    return hashlib.sha256(repr(content).encode("utf-8", "surrogatepass")).hexdigest()


class Outcome(NamedTuple):
    """Record what a child process read: a checksum of the content or an error, and its memory and time."""

    digest: str | None
    error: str
    memory: int
    seconds: float


def read_in_child(read, path):
    """Return the `Outcome` of reading a file, or the signal that ended the child."""
    here, there = os.pipe()
    child = os.fork()
    if not child:
        os.close(here)
        try:
            os.write(there, json.dumps(_outcome(read, path)).encode())
        finally:
            os._exit(0)
    os.close(there)
    with open(here, "rb") as pipe:
        told = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Outcome(*json.loads(told)) if told else signal.Signals(-status).name if status < 0 else "no answer"


def _outcome(read, path):
    warnings.simplefilter("ignore")
    signal.alarm(DEADLINE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins anew
    before, began, found, error = _memory("VmRSS"), time.process_time(), None, ""
    try:
        found = digest(read(path))
    except (ValueError, TypeError, OSError, UsageError) as refusal:
        error = "" if str(path) in str(refusal) else f"does not name the file: {type(refusal).__name__}: {refusal}"
    except BaseException as other:
        error = f"{type(other).__name__}: {other}"
    return found, error[:300], _memory("VmHWM") - before, time.process_time() - began


def _memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))


def judge(good, found, checked):
    """Return what went wrong: a word and details, or None and whether reading raised an error."""
    if isinstance(found, str):
        return "crash" if found != "SIGALRM" else "time", found
    if found.error:
        return "raw error", found.error
    if checked and found.digest not in (None, good.digest):
        return "silent change", ""
    if found.memory > good.memory + MEMORY:
        return "memory", f"{found.memory / 1e6:.0f} MB"
    if found.seconds > good.seconds + SECONDS:
        return "time", f"{found.seconds:.1f} s"
    return None, "refused" if found.digest is None else "same" if found.digest == good.digest else "changed"


def fuzz(name, seconds, seed):
    """Read mutants of a kind for some time; return how many ended in which way, and the faults."""
    kind, counts, faults, end = KINDS[name], Counter(), [], time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            path = kind.make(random.Random(f"{seed} {name} {number}"), Path(folder))
            good = read_in_child(kind.read, path)
            assert isinstance(good, Outcome) and good.digest is not None, f"{name}: a good file is refused: {good}"
            files = sorted(path.rglob("*")) if path.is_dir() else [path]
            for _ in range(PER_FILE):
                generator = random.Random(f"{seed} {name} mutant {number}")
                file = generator.choice(files)
                before = file.read_bytes()
                content, what = mutate(generator, before, is_text=kind.text or file.suffix == ".json")
                file.write_bytes(content)
                fault, details = judge(good, read_in_child(kind.read, path), kind.checked)
                file.write_bytes(before)
                counts[fault or details] += 1
                if fault:
                    faults.append(f"{name}, mutant {number} ({file.name}: {what}): {fault} {details}")
                number += 1
    return counts, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="time in all, shared by the kinds (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)} (default: all)")
    arguments = parser.parse_args()
    kinds, wrong = arguments.kinds or list(KINDS), 0
    for name in kinds:
        counts, faults = fuzz(name, arguments.seconds / len(kinds), arguments.seed)
        wrong += len(faults)
        print(f"{name}: {sum(counts.values())} mutants: {', '.join(f'{n} {what}' for what, n in counts.most_common())}")
        print("".join(f"  {fault}\n" for fault in faults[:20]), end="", flush=True)
    print(f"{wrong} faults")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
