"""Forward and BPTT over one mini-batch, without the estimator around it."""

import time

import numpy as np

from numrnn import Sequences
from numrnn.data.batches import full_batch
from numrnn.data.targets import Targets
from numrnn.network import Network
from numrnn.parameters import Layout, initial_theta

GATES = {"elman": 1, "gru": 3, "lstm": 4}
OUTPUTS = 8


class MiniBatch:
    """A mini-batch of equally long sequences; shapes are (B sequences, T steps, D inputs, H units)."""

    params = [list(GATES), [(32, 50, 32, 32), (32, 100, 32, 128), (64, 50, 128, 512)], [1, 2]]
    param_names = ["cell", "B, T, D, H", "n_jobs"]
    dtype = np.float32

    def setup(self, cell, shape, n_jobs):
        B, T, D, H = shape
        generator = np.random.default_rng(0)
        layout = Layout(n_inputs=D, hidden_layer_sizes=(H,), cell=cell, n_outputs=OUTPUTS)
        self.theta = initial_theta(layout, "tanh", 0, self.dtype)
        self.network = Network(layout, dtype=self.dtype, n_jobs=n_jobs)
        self.data = Sequences.from_array(generator.standard_normal((B, T, D)).astype(self.dtype))
        self.targets = Targets(generator.integers(OUTPUTS, size=B), None)
        self.batch = full_batch(self.data.lengths, self.network.tile_rows)
        self.grad = np.empty_like(self.theta)
        self.gradient()

    def gradient(self):
        self.network.gradient(self.theta, self.data, self.targets, self.batch, self.grad)

    def time_gradient(self, cell, shape, n_jobs):
        self.gradient()

    def time_predict(self, cell, shape, n_jobs):
        self.network.predict(self.theta, self.data)

    def track_gradient_gflops(self, cell, shape, n_jobs):
        B, T, D, H = shape
        operations = 2 * B * T * GATES[cell] * H * (3 * H + 2 * D)
        return operations / best_time(self.gradient) / 1e9

    track_gradient_gflops.unit = "GFLOP/s"


class MiniBatchFloat64(MiniBatch):
    """The same in float64, for one shape on one thread."""

    params = [list(GATES), [(32, 100, 32, 128)], [1]]
    dtype = np.float64


def best_time(function, seconds=0.3):
    """The shortest of the calls that fit into `seconds`, in seconds."""
    best, end = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best
