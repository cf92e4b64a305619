"""Change the facts of model files and checkpoints, alone and in pairs, and use what loads.

    python tests/system/forged_files.py [--cases N] [--pairs N] [--seed S] [KIND ...]

A fact is a value of the header, or the shape or the dtype of an array; it becomes each other plausible value. A file
must be refused by a ValueError that names it, or be another valid file: what loads predicts, steps and trains, in a
child process, so that a crash is counted. Facts that may have other values are listed in `FREE`.
"""

import argparse
import contextlib
import copy
import io
import json
import os
import re
import signal
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from safetensors.numpy import save as to_bytes

sys.path.insert(0, str(Path(__file__).parents[1]))

from golden.make_models import CASES, LABELS, NUMBERS, OPTIONS, TEXTS, VECTORS, WORDS  # noqa: E402

import numrnn  # noqa: E402
from numrnn.io import read_checkpoint, read_model, write_checkpoint, write_model  # noqa: E402
from numrnn.training import Checkpoint, TrainingDivergedError  # noqa: E402

GOLDEN = Path(__file__).parents[1] / "golden" / "models" / "c1889c3"
MODELS = (
    "classifier", "classifier_embedded", "classifier_labels", "classifier_steps", "classifier_tokens",
    "classifier_weighted", "regressor", "regressor_characters", "regressor_steps", "language_model",
    "language_model_tokens", "seq2seq", "seq2seq_vectors",
)  # fmt: skip
CHECKPOINTS = {
    "checkpoint": (numrnn.RNNClassifier, {"early_stopping": True}, VECTORS, LABELS),
    "checkpoint_chunks": (numrnn.RNNRegressor, {"bptt_steps": 3, "solver": "rmsprop"}, VECTORS, NUMBERS),
    "checkpoint_lbfgs": (numrnn.RNNRegressor, {"solver": "lbfgs"}, VECTORS, NUMBERS),
    "checkpoint_adaptive": (numrnn.RNNClassifier, {"learning_rate": "adaptive", "solver": "sgd"}, VECTORS, LABELS),
    "checkpoint_language_model": (numrnn.RNNLanguageModel, {"batch_size": 2, "bptt_steps": 5}, " ".join(TEXTS), None),
    "checkpoint_seq2seq": (numrnn.RNNSeq2Seq, {"batch_size": 2}, WORDS, [word[::-1] for word in WORDS]),
}
KINDS = (*MODELS, *CHECKPOINTS)
# Facts of which another value makes another valid file: parameters, names, counters that nothing else repeats.
FREE = re.compile(
    r"format|numrnn|params\b.*|training\.dict|training\.dict\.(\d+\.1|7)|history\b.*|progress\b.*|"
    r"architecture\.dict|architecture\.dict\.[01]\.1\.dict|architecture\.(dict\.[01]\.1\.)?dict\.(8|9|10|11|12)|"
    r"architecture\.dict\.(3|5|6|12)\.1|learnt\.(classes_|vocabulary_|target_vocabulary_|_class_weights|"
    r"longest_target_|_one_length|_one_column|_on_table|_input|feature_names_in_|target_names_in_)\b.*|"
    r"callbacks\.0\.values\b.*|arrays\..*\.values"
)
INTEGERS = (-1, 0, 1, 2, 50, 10**6, 2**31, 2**63 - 1, 10**18, 2**64, 10**30)
OTHERS = (None, True, False, 0.5, -1.0, 1e300, "x", "1", [], {}, {"float": "nan"}, {"tuple": []})
WORDS_OF = {  # texts that a header may hold
    "RNNClassifier", "RNNRegressor", "RNNLanguageModel", "RNNSeq2Seq", "elman", "gru", "lstm", "tanh", "relu",
    "softmax", "sigmoid", "identity", "sequence", "step", "state", "features", "vector", "float32", "float64",
    "float16", "zero", "learned", "last", "mean", "max", "<U6", "<f8", "<i8", "object", "<U300000000", "O", "auto",
    "cuda", "lbfgs",
}  # fmt: skip


def facts_of(value, path=()):
    """Yield the places of all values in JSON."""
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from facts_of(item, (*path, key))


def plausible(value):
    """Return other values that a fact may have."""
    numbers = [value - 1, value + 1, 2 * value] if isinstance(value, int) and not isinstance(value, bool) else []
    texts = sorted(WORDS_OF) if isinstance(value, str) else []
    lists = [value[:-1], value + value[-1:], value[::-1]] if isinstance(value, list) else []
    found = [*numbers, *texts, *lists, *INTEGERS, *OTHERS]
    return [other for other in found if json.dumps(other) != json.dumps(value)]


