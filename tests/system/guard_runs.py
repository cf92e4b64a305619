"""Compute the results of a case by each way from Python to a kernel."""

import contextlib

import numpy as np
from guard_cases import KINDS, SOLVERS

from numrnn import Sequences
from numrnn.data.batches import Batch, epoch_batches, full_batch, in_chunks
from numrnn.data.sources import Targets
from numrnn.data.symbols.next_symbols import Pairs, shifted
from numrnn.distributed.tree import merges_of
from numrnn.kernels.cpu import minibatches as kernels
from numrnn.kernels.cpu.processor import BOARD_SIZE, LEFT, all_finite, leave, watch
from numrnn.kernels.jit import read_only
from numrnn.network.cpu.distributed import SharedNetwork
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.cpu.prediction import Predictor
from numrnn.network.cpu.sampling import Writer
from numrnn.network.decoding import write_by_beams, write_greedily, write_vectors
from numrnn.network.encoder_decoder import EncoderDecoder
from numrnn.network.interface import Masks, SolverStep
from numrnn.network.parameters import Layout
from numrnn.solvers import LBFGS
from numrnn.training import TrainingDivergedError, TrainingState, minimize_lbfgs
from numrnn.training.objective import loss_and_gradient


class Problem:
    """Hold the network, the data and the targets of a case."""

    def __init__(self, case):
        self.case, self.kind, self.rng = case, KINDS[case.kind], np.random.default_rng(case.seed)
        kind = self.kind
        self.dtype = np.dtype(kind.dtype)
        self.layout = self._layout(0 if case.output == "state" else case.K)
        self.options = {
            "activation": case.activation, "head": case.head, "output": case.output, "pooling": case.pooling,
            "dtype": self.dtype,
        }  # fmt: skip
        self.network = CPUNetwork(self.layout, n_jobs=case.n_jobs, **self.options)
        self.theta = self.draw_theta(self.layout)
        self.data = self.draw_sequences(case.lengths)
        self.targets = self._draw_targets()

    def _layout(self, n_outputs):
        case, kind = self.case, self.kind
        inputs = {"n_inputs": case.D}
        if kind.symbols:
            inputs = {"n_symbols": case.D, "embedding_size": case.embedding or None}
        return Layout(
            **inputs, hidden_layer_sizes=case.hidden, cell=kind.cell, n_outputs=n_outputs,
            bidirectional=kind.bidirectional, initial_state="learned" if case.learned else "zero",
        )  # fmt: skip

    def draw_theta(self, layout):
        """Draw parameters, none of them zero, with which states do not explode."""
        scale = min(0.3, (2 * max(self.case.hidden)) ** -0.5)
        return (scale * self.rng.standard_normal(layout.size)).astype(self.dtype)

    def draw_sequences(self, lengths):
        """Draw sequences of vectors or symbols."""
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        if not self.kind.symbols:
            return Sequences(self.rng.standard_normal((offsets[-1], self.case.D)).astype(self.dtype), offsets)
        largest = np.iinfo(self.case.symbol_type).max
        dtype = self.case.symbol_type if self.case.D - 1 <= largest else "uint16"
        return Sequences(self.rng.integers(0, self.case.D, offsets[-1]).astype(dtype), offsets)

    def _draw_targets(self):
        case, count = self.case, self.data.offsets[-1] if self.case.output == "step" else len(self.case.lengths)
        if case.output == "state":
            return Targets(self.draw_states(count))
        if case.head == "softmax":
            values = self.rng.integers(0, case.K, count)
        else:
            values = self.rng.random((count, case.K)).astype(self.dtype)
        weights = None if case.weights == "none" else self.rng.random(count)
        if case.weights == "some":
            weights *= self.rng.integers(0, 2, count)
        return Targets(values, weights)

    def draw_states(self, count):
        """Draw the states of `count` sequences."""
        return self.rng.standard_normal((count, self.network.state_size)).astype(self.dtype)

    def least_memory(self, batches):
        """Return the memory limit below which mini-batches do not fit."""
        network = CPUNetwork(self.layout, memory_limit=1, n_jobs=1, **self.options)
        try:
            network.train(self.theta.copy(), self.data, self.targets, batches, *self.step(len(batches)))
        except ValueError as error:
            return int(str(error).partition(" bytes")[0].rpartition(" ")[2])
        return 1 << 40  # no mini-batch has targets

    def step(self, count):
        """Return the solver's step for `count` mini-batches, and arrays for the gradient and the previous theta."""
        case, solver = self.case, SOLVERS[self.case.solver]
        scalars = np.array([solver.scalars(0.01, n) for n in range(1, count + 1)])
        dropout = {name: getattr(case, name) for name in ("dropout", "recurrent_dropout")}
        step = SolverStep(solver.rule(), solver.init_state(self.theta), scalars, case.alpha, case.clip_norm, **dropout)
        return step, np.full_like(self.theta, np.nan), self.theta.copy()


