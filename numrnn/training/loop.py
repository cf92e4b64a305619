"""Train on mini-batches."""

import time
from contextlib import closing, nullcontext

import numpy as np

from numrnn.data.batches import WindowReader, epoch_windows
from numrnn.distributed import SERIAL
from numrnn.network.cpu.scheduling import alone
from numrnn.network.interface import SolverStep
from numrnn.training.callbacks import FitInfo, notify, supervised
from numrnn.training.exceptions import TrainingDivergedError

ROWS_PER_CALL = 1 << 14  # most sequences (or chunks) in one call of `Network.train`, whose tables take memory
SECONDS_PER_CALL = 0.2  # intended duration of a call of `Network.train`; callbacks are called between two calls
GROWTH = 4  # a call gets at most this many times the mini-batches of the previous call


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
    restart_rate=0.0,
    dropout=0.0,
    recurrent_dropout=0.0,
    max_iter=100,
    given=None,
    validate=None,
    callbacks=(),
    comm=SERIAL,
):
    """Train on mini-batches, continuing from `state`, and return the state.

    Parameters
    ----------
    network : Network
    state : TrainingState
        State of the training, changed in place, also if training ends with an error.
    data : Sequences
        Sequences of theta's dtype.
    targets : Targets
    solver : Solver
    schedule : object
        Schedule returned by `resolve_schedule`.
    alpha : float, default=0.0
        Coefficient of the term alpha/2 (|U|^2 + |W|^2 + |V|^2).
    clip_norm : float or None, default=None
        Norm to which a larger gradient is scaled down, as by `torch.nn.utils.clip_grad_norm_`; the gradient includes
        the alpha term.
    batch_size : int, default=32
        Number of sequences in a mini-batch.
    shuffle : bool, default=True
        Whether to draw new mini-batches in each epoch; the draw depends on the state's seed and epoch.
    bptt_steps : int or None, default=None
        Number of steps of the chunks into which mini-batches are cut. Each chunk is followed by an update; states are
        carried from chunk to chunk, gradients are not (Williams & Peng 1990).
    restart_rate : float, default=0.0
        Probability that a sequence begins a chunk with the initial state instead of the carried state.
    dropout : float, default=0.0
        Probability that a unit is dropped from the output of an embedding or a layer at a step; the other units are
        scaled up.
    recurrent_dropout : float, default=0.0
        Probability that a unit is dropped from the state that the next step reads; the same units are dropped in all
        steps of a sequence or chunk.
    max_iter : int, default=100
        Maximum number of epochs.
    given : ndarray of shape (N, state_size) or None, default=None
        Initial states; None means learned or zero initial states.
    validate : callable or None, default=None
        Function that is called after each epoch; `validate(theta)` returns the loss, the score and, optionally, a
        dict of further scores.
    callbacks : sequence of objects
        See `numrnn.training.callbacks`.
    comm : Serial or MPI
        Processes that train together, for which `network` was made.

    Raises
    ------
    TrainingDivergedError
        If loss, gradient or the weights after a step are not finite; theta is then reset to its last finite values.
    ValueError
        If the weights of all sequences or steps are 0.

    Warns
    -----
    UserWarning
        If Ctrl-C ended training; theta is kept.
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
                restart_rate=restart_rate,
            )
            state.begin_epoch((len(data), network.state_size) if bptt_steps is not None else (0, network.state_size))
            if not passes.run(windows, rate, start, lambda: comm.any(notify(callbacks, "on_progress", info))):
                state.stop_reason = info.stop_reason
                break
            if validate is not None:
                info.settle()
            record = state.end_epoch(*state.progress.totals(), validate, rate, len(data.lengths))
            schedule.epoch_end(state, record)
            if comm.any(notify(callbacks, "on_epoch_end", info)):
                state.stop_reason = info.stop_reason
                break
        else:
            state.stop_reason = "max_iter"
    return state


class _Passes:
    """Train on all mini-batches of an epoch."""

    def __init__(self, network, state, data, targets, given, comm, *, solver, alpha, clip_norm, noise):
        self._network, self._state, self._targets, self._given = network, state, targets, given
        self._reader, self._comm = WindowReader(data, network), comm
        self._solver, self._alpha, self._clip_norm, self._noise = solver, alpha, clip_norm, noise
        self._grad, self._before = np.zeros_like(state.theta), state.theta.copy()
        self._size, self._compiled = 1, False  # number of mini-batches of the next call; whether kernels are compiled

    def run(self, windows, rate, start, pause):
        """Update theta once per mini-batch, continuing the epoch; return False if `pause()` ended training."""
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
        """Return the mini-batches of the next call, and the remaining ones."""
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
            state.solver_state = {}  # it includes the steps that diverged
            raise TrainingDivergedError(state.epoch + 1, run.losses[run.done], run.norms[run.done])
        return run
