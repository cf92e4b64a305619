"""Run numrnn's training step, the network's prediction, and the public calls, on a CPU or a GPU."""

import numpy as np
from problem import CLIP, RATE

from numrnn import RNNClassifier, Sequences
from numrnn.data.batches import full_batch
from numrnn.data.sources import Targets
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.interface import SolverStep
from numrnn.solvers import Adam


class NumrnnSide:
    """Run training steps through `Network.train`: forward pass, BPTT, clipping and Adam."""

    def __init__(self, problem, threads, dtype=np.float32, device="cpu"):
        self.problem, self.threads = problem, threads
        self.theta = problem.theta.astype(dtype)
        self.network = network_of(problem.layout, threads, dtype, device)
        self.data, self.targets = Sequences.from_array(problem.X.astype(dtype)), Targets(problem.y)
        self.batch = full_batch(self.data.lengths, self.network.tile_rows)
        self.grad, self.before = np.zeros_like(self.theta), self.theta.copy()
        self.solver, self.n_updates = Adam(), 0
        self.state = self.solver.init_state(self.theta)

    def gradients(self):
        """Return the gradients by name at the present weights."""
        self.network.gradient(self.theta, self.data, self.targets, self.batch, self.grad)
        return self.problem.layout.views(self.grad)

    def train(self, steps):
        """Run `steps` training steps."""
        scalars = np.array([self.solver.scalars(RATE, self.n_updates + 1 + n) for n in range(steps)])
        step = SolverStep(self.solver.rule(), self.state, scalars, clip_norm=CLIP)
        batches = [self.batch] * steps
        self.network.train(self.theta, self.data, self.targets, batches, step, self.grad, self.before)
        self.n_updates += steps

    def predict(self):
        """Return the probabilities without the code of the estimator."""
        return self.network.predict(self.theta, self.data)[0]


def network_of(layout, threads, dtype, device):
    """Return a network on a device."""
    if device == "cpu":
        return CPUNetwork(layout, n_jobs=threads, dtype=dtype)
    from numrnn.network.cuda.network import CudaNetwork

    return CudaNetwork(layout, dtype=dtype)


def estimator_of(problem, threads, device="cpu"):
    """Return an RNNClassifier with the problem's weights."""
    model = RNNClassifier((problem.H,), cell=problem.cell, n_jobs=threads, random_state=0, device=device)
    few = np.resize(problem.X, (2, *problem.X.shape[1:]))
    return model.initialize(few, np.arange(2)).set_weights(problem.weights)
