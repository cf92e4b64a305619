"""Record SHA-256 digests of some sixty small fits: weights, predictions and histories.

    python tests/system/recorded_fits.py record FILE
    python tests/system/recorded_fits.py compare FILE

A change that moves code without changing what it computes keeps every digest, on the same machine and with the same
versions of Numba and NumPy. `compare` ends with an error that names the fits that differ.
"""

import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np

import numrnn
from numrnn.data import ShardWriter, open_shards
from numrnn.solvers import SGD

rng = np.random.default_rng(0)
LENGTHS = rng.integers(1, 30, size=40)
X = [rng.normal(size=(n, 3)).astype("float32") for n in LENGTHS]
LONG = [rng.normal(size=(4000, 3)).astype("float32") for _ in range(2)]
SYMBOLS = [rng.integers(7, size=n) for n in LENGTHS]
LABELS = np.arange(40) % 3
MULTI = (np.arange(120).reshape(40, 3) % 4 == 0).astype(int)
STEP_LABELS = [(x[:, 0] > 0).astype(int) for x in X]
VALUES = np.array([x.sum() for x in X])
STEPS = [x.sum(axis=1).cumsum() for x in X]
WEIGHTS = [rng.integers(3, size=n) for n in LENGTHS]
TEXT = "".join(rng.choice(list("abcde "), size=2000))
WORDS = ["".join(rng.choice(list("abc"), size=n % 9 + 1)) for n in LENGTHS]
# Parameters whose defaults may change are given, so that another default changes no digest.
COMMON = {"hidden_layer_sizes": (7,), "batch_size": 9, "max_iter": 3, "random_state": 0, "n_jobs": 1}
COMMON |= {"cell": "elman", "learning_rate_init": 1e-3}
UNSCALED = {"scale_targets": False}


def classifier(X=X, y=LABELS, given=None, **options):
    return numrnn.RNNClassifier(**COMMON | options).fit(X, y, **given or {}), X


def regressor(X=X, y=VALUES, given=None, **options):
    return numrnn.RNNRegressor(**COMMON | UNSCALED | options).fit(X, y, **given or {}), X


def language_model(X=TEXT, **options):
    options = {"batch_size": 4, "bptt_steps": 20, "cell": "lstm", "learning_rate_init": 2e-3} | options
    options["restart_rate"] = 0.0
    return numrnn.RNNLanguageModel(**COMMON | options).fit(X), X


def seq2seq(X=WORDS, y=tuple(word[::-1] for word in WORDS), **options):
    return numrnn.RNNSeq2Seq(**COMMON | UNSCALED | {"cell": "gru"} | options).fit(X, list(y)), X


def of_shards(**options):
    with tempfile.TemporaryDirectory() as folder:
        with ShardWriter(f"{folder}/data", shard_size="2KB") as writer:
            writer.write(X, LABELS)
        data, y = open_shards(f"{folder}/data", buffer="9KB")[:2]
        return numrnn.RNNClassifier(**COMMON | options).fit(data, y), X


def in_parts(**options):
    model = numrnn.RNNClassifier(**COMMON | options)
    for part in (slice(0, 20), slice(20, 40), slice(0, 40)):
        model.partial_fit(X[part], LABELS[part], classes=[0, 1, 2])
    return model, X


def warm(**options):
    model = numrnn.RNNRegressor(**COMMON | UNSCALED | {"warm_start": True} | options).fit(X, VALUES)
    return model.fit(X, VALUES), X


def plain_fits():
    """Return the fits by name: cells x solvers x everything that may change the way through the kernels."""
    fits = {}
    for cell in ("elman", "gru", "lstm"):
        fits |= {
            f"{cell} adam": lambda cell=cell: classifier(cell=cell, alpha=1e-3),
            f"{cell} sgd float64": lambda cell=cell: regressor(
                cell=cell, solver=SGD(momentum=0.9, nesterov=True), dtype="float64", clip_norm=None
            ),
            f"{cell} rmsprop dropout": lambda cell=cell: classifier(
                cell=cell, solver="rmsprop", dropout=0.3, recurrent_dropout=0.2, hidden_layer_sizes=(7, 5)
            ),
            f"{cell} lbfgs": lambda cell=cell: regressor(cell=cell, solver="lbfgs", initial_state="learned"),
            f"{cell} steps": lambda cell=cell: regressor(
                y=STEPS, cell=cell, output="step", bptt_steps=6, given={"sample_weight": WEIGHTS}
            ),
            f"{cell} both directions": lambda cell=cell: classifier(cell=cell, bidirectional=True, pooling="mean"),
            f"{cell} memory limit": lambda cell=cell: regressor(
                LONG, VALUES[:2], cell=cell, memory_limit=2_500_000, max_iter=1, batch_size=2
            ),
            f"{cell} language model": lambda cell=cell: language_model(cell=cell, embedding_size=4),
            f"{cell} seq2seq": lambda cell=cell: seq2seq(cell=cell, embedding_size=4),
        }
    return fits


