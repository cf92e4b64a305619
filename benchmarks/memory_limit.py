"""Measure the extra time of a memory limit, and the memory of one long sequence, for docs/design/memory_limit.rst.

    python benchmarks/memory_limit.py time                 # extra time at a tenth of the memory, 1 thread
    python benchmarks/memory_limit.py memory gru 512MB     # one fit on 1,000,000 steps; once for each, in a new process

Times are processor times of the process, measured in turns without and with the limit; the medians of their ratios
count. Memory is RssAnon, sampled every 10 ms, less what the process and its data took before `fit`.
"""

import hashlib
import statistics
import sys
import threading
import time
from pathlib import Path

import numpy as np

from numrnn import RNNRegressor, Sequences
from numrnn.data.batches import full_batch
from numrnn.data.sources import Targets
from numrnn.kernels.cpu.tile.checkpoint_schedule import ONE_SEGMENT
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.parameters import Layout, initial_theta

CELLS = ["elman", "gru", "lstm"]
SHAPES = [(8, 10_000, 8, 32), (8, 10_000, 8, 128), (1, 100_000, 8, 128), (16, 10_000, 32, 512)]  # B, T, D, H
STEPS, D, H = 1_000_000, 8, 128
REPEATS = 7


class Gradient:
    """Compute the gradient of one mini-batch of equal lengths."""

    def __init__(self, cell, shape, memory_limit=None):
        B, T, D, H = shape
        layout = Layout(n_inputs=D, hidden_layer_sizes=(H,), cell=cell, n_outputs=2)
        self.network = CPUNetwork(layout, memory_limit=memory_limit)
        X = np.random.default_rng(0).standard_normal((B, T, D)).astype(np.float32)
        self.data, self.targets = Sequences.from_array(X), Targets(np.arange(B) % 2)
        self.theta = initial_theta(layout, "tanh", 0, np.float32)
        self.batch, self.grad = full_batch(self.data.lengths, self.network.tile_rows), np.zeros_like(self.theta)

    def seconds(self):
        """Return the processor time of one gradient."""
        start = time.process_time()
        self.network.gradient(self.theta, self.data, self.targets, self.batch, self.grad)
        return time.process_time() - start

    @property
    def scratch(self):
        """Return the buffers that the thread trains in."""
        return self.network.memory._of_threads[0][2]

    @property
    def taken(self):
        """Return the bytes of the thread's buffers, without the rows of a tile that hold no sequence."""
        rows, scratch = self.network.tile_rows, self.scratch
        parts = sum(part.nbytes for part in scratch if isinstance(part, np.ndarray))
        return parts * min(len(self.data), rows) // rows if scratch.segments.shape[1] == ONE_SEGMENT else parts


def time_at_a_tenth():
    for cell in CELLS:
        for shape in SHAPES:
            stored = Gradient(cell, shape)
            stored.seconds()
            limited = Gradient(cell, shape, memory_limit=stored.taken // 10)
            limited.seconds()
            assert np.array_equal(stored.grad, limited.grad)
            ratios = [limited.seconds() / stored.seconds() for _ in range(REPEATS)]
            print(
                f"{cell:6}{shape!s:22} stored {stored.taken / 1e6:6.1f} MB, limited {limited.taken / 1e6:5.1f} MB in "
                f"{np.count_nonzero(limited.scratch.segments[0]):5} segments, {statistics.median(ratios):.2f} times "
                f"the time ({min(ratios):.2f} to {max(ratios):.2f})"
            )


def anonymous_bytes():
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def memory_of_a_long_sequence(cell, limit, steps=STEPS):
    X = Sequences.from_array(np.random.default_rng(0).standard_normal((1, steps, D)).astype(np.float32))
    limit = None if limit == "none" else limit
    model = RNNRegressor((H,), cell=cell, max_iter=1, n_jobs=1, random_state=0, memory_limit=limit)
    before, seen, done = anonymous_bytes(), [], threading.Event()

    def watch():
        while not done.wait(0.01):
            seen.append(anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.process_time()
    try:
        model.fit(X, [1.0])
        seconds = time.process_time() - start
    finally:
        done.set()
        watcher.join()
    weights = hashlib.sha256(b"".join(np.ascontiguousarray(w).tobytes() for w in model.weights_.values())).hexdigest()
    print(
        f"{cell:6} {steps} steps, memory_limit {limit}: peak {(max(seen) - before) / 1e6:.0f} MB over the data, "
        f"{seconds:.1f} s of the processor, weights {weights[:12]}"
    )


if __name__ == "__main__":
    if sys.argv[1] == "time":
        time_at_a_tenth()
    else:
        memory_of_a_long_sequence(*sys.argv[2:4], *map(int, sys.argv[4:5]))