def results_of(case):
    """Yield all numbers that come of a case."""
    problem = Problem(case)
    yield from _trained(problem)
    if problem.kind.limited:
        return
    yield from _predicted(problem)
    if problem.kind.streams and case.output in ("sequence", "step"):
        yield from _streamed(problem)
    if problem.kind.writes and case.seed % 2:
        yield from _written(problem)
    if case.output != "state" and case.seed % 4 == 1:
        yield from _trained_otherwise(problem)


def _trained(problem):
    case, network, data = problem.case, problem.network, problem.data
    generator = np.random.default_rng(case.seed)
    batches = epoch_batches(
        data.lengths, case.batch_size, shuffle=True, generator=generator, tile_rows=network.tile_rows
    )
    if case.chunk:
        batches = in_chunks(batches, data.lengths, case.chunk, network.tile_rows)
    batches = batches[:6]
    if problem.kind.limited:
        limit = problem.least_memory(batches) * (2 if case.n_jobs > 1 else 1)
        network = CPUNetwork(problem.layout, memory_limit=limit, n_jobs=case.n_jobs, **problem.options)
    theta, (step, grad, before) = problem.theta.copy(), problem.step(len(batches))
    state = problem.draw_states(len(data)) if case.chunk else None
    given = problem.draw_states(len(data)) if case.given else None
    run = network.train(theta, data, problem.targets, batches, step, grad, before, state, given)
    yield from (theta, grad, before, run.losses, run.norms, *step.state.values())
    if problem.kind.limited or case.chunk:
        return
    dgiven = None if given is None else np.full_like(given, np.nan)
    masks = Masks(case.dropout, case.recurrent_dropout, np.arange(len(data))) if case.dropout else None
    batch, noise = full_batch(data.lengths, network.tile_rows), SolverStep.none(problem.dtype, masks=masks)
    loss, _ = network.gradient(theta, data, problem.targets, batch, grad, given, dgiven, noise)
    yield from (np.float64(loss), grad, *([] if given is None else [dgiven]))


def _predicted(problem):
    case, data, network = problem.case, problem.data, problem.network
    state = problem.draw_states(len(data)) if case.given else None
    yield from network.predict(problem.theta, data, state, case.raw)
    yield from network.predict(problem.theta, data[:1])
    if case.output != "state":
        yield np.float64(network.loss(problem.theta, data, problem.targets)[0])
        yield network.outputs_of(network.predict(problem.theta, data, raw=True)[0])
        options = problem.options | {"output": "features"}
        if case.output == "sequence":
            yield from CPUNetwork(problem._layout(0), **options).predict(problem.draw_theta(problem._layout(0)), data)
    if case.dropout:
        masks = Masks(case.dropout, case.recurrent_dropout, np.arange(len(data)))
        yield from network.predict_packed(data, masks=masks)
    if data.values.dtype.kind == "f":
        yield np.bool_(all_finite(read_only(data.values).reshape(-1)))
    board = np.zeros(BOARD_SIZE, np.int64)  # threads may or may not have to say that they leave
    leave(board, np.zeros(1, np.int64), 0, 1, 1)
    yield from (board, np.bool_(watch(board, LEFT, 1, 1)))


def _streamed(problem):
    network, data = problem.network, problem.data
    predictor = Predictor(network, problem.theta)
    yield from network.predict_packed(data, threads=2, in_teams=True)
    yield from network.predict_packed(data[:1], problem.draw_states(1), threads=2, in_teams=True)
    yield from predictor.predict(data[:1], problem.draw_states(1), raw=problem.case.raw)
    state = None
    for x in data[0][:3]:
        outputs, state = predictor.step(x, state, lambda best, outputs: outputs.copy())
        yield from (outputs, state)


