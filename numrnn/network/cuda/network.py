"""Train and predict with networks on an NVIDIA GPU."""

import math
from contextlib import contextmanager

import numpy as np

from numrnn.data.batches import Rows, longest_first
from numrnn.kernels.cpu.updates import NO_STEP
from numrnn.network.components import ACTIVATIONS, POOLINGS, numbers_of_head
from numrnn.network.cuda.batch_tables import Uploads, lay_out
from numrnn.network.cuda.device import arrays, memory_named, on_host, upload
from numrnn.network.cuda.head import Head
from numrnn.network.cuda.inputs import Inputs, gathered
from numrnn.network.cuda.layers import Layers
from numrnn.network.cuda.training import Call, Kept, goal_on_card
from numrnn.network.cuda.transfer import Sources, read_groups
from numrnn.network.interface import RecurrentNetwork, TrainingRun, target_rows

ROWS_AT_ONCE = 1 << 17  # most steps of all sequences that are predicted together, since gates take memory
OUTPUTS_AT_ONCE = 1 << 24  # largest value of `outputs_at_once`


class CudaNetwork(RecurrentNetwork):
    """Run a network of one architecture on a GPU; see `numrnn.network.cpu.network.CPUNetwork` for the parameters.

    Between two calls, theta, the solver's state and carried states are arrays of the host. Within the context
    `resident`, they stay on the GPU until they are read or changed.
    """

    outlasts_training = True  # the next fit reuses its arrays and graphs

    def __init__(
        self,
        layout,
        *,
        activation="tanh",
        head="softmax",
        loss=None,
        loss_parameter=None,
        output="sequence",
        pooling="last",
        dtype=np.float32,
    ):
        super().__init__(layout, numbers_of_head(head, loss, loss_parameter), output, pooling, dtype, n_jobs=1)
        self._options = {
            "activation": activation, "head": head, "loss": loss, "loss_parameter": loss_parameter, "output": output,
            "pooling": pooling, "dtype": dtype,
        }  # fmt: skip
        self._layers = Layers(layout, ACTIVATIONS[activation].number, self.dtype)
        self._head = Head(layout, self.head, POOLINGS[pooling], self.per_step)
        self.outputs_at_once = min(OUTPUTS_AT_ONCE, ROWS_AT_ONCE * max(1, self.n_outputs))
        self._uploads, self._sources, self._kept = Uploads(), Sources(), Kept()
        self._weights, self.work, self._resident = None, OneThread(), False

    def like(self, layout):
        """Return a network with another layout and the same options; see `RecurrentNetwork.like`."""
        return CudaNetwork(layout, **self._options)

    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None, dgiven=None):
        """Perform one solver's step for each mini-batch; see `Network.train`."""
        rows = Rows(batches, data.lengths)
        first = target_rows(data, rows, self.per_step)
        sums = self._weight_sums(rows, first, targets)
        if not (sums.any() or rows.carried):
            return TrainingRun("done", *[sums[:0]] * 3, 0)
        with memory_named():
            try:
                with self._kept.mirrors.at_work(), self._kept.graphs.on_stream():
                    asked = theta, data, targets, rows, first, sums, step, grad, before, state, given, dgiven
                    return Call(self, self._kept, *asked).run()
            finally:
                if not self._resident or step.rule == NO_STEP:
                    self._kept.mirrors.settle()

    @contextmanager
    def resident(self):
        """Leave the arguments of `train` on the GPU within the context; see `numrnn.network.interface.always_current`.

        Copies of data and targets are deleted at the end of the context, so the originals may change until the next
        context.
        """
        self._resident = True
        try:
            yield self._kept.mirrors.look
        finally:
            self._kept.mirrors.settle()
            self._resident = False
            self._uploads, self._sources = Uploads(), Sources()

    def _weight_sums(self, rows, first, targets):
        """Return the sum of the weights of each mini-batch, or ones for a network without a head."""
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
        """Copy the weights that `predict_packed` and `summed_loss` use to the GPU."""
        with memory_named():
            self._weights = self.layout.views(upload(theta))

    def predict_packed(self, data, state=None, raw=False, threads=1, masks=None):
        """Predict with the weights of the last `pack`; see `RecurrentNetwork.predict_packed`."""
        if not data.in_memory:
            return self.predict_blocks(data, state, lambda block, before: self.predict_packed(block, before, raw))
        n = len(data)
        out = np.empty((data.offsets[-1] if self.per_step else n, self.n_outputs), self.dtype)
        after = np.empty((n, self.state_size), self.dtype)
        with memory_named():
            for batch, result in self._forward(data, state, masks, after):
                if self.layout.n_outputs and not raw:
                    self._head.outputs(result)
                if self.n_outputs:
                    out[on_host(batch.rows.target) if self.per_step else batch.ids] = on_host(result)
        return out, after

    def summed_loss(self, data, targets, state=None, threads=1):
        """Return the sum of losses and the final states; see `RecurrentNetwork.summed_loss`.

        Logits and losses stay on the GPU.
        """
        after, sums = np.empty((len(data), self.state_size), self.dtype), []
        with memory_named():
            goal = goal_on_card(targets, self.dtype, lambda name, array: upload(np.ascontiguousarray(array)))
            unscaled = upload(np.ones(1))
            for batch, logits in self._forward(data, state, None, after):
                places = batch.rows.target if self.per_step else batch.targets
                sums.append(float(self._head.losses(logits, places, goal, unscaled).sum()))
        return math.fsum(sums), after

    def _forward(self, data, state, masks, after):
        """Yield mini-batches of sequences with their results, and write the final states to `after`.

        A result is logits; without a head, it is the values that a head would read, or None. Long sequences are yielded
        in pieces; with one output per sequence, that of the last piece counts.
        """
        whole = masks is not None or self.layout.bidirectional or self.pooling != "last"
        for ids, values, starts in read_groups(data, _groups(data.lengths)):
            source = self.source(values)
            for left, done, lengths in _pieces(data.lengths[ids], whole):
                part = ids[left]
                first = data.offsets[part] + done if self.per_step else part
                *kept, keys = (1.0, 1.0, np.zeros_like(part)) if masks is None else masks.of(part).values()
                batch = lay_out(part, np.ones(len(part), bool), lengths, starts[left] + done, first, keys)
                yield batch, self._forward_some(source, batch, after if done else state, kept, after)

    def _forward_some(self, source, batch, before, kept, after):
        weights, given = self._weights, None if before is None else upload(np.asarray(before[batch.ids], self.dtype))
        inputs = Inputs(self.layout, gathered(self.layout, source, batch.rows), weights, batch, kept[0])
        levels = self._layers.forward(weights, batch, inputs, self.starts(weights, batch, given, None), *kept)
        after[batch.ids] = on_host(self.columns([s.last for level in levels for s in level.states]))
        if not self.n_outputs:
            return None
        result, _ = self._head.read(batch, levels[-1], kept[0])
        return self._head.logits(weights, result) if self.layout.n_outputs else result

    def source(self, values):
        """Return values on the GPU and the bytes of a symbol, as arguments of `numrnn.network.cuda.inputs.gather`."""
        if self.layout.n_symbols is None:
            return values, 0
        return values.view(np.uint8), values.dtype.itemsize

    def starts(self, weights, batch, given, carried):
        """Return the initial states: a list with an array (kinds, N, H) for each direction of each layer.

        `given` and `carried` (N, state_size) are the states of sequences that begin and of sequences that continue;
        None means learned or zero states.
        """
        xp, column, starts = arrays(), 0, []
        begins = None if carried is None else (batch.begins > 0)[:, None]
        for index, H in enumerate(self.layout.hidden_layer_sizes):
            for prefix in self.layout.prefixes(index):
                start = xp.zeros((self._layers.kinds, batch.count, H), self.dtype)
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
        """Return a list of arrays (kinds, N, H) as rows (N, state_size)."""
        parts = [part for state in states for part in state]
        columns = arrays().empty((len(parts[0]), self.state_size), self.dtype)
        column = 0
        for part in parts:  # CuPy's concatenate copies from the host, which a graph would repeat
            columns[:, column : column + part.shape[1]] = part
            column += part.shape[1]
        return columns

    def lasts(self, batch, columns=None):
        """Return rows (N, state_size) as a list of arrays (kinds, N, H), or zeros if there are no rows."""
        xp, lasts, column = arrays(), [], 0
        for index, H in enumerate(self.layout.hidden_layer_sizes):
            for _ in self.layout.prefixes(index):
                last = xp.zeros((self._layers.kinds, batch.count, H), self.dtype)
                for kind in range(self._layers.kinds):
                    if columns is not None:
                        last[kind] = columns[:, column : column + H]
                    column += H
                lasts.append(last)
        return lasts


