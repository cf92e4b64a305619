"""A network on an NVIDIA GPU: losses with their gradients, whole epochs of updates, and predictions."""

import math
from typing import NamedTuple

import numpy as np

from numrnn.data.batches import Rows, longest_first
from numrnn.data.random import mask_keys
from numrnn.gpu.batches import Uploads, lay_out
from numrnn.gpu.device import arrays, download, launch, memory_named, upload
from numrnn.gpu.head import Head
from numrnn.gpu.inputs import Inputs
from numrnn.gpu.layers import Layers
from numrnn.gpu.prediction import OneThread
from numrnn.kernel_inputs import goal_of, target_rows
from numrnn.kernels.cpu.tiles import Goal
from numrnn.kernels.cpu.updates import NO_STEP
from numrnn.kernels.cuda import updates
from numrnn.losses import Losses
from numrnn.network import state_size_of, tile_rows_of
from numrnn.placement import ACTIVATIONS, HEADS, POOLINGS
from numrnn.solvers.base import state_arrays
from numrnn.steps import Masks, Run, Step

ROWS_AT_ONCE = 1 << 17  # steps of all sequences that are predicted together: their gates take memory
OUTPUTS_AT_ONCE = 1 << 24  # of pieces of texts whose losses are summed together


class Theta(NamedTuple):
    """The vectors of a solver, on the card."""

    theta: object
    grad: object
    before: object
    first: object
    second: object


