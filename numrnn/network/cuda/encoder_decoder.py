"""Train encoder-decoders on a GPU, without a copy to the host between the two networks."""

from contextlib import contextmanager
from functools import partial

import numpy as np

from numrnn.data.batches import Rows
from numrnn.kernels.cpu.tile.forward import Goal
from numrnn.kernels.cpu.updates import NO_STEP
from numrnn.network.cuda.batch_tables import tabulate
from numrnn.network.cuda.device import arrays, memory_named, upload
from numrnn.network.cuda.inputs import sort_symbols
from numrnn.network.cuda.minibatch import (
    Passes,
    Settings,
    Sources,
    Theta,
    Update,
    heads_of,
    places_of,
    reserve_batches,
    reserve_vectors,
    static_of,
    take_goal,
    take_steps,
)
from numrnn.network.cuda.training import MOST_STATICS, Kept, SolverCall, goal_on_card
from numrnn.network.encoder_decoder import PARTS, EncoderDecoder, masks_of
from numrnn.network.interface import Network, target_rows
from numrnn.solvers.base import state_arrays


class CudaEncoderDecoder(EncoderDecoder):
    """Train an `EncoderDecoder` of two `CudaNetwork`; all work on a mini-batch, with the solver's step, is on a GPU."""

    outlasts_training = True  # the next fit reuses its arrays and graphs

    def __init__(self, encoder, decoder):
        super().__init__(encoder, decoder)
        self._kept, self._resident = {name: Kept() for name in ("both", *PARTS)}, False

    gradient = Network.gradient  # computed by `train`, without a copy to the host between the networks

    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None, dgiven=None):
        """Perform one solver's step for each mini-batch; see `EncoderDecoder.train`."""
        kept = self._kept["both"]
        with memory_named():
            try:
                with kept.mirrors.at_work(), kept.graphs.on_stream():
                    return PairCall(self, self._kept, theta, data, targets, batches, step, grad, before).run()
            finally:
                if not self._resident or step.rule == NO_STEP:
                    kept.mirrors.settle()

    @contextmanager
    def resident(self):
        """Leave the arrays of both networks on the GPU within the context, as `CudaNetwork.resident` does."""
        mirrors = self._kept["both"].mirrors
        self._resident = True
        try:
            with self.encoder.resident(), self.decoder.resident():
                yield mirrors.look
        finally:
            mirrors.settle()
            self._resident = False


NO_GOAL = Goal(np.zeros(0, np.uint8), 1, np.zeros((0, 0)), np.zeros(0), None)  # an encoder has no targets


class Side:
    """Copy the mini-batches of one of the two networks to the GPU.

    `first` and `keys` (n,) are the indices of the sequences' first targets and the keys of their dropout masks; `heads`
    (mini-batches, words) are the words with which each mini-batch begins in the table that `tabulate` makes. The
    attribute `moved` is True if arrays have got new addresses.
    """

    def __init__(self, network, kept, data, rows, first, keys, heads, settings, goal):
        self.network, self._kept, self._rows, self._settings, self._goal = network, kept, rows, settings, goal
        self._feed = network._sources.feed(data, rows)
        # Sequences are identified by their positions in a mini-batch, since the other network sorts them differently.
        places = np.arange(len(rows.ids)) - np.repeat(rows.first[:-1], np.diff(rows.first))
        starts = self._feed.starts_of(rows.first)
        self._table = tabulate(rows.first, heads, places, rows.begins, rows.lengths, starts, first, keys)
        self._head, self._words = heads.shape[1], upload(self._table.words)
        self.moved = reserve_batches(network, kept.room, self._table, settings, goal, 0)
        if self.moved:
            kept.statics.clear()

    def bring(self, n):
        """Copy the words of mini-batch n to their fixed addresses; return its arrays and the sources of its data."""
        N, R = int(self._table.counts[n]), int(self._table.sizes[n])
        static, (begin, end) = self._static(N, R), self._table.places[n : n + 2].tolist()
        static.words[: end - begin] = self._words[begin:end]
        values, _ = self._feed.read(slice(*self._rows.first[n : n + 2]))
        return static, Sources(self.network.source(values), self._goal, None, None)

    def taken(self, n, static):
        """Report that all work that reads the data of mini-batch n has been started, and sort its symbols."""
        self._feed.done()
        if static.read.order is not None:
            # The sort is not in a graph, since CuPy's sort may wait for the GPU.
            sort_symbols(static.read, int(self._table.steps[n]))

    def _static(self, N, R):
        statics, key = self._kept.statics, (self._settings, N, R)
        if key not in statics:
            if len(statics) == MOST_STATICS:
                statics.clear()
            statics[key] = static_of(self.network, self._kept.room, self._settings, self._goal, self._head, N, R)
        return statics[key]


