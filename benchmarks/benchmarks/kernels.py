"""Forward and BPTT over one mini-batch, without the estimator around it."""

import numpy as np

from numrnn import Sequences
from numrnn.data.batches import full_batch
from numrnn.data.sources import Targets
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.parameters import Layout, initial_theta

from .common import values_of

CELLS = ["elman", "gru", "lstm"]
OUTPUTS = 8


class MiniBatch:
    """Time a mini-batch of equally long sequences; shapes are (B sequences, T steps, D inputs, H units)."""

    params = values_of(CELLS, [(32, 50, 32, 32), (32, 100, 32, 128), (64, 100, 64, 256)], [1, 2])
    param_names = ["cell", "B, T, D, H", "n_jobs"]
    dtype = np.float32

    def setup(self, cell, shape, n_jobs):
        B, T, D, H = shape
        generator = np.random.default_rng(0)
        layout = Layout(n_inputs=D, hidden_layer_sizes=(H,), cell=cell, n_outputs=OUTPUTS)
        self.theta = initial_theta(layout, "tanh", 0, self.dtype)
        self.network = CPUNetwork(layout, dtype=self.dtype, n_jobs=n_jobs)
        self.data = Sequences.from_array(generator.standard_normal((B, T, D)).astype(self.dtype))
        self.targets = Targets(generator.integers(OUTPUTS, size=B), None)
        self.batch = full_batch(self.data.lengths, self.network.tile_rows)
        self.grad = np.empty_like(self.theta)
        self.gradient()
        self.network.predict(self.theta, self.data)

    def gradient(self):
        self.network.gradient(self.theta, self.data, self.targets, self.batch, self.grad)

    def time_gradient(self, cell, shape, n_jobs):
        self.gradient()

    def time_predict(self, cell, shape, n_jobs):
        self.network.predict(self.theta, self.data)


class MiniBatchFloat64(MiniBatch):
    """Time a mini-batch in float64, for one shape on one thread."""

    params = values_of(CELLS, [(32, 100, 32, 128)], [1])
    dtype = np.float64
