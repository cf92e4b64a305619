"""Compute the output layer over a mini-batch: its inputs, logits, losses and gradients."""

import numpy as np

from numrnn.kernels.cpu.records import LAST
from numrnn.kernels.cuda.heads import outputs, row_losses
from numrnn.kernels.cuda.pooling import pool, spread
from numrnn.network.cuda.cublas import multiply, product
from numrnn.network.cuda.device import arrays, launch_each
from numrnn.network.cuda.layers import drop, drop_last


class Head:
    """Compute the head of a network; `pooling` is a constant of `numrnn.kernels.cpu.records`."""

    def __init__(self, layout, numbers, pooling, per_step):
        self._numbers, self._pooling, self.per_step = numbers, pooling, per_step
        self._directions, self._layers = len(layout.prefixes(0)), len(layout.hidden_layer_sizes)
        # This layer number enters the computation of the head's dropout masks. It is the same as on a CPU: with one
        # output per sequence, each direction counts as a layer.
        self._number = self._layers - 1 if per_step else self._layers * self._directions - 1

    def read(self, batch, level, kept=1.0):
        """Return the head's inputs and, with pooling, the steps of the maxima, else None.

        The inputs have the shape (R, directions * H) with an output per step, else (N, directions * H).
        """
        reached = None
        if self.per_step:
            read = level.s if kept == 1.0 else level.s.copy()
            drop(batch.rows, self._number, kept, read)
            return read, reached
        read = arrays().empty((batch.count, level.s.shape[1]), level.s.dtype)
        if self._pooling == LAST:
            for d, states in enumerate(level.states):
                H = states.last.shape[2]
                read[:, d * H : (d + 1) * H] = states.last[0]
        else:
            reached = arrays().empty(read.shape, np.int64)
            launch_each(pool, read.size, self._pooling, batch.offsets, batch.lengths, level.s, read, reached)
        drop_last(batch, self._number, kept, read)
        return read, reached

    def logits(self, weights, read):
        """Return the logits (n, K) of inputs (n, directions * H)."""
        logits = product(read, weights["V"].T)
        logits += weights["c"]
        return logits

    def outputs(self, logits):
        """Turn logits into outputs in place."""
        launch_each(outputs, len(logits), self._numbers.output, logits)

    def losses(self, logits, targets, goal, weight_sum):
        """Return weight times loss of each output, float64 (n,), and overwrite logits with their gradients.

        Gradients are multiplied by the row's weight and divided by `weight_sum`, float64 (1,) on the GPU. `targets`
        (n,) are indices into the goal's targets; -1 means no target.
        """
        losses = arrays().empty(len(logits))
        launch_each(
            row_losses, len(logits), *self._numbers[1:], weight_sum, logits, targets, goal.classes, goal.class_bytes,
            goal.values, goal.weights, losses,
        )  # fmt: skip
        return losses

    def backward(self, weights, batch, level, read, reached, dlogits, kept, gradient, lasts):
        """Compute the gradients of V, c and the head's inputs.

        With an output per step or with pooling, return the gradient of the last layer's states in all steps. Otherwise,
        write the gradients of that layer's states after the last step to `lasts`, one array per direction, and return
        None.
        """
        xp = arrays()
        multiply(dlogits.T, read, gradient["V"])
        multiply(xp.ones(len(dlogits), dlogits.dtype), dlogits, gradient["c"])
        dread = product(dlogits, weights["V"])
        if self.per_step:
            drop(batch.rows, self._number, kept, dread)
            return dread
        drop_last(batch, self._number, kept, dread)
        if self._pooling == LAST:
            for d, last in enumerate(lasts):
                H = last.shape[2]
                last[0] = dread[:, d * H : (d + 1) * H]
            return None
        ds = xp.empty_like(level.s)
        launch_each(spread, dread.size, self._pooling, batch.offsets, batch.lengths, dread, reached, ds)
        return ds
