"""Test that all vector widths give the same bits: each instruction set has its own process and cache."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding

import numrnn
from numrnn import RNNClassifier, RNNRegressor
from numrnn.kernels.cpu.micro_kernel import VECTOR_BYTES

# Bytes of a vector, a processor for Numba and its features, the networks to train: kernels take 20 s each to compile.
NARROW = ("sse", "sse2", "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "cx16", "avx", "fma")
SETS = {
    "NEON's width": (16, "sandybridge", NARROW, ["lstm float32"]),
    "AVX2": (32, "haswell", (*NARROW, "avx2"), ["elman float32 symbols", "gru float64"]),
}
SCRIPT = "import sys, test_instruction_sets as here; print(here.VECTOR_BYTES, *map(here.digest, sys.argv[1:]))"

# Sequences of no whole tile; units, inputs and outputs that fill no panel of any width; two layers for one cell.
LENGTHS, D, N_SYMBOLS = [45, 33, 32, 31, 20, 9, 7, 5, 3, 2, 1, 1, 1], 5, 11
HIDDEN = {"elman": (37, 19), "gru": (43,), "lstm": (21,)}


def digest(network):
    """Return the SHA-256 of weights, losses and predictions.

    The networks give a class for each sequence, and numbers for each step; of symbols with an embedding, and one-hot in
    chunks.
    """
    cell, dtype, *inputs = network.split()
    rng = np.random.default_rng(0)
    X, Y = ([rng.standard_normal((length, D)) for length in LENGTHS] for _ in range(2))
    options = {"cell": cell, "dtype": dtype, "hidden_layer_sizes": HIDDEN[cell], "max_iter": 3, "batch_size": 9}
    options |= {"alpha": 0.01, "learning_rate_init": 0.01, "random_state": 0}
    embedded, chunks = {}, {}
    if inputs:
        X = [rng.integers(0, N_SYMBOLS, length) for length in LENGTHS]
        embedded, chunks = {"n_symbols": N_SYMBOLS, "embedding_size": D}, {"n_symbols": N_SYMBOLS, "bptt_steps": 12}
    classifier = RNNClassifier(**options, **embedded).fit(X, np.arange(len(X)) % 3)
    regressor = RNNRegressor(output="step", solver="rmsprop", **options, **chunks).fit(X, Y)
    found = hashlib.sha256(classifier.predict_proba(X).tobytes())
    for model in (classifier, regressor):
        for values in (*model.weights_.values(), model.loss_curve_, *model.predict(X)):
            found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def start(name):
    """Start a process that prints the bytes of its vectors and the networks' digests."""
    _, processor, features, networks = SETS[name]
    paths = [str(Path(numrnn.__file__).parent.parent), str(Path(__file__).parent)]
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": f"{os.environ['NUMBA_CACHE_DIR']}-{processor}",
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": ",".join(f"+{feature}" for feature in features),
        "PYTHONPATH": os.pathsep.join(paths),
    }
    command = [sys.executable, "-c", SCRIPT, *networks]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled in this run")
def test_bits_do_not_depend_on_the_instruction_set():
    host = binding.get_host_cpu_features()
    names = [
        name
        for name, (width, _, features, _) in SETS.items()
        if width < VECTOR_BYTES and all(host.get(feature) for feature in features)
    ]
    if not names:
        pytest.skip("this processor has neither AVX2 nor AVX-512: there is nothing to compare")
    processes = [start(name) for name in names]
    try:
        for name, process in zip(names, processes, strict=True):
            width, _, _, networks = SETS[name]
            expected = [str(width), *map(digest, networks)]
            out, errors = process.communicate(timeout=600)
            assert out.split() == expected, f"{name}: {errors}"
    finally:
        for process in processes:
            process.kill()
