"""Run one call of `train`: copy data to the GPU, process the mini-batches, and return results to the host."""

from functools import cached_property, partial

import numpy as np

from numrnn.data.random_streams import mask_keys
from numrnn.data.sources import Targets
from numrnn.kernels.cpu.tile.forward import Goal
from numrnn.kernels.cpu.updates import NO_STEP
from numrnn.kernels.cuda import updates
from numrnn.network.cuda.batch_tables import tabulate
from numrnn.network.cuda.device import current_stream, on_host, upload
from numrnn.network.cuda.device_sequences import CardSymbols
from numrnn.network.cuda.graphs import Graphs, Room
from numrnn.network.cuda.host_mirrors import Mirrors
from numrnn.network.cuda.inputs import sort_symbols
from numrnn.network.cuda.minibatch import Settings, Sources, Theta, Work, heads_of, places_of, reserve, static_of, take
from numrnn.network.interface import NO_INDEX, Masks, TrainingRun, goal_of
from numrnn.solvers.base import state_arrays

MOST_STATICS = 1024  # most shapes of mini-batches whose arrays are kept


class Kept:
    """Hold the arrays and graphs that a network keeps on the GPU, so that a call reuses the graphs of earlier calls."""

    def __init__(self):
        self.graphs, self.room, self.mirrors = Graphs(), Room(), Mirrors()
        self.statics = {}

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        self.__init__()


class RunOnCard:
    """Hold the result of a call like `TrainingRun`, but copy losses and norms to the host only when they are read.

    `results` (mini-batches, 2), on the GPU, holds losses and norms; `used` marks the mini-batches whose weights are not
    all 0.
    """

    def __init__(self, outcome, results, used, weight_sums, done):
        self.outcome, self.weight_sums, self.done = outcome, weight_sums, done
        self._results, self._used = results, used

    def __reduce__(self):
        return TrainingRun, (self.outcome, self.losses, self.norms, self.weight_sums, self.done)

    @cached_property
    def _figures(self):
        return on_host(self._results)[self._used].T

    @property
    def losses(self):
        """Return the losses of the mini-batches."""
        return self._figures[0]

    @property
    def norms(self):
        """Return the norms of the gradients."""
        return self._figures[1]


class SolverCall:
    """Copy the solver's vectors to the GPU and run the mini-batches of a call, as a base class for all networks.

    Derived classes set `_kept`, `_settings`, `_host` (the vectors) and `_sums` (the sum of the weights of each
    mini-batch), and define `_run_batch(n)`.
    """

    def _bring_vectors(self, layout, moved):
        """Copy vectors that the GPU does not have yet; `moved` says whether arrays have new addresses."""
        view, mirrors = self._kept.room.view, self._kept.mirrors
        if moved:
            decays = np.zeros(layout.size, np.int8)
            for begin, end in layout.decayed:
                decays[begin:end] = 1
            view("decays", decays.size)[:] = upload(decays)
        self._card = Theta(*(view(n, a.size) for n, a in zip(Theta._fields, self._host, strict=True)))
        for name, card, host in zip(Theta._fields, self._card, self._host, strict=True):
            mirrors.bring(name, host, card, changes=name == "grad" or self._settings.rule != NO_STEP)
        view("results", -1)[:] = np.nan
        view("status", 1)[:] = updates.RUNNING

    def run(self):
        """Process all mini-batches; theta and the other vectors stay on the GPU."""
        outcome, done = "done", 0
        try:
            for n in range(len(self._sums)):
                self._run_batch(n)
                done = n + 1
            current_stream().synchronize()  # most of a call's time passes here: launches do not wait
        except KeyboardInterrupt:
            outcome = "interrupted"
        finally:
            stopped = self._stopped()
        if stopped != updates.RUNNING:
            outcome, done = "diverged", stopped
        used = self._sums > 0
        done -= np.count_nonzero(~used[:done])
        results = self._kept.room.view("results", len(self._sums), 2).copy()  # the next call overwrites them
        return RunOnCard(outcome, results, used, self._sums[used], done)

    def _stopped(self):
        """Return the number of the mini-batch that diverged, after resetting theta, or RUNNING."""
        stopped = int(on_host(self._kept.room.view("status", 1))[0])
        if stopped != updates.RUNNING:
            self._card.theta[:] = self._card.before
        return stopped


