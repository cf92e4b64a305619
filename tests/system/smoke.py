"""Run each estimator's fit, predict, save and load, and check that a second process finds the kernels of the first.

    NUMBA_CACHE_DIR=EMPTY python tests/system/smoke.py [MODULE ...]

This is for environments other than that of the tests: the oldest Numba, and other packages, whose modules are named
and are imported first.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np

import numrnn
from numrnn.kernels.cpu import minibatches

OPTIONS = {"hidden_layer_sizes": (6,), "cell": "elman", "max_iter": 2, "random_state": 0, "n_jobs": 1}
X = np.random.default_rng(0).normal(size=(12, 5, 2))
WORDS = ["one", "two", "three", "four"] * 3
CASES = {
    numrnn.RNNClassifier: (X, np.arange(12) % 2),
    numrnn.RNNRegressor: (X, X.sum(axis=(1, 2))),
    numrnn.RNNLanguageModel: (WORDS,),
    numrnn.RNNSeq2Seq: (WORDS, [word[::-1] for word in WORDS]),
}


def losses():
    """Fit each estimator; return the losses, and assert that what was saved predicts the same."""
    found = {}
    for kind, arguments in CASES.items():
        model = kind(**OPTIONS).fit(*arguments)
        with tempfile.TemporaryDirectory() as folder:
            model.save(f"{folder}/model.safetensors")
            again = numrnn.load(f"{folder}/model.safetensors")
        for one in (model, again):
            score = one.score(*arguments)
            assert np.isfinite(score)
            found.setdefault(kind.__name__, [model.loss_]).append(score)
        assert len(set(found[kind.__name__][1:])) == 1, f"{kind.__name__}: scores differ after load"
    return found


def main():
    for name in sys.argv[1:]:
        importlib.import_module(name)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="numrnn ")  # of kernels that are not kept
        found = losses()
    if "SMOKE_EXPECTED" in os.environ:
        assert found == json.loads(os.environ["SMOKE_EXPECTED"]), "a second process computes something else"
        assert sum(minibatches.run_batches.stats.cache_hits.values()), "a second process found no kernels"
        return
    subprocess.run([sys.executable, *sys.argv], check=True, env=os.environ | {"SMOKE_EXPECTED": json.dumps(found)})
    versions = {name: importlib.import_module(name).__version__ for name in ("numba", "numpy", "scipy", "sklearn")}
    print(versions, found)


if __name__ == "__main__":
    main()