def _groups(lengths):
    """Return groups of ids of sequences that are predicted together, the longest sequences first."""
    order = longest_first(lengths)
    rows = np.cumsum(lengths[order])
    return np.split(order, np.flatnonzero(np.diff(rows // ROWS_AT_ONCE)) + 1)


def _pieces(lengths, whole):
    """Yield the pieces of a group of sequences whose steps are predicted together: sequences, first step, lengths."""
    longest = int(lengths.max())
    steps = longest if whole or lengths.sum() <= 2 * ROWS_AT_ONCE else max(1, ROWS_AT_ONCE // len(lengths))
    for done in range(0, longest, steps):
        left = np.flatnonzero(lengths > done)
        yield left, done, np.minimum(lengths[left] - done, steps)


class OneThread:
    """Stand in for a `Workload`: work on a GPU needs one thread of the host."""

    def useful_threads(self, data):
        """Return how many threads are worthwhile for predictions."""
        return 1


class CudaPredictor:
    """Predict sequences on a GPU.

    The constructor copies the weights to the GPU; the network must not predict with other weights afterwards.
    """

    def __init__(self, network, theta):
        network.pack(theta)
        self.network, self.dtype, self.state_shape = network, network.dtype, (1, network.state_size)

    def useful_threads(self, data):
        """Return how many of the host's threads are worthwhile for predictions."""
        return self.network.work.useful_threads(data)

    def predict(self, data, state=None, raw=False, threads=1):
        """Return the outputs of all sequences and their final states; see `RecurrentNetwork.predict`."""
        return self.network.predict_packed(data, state, raw)