class CudaNetwork(Losses):
    """A network of one architecture on a card; as `numrnn.network.Network`, which says what the arguments are.

    Between two calls theta, the solver's state and carried states are the host's arrays: a call of `train` takes about
    0.2 s, its copies less than a thousandth of that.

    Parameters
    ----------
    layout : Layout
    activation, head, output, pooling, dtype
        As in `Network`.
    """

    n_jobs = 1  # threads of the host

    def __init__(
        self, layout, *, activation="tanh", head="softmax", output="sequence", pooling="last", dtype=np.float32
    ):
        self.layout, self.dtype = layout, np.dtype(dtype)
        self.per_step, self.pooling, self.head_kind = output == "step", pooling, HEADS[head]
        self.tile_rows, self.state_size = tile_rows_of(layout), state_size_of(layout)
        self._layers = Layers(layout, ACTIVATIONS[activation], self.dtype)
        self._head = Head(layout, self.head_kind, POOLINGS[pooling], self.per_step)
        directions = len(layout.prefixes(0))
        self.n_outputs = directions * layout.hidden_layer_sizes[-1] if output == "features" else layout.n_outputs
        self.outputs_at_once = min(OUTPUTS_AT_ONCE, ROWS_AT_ONCE * max(1, self.n_outputs))
        self._uploads, self._weights, self.work = Uploads(), None, OneThread()

    def gradient(self, theta, data, targets, batch, grad, given=None, dgiven=None, masks=None):
        """Loss of a mini-batch, without the L2 term, and its gradient; see `Network.gradient`."""
        if dgiven is not None:
            dgiven[batch.ids] = 0
        gradient_only = Step(NO_STEP, {}, np.zeros((1, 0), self.dtype), masks=masks)
        run = self.train(theta, data, targets, [batch], gradient_only, grad, theta, given=given, dgiven=dgiven)
        if run.outcome == "interrupted":
            raise KeyboardInterrupt
        if not len(run.losses):
            grad[:] = 0
            return np.nan, 0.0
        return float(run.losses[0]), float(run.weight_sums[0])

    def reads(self, batch, lengths):
        """Ids of the sequences of a mini-batch; see `Network.reads`."""
        return batch.ids

    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None, dgiven=None):
        """Make a step of a solver for each of some mini-batches; see `Network.train`."""
        rows = Rows(batches, data.lengths)
        first = target_rows(data, rows, self.per_step)
        sums = self._weight_sums(rows, first, targets)
        if not (sums.any() or rows.carried):
            return Run("done", *[sums[:0]] * 3, 0)
        with memory_named():
            call = _Call(self, theta, data, targets, rows, first, sums, step, grad, before, state, given, dgiven)
            return call.run()

    def _weight_sums(self, rows, first, targets):
        """Sum of the weights of each mini-batch; 1 of a network without a head."""
        if not self.layout.n_outputs:
            return np.ones(len(rows.first) - 1)
        counts = rows.lengths if self.per_step else (first >= 0).astype(np.int64)
        sums = counts.astype(np.float64)
        if targets.weights is not None:
            padded = np.append(targets.weights, 0.0)
            begins = np.maximum(first, 0)
            sums = np.add.reduceat(padded, np.stack([begins, begins + counts], axis=1).ravel())[::2] * (counts > 0)
        return np.add.reduceat(sums, rows.first[:-1])

    def pack(self, theta):
        """Bring to the card the weights that `predict_packed` and `summed_loss` work with."""
        with memory_named():
            self._weights = self.layout.views(upload(theta))

    def predict(self, theta, data, state=None, raw=False):
        """Outputs of all sequences, and the states after them; see `Network.predict`."""
        self.pack(theta)
        return self.predict_packed(data, state, raw)

    def predict_packed(self, data, state=None, raw=False, threads=1, masks=None):
        """`predict` with the weights of the last `pack`; see `Network.predict_packed`."""
        n = len(data)
        out = np.empty((data.offsets[-1] if self.per_step else n, self.n_outputs), self.dtype)
        after = np.empty((n, self.state_size), self.dtype)
        with memory_named():
            for batch, result in self._forward(data, state, masks, after):
                if self.layout.n_outputs and not raw:
                    self._head.outputs(result)
                if self.n_outputs:
                    out[_host(batch.rows.target) if self.per_step else batch.ids] = _host(result)
        return out, after

    def summed_loss(self, data, targets, state=None, threads=1):
        """See `Losses.summed_loss`. Logits and losses stay on the card, their sum comes back."""
        after, sums = np.empty((len(data), self.state_size), self.dtype), []
        with memory_named():
            goal = goal_of(targets, self.dtype)
            goal = Goal(upload(goal.classes), goal.class_bytes, upload(goal.values), upload(goal.weights), None)
            for batch, logits in self._forward(data, state, None, after):
                sums.append(float(self._head.losses(batch, logits, goal, 1.0).sum()))
        return math.fsum(sums), after

    def _forward(self, data, state, masks, after):
        """Groups of sequences, and what comes out of each: logits, what a head would read, or nothing. States go to
        `after`.
        """
        first = data.offsets[: len(data)] if self.per_step else np.arange(len(data))
        source = self.source(data, upload)
        for ids in _groups(data.lengths):
            yield self._forward_some(source, data, ids, first[ids], state, masks, after)

    def _forward_some(self, source, data, ids, first, state, masks, after):
        none, weights = np.zeros(len(ids), np.int64), self._weights
        kept, kept_before, keys = (1.0, 1.0, none) if masks is None else masks.of(ids).values()
        batch = lay_out(ids, none, data.lengths[ids], data.gather(ids)[1], first, keys)
        inputs = Inputs(self.layout, *source, weights, batch, kept)
        given = None if state is None else upload(np.asarray(state, self.dtype)[batch.ids])
        starts = self.starts(weights, batch, given, None)
        levels = self._layers.forward(weights, batch, inputs, starts, kept, kept_before)
        after[batch.ids] = _host(self.columns([s.last for level in levels for s in level.states]))
        if not self.n_outputs:
            return batch, None
        result, _ = self._head.read(batch, levels[-1], kept)
        return batch, self._head.logits(weights, result) if self.layout.n_outputs else result

    def source(self, data, to_card):
        """Values of all sequences on the card, by a function that brings an array there; and the bytes of a symbol."""
        values, _ = data.gather(np.zeros(1, np.int64))
        if self.layout.n_symbols is None:
            return to_card(values), 0
        return to_card(values).view(np.uint8), values.itemsize

    def training_source(self, data):
        """`source` of data that stay as they are from call to call: one upload serves all epochs."""
        return self.source(data, lambda values: self._uploads.of("values", values))

    def starts(self, weights, batch, given, carried):
        """States before the first steps: a list of (kinds, N, H), layer after layer, in each its directions.

        Parameters
        ----------
        weights : dict of str to device array
        batch : DeviceBatch
        given, carried : device array of shape (N, state_size) or None
            Of sequences that begin, and of those that go on; None: learned ones, or zeros.
        """
        xp, column, starts = arrays(), 0, []
        begins = upload(batch.begins)[:, None]
        for index, H in enumerate(self.layout.hidden_layer_sizes):
            for prefix in self.layout.prefixes(index):
                start = xp.zeros((self._layers.kinds, len(batch.ids), H), self.dtype)
                for kind, name in enumerate(("s_0", "cell_0")[: self._layers.kinds]):
                    if given is not None:
                        start[kind] = given[:, column : column + H]
                    elif self.layout.initial_state == "learned":
                        start[kind] = weights[f"{prefix}{name}"]
                    if carried is not None:
                        start[kind] = xp.where(begins, start[kind], carried[:, column : column + H])
                    column += H
                starts.append(start)
        return starts

    def columns(self, states):
        """A list of (kinds, N, H) as rows (N, state_size)."""
        return arrays().concatenate([part for state in states for part in state], axis=1)

    def lasts(self, batch, columns=None):
        """Undo `columns`; zeros without them."""
        xp, lasts, column = arrays(), [], 0
        for index, H in enumerate(self.layout.hidden_layer_sizes):
            for _ in self.layout.prefixes(index):
                last = xp.zeros((self._layers.kinds, len(batch.ids), H), self.dtype)
                for kind in range(self._layers.kinds):
                    if columns is not None:
                        last[kind] = columns[:, column : column + H]
                    column += H
                lasts.append(last)
        return lasts


