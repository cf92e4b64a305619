"""Measure training steps as a fraction of sgemm's speed; a step has 2 B T G H (3 H + 2 D) operations."""

import numpy as np

from numrnn import Sequences
from numrnn.data.batches import full_batch
from numrnn.data.sources import Targets
from numrnn.network import components
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.interface import SolverStep
from numrnn.network.parameters import Layout, initial_theta
from numrnn.solvers import Adam

from .common import values_of
from .side_by_side import FractionOfPeak

CELLS = ["elman", "gru", "lstm"]
CLASSES = 2


class TrainingStep(FractionOfPeak):
    """Forward, BPTT, clipping and Adam on mini-batches of equal lengths."""

    params = values_of(CELLS, [(32, 50, 32, 32), (32, 100, 32, 128), (64, 50, 128, 512)])
    param_names = ["cell", "B, T, D, H"]

    def work(self, cell, shape):
        B, T, D, H = shape
        layout = Layout(n_inputs=D, hidden_layer_sizes=(H,), cell=cell, n_outputs=CLASSES)
        network, theta = CPUNetwork(layout), initial_theta(layout, "tanh", 0, np.float32)
        X = np.random.default_rng(0).standard_normal((B, T, D)).astype(np.float32)
        data, targets, solver = Sequences.from_array(X), Targets(np.arange(B) % CLASSES), Adam()
        state, grad, before = solver.init_state(theta), np.zeros_like(theta), theta.copy()
        operations = 2 * B * T * components.CELLS[cell].gates * H * (3 * H + 2 * D)
        batches = [full_batch(data.lengths, network.tile_rows)] * max(1, int(1e9 / operations))
        scalars = np.array([solver.scalars(1e-4, 1000)] * len(batches))
        step = SolverStep(solver.rule(), state, scalars, clip_norm=1.0)
        return len(batches) * operations, lambda: network.train(theta, data, targets, batches, step, grad, before)