class Call(SolverCall):
    """Run one call of `CudaNetwork.train`, given its arguments.

    `first` (n,) are the indices of the sequences' first targets, `sums` (mini-batches,) the sums of weights.
    """

    def __init__(
        self, network, kept, theta, data, targets, rows, first, sums, step, grad, before, state, given, dgiven
    ):
        self._network, self._kept, self._rows, self._sums, self._dgiven = network, kept, rows, sums, dgiven
        self._host = Theta(theta, grad, before, *state_arrays(step.state, theta))
        self._state = state if rows.carried and state is not None and state.size else None
        used = np.maximum(np.cumsum(sums > 0) - 1, 0)
        scalars = np.ascontiguousarray(step.scalars[used], theta.dtype)
        units, units_before, keys = _noise(step, rows)
        self._feed, goal = network._sources.feed(data, rows), goal_on_card(targets, network.dtype, network._uploads.of)
        self._settings = Settings(
            step.rule, scalars.shape[1], float(step.alpha), np.inf if step.clip_norm is None else float(step.clip_norm),
            units, units_before, goal.class_bytes, targets.weights is not None, given is not None, rows.carried,
            dgiven is not None,
        )  # fmt: skip
        starts, heads = self._feed.starts_of(rows.first), heads_of(sums, scalars)
        self._table = tabulate(rows.first, heads, rows.ids, rows.begins, rows.lengths, starts, first, keys)
        self._head, self._words = heads.shape[1], upload(self._table.words)
        moved = reserve(network, kept.room, self._table, self._host, self._settings, goal, len(data))
        if moved:
            kept.graphs.clear()
            kept.statics.clear()
        self._bring_vectors(network.layout, moved)
        self._bring_states(len(data), given)
        self._sources = Sources(None, goal, self._given, self._carried)
        self._work = Work(network, kept.room, self._settings, self._card)

    def _bring_states(self, sequences, given):
        network, view, mirrors = self._network, self._kept.room.view, self._kept.mirrors
        self._carried = self._given = None
        if self._settings.carried:
            self._carried = view("all_carried", -1, network.state_size)
            if self._state is None:
                mirrors.put_back("state")
                self._carried[:sequences] = 0
            else:
                mirrors.bring("state", self._state, self._carried[:sequences])
        if given is not None:
            self._given = view("all_given", -1, network.state_size)
            mirrors.bring("given", given, self._given[:sequences], changes=False)

    def _run_batch(self, n):
        learns, table, settings = bool(self._sums[n]), self._table, self._settings
        if not learns and not settings.carried:
            return
        N, R = int(table.counts[n]), int(table.sizes[n])
        static, (begin, end) = self._static(N, R), table.places[n : n + 2].tolist()
        static.words[: end - begin] = self._words[begin:end]
        run, sources = self._kept.graphs.run, self._sources_of(n)
        run(("take", settings, N, R, places_of(sources)), partial(take, self._network, static, sources))
        self._feed.done()
        if learns and static.read.order is not None:
            sort_symbols(static.read, int(table.steps[n]))  # not in a graph, since CuPy's sort may wait for the GPU
        run(("learn", settings, N, R, learns), partial(self._work.learn, learns, static, self._carried))
        if learns and self._dgiven is not None:
            part = slice(*self._rows.first[n : n + 2])
            begins = table.begins[part]
            self._dgiven[table.ids[part][begins]] = on_host(static.dgiven)[begins]

    def _sources_of(self, n):
        values, _ = self._feed.read(slice(*self._rows.first[n : n + 2]))
        return self._sources._replace(values=self._network.source(values))

    def _static(self, N, R):
        statics, key = self._kept.statics, (self._settings, N, R)
        if key not in statics:
            if len(statics) == MOST_STATICS:
                statics.clear()
            goal = self._sources.goal
            statics[key] = static_of(self._network, self._kept.room, self._settings, goal, self._head, N, R)
        return statics[key]


def goal_on_card(targets, dtype, copy_of):
    """Return targets on the GPU as a Goal; copy_of(name, array) must return a copy of a host array on the GPU."""
    if isinstance(targets.values, CardSymbols):
        none = goal_of(Targets(NO_INDEX), dtype)
        classes = targets.values.array.view(np.uint8)
        return Goal(classes, targets.values.itemsize, upload(none.values), upload(none.weights), None)
    goal = goal_of(targets, dtype)
    classes = copy_of("classes", targets.values).view(np.uint8) if goal.classes.size else upload(goal.classes)
    values = copy_of("targets", targets.values) if goal.values.size else upload(goal.values)
    weights = upload(goal.weights) if targets.weights is None else copy_of("weights", targets.weights)
    return Goal(classes, goal.class_bytes, values, weights, None)


def _noise(step, rows):
    """Return the keep probabilities of states passed up and to the next step, and the keys of the masks."""
    if step.masks is not None:
        return step.masks.of(rows.ids).values()
    if step.dropout or step.recurrent_dropout:
        keys = mask_keys(step.seed, step.epoch, rows.ids, rows.skipped)
        return Masks(step.dropout, step.recurrent_dropout, keys).of(slice(None)).values()
    return 1.0, 1.0, np.zeros(len(rows.ids), np.int64)