def plausible_arrays(array):
    """Return other arrays that may be in the place of one, by what was changed."""
    longer = np.concatenate([array, array[-1:]]) if array.ndim else array[None]
    changed = {"longer": longer, "shorter": array[:-1], "flat": array.reshape(-1)[None], "empty": array[:0]}
    changed |= {dtype: array.astype(dtype) for dtype in ("float32", "float64", "int32", "float16")}
    changed["transposed"] = np.ascontiguousarray(array.T)
    for name, number in {"nan": np.nan, "infinity": np.inf, "huge": 1e30}.items():
        changed[name] = np.full_like(array, number) if array.dtype.kind == "f" else array
    return {
        name: other
        for name, other in changed.items()
        if other.shape != array.shape or other.dtype != array.dtype or not np.array_equal(other, array)
    }


def changes_of(tensors, header):
    """Yield the name of each fact, and a function that changes it in a copy of arrays and header."""
    for path in facts_of(header):
        value = header
        for key in path:
            value = value[key]
        for other in plausible(value) if path else ():
            yield ".".join(map(str, path)), _Setting(path, other)
        if path:
            yield ".".join(map(str, path)), _Removal(path)
    for name, array in tensors.items():
        for how, other in plausible_arrays(array).items():
            suffix = "values" if how in ("huge", "infinity", "transposed") else "kind"
            yield f"arrays.{name}.{suffix}", _Array(name, other)
        yield f"arrays.{name}.name", _Array(name, None)
    yield "arrays.more", _Array("more", np.zeros(3, np.float32))


class _Setting:
    def __init__(self, path, value):
        self.path, self.value = path, value

    def __call__(self, tensors, header):
        for key in self.path[:-1]:
            header = header[key]
        header[self.path[-1]] = copy.deepcopy(self.value)

    def __repr__(self):
        return f"{'.'.join(map(str, self.path))} = {json.dumps(self.value)[:60]}"


class _Removal(_Setting):
    def __init__(self, path):
        self.path, self.value = path, "removed"

    def __call__(self, tensors, header):
        for key in self.path[:-1]:
            header = header[key]
        del header[self.path[-1]]


class _Array:
    def __init__(self, name, array):
        self.name, self.array = name, array

    def __call__(self, tensors, header):
        if self.array is None:
            del tensors[self.name]
        else:
            tensors[self.name] = self.array

    def __repr__(self):
        return f"array {self.name}: {'removed' if self.array is None else (self.array.shape, str(self.array.dtype))}"


class ModelKind:
    """Hold a golden model, and use every method of what loads."""

    def __init__(self, name, folder):
        self.X, self.y = CASES[name][2:]
        self.path = Path(folder, "model.safetensors")
        self.content = read_model(GOLDEN / f"{name}.safetensors")

    def write(self, tensors, header, checksum):
        if checksum:
            write_model(self.path, tensors, header)
        else:
            arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
            self.path.write_bytes(to_bytes(arrays, {"numrnn": json.dumps({"format": 1, "numrnn": "0.1.0"} | header)}))

    def use(self):
        model = numrnn.load(self.path)
        model.set_params(verbose=False)
        arguments = (self.X,) if self.y is None else (self.X, self.y)
        for method in ("predict", "predict_proba", "cross_entropy"):
            _call(model, method, self.X)
        _call(model, "predict_step", self.X[0][0])
        _call(model, "generate", "a f" if isinstance(self.X[0], str) else [0, 1], 5)
        for method in ("loss_and_grad", "score", "partial_fit"):
            _call(model, method, *arguments)
        return "loaded"


class CheckpointKind:
    """Hold checkpoints of a fit that was ended within its second epoch, and resume from them."""

    def __init__(self, name, folder):
        self.kind, options, self.X, self.y = CHECKPOINTS[name]
        self.options = OPTIONS | {"max_iter": 3, "batch_size": 5} | options
        made = Path(folder, "made")
        self._fit(made, callbacks=[Checkpoint(made, every=1e-9, keep=1000)])
        found = [read_checkpoint(path) for path in sorted(made.iterdir()) if path.suffix == ".safetensors"]
        within = [each for each in found if dict(each[1]["training"]["dict"])["stop_reason"] is None]
        self.content = within[len(within) // 2]
        self.folder = Path(folder, "forged")
        self.folder.mkdir()
        self.path = self.folder / "checkpoint-000001.safetensors"
        write_checkpoint(self.path, *self.content)
        self.expected = self._fit(self.folder)

    def _fit(self, folder, **options):
        arguments = (self.X,) if self.y is None else (self.X, self.y)
        model = self.kind(**self.options | options).fit(*arguments, resume=folder)
        return np.concatenate([array.ravel() for array in model.weights_.values()])

    def write(self, tensors, header, checksum):
        write_checkpoint(self.path, tensors, header)
        if not checksum:
            self.path.write_bytes(self.path.read_bytes().replace(b'"checksum":', b'"chucksum":'))

    def use(self):
        return "same bits" if np.array_equal(self._fit(self.folder), self.expected) else "other bits"


def _call(model, name, *arguments):
    """Call a method; errors that name what is wrong count as a result."""
    with contextlib.suppress(ValueError, TypeError, ImportError, RuntimeError):
        if hasattr(model, name):
            getattr(model, name)(*arguments)


def outcome_of(kind, changes, checksum=True):
    """Return what became of one forged file."""
    tensors, header = dict(kind.content[0]), copy.deepcopy(kind.content[1])
    try:
        for change in changes:
            change(tensors, header)
        kind.write(tensors, header, checksum)
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError):
        return "not made"  # one change took the place of the other, or JSON has no such value
    try:
        return kind.use()
    except TrainingDivergedError:
        return "diverged"
    except ValueError as error:
        names = str(kind.path) in str(error) or str(kind.path.name) in str(error)
        return "refused" if names else f"ERROR without the file: {error!r:.300}"
    except Exception as error:
        return f"ERROR {error!r:.300}"