class _Call:
    """One call of `CudaNetwork.train`: what lies on the card, mini-batch after mini-batch, and back to the host."""

    def __init__(self, network, theta, data, targets, rows, first, sums, step, grad, before, state, given, dgiven):
        self._network, self._rows, self._first, self._sums, self._step = network, rows, first, sums, step
        self._host = Theta(theta, grad, before, *state_arrays(step.state, theta))
        self._card = Theta(*map(upload, self._host))
        self._weights, self._gradient = map(network.layout.views, self._card[:2])
        self._source, self._starts = network.training_source(data), data.gather(rows.ids)[1] + rows.skipped
        self._goal = self._goal_on_card(targets)
        self._state = state if rows.carried and state is not None and state.size else None
        self._carried = upload(self._state) if self._state is not None else None
        if rows.carried and self._carried is None:
            self._carried = upload(np.zeros((len(data), network.state_size), network.dtype))
        self._given = None if given is None else np.asarray(given, network.dtype)
        self._dgiven = dgiven
        self._kept, self._kept_before, self._keys = self._noise()
        used = np.maximum(np.cumsum(sums > 0) - 1, 0)
        self._scalars = upload(np.ascontiguousarray(step.scalars[used], theta.dtype))
        decays = np.zeros(theta.size, np.int8)
        for begin, end in network.layout.decayed:
            decays[begin:end] = 1
        self._decays = upload(decays)
        self._partial = arrays().zeros((4, updates.BLOCKS))
        self._results = upload(np.full((2, len(sums)), np.nan))
        self._status = upload(np.full(1, updates.RUNNING))

    def _goal_on_card(self, targets):
        goal, uploads = goal_of(targets, self._network.dtype), self._network._uploads
        classes = uploads.of("classes", targets.values).view(np.uint8) if goal.classes.size else upload(goal.classes)
        values = uploads.of("targets", targets.values) if goal.values.size else upload(goal.values)
        weights = upload(goal.weights) if targets.weights is None else uploads.of("weights", targets.weights)
        return Goal(classes, goal.class_bytes, values, weights, None)

    def _noise(self):
        step, rows = self._step, self._rows
        if step.masks is not None:
            return step.masks.of(rows.ids).values()
        if step.dropout or step.recurrent_dropout:
            keys = mask_keys(step.seed, step.epoch, rows.ids, rows.skipped)
            return Masks(step.dropout, step.recurrent_dropout, keys).of(slice(None)).values()
        return 1.0, 1.0, np.zeros(len(rows.ids), np.int64)

    def run(self):
        """Work on all mini-batches; theta and all else goes back to the host however that ends."""
        outcome, done = "done", 0
        try:
            for n in range(len(self._sums)):
                self._run_batch(n)
                done = n + 1
        except KeyboardInterrupt:
            outcome = "interrupted"
        for array, host in zip(self._card, self._host, strict=True):
            download(array, host)
        if self._state is not None:
            download(self._carried, self._state)
        stopped = int(_host(self._status)[0])
        if stopped != updates.RUNNING:
            outcome, done = "diverged", stopped
            self._host.theta[:] = self._host.before
        losses, norms = _host(self._results)
        used = self._sums > 0
        done -= np.count_nonzero(~used[:done])
        return Run(outcome, losses[used], norms[used], self._sums[used], done)

    def _run_batch(self, n):
        network, part = self._network, slice(*self._rows.first[n : n + 2])
        if not self._sums[n] and not self._rows.carried:
            return
        ids = self._rows.ids[part]
        batch = lay_out(
            ids, self._rows.skipped[part], self._rows.lengths[part], self._starts[part], self._first[part],
            self._keys[part],
        )  # fmt: skip
        given = None if self._given is None else upload(self._given[batch.ids])
        carried = None if self._carried is None else self._carried[upload(batch.ids)]
        starts = network.starts(self._weights, batch, given, carried)
        inputs = Inputs(network.layout, *self._source, self._weights, batch, self._kept)
        levels = network._layers.forward(self._weights, batch, inputs, starts, self._kept, self._kept_before)
        if self._carried is not None:
            self._carried[upload(batch.ids)] = network.columns([s.last for level in levels for s in level.states])
        if not self._sums[n]:
            return  # a chunk without targets
        self._card.grad[:] = 0
        losses, firsts = self._backward(n, batch, inputs, levels)
        self._keep_state_gradients(batch, firsts)
        self._update(n, losses)

    def _backward(self, n, batch, inputs, levels):
        """Losses of the outputs; gradients of all parameters; those of the states before the first steps."""
        network, weights, gradient = self._network, self._weights, self._gradient
        head, ds = network._head, None
        if network.layout.n_outputs:
            lasts = network.lasts(batch)
            read, reached = head.read(batch, levels[-1], self._kept)
            logits = head.logits(weights, read)
            losses = head.losses(batch, logits, self._goal, 1 / self._sums[n])
            last = lasts[len(lasts) - len(levels[-1].tapes) :]
            ds = head.backward(weights, batch, levels[-1], read, reached, logits, self._kept, gradient, last)
        else:
            targets = batch.targets
            given = arrays().where((targets >= 0)[:, None], self._goal.values[targets], 0)
            lasts, losses = network.lasts(batch, given), arrays().zeros(1)
        firsts = network._layers.backward(weights, batch, inputs, levels, ds, lasts, self._kept, gradient)
        return losses, firsts

    def _keep_state_gradients(self, batch, firsts):
        """Of sequences that begin: those of given states to the host, those of learned ones into the gradient."""
        layout, kinds = self._network.layout, self._network._layers.kinds
        if self._dgiven is not None:
            self._dgiven[batch.ids[batch.begins]] = _host(self._network.columns(firsts))[batch.begins]
        if layout.initial_state == "learned" and self._given is None:
            begins = upload(batch.begins.astype(self._network.dtype))
            prefixes = [prefix for n in range(len(layout.hidden_layer_sizes)) for prefix in layout.prefixes(n)]
            for prefix, first in zip(prefixes, firsts, strict=True):
                for kind, name in enumerate(("s_0", "cell_0")[:kinds]):
                    self._gradient[f"{prefix}{name}"][:] = begins @ first[kind]

    def _update(self, n, losses):
        step, card, blocks, threads = self._step, self._card, updates.BLOCKS, updates.THREADS
        clip_norm = np.inf if step.clip_norm is None else float(step.clip_norm)
        alpha = float(step.alpha)
        launch(updates.weigh, blocks, threads, alpha, card.theta, self._decays, card.grad, losses, self._partial)
        launch(
            updates.update, blocks, threads, n, float(self._sums[n]), alpha, clip_norm, step.rule, self._scalars,
            *card, self._partial, self._results, self._status,
        )  # fmt: skip
        if step.rule != NO_STEP:
            launch(updates.settle, 1, 1, n, self._partial, self._status)


def _host(array):
    out = np.empty(array.shape, array.dtype)
    download(array, out)
    return out


def _groups(lengths):
    """Ids of sequences that are predicted together, the longest first."""
    order = longest_first(lengths)
    rows = np.cumsum(lengths[order])
    return np.split(order, np.flatnonzero(np.diff(rows // ROWS_AT_ONCE)) + 1)