class PairCall(SolverCall):
    """Run one call of `CudaEncoderDecoder.train`; `kept` has the keys "both", "encoder" and "decoder"."""

    def __init__(self, pair, kept, theta, data, targets, batches, step, grad, before):
        encoder, decoder = pair.encoder, pair.decoder
        self._kept = kept["both"]
        self._host = Theta(theta, grad, before, *state_arrays(step.state, theta))
        rows = [Rows(batches, each.lengths) for each in (data.source, data.target)]
        first = target_rows(data.target, rows[1], decoder.per_step)
        self._sums = decoder._weight_sums(rows[1], first, targets)
        scalars = np.ascontiguousarray(step.scalars, theta.dtype)
        units, units_before, keys = _noise(step, rows[0].ids)
        goal = goal_on_card(targets, decoder.dtype, decoder._uploads.of)
        self._settings = Settings(
            step.rule, scalars.shape[1], float(step.alpha), np.inf if step.clip_norm is None else float(step.clip_norm),
            units, units_before, goal.class_bytes, targets.weights is not None, False, False, False,
        )  # fmt: skip
        heads = heads_of(self._sums, scalars)
        none = np.full(len(rows[0].ids), -1)
        self._sides = [
            Side(encoder, kept["encoder"], data.source, rows[0], none, keys[0], heads, self._settings, NO_GOAL),
            Side(decoder, kept["decoder"], data.target, rows[1], first, keys[1], heads, self._settings, goal),
        ]
        moved = any([reserve_vectors(self._kept.room, self._host, len(batches)), *(side.moved for side in self._sides)])
        if moved:
            self._kept.graphs.clear()
        self._bring_vectors(pair.layout, moved)
        self._work = PairWork(pair, self._kept.room, self._settings, self._card)

    def _run_batch(self, n):
        (reading, source), (writing, target) = (side.bring(n) for side in self._sides)
        decoder, run = self._sides[1].network, self._kept.graphs.run
        shape = self._settings, writing.batch.count, reading.batch.size, writing.batch.size
        places = places_of(source), places_of(target)
        run(("take", *shape, *places), partial(take_pairs, decoder, reading, source, writing, target))
        for side, static in zip(self._sides, (reading, writing), strict=True):
            side.taken(n, static)
        run(("learn", *shape), partial(self._work.learn, reading, writing))


def _noise(step, ids):
    """Return the keep probabilities (of states passed up; of those passed to the next step) and both networks' keys."""
    masks = masks_of(step, ids)
    if masks[0] is None:
        return 1.0, 1.0, np.zeros((2, len(ids)), np.int64)
    kept, kept_before, _ = masks[0].of(slice(None)).values()
    return kept, kept_before, [each.keys for each in masks]


def take_pairs(decoder, reading, source, writing, target):
    """Copy steps and targets of a mini-batch to the arrays from which `PairWork.learn` reads them."""
    take_steps(reading, source.values)
    take_steps(writing, target.values)
    take_goal(decoder, writing, target.goal)


class PairWork:
    """Train on a mini-batch of pairs that `take_pairs` has copied; each of `vectors` on the GPU spans both networks."""

    def __init__(self, pair, room, settings, vectors):
        theta, grad = map(pair.layout.split, vectors[:2])
        self._encoder = Passes(pair.encoder, settings, theta[0], grad[0])
        self._decoder = Passes(pair.decoder, settings, theta[1], grad[1])
        self._grad, self._update = vectors.grad, Update(room, settings, vectors)

    def learn(self, reading, writing):
        """Run forward pass, losses, backward pass and solver's step, given the encoder's and the decoder's arrays."""
        encoder, decoder = self._encoder, self._decoder
        self._grad[:] = 0
        read = encoder.forward(reading)
        state = _in_other_order(encoder.states(read[1]), reading.batch, writing.batch)
        written = decoder.forward(writing, state)
        losses, ds, lasts = decoder.head(writing, written[1])
        dstate = decoder.network.columns(decoder.backward(writing, *written, ds, lasts))
        dstate = _in_other_order(dstate, writing.batch, reading.batch)
        firsts = encoder.backward(reading, *read, None, encoder.network.lasts(reading.batch, dstate))
        encoder.gradient_of_starts(reading.batch, firsts)
        self._update.make(writing, losses)


def _in_other_order(rows, batch, other):
    """Reorder rows (N, n) of one network's sequences for the other network, which sorts by other lengths."""
    by_place = arrays().empty_like(rows)
    by_place[batch.numbers] = rows
    return arrays().take(by_place, other.numbers, axis=0)
