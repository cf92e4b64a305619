"""Run benchmarks on demand, for `compare.py`: read names from standard input, write seconds of the processor.

Only what all commits offer is used: public estimators with parameters that are given explicitly.
"""

import json
import sys
import time
import warnings

import numpy as np

from numrnn import RNNClassifier

N, T, D, H, SECONDS = 64, 100, 16, 64, 0.04


def benchmarks():
    """Return functions without arguments by name, each called once so that everything is compiled."""
    X = np.random.default_rng(0).standard_normal((N, T, D)).astype(np.float32)
    y = np.arange(N) % 2
    found = {}
    for cell in ("elman", "gru", "lstm"):
        model = RNNClassifier((H,), cell=cell, batch_size=32, max_iter=1, n_jobs=1, random_state=0)
        found[f"{cell} fit"] = lambda model=model: model.fit(X, y)
        found[f"{cell} predict"] = lambda model=model: model.predict(X)
    for call in found.values():
        call()
    return found


def seconds(call):
    """Return the seconds of the processor for one call, a mean over about SECONDS."""
    calls, start = 0, time.process_time()
    while (taken := time.process_time() - start) < SECONDS:
        call()
        calls += 1
    return taken / calls


def main():
    """Run a benchmark for each line of standard input, and write the answer as a line of JSON."""
    calls = benchmarks()
    for line in sys.stdin:
        name = line.strip()
        answer = list(calls) if name == "names" else seconds(calls[name])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
