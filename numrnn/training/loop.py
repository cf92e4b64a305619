"""The training loop."""

import time
from contextlib import closing, nullcontext

import numpy as np

from numrnn.data.batches import WindowReader, epoch_windows
from numrnn.distributed import SERIAL
from numrnn.network.cpu.scheduling import alone
from numrnn.network.interface import SolverStep
from numrnn.training.callbacks import FitInfo, notify, supervised
from numrnn.training.exceptions import TrainingDivergedError

ROWS_PER_CALL = 1 << 14  # sequences of all mini-batches, or their chunks, in one call: to write them down takes memory
SECONDS_PER_CALL = 0.2  # of `Network.train`, as far as it may be guessed: callbacks are asked this often
GROWTH = 4  # a call has at most so many times the mini-batches of the one before


def train(
    network,
    state,
    data,
    targets,
    *,
    solver,
    schedule,
    alpha=0.0,
    clip_norm=None,
    batch_size=32,
    shuffle=True,
    bptt_steps=None,
    dropout=0.0,
    recurrent_dropout=0.0,
    max_iter=100,
    given=None,
    validate=None,
    callbacks=(),
    comm=SERIAL,
):
    """Train by mini-batches, from where `state` stands.

    Parameters
    ----------
    network : Network
        Gives loss and gradient of a mini-batch.
    state : TrainingState
        Changed in place, also when training ends by an error.
    data : Sequences
        The sequences, of theta's dtype.
    targets : Targets
        Values and weights.
    solver : Solver
        The update rule.
    schedule : object
        From `resolve_schedule`.
    alpha : float, default=0.0
        Of the term alpha/2 (|U|^2 + |W|^2 + |V|^2).
    clip_norm : float or None, default=None
        The gradient, the alpha term included, is scaled down to this norm where it is larger
        (`torch.nn.utils.clip_grad_norm_`).
    batch_size : int, default=32
        Sequences in a mini-batch.
    shuffle : bool, default=True
        Draw the mini-batches anew each epoch, from (seed, epoch).
    bptt_steps : int or None, default=None
        Cut mini-batches into chunks of so many steps, with an update after each: states are carried on from chunk to
        chunk, gradients are not (Williams & Peng 1990).
    dropout : float, default=0.0
        Probability that a number that an embedding or a layer passes up is left out of a step; the others are scaled
        up.
    recurrent_dropout : float, default=0.0
        Likewise for a state on its way to the next step, the same units in all steps of a sequence, or a chunk.
    max_iter : int, default=100
        Epochs to make at most.
    given : ndarray of shape (N, state_size) or None, default=None
        States before the first steps; None: learned ones, or zeros.
    validate : callable or None, default=None
        `validate(theta)` returns (loss, score); called after each epoch.
    callbacks : sequence of objects
        See `numrnn.training.callbacks`.
    comm : Serial or MPI
        The processes that train together; `network` is shared by them.

    Returns
    -------
    state : TrainingState
        The same object.

    Raises
    ------
    TrainingDivergedError
        If loss, gradient or the weights after a step are not finite; theta is then the last one at which all were.
    ValueError
        If the weights of all sequences or steps are 0.

    Warns
    -----
    UserWarning
        If Ctrl-C ended training; theta is kept as it was then.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import Sequences
    >>> from numrnn.data.sources import Targets
    >>> from numrnn.network.cpu.network import CPUNetwork
    >>> from numrnn.network.parameters import Layout, initial_theta
    >>> from numrnn.solvers import Adam
    >>> from numrnn.training import TrainingState, resolve_schedule, train
    >>> data = Sequences.from_list([np.full((4, 1), -1.0), np.full((3, 1), 1.0)])
    >>> targets = Targets(np.array([0, 1]))
    >>> layout = Layout(n_inputs=1, hidden_layer_sizes=(8,), cell="gru", n_outputs=2)
    >>> network = CPUNetwork(layout, dtype=np.float64)
    >>> theta = initial_theta(layout, "tanh", seed=0, dtype=np.float64)
    >>> schedule = resolve_schedule("constant", learning_rate_init=0.05, max_iter=30)
    >>> state = TrainingState(theta, seed=0)
    >>> state = train(network, state, data, targets, solver=Adam(), schedule=schedule, max_iter=30)
    >>> state.epoch, state.stop_reason, state.history[-1].loss < 0.01
    (30, 'max_iter', True)
    """
    state.prepare(solver)
    info = FitInfo(state, network.layout, max_iter, comm, validate is not None)
    options = {"solver": solver, "alpha": alpha, "clip_norm": clip_norm, "noise": (dropout, recurrent_dropout)}
    passes = _Passes(network, state, data, targets, given, comm, **options)
    with supervised(state, info, callbacks), info.resident(network):
        notify(callbacks, "on_fit_begin", info)
        for _ in range(max_iter):
            start = time.perf_counter()
            rate = schedule.rate(state)
            windows = epoch_windows(
                *(data, batch_size, bptt_steps),
                shuffle=shuffle,
                key=(state.seed, state.epoch),
                tile_rows=network.tile_rows,
            )
            state.begin_epoch((len(data), network.state_size) if bptt_steps is not None else (0, network.state_size))
            if not passes.run(windows, rate, start, lambda: comm.any(notify(callbacks, "on_progress", info))):
                state.stop_reason = "callback"
                break
            if validate is not None:
                info.settle()
            record = state.end_epoch(*state.progress.totals(), validate, rate, len(data.lengths))
            schedule.epoch_end(state, record)
            if comm.any(notify(callbacks, "on_epoch_end", info)):
                state.stop_reason = "callback"
                break
        else:
            state.stop_reason = "max_iter"
    return state