def _written(problem):
    """Yield what the network writes: texts, and sequences as the decoder of an encoder of its kind."""
    case, symbols = problem.case, problem.kind.symbols
    layout = problem._layout(case.D)
    if symbols:
        writer_network = CPUNetwork(layout, output="step", activation=case.activation, dtype=problem.dtype)
        writer_network.pack(problem.draw_theta(layout))
        for temperature, top_k, top_p in ((0.0, None, None), (1.0, None, None), (0.7, 1 + case.D // 2, 0.9)):
            random = np.random.default_rng(case.seed)
            writer = Writer(writer_network, temperature=temperature, top_k=top_k, top_p=top_p, random=random)
            writer.read(problem.data[0])
            yield from writer.write(20)
    encoder = CPUNetwork(problem._layout(0), output="state", activation=case.activation, dtype=problem.dtype)
    head = "softmax" if symbols else "identity"
    decoder = CPUNetwork(layout, output="step", head=head, activation=case.activation, dtype=problem.dtype)
    pair = EncoderDecoder(encoder, decoder)
    end = case.D - 1 if symbols else None
    lengths = np.minimum(case.lengths, 9)
    wanted = problem.draw_sequences(lengths)
    if symbols and end:
        wanted = Sequences(wanted.values % end, wanted.offsets)
    elif symbols:
        return
    data = Pairs(problem.data, shifted(wanted, end))
    targets = Targets(data.target.targets)
    theta = problem.draw_theta(pair.layout)
    solver, grad, before = SOLVERS[case.solver], np.full_like(theta, np.nan), theta.copy()
    step = SolverStep(
        solver.rule(), solver.init_state(theta), np.array([solver.scalars(0.01, 1)]), case.alpha, case.clip_norm,
        case.dropout, case.recurrent_dropout,
    )  # fmt: skip
    run = pair.train(theta, data, targets, [Batch(np.arange(len(data))[::-1].copy())], step, grad, before)
    yield from (theta, grad, run.losses, np.float64(pair.loss(theta, data, targets)[0]))
    states = pair.read(problem.data[:5])
    if symbols:
        yield from write_greedily(pair, states, end=end, max_length=5)
        yield from write_by_beams(pair, states, end=end, max_length=5, width=1 + case.K % 4, length_penalty=0.6)
    else:
        yield from write_vectors(pair, states, lengths[:5])


def _trained_otherwise(problem):
    """Train by L-BFGS, by a solver's own step, and as one of several processes; yield the results."""
    case, network, data, targets = problem.case, problem.network, problem.data, problem.targets
    state = TrainingState(problem.theta.copy(), seed=0)
    if targets.weights is None or targets.weights.any():
        loss, gradient = loss_and_gradient(network, state.theta, data, targets, case.alpha)
        yield from (np.float64(loss), *gradient.values())
        with contextlib.suppress(TrainingDivergedError):
            minimize_lbfgs(network, state, data, targets, solver=LBFGS(), alpha=case.alpha, max_iter=2)
        yield state.theta
    solver, theta = SOLVERS[case.solver], problem.theta.copy()
    solver.step(theta, problem.theta, solver.init_state(theta), 0.01, 1)
    yield theta
    shared = SharedNetwork(problem.layout, comm=_OneProcess(), n_jobs=case.n_jobs, **problem.options)
    batches = [full_batch(data.lengths, shared.tile_rows)]
    step, grad, before = problem.step(1)
    run = shared.train(theta, data, targets, batches, step, grad, before)
    yield from (theta, grad, run.losses)


class _OneProcess:
    """Stand for the MPI communicator of a shared network with a single process."""

    rank, size = 0, 1

    def most(self, number):
        return number

    any = most

    def interrupted(self):
        return False

    def gather_rows(self, rows, counts):
        pass

    def sum_nodes(self, nodes, count, tail):
        for left, right, _ in merges_of(count, 1, 0):
            kernels.add_nodes_of_two(nodes[left], nodes[right])