def further_fits():
    """Return fits with one special option each."""
    held_out = {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 6, "n_iter_no_change": 2}
    held_out["monitor"] = "score"
    validation = {"X_val": X[:9], "y_val": LABELS[:9], "sample_weight_val": np.arange(9.0)}
    return {
        "adamw, adaptive rate": lambda: classifier(solver="adamw", alpha=0.01, learning_rate="adaptive"),
        "relu": lambda: classifier(activation="relu", learning_rate_init=0.01),
        "early stopping": lambda: classifier(cell="gru", **held_out),
        "early stopping of a regression": lambda: regressor(cell="lstm", **held_out),
        "given validation data": lambda: classifier(given=validation, early_stopping=True, monitor="score"),
        "class weights": lambda: classifier(cell="gru", class_weight="balanced"),
        "sample weights": lambda: classifier(given={"sample_weight": np.arange(40.0)}, batch_size=40),
        "several labels": lambda: classifier(y=MULTI, pooling="max"),
        "labels of steps": lambda: classifier(y=STEP_LABELS, output="step", cell="gru", n_jobs=2),
        "rows of U": lambda: classifier(SYMBOLS, n_symbols=7, dropout=0.3),
        "embedding, both directions": lambda: classifier(
            SYMBOLS, cell="lstm", n_symbols=7, embedding_size=5, bidirectional=True, pooling="max"
        ),
        "texts": lambda: classifier(WORDS, vocabulary=numrnn.data.Vocabulary("character"), embedding_size=3),
        "symbols within a limit": lambda: regressor(
            [np.arange(4000) % 7] * 2, VALUES[:2], n_symbols=7, cell="gru", memory_limit=2_500_000, max_iter=1
        ),
        "two threads": lambda: classifier(cell="lstm", batch_size=40, n_jobs=2),
        "one sequence, two threads": lambda: regressor(LONG[:1], VALUES[:1], hidden_layer_sizes=(64,), n_jobs=2),
        "no shuffling": lambda: classifier(shuffle=False, learning_rate="cosine"),
        "shards": lambda: of_shards(cell="gru", early_stopping=True, dropout=0.2, monitor="score"),
        "shards in chunks": lambda: of_shards(bptt_steps=7),
        "partial fits": lambda: in_parts(cell="gru"),
        "warm start": lambda: warm(cell="lstm"),
        "given states": lambda: regressor(given={"state": np.ones((40, 7))}),
        "lists of texts": lambda: language_model(WORDS, cell="gru", early_stopping=True),
        "texts without boundaries": lambda: language_model(
            [word + "d" for word in WORDS], cell="lstm", boundaries=False, batch_size="auto"
        ),
        "language model, dropout": lambda: language_model(recurrent_dropout=0.3, dropout=0.2, dtype="float64"),
        "vectors to vectors": lambda: seq2seq([x[:, :2] for x in X], STEPS, cell="gru"),
        "seq2seq, early stopping": lambda: seq2seq(early_stopping=True, validation_fraction=0.3, cell="lstm"),
    }


def digest(model, X):
    """Return the SHA-256 of weights, predictions and histories."""
    content = hashlib.sha256()
    for name, values in sorted(model.weights_.items()):
        content.update(name.encode() + values.tobytes())
    histories = [model.loss_curve_, getattr(model, "validation_scores_", None) or [], [model.n_iter_]]
    for part in [*histories, *outputs(model, X)]:
        content.update(part.encode() if isinstance(part, str) else np.asarray(part).tobytes())
    return content.hexdigest()


def outputs(model, X):
    """Return predictions, and what a model says of its own."""
    if isinstance(model, numrnn.RNNLanguageModel):
        return [model.score(X), model.generate("a", 20, random_state=0)]
    if isinstance(model, numrnn.RNNSeq2Seq):
        return list(model.predict(X, lengths=None if isinstance(X[0], str) else LENGTHS))
    found = list(model.predict(X))
    found += [model.loss_and_grad(X[:3], model.predict(X[:3]))[0], *model.transform(X[:3])]
    return found + (list(model.predict_proba(X)) if isinstance(model, numrnn.RNNClassifier) else [])


def of_two_ranks():
    """Return the digests that two processes of MPI print."""
    program = pathlib.Path(__file__).parents[1] / "mpi" / "same_bits.py"
    run = subprocess.run(
        ["mpiexec", "-n", "2", sys.executable, program], check=True, capture_output=True, text=True, timeout=600
    )
    return {f"two ranks: {name}": value for name, value in json.loads(run.stdout).items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("file", type=pathlib.Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    found = {name: digest(*fit()) for name, fit in (plain_fits() | further_fits()).items()} | of_two_ranks()
    if arguments.what == "record":
        arguments.file.write_text(json.dumps(found, indent=1) + "\n")
        print(f"{len(found)} fits recorded")
        return
    before = json.loads(arguments.file.read_text())
    different = sorted(name for name in before | found if before.get(name) != found.get(name))
    if different:
        sys.exit(f"{len(different)} of {len(before | found)} fits differ: {', '.join(different)}")
    print(f"{len(found)} fits equal")


if __name__ == "__main__":
    main()
