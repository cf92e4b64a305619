"""Layers and head over one mini-batch: the loss with its gradient, and predictions. Threads share out the tiles."""

from typing import NamedTuple

import numpy as np

from numrnn.data.batches import full_batch
from numrnn.kernels.cpu import batches, heads, packing, tiles
from numrnn.parameters import GATES
from numrnn.placement import aligned_zeros, make_net, make_scratch
from numrnn.threads import run_parts

WIDE = 512  # gate outputs (G H) from which a tile has 16 rows: W no longer stays in L1 then
CHUNK_FLOPS = 2e9  # compiled code is left this often, so that Ctrl-C is served
PART_FLOPS = 4e5  # less than this is not worth a second thread
NO_INDEX, NO_WEIGHTS = np.zeros(0, np.int64), np.zeros(0)


class Network:
    """A network of one architecture; holds no parameters, only where things lie.

    Parameters
    ----------
    layout : Layout
    activation : {"tanh", "relu"}
        Of an Elman cell.
    head : {"softmax", "sigmoid", "identity"}
        Output function, with cross-entropy, cross-entropy per output, squared error.
    output : {"sequence", "step"}
    dtype : float32 or float64
    n_jobs : int
        Threads; the results have the same bits for any number.
    """

    def __init__(self, layout, *, activation="tanh", head="softmax", output="sequence", dtype=np.float32, n_jobs=1):
        self.layout, self.n_jobs, self.dtype = layout, n_jobs, np.dtype(dtype)
        self.per_step = output == "step"
        self._net, self._gradient_size = make_net(layout, activation, head, self.per_step, self.dtype)
        gates = GATES[layout.cell]
        self.tile_rows = 16 if gates * max(layout.hidden_layer_sizes) >= WIDE else 8
        self.state_size = sum(layout.hidden_layer_sizes) * (2 if layout.cell == "lstm" else 1)
        widths = (layout.n_inputs, *layout.hidden_layer_sizes)
        self._flops_per_step = sum(2 * gates * H * (H + D) for D, H in zip(widths, widths[1:], strict=False))
        self._scratches = []

    def __getstate__(self):
        return {**self.__dict__, "_scratches": []}

    def gradient(self, theta, data, targets, batch, grad):
        """Loss of a mini-batch, without the L2 term, and its gradient.

        Parameters
        ----------
        theta : ndarray of shape (size,)
        data : Sequences
        targets : Targets
        batch : Batch
        grad : ndarray of shape (size,)
            Overwritten with dloss/dtheta.

        Returns
        -------
        loss : float
            sum(w l) / sum(w); nan where sum(w) is 0 (then grad is 0).
        weight_sum : float
        """
        values, starts, lengths = self._gather(data, batch.ids)
        goal = self._goal(data, targets, batch.ids)
        weight_sum = self._weight_sum(goal, lengths)
        if weight_sum == 0:
            grad[:] = 0
            return np.nan, 0.0
        packing.pack_weights(self._net, theta)
        kernel_data, order = tiles.Data(values, starts, lengths), np.arange(len(lengths))
        count = -(-len(order) // self.tile_rows)
        losses = np.zeros(count)
        state = np.zeros((0, 0), self.dtype)

        def push(part):
            scratch, (gradients, nodes) = self._training_scratch(part.index, int(lengths.max()), count)
            depth = 0
            for first, last in part.chunks:
                depth = batches.push_tiles(
                    self._net,
                    kernel_data,
                    order,
                    first,
                    last,
                    goal,
                    1 / weight_sum,
                    self.tile_rows,
                    scratch,
                    state,
                    gradients,
                    nodes,
                    depth,
                    losses,
                )
            return gradients, nodes, depth

        parts = self._parts(lengths, 3)
        (gradients, nodes, depth), *others = run_parts(push, parts)
        for other in others:
            depth = batches.merge_nodes(gradients, nodes, depth, *other)
        batches.finish_gradient(self._net, gradients, depth, grad)
        return _tree_sum(losses) / weight_sum, weight_sum

    def predict(self, theta, data, state=None, raw=False):
        """Outputs of all sequences.

        Parameters
        ----------
        theta : ndarray of shape (size,)
        data : Sequences
        state : ndarray of shape (N, state_size), optional
            States before the first steps, layer after layer, an LSTM's cell after its s; None: zeros.
        raw : bool
            Logits instead of probabilities or values.

        Returns
        -------
        outputs : ndarray of shape (N, K), or (sum T, K) with an output per step
        state : ndarray of shape (N, state_size)
            States after the last steps.
        """
        ids = full_batch(data.lengths, self.tile_rows).ids
        values, starts, lengths = self._gather(data, ids)
        first_row = data.offsets[ids] if self.per_step else ids
        packing.pack_weights(self._net, theta)
        order = np.arange(len(ids))
        out = np.empty((len(data.values) if self.per_step else len(ids), self.layout.n_outputs), self.dtype)
        state_in = np.zeros((0, 0), self.dtype) if state is None else np.ascontiguousarray(state[ids], self.dtype)
        state_out = np.empty((len(ids), self.state_size), self.dtype)
        kernel_data = tiles.Data(values, starts, lengths)

        def work(part):
            scratch = make_scratch(self._net, self.tile_rows, int(lengths.max()), one_block=True)
            for first, last in part.chunks:
                batches.predict_tiles(
                    self._net,
                    kernel_data,
                    order,
                    first,
                    last,
                    first_row,
                    raw,
                    self.tile_rows,
                    scratch,
                    state_in,
                    state_out,
                    out,
                )

        run_parts(work, self._parts(lengths, 1))
        after = np.empty_like(state_out)
        after[ids] = state_out
        return out, after

    def loss(self, theta, data, targets):
        """Loss of all sequences without the L2 term, by the forward pass alone: (sum(w l) / sum(w), sum(w))."""
        logits, _ = self.predict(theta, data, raw=True)
        return self.loss_of(logits, targets)

    def loss_of(self, logits, targets):
        """Loss of raw predictions: (sum(w l) / sum(w), sum(w)); nan where sum(w) is 0."""
        goal = self._goal(None, targets, NO_INDEX)
        weight_sum = float(len(logits) if targets.weights is None else targets.weights.sum())
        total = heads.summed_loss(self._net.head[0], logits.copy(), goal.classes, goal.values, goal.weights)
        return (total / weight_sum if weight_sum else np.nan), weight_sum

    def outputs_of(self, logits):
        """Probabilities (softmax, sigmoid) or values of raw predictions."""
        outputs = logits.copy()
        heads.apply_outputs(self._net.head[0], outputs)
        return outputs

    def _gather(self, data, ids):
        values, starts = data.gather(ids)
        return _read_only(values), starts, data.lengths[ids]

    def _goal(self, data, targets, ids):
        classes, values = targets.values, np.zeros((0, 0), self.dtype)
        if targets.values.ndim == 2:
            classes, values = NO_INDEX, targets.values
        weights = NO_WEIGHTS if targets.weights is None else targets.weights
        return tiles.Goal(
            _read_only(classes),
            _read_only(values),
            _read_only(weights),
            data.offsets[ids] if self.per_step and data is not None else ids,
        )

    def _weight_sum(self, goal, lengths):
        if not goal.weights.size:
            return float(lengths.sum() if self.per_step else len(lengths))
        return batches.weight_sum(goal, lengths, self.per_step)

    def _parts(self, lengths, passes):
        """Contiguous ranges of tiles, about equal in steps, one for each thread, each cut into chunks."""
        steps = np.add.reduceat(lengths, np.arange(0, len(lengths), self.tile_rows))
        done = np.concatenate([[0], np.cumsum(steps)])
        flops = done[-1] * self._flops_per_step * passes
        count = int(max(1, min(self.n_jobs, len(steps), flops // PART_FLOPS)))
        bounds = np.searchsorted(done, done[-1] * np.arange(count + 1) / count - steps.mean() / 2)
        bounds[0], bounds[-1] = 0, len(steps)
        parts = [(first, last) for first, last in zip(bounds, bounds[1:], strict=False) if first < last]
        return [
            Part(index, _chunks(first, last, done, CHUNK_FLOPS / (self._flops_per_step * passes)))
            for index, (first, last) in enumerate(parts)
        ]

    def _training_scratch(self, part, longest, tile_count):
        """Memory of a part, kept from batch to batch: (Scratch, (gradients, nodes))."""
        while len(self._scratches) <= part:
            self._scratches.append((0, 0, None, None))
        known_longest, known_tiles, scratch, stack = self._scratches[part]
        if longest > known_longest:
            scratch, known_longest = make_scratch(self._net, self.tile_rows, longest, one_block=False), longest
        if tile_count > known_tiles:
            levels = 2 * tile_count.bit_length() + 2
            gradients = aligned_zeros(levels * self._gradient_size, self.dtype).reshape(levels, -1)
            stack, known_tiles = (gradients, np.zeros((levels, 2), np.int64)), tile_count
        self._scratches[part] = known_longest, known_tiles, scratch, stack
        return scratch, stack


def _read_only(array):
    """A read-only view: user's data come as such (memory maps) or not, and each kind would be compiled for itself."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


class Part(NamedTuple):
    """What one thread does: chunks (first tile, last tile)."""

    index: int
    chunks: list


def _chunks(first, last, done, steps):
    """Cut a range of tiles where more than so many steps have been done."""
    chunks = []
    while first < last:
        end = min(last, max(first + 1, int(np.searchsorted(done, done[first] + steps, side="right")) - 1))
        chunks.append((int(first), end))
        first = end
    return chunks


def _tree_sum(values):
    """Sum in the shape of the gradients' tree: nodes of two, and what is left from the last to the first."""
    nodes = []
    for index, value in enumerate(values):
        level = 0
        while nodes and nodes[-1][0] == level and index & 1:
            value, level, index = nodes.pop()[1] + value, level + 1, index >> 1
        nodes.append((level, value))
    total = nodes.pop()[1]
    while nodes:
        total = nodes.pop()[1] + total
    return float(total)
