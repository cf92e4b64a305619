"""The output layer over a mini-batch: what it reads, logits, losses, and the way back."""

import numpy as np

from numrnn.kernels.cpu.records import LAST
from numrnn.kernels.cuda.heads import outputs, row_losses
from numrnn.kernels.cuda.pooling import pool, spread
from numrnn.network.cuda.cublas import multiply, product
from numrnn.network.cuda.device import arrays, launch_each
from numrnn.network.cuda.layers import drop, drop_last


class Head:
    """The head of a network.

    Parameters
    ----------
    layout : Layout
    numbers : HeadNumbers
    pooling : int
        Of `numrnn.kernels.cpu.records`; LAST: the last states.
    per_step : bool
    """

    def __init__(self, layout, numbers, pooling, per_step):
        self._numbers, self._pooling, self.per_step = numbers, pooling, per_step
        self._directions, self._layers = len(layout.prefixes(0)), len(layout.hidden_layer_sizes)
        # Whose masks a head reads: of layers, but where sequences have one output, of directions of layers.
        self._number = self._layers - 1 if per_step else self._layers * self._directions - 1

    def read(self, batch, level, kept=1.0):
        """What the head reads of the last layer, (R or N, directions H); and where a maximum was reached."""
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
        """Logits of what was read, (n, K)."""
        logits = product(read, weights["V"].T)
        logits += weights["c"]
        return logits

    def outputs(self, logits):
        """Turn logits into outputs."""
        launch_each(outputs, len(logits), self._numbers.output, logits)

    def losses(self, logits, targets, goal, weight_sum):
        """Weight times loss of each output, float64 (n,); logits become their gradients, times weight over the sum of
        weights, float64 (1,) on the card. `targets` (n,) are those of the goal, -1: none.
        """
        losses = arrays().empty(len(logits))
        launch_each(
            row_losses, len(logits), *self._numbers[1:], weight_sum, logits, targets, goal.classes, goal.class_bytes,
            goal.values, goal.weights, losses,
        )  # fmt: skip
        return losses

    def backward(self, weights, batch, level, read, reached, dlogits, kept, gradient, lasts):
        """Gradients of V and c, and of what was read: of the last layer's states in all steps (returned, or None), or
        of those after the last steps (written to `lasts`, of its directions).
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