def run_in_children(kind, cases, block=200):
    """Yield the outcome of each case; one that ends its process is a crash."""
    first = 0
    while first < len(cases):
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            _child(kind, cases[first : first + block], reader, writer)
        os.close(writer)
        with open(reader) as lines:
            done = [json.loads(line) for line in lines]
        status = os.waitpid(pid, 0)[1]
        yield from done
        first += len(done)
        if os.WIFSIGNALED(status):
            yield f"CRASH {signal.Signals(os.WTERMSIG(status)).name}"
            first += 1


def _child(kind, cases, reader, writer):
    os.close(reader)
    warnings.simplefilter("ignore")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    with open(writer, "w") as lines, contextlib.redirect_stdout(io.StringIO()):
        for _, changes, checksum in cases:
            signal.alarm(60)
            lines.write(json.dumps(outcome_of(kind, changes, checksum)) + "\n")
            lines.flush()
    os._exit(0)


def cases_of(kind, rng, alone, pairs):
    """Return names, changes and whether the checksum is right: each fact alone, or a sample of them, and pairs."""
    changes = list(changes_of(*kind.content))
    chosen = changes if alone is None else [changes[i] for i in rng.permutation(len(changes))[:alone]]
    cases = [(name, [change], bool(n % 4)) for n, (name, change) in enumerate(chosen)]
    for one, other in rng.integers(0, len(changes), (pairs, 2)):
        (first, change), (second, more) = changes[one], changes[other]
        cases.append((f"{first} & {second}", [change, more], True))
    return cases


def forge(name, *, alone=None, pairs=500, seed=0, show=print):
    """Try forged files of one kind; return the number of faults."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind = ModelKind(name, folder) if name in MODELS else CheckpointKind(name, folder)
        if name in MODELS:
            kind.write(*kind.content, checksum=True)
        kind.use()  # compiles what the children need
        cases = cases_of(kind, np.random.default_rng([seed, KINDS.index(name)]), alone, pairs)
        counts, accepted, faults = Counter(), Counter(), 0
        for (facts, changes, _), outcome in zip(cases, run_in_children(kind, cases), strict=True):
            counts[outcome.split(" ")[0] if outcome[0].isupper() else outcome] += 1
            if outcome in ("loaded", "other bits"):
                accepted[facts] += 1
                unknown = [fact for fact in facts.split(" & ") if not FREE.fullmatch(fact)]
                wrong = unknown if len(unknown) == len(changes) else []
            else:
                slow = outcome.endswith("SIGALRM") and "longest_target_" in facts  # symbols that a decoder may write
                wrong = [outcome] if outcome[0].isupper() and not slow else []
            if wrong:
                faults += 1
                show(f"{name}: {changes}: {outcome}")
        show(f"{name}: {len(cases)} files: {dict(counts)}")
        alone_accepted = {fact: count for fact, count in accepted.items() if "&" not in fact}
        show(f"  accepted: {alone_accepted}")
    return faults


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"one of {', '.join(KINDS)} (default: all)")
    parser.add_argument("--cases", type=int, help="number of changes alone, for each kind (default: all)")
    parser.add_argument("--pairs", type=int, default=500, help="number of pairs for each kind (default: 500)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the samples (default: 0)")
    options = parser.parse_args(arguments)
    kinds = options.kinds or KINDS
    faults = [forge(name, alone=options.cases, pairs=options.pairs, seed=options.seed) for name in kinds]
    print(f"{sum(faults)} faults")
    return 1 if sum(faults) else 0


if __name__ == "__main__":
    sys.exit(main())
