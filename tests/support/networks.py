"""Convert the problems of `problems.py` to the library's own form."""

import numpy as np

from numrnn.data.batches import full_batch, in_chunks
from numrnn.data.sequences import Sequences
from numrnn.data.sources import Targets
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.interface import SolverStep
from numrnn.network.parameters import Layout
from numrnn.training import TrainingState


class Case:
    """Hold a network with the weights, data and targets of a `Problem`."""

    def __init__(self, problem, dtype=np.float64, n_jobs=1, weighted=True):
        reverse = [name for name in problem.weights if ".reverse." in name]
        hidden = [
            value.shape[1] for name, value in problem.weights.items() if name.endswith(".W") and name not in reverse
        ]
        self.layout = Layout(
            **inputs_of(problem),
            hidden_layer_sizes=tuple(hidden),
            cell=problem.cell,
            n_outputs=len(problem.weights["c"]),
            bidirectional=bool(reverse),
            initial_state="learned" if "layers.0.s_0" in problem.weights else "zero",
        )
        self.network = CPUNetwork(
            self.layout,
            activation=problem.activation,
            head=problem.head,
            output=problem.output,
            pooling=problem.pooling,
            dtype=dtype,
            n_jobs=n_jobs,
        )
        self.names = list(problem.weights)
        self.theta = self.flat(problem.weights, dtype)
        self.data = sequences(problem.X, dtype)
        y, w = problem.targets(dtype)
        self.targets = Targets(y, w if weighted else None)
        self.state, self.before = TrainingState(self.theta, seed=0), self.theta.copy()

    def flat(self, named, dtype):
        """Return named arrays as one flat vector in the layout's order."""
        theta = np.full(self.layout.size, np.nan, dtype)
        for name, view in self.layout.views(theta).items():
            view[...] = named[name]
        return theta

    def predict(self):
        return self.network.predict(self.theta, self.data)[0]

    def gradient(self, batch=None):
        """Return the loss and the flat gradient of a mini-batch, by default of all sequences."""
        if batch is None:
            batch = full_batch(self.data.lengths, self.network.tile_rows)
        grad = np.full_like(self.theta, np.nan)
        loss, _ = self.network.gradient(self.theta, self.data, self.targets, batch, grad)
        return loss, grad

    def train(self, solver, learning_rates, batches=None, alpha=0.0, clip_norm=None):
        """Make one step of a solver for each learning rate, all in one call and by default on all sequences."""
        if batches is None:
            batches = [full_batch(self.data.lengths, self.network.tile_rows)] * len(learning_rates)
        self.state.prepare(solver)
        numbers = range(self.state.n_updates + 1, self.state.n_updates + 1 + len(learning_rates))
        scalars = [solver.scalars(rate, n) for rate, n in zip(learning_rates, numbers, strict=True)]
        step = SolverStep(solver.rule(), self.state.solver_state, np.array(scalars), alpha, clip_norm)
        self.grad = np.empty_like(self.theta)
        run = self.network.train(self.theta, self.data, self.targets, batches, step, self.grad, self.before)
        self.state.n_updates += run.done
        return run

    def objective(self, alpha):
        """Return the loss and the gradient with the L2 term, as in training."""
        loss, grad = self.gradient()
        for place in (slice(*bounds) for bounds in self.layout.decayed):
            loss += alpha / 2 * (self.theta[place].astype(np.float64) ** 2).sum()
            grad[place] += alpha * self.theta[place]
        return loss, grad


def inputs_of(problem):
    """Return a layout's arguments about the inputs: the numbers of a step, or symbols."""
    if problem.X[0].dtype.kind == "f":
        return {"n_inputs": problem.X[0].shape[1]}
    if "embedding" in problem.weights:
        return dict(zip(("n_symbols", "embedding_size"), problem.weights["embedding"].shape, strict=True))
    return {"n_symbols": problem.weights["layers.0.U"].shape[1]}


def with_last_steps_unweighted(case):
    """Return a case with one output per step, and chunks of all sequences of which the last have no weight."""
    chunks = in_chunks(
        [full_batch(case.data.lengths, case.network.tile_rows)], case.data.lengths, 1, case.network.tile_rows
    )
    steps = np.concatenate([np.arange(length) for length in case.data.lengths])
    case.targets = Targets(case.targets.values, (steps < 2).astype(float))
    return case, chunks


def sequences(X, dtype):
    """Return `Sequences` of a dtype; symbols stay integers."""
    return Sequences.from_list([x if x.dtype.kind in "iu" else np.asarray(x, dtype) for x in X])


def relative_error(got, expected):
    """Return max |got - expected| over max |expected|, or 0 if both are zero."""
    difference = np.abs(np.asarray(got, np.float64) - expected).max()
    return difference and difference / np.abs(expected).max()
