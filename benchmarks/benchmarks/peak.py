"""Measure speed as a fraction of sgemm's in the same run.

The fraction is comparable across noisy machines; seconds are not. One thread is used, because two cores of a shared
machine are seldom both free. Operations of a training step: 2 B T G H (3 H + 2 D).
"""

import os
import statistics
import time
from abc import ABC, abstractmethod

import numpy as np
from threadpoolctl import threadpool_limits

from numrnn import RNNClassifier, Sequences
from numrnn.data.batches import full_batch
from numrnn.data.sources import Targets
from numrnn.network import components
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.interface import SolverStep
from numrnn.network.parameters import Layout, initial_theta
from numrnn.solvers import Adam

from .common import values_of

CELLS = ["elman", "gru", "lstm"]
CLASSES, SIZE, REPEATS = 2, 2048, 5


def seconds(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


class FractionOfPeak(ABC):
    """Track the operations per second of some work as a fraction of sgemm's, timed in turns.

    asv does not run an abstract class as a benchmark.
    """

    @abstractmethod
    def work(self, *params):
        """Return the number of operations, and a function without arguments that performs them."""

    def setup(self, *params):
        if {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"} & set(os.environ):
            raise NotImplementedError("OpenBLAS is told to run slower than it can: the fraction would mean nothing")
        self.operations, self.run = self.work(*params)
        self.run()

    def track_fraction_of_peak(self, *params):
        square = np.ones((SIZE, SIZE), np.float32)
        product, fractions = np.empty_like(square), []
        with threadpool_limits(1, "blas"):
            for _ in range(REPEATS):
                sgemm = 2 * SIZE**3 / seconds(lambda: np.matmul(square, square, out=product))
                fractions.append(self.operations / seconds(self.run) / sgemm)
        return statistics.median(fractions)

    track_fraction_of_peak.unit = "of sgemm"


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


class Fit(FractionOfPeak):
    """Track the whole `fit`, including its Python code and the initial weights."""

    params = values_of(CELLS, [32, 128])
    param_names = ["cell", "H"]

    def work(self, cell, H):
        N, T, D, epochs = 512, 50, 8, 3
        X = np.random.default_rng(0).standard_normal((N, T, D)).astype(np.float32)
        y, model = np.arange(N) % CLASSES, RNNClassifier((H,), cell=cell, max_iter=epochs, n_jobs=1, random_state=0)
        return epochs * 2 * N * T * components.CELLS[cell].gates * H * (3 * H + 2 * D), lambda: model.fit(X, y)
