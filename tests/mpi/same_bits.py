"""Run fits of many kinds on all ranks and print a digest of each as JSON, for test_ranks.py."""

import hashlib
import json
import tempfile

import numpy as np
from mpi4py import MPI

import numrnn
from numrnn.data import ShardWriter, open_shards
from numrnn.solvers import SGD

rng = np.random.default_rng(0)
LENGTHS = rng.integers(1, 40, size=90)
X = [rng.normal(size=(n, 3)) for n in LENGTHS]
SYMBOLS = [rng.integers(7, size=n) for n in LENGTHS]
STEPS = [x.sum(axis=1).cumsum() for x in X]
LABELS = np.arange(90) % 3
STEP_WEIGHTS = [rng.integers(3, size=n) for n in LENGTHS]
TEXT = "".join(rng.choice(list("abcde "), size=3000))
WORDS = ["".join(rng.choice(list("abc"), size=n + 1)) for n in LENGTHS]
COMMON = {"hidden_layer_sizes": (16,), "cell": "elman", "batch_size": 70, "max_iter": 2, "random_state": 0}


def classifier(X=X, **options):
    return numrnn.RNNClassifier(**COMMON | options), (X, LABELS), {}


def of_shards(**options):
    return numrnn.RNNClassifier(**COMMON | options), open_shards(f"{FOLDER}/data", buffer="9KB")[:2], {}


def regressor(X=X, **options):
    return numrnn.RNNRegressor(**COMMON | {"output": "step"} | options), (X, STEPS), {"sample_weight": STEP_WEIGHTS}


def after_washout(**options):
    ids = [i for i, x in enumerate(X) if len(x) > 4]
    model = numrnn.RNNRegressor(**COMMON | {"output": "step", "washout": 4} | options)
    return model, ([X[i] for i in ids], [1e4 * STEPS[i] for i in ids]), {}


def language_model(X=TEXT, **options):
    options = {"batch_size": 40, "bptt_steps": 20} | options
    return numrnn.RNNLanguageModel(**COMMON | options), (X,), {}


def seq2seq(**options):
    return numrnn.RNNSeq2Seq(**COMMON | {"cell": "gru"} | options), (WORDS, [word[::-1] for word in WORDS]), {}


CASES = {
    "elman": lambda: classifier(alpha=1e-3),
    "gru": lambda: classifier(cell="gru", early_stopping=True, class_weight="balanced"),
    "lstm": lambda: classifier(cell="lstm", solver=SGD(momentum=0.9), dtype="float64"),
    "one tile": lambda: classifier(batch_size=8),
    "two layers": lambda: classifier(hidden_layer_sizes=(16, 9), initial_state="learned", pooling="mean"),
    "L-BFGS": lambda: classifier(solver="lbfgs"),
    "steps": lambda: regressor(cell="gru"),
    "chunks": lambda: regressor(cell="lstm", bptt_steps=7),
    "chunks without targets": lambda: classifier(bptt_steps=7),
    "rows of U": lambda: classifier(SYMBOLS, n_symbols=7, dropout=0.3),
    "embedding": lambda: classifier(SYMBOLS, n_symbols=7, embedding_size=5, dropout=0.3),
    "shards": lambda: of_shards(cell="gru", early_stopping=True, dropout=0.2, batch_size=20),
    "shards in chunks": lambda: of_shards(bptt_steps=7),
    "both directions": lambda: regressor(
        SYMBOLS, cell="gru", n_symbols=7, embedding_size=5, bidirectional=True, dtype="float64"
    ),
    "washout": lambda: after_washout(cell="gru", validation="last", gap=5, scoring="r2", restore_best_weights=True),
    "streams": lambda: language_model(embedding_size=5, recurrent_dropout=0.3, restart_rate=0.3),
    "texts": lambda: language_model(WORDS, cell="gru"),
    "pairs": lambda: seq2seq(embedding_size=4, early_stopping=True, validation_fraction=0.2),
}


ROOT = tempfile.TemporaryDirectory() if MPI.COMM_WORLD.rank == 0 else None
FOLDER = MPI.COMM_WORLD.bcast(ROOT and ROOT.name)
if ROOT:
    with ShardWriter(f"{FOLDER}/data", shard_size="2KB") as writer:
        writer.write(X, LABELS)
MPI.COMM_WORLD.Barrier()


def digest(name, threads):
    model, data, options = CASES[name]()
    model.set_params(n_jobs=threads).fit(*data, comm=MPI.COMM_WORLD, **options)
    figures = [model.loss_curve_, model.validation_scores_ or []]
    content = model._state.theta.tobytes() + b"".join(np.array(part).tobytes() for part in figures)
    return hashlib.sha256(content).hexdigest()


found = {f"{name}, {n} threads": digest(name, n) for name in CASES for n in (1, 2)}
of_all = MPI.COMM_WORLD.gather(found)
if MPI.COMM_WORLD.rank == 0:
    assert all(other == found for other in of_all), "ranks differ"
    print(json.dumps(found))
