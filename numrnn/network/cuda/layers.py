"""Run all layers over a mini-batch, forward and backward.

Matrix products are computed over all rows at once, and each recurrence is one launch.
"""

from importlib import import_module
from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.dropout import EVERY_STEP
from numrnn.kernels.cuda.records import Out, States, Tape, Weights
from numrnn.kernels.cuda.row_order import THREADS, Walk, rows_of_block
from numrnn.kernels.cuda.rows import drop_rows
from numrnn.network.components import CELLS
from numrnn.network.cuda.cublas import multiply, product
from numrnn.network.cuda.device import arrays, launch, launch_each
from numrnn.network.cuda.kernel_choice import empty_exchange, kernel_of, padded_weights, rows_of_wide_block


class Level(NamedTuple):
    """Hold the arrays of a layer's forward pass that its backward pass needs."""

    x: object  # (R, D): inputs; None for symbols
    s: object  # (R, directions H)
    tapes: list  # a Tape for each direction
    states: list  # a States for each direction


class Layers:
    """Run the layers of a network; `activation` is a constant of `numrnn.kernels.cpu.records`."""

    def __init__(self, layout, activation, dtype):
        self.layout, self._activation, self._dtype = layout, activation, dtype
        self._cell, self.kinds = CELLS[layout.cell], len(CELLS[layout.cell].states)

    def forward(self, weights, batch, inputs, starts, kept, kept_before):
        """Run all layers from the initial states `starts` and return a list of Level.

        `starts` is a list with an array (kinds, N, H) for each direction of each layer; the kinds are s and, for an
        LSTM, the cell. `kept` and `kept_before` are the keep probabilities of states that are passed up and to the next
        step.
        """
        levels, x = [], inputs.x
        for index, H in enumerate(self.layout.hidden_layer_sizes):
            prefixes = self.layout.prefixes(index)
            s = arrays().empty((batch.size, len(prefixes) * H), self._dtype)
            tapes, states = [], []
            for d, prefix in enumerate(prefixes):
                record = index * len(prefixes) + d
                U = weights[f"{prefix}U"]
                tapes.append(self._tape(inputs.products(U) if index == 0 else product(x, U.T), H))
                mask = masks(batch, record, kept_before, H, self._dtype)
                states.append(States(starts[record], arrays().empty_like(starts[record]), mask))
                self._launch(False, weights, prefix, batch, d, states[d], tapes[d], Out(s, self._none(), d * H))
            levels.append(Level(x, s, tapes, states))
            if index + 1 < len(self.layout.hidden_layer_sizes):
                x = s if kept == 1.0 else s.copy()
                drop(batch.rows, index, kept, x)
        return levels

    def _tape(self, gates, H):
        memory = self._none() if not self._cell.saves_planes else arrays().empty((len(gates), H), self._dtype)
        return Tape(gates, memory, arrays().empty((len(gates), H), self._dtype))

    def _none(self):
        return arrays().empty((0, 0), self._dtype)

    def _launch(self, backward, weights, prefix, batch, reverse, states, tape, out):
        b, W = weights[f"{prefix}b"], weights[f"{prefix}W"]
        b_Wn = weights[prefix + self._cell.biases_of_W[0]] if self._cell.biases_of_W else b[:0]
        N, H = states.mask.shape
        kernel = kernel_of(self.layout.cell, backward, H, self._dtype)
        blocks = 1 if kernel is None else kernel.padded // kernel.units
        if kernel is None:
            function, rows, threads, shared_bytes = self._plain_kernel(backward, N, H)
            W = W if backward else arrays().ascontiguousarray(W.T)
        else:
            function, threads, shared_bytes = kernel.function, kernel.threads, 0
            rows = rows_of_wide_block(N, blocks) if kernel.wide else 1
            W = padded_weights(W, self._cell.gates, kernel.padded, backward)
        arguments = self._activation, Walk(batch.offsets, batch.lengths, rows, reverse), Weights(W, b, b_Wn), states
        arguments += tape, out
        grid = -(-N // rows)
        if kernel is not None and kernel.wide:
            grid, width = (blocks, grid), H * (self._cell.gates if backward else 1)
            arguments += (empty_exchange(batch.size, width),)
        launch(function, grid, threads, *arguments, shared_bytes=shared_bytes)

    def _plain_kernel(self, backward, N, H):
        """Return the plain kernel of a cell for N sequences of H units, and a block's sequences, threads and bytes."""
        cell = import_module(f"numrnn.kernels.cuda.cells.{self.layout.cell}")
        values = H * (cell.SHARED_BACKWARD if backward else cell.SHARED_FORWARD)
        rows = rows_of_block(N, values, self._dtype.itemsize)
        kernel = cell.backward if backward else cell.forward
        return kernel, rows, min(THREADS, rows * H), rows * values * self._dtype.itemsize

    def backward(self, weights, batch, inputs, levels, ds, lasts, kept, gradient):
        """Back-propagate through all layers; return the gradients of the initial states as a list of (kinds, N, H).

        The levels are overwritten. `ds` (R, directions H), or None, is the gradient of the last layer's states in all
        steps; `lasts` is a list of the gradients (kinds, N, H) of the states after the last steps. `gradient` must
        contain zeros and receives the gradients of the layers' parameters.
        """
        firsts = [None] * len(lasts)
        for index in range(len(levels) - 1, -1, -1):
            level, dx = levels[index], None
            for d, prefix in enumerate(self.layout.prefixes(index)):
                record = index * len(level.tapes) + d
                tape, H = level.tapes[d], self.layout.hidden_layer_sizes[index]
                out = Out(level.s, self._none() if ds is None else ds, d * H)
                states = level.states[d]._replace(last=lasts[record])
                self._launch(True, weights, prefix, batch, d, states, tape, out)
                firsts[record] = states.first
                if index == 0:
                    inputs.add_gradient_of_U(tape.gates, gradient[f"{prefix}U"])
                else:
                    multiply(tape.gates.T, level.x, gradient[f"{prefix}U"])
                self._weight_gradients(gradient, prefix, tape)
                if index > 0 or self.layout.embedding_size is not None:
                    part = product(tape.gates, weights[f"{prefix}U"])
                    dx = part if dx is None else dx + part
            ds = dx
            if index > 0:
                drop(batch.rows, index - 1, kept, ds)
        if ds is not None:
            inputs.add_gradient_of_embedding(ds, gradient["embedding"])
        return firsts

    def _weight_gradients(self, gradient, prefix, tape):
        """Compute dW and db of a direction, each as one product over all rows."""
        H, dW = tape.before.shape[1], gradient[f"{prefix}W"]
        ones = arrays().ones(len(tape.gates), self._dtype)
        multiply(ones, tape.gates, gradient[f"{prefix}b"])
        if self._cell.biases_of_W:  # a GRU, in which the product with W_n is part of hn, and that with U_n is part of n
            multiply(tape.gates[:, : 2 * H].T, tape.before, dW[: 2 * H])
            multiply(tape.memory.T, tape.before, dW[2 * H :])
            multiply(ones, tape.memory, gradient[prefix + self._cell.biases_of_W[0]])
        else:
            multiply(tape.gates.T, tape.before, dW)


def drop(rows, layer, kept, values):
    """Apply dropout to the states that a layer passes up, (R, width), or to their gradient, in place."""
    if kept != 1.0:
        launch_each(drop_rows, len(values), rows.key, rows.step, layer, kept, values.shape[1], values.reshape(-1))


def drop_last(batch, layer, kept, values):
    """Apply dropout to the head's inputs of whole sequences, (N, width), or to their gradient, in place."""
    if kept != 1.0:
        steps, width = batch.lengths - 1, values.shape[1]
        launch_each(drop_rows, len(values), batch.keys, steps, layer, kept, width, values.reshape(-1))


def masks(batch, layer, kept, H, dtype):
    """Return the recurrent dropout masks (N, H) of a layer, the same in all steps."""
    ones = arrays().ones((batch.count, H), dtype)
    if kept != 1.0:
        every = arrays().full(1, EVERY_STEP, np.int64)
        launch_each(drop_rows, len(ones), batch.keys, every, layer, kept, H, ones.reshape(-1))
    return ones
