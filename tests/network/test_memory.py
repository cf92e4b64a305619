"""Test that `fit` allocates no more than the formula of docs/design/memory.rst."""

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from numrnn import RNNClassifier

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from benchmarks.memory import CELLS, CLASSES, fit_bytes  # noqa: E402

pytestmark = pytest.mark.serial


def peak_over_formula(cell, shape, batch_size, n_jobs):
    N, T, D, H = shape
    X, y = np.random.default_rng(0).standard_normal((N, T, D)).astype(np.float32), np.arange(N) % CLASSES
    model = RNNClassifier((H,), cell=cell, max_iter=2, batch_size=batch_size, n_jobs=n_jobs, random_state=0)
    model.fit(X, y)  # so that imports and compilation are not measured
    tracemalloc.start()
    try:
        model.fit(X, y)
        return tracemalloc.get_traced_memory()[1] / fit_bytes(cell, *shape, batch_size, n_jobs)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("cell", CELLS)
def test_long_sequences_take_what_bptt_must_keep(cell):
    assert 0.9 <= peak_over_formula(cell, (40, 1000, 8, 32), batch_size=32, n_jobs=1) <= 1


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("n_jobs", [1, 2, 4])
def test_many_tiles_take_few_gradients_a_thread(cell, n_jobs):
    # No lower bound: a busy machine may run all of it on one thread.
    assert peak_over_formula(cell, (256, 10, 40, 200), batch_size=256, n_jobs=n_jobs) <= 1