class _Passes:
    """Passes over the data, and what stays the same from one to the next."""

    def __init__(self, network, state, data, targets, given, comm, *, solver, alpha, clip_norm, noise):
        self._network, self._state, self._targets, self._given = network, state, targets, given
        self._reader, self._comm = WindowReader(data, network), comm
        self._solver, self._alpha, self._clip_norm, self._noise = solver, alpha, clip_norm, noise
        self._grad, self._before = np.zeros_like(state.theta), state.theta.copy()
        self._size, self._compiled = 1, False  # mini-batches of the next call; the first one may compile

    def run(self, windows, rate, start, pause):
        """Update theta once a mini-batch, from where the epoch stands; False if `pause()` ended it within."""
        with closing(self._reader.read(windows, self._state.progress.done)) as parts:
            for data, batches in parts:
                while batches:
                    asked = time.perf_counter()
                    if pause():
                        return False
                    called = time.perf_counter()
                    part, batches = self._next_part(batches)
                    with nullcontext() if self._compiled else alone():
                        run = self._train(data, part, rate)
                    self._compiled, now = True, time.perf_counter()
                    seconds, of_call = self._comm.from_first((now - start - (called - asked), now - called))
                    self._state.progress.add(len(part), run, seconds)
                    self._size = max(1, int(len(part) * min(GROWTH, SECONDS_PER_CALL / of_call)))
                    start = time.perf_counter()
        return True

    def _next_part(self, batches):
        """The mini-batches of the next call, and those after them."""
        count, rows = 0, 0
        for batch in batches[: self._size]:
            rows += len(batch.ids)
            if count and rows > ROWS_PER_CALL:
                break
            count += 1
        return batches[:count], batches[count:]

    def _train(self, data, part, rate):
        state = self._state
        scalars = [self._solver.scalars(rate, state.n_updates + 1 + n) for n in range(len(part))]
        step = SolverStep(
            *(self._solver.rule(), state.solver_state, np.array(scalars), self._alpha, self._clip_norm),
            *(*self._noise, state.seed, state.epoch),
        )
        carried = state.progress.carried
        run = self._network.train(
            state.theta, data, self._targets, part, step, self._grad, self._before, carried, self._given
        )
        state.n_updates += run.done
        if run.outcome == "interrupted":
            raise KeyboardInterrupt
        if run.outcome == "diverged":
            state.solver_state = {}  # it knows the steps that went wrong
            raise TrainingDivergedError(state.epoch + 1, run.losses[run.done], run.norms[run.done])
        return run
