"""Measure the memory of `fit`: the peak of the process, and allocations over the formula of docs/design/memory.rst."""

import statistics
import time
import tracemalloc

import numpy as np
from sklearn.base import clone

from numrnn import RNNClassifier
from numrnn.kernels.cpu.micro_kernel import ROWS, panel_width
from numrnn.network import components
from numrnn.network.parameters import Layout

from .common import values_of

CELLS = ["elman", "gru", "lstm"]
CLASSES, BLOCK = 3, 32
COPIED = 512  # rows of the operands of a weight gradient that are copied at a time
STATES = {"elman": 1, "gru": 1, "lstm": 2}  # s, and an LSTM's cell: also kept at the beginning of each block
SMALL = 1 << 16  # bytes of Python's objects
SEQUENCE, MINI_BATCH = 64, 600  # bytes of tables for each
SAVED_GATES = {"elman": 0, "gru": 4, "lstm": 4}


def fit_bytes(cell, N, T, D, H, batch_size, threads, dtype="float32"):
    """Return the bytes that `fit` allocates at most besides X of `dtype`: one layer, Adam, one label per sequence."""
    width, item, gates = panel_width(dtype), np.dtype(dtype).itemsize, components.CELLS[cell].gates
    units, outputs = (-(-size // width) * width for size in (H, CLASSES))
    rows = 16 if gates * H >= 512 else 8
    tiles = -(-batch_size // rows)
    threads = min(threads, tiles)
    starts = T // BLOCK + 2 + rows // 4
    gate_steps = SAVED_GATES[cell] * T or gates * BLOCK
    layer = units * (STATES[cell] * (T + starts) + gate_steps + 6)
    copies = COPIED * (-(-max(D, H, CLASSES) // ROWS) * ROWS + width)
    scratch = item * (rows * (T * D + layer + BLOCK * (3 * units + outputs)) + copies) + 8 * (T + 5 * starts)
    planes = SAVED_GATES[cell] or 1
    gradient = (gates * (D + H) + planes + CLASSES) * units + outputs
    sums = max(1, int(np.ceil(np.log2(tiles)))) + 1
    packed = gradient + gates * units * H + units * outputs
    theta = Layout(n_inputs=D, hidden_layer_sizes=(H,), cell=cell, n_outputs=CLASSES).size
    tables = SEQUENCE * N + MINI_BATCH * -(-N // batch_size) + SMALL
    return threads * (scratch + item * sums * gradient) + item * (packed + 5 * theta) + tables


class Fit:
    """Measure `fit` on long sequences, where the values stored for BPTT take most of the memory.

    peakmem_ also counts the interpreter and its libraries.
    """

    params = values_of(CELLS, [1, 2])
    param_names = ["cell", "n_jobs"]
    shape = (64, 1000, 8, 128)  # N, T, D, H

    def setup(self, cell, n_jobs):
        N, T, D, H = self.shape
        self.X = np.random.default_rng(0).standard_normal((N, T, D)).astype(np.float32)
        self.y = np.arange(N) % CLASSES
        self.model = RNNClassifier((H,), cell=cell, max_iter=1, n_jobs=n_jobs, batch_size=32, random_state=0)

    def peakmem_fit(self, cell, n_jobs):
        self.model.fit(self.X, self.y)

    def track_allocated_over_formula(self, cell, n_jobs):
        self.model.fit(self.X, self.y)
        tracemalloc.start()
        self.model.fit(self.X, self.y)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak / fit_bytes(cell, *self.shape, self.model.batch_size, n_jobs)

    track_allocated_over_formula.unit = "of the formula"


class LimitedFit:
    """Measure `fit` on long sequences on one thread, limited to a tenth of the memory that they take."""

    params = values_of(CELLS)
    param_names = ["cell"]
    shape = (8, 20_000, 8, 128)  # N, T, D, H
    repeats = 3

    def setup(self, cell):
        N, T, D, H = self.shape
        self.X = np.random.default_rng(0).standard_normal((N, T, D)).astype(np.float32)
        self.y = np.arange(N) % CLASSES
        limit = fit_bytes(cell, *self.shape, N, 1) // 10
        options = {"n_jobs": 1, "batch_size": 32, "random_state": 0, "memory_limit": limit}
        self.model = RNNClassifier((H,), cell=cell, max_iter=2, **options)

    def peakmem_fit(self, cell):
        self.model.fit(self.X, self.y)

    def track_time_over_no_limit(self, cell):
        def seconds(limit):
            model = clone(self.model).set_params(memory_limit=limit)
            start = time.process_time()
            model.fit(self.X, self.y)
            return time.process_time() - start

        limits = [self.model.memory_limit, None]
        for limit in limits:
            seconds(limit)
        ratios = [seconds(limits[0]) / seconds(limits[1]) for _ in range(self.repeats)]
        return statistics.median(ratios)

    track_time_over_no_limit.unit = "times"
