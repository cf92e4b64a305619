"""Dropout over rows; a mask is made again where it is needed, from the same counters as on a CPU."""

import numpy as np

from numrnn.gpu.device import arrays, launch_each
from numrnn.kernels.cpu.dropout import EVERY_STEP
from numrnn.kernels.cuda.rows import drop_rows


def drop(rows, layer, kept, values):
    """Dropout over what a layer passes up, (R, width), or over its gradient, in place."""
    if kept != 1.0:
        launch_each(drop_rows, len(values), rows.key, rows.step, layer, kept, values.shape[1], values.reshape(-1))


def drop_last(batch, layer, kept, values):
    """Likewise over what the head reads of whole sequences, (N, width)."""
    if kept != 1.0:
        steps, width = batch.lengths - 1, values.shape[1]
        launch_each(drop_rows, len(values), batch.keys, steps, layer, kept, width, values.reshape(-1))


def masks(batch, layer, kept, H, dtype):
    """Masks (N, H) of the states of a layer on their way to the next step, the same in all steps."""
    ones = arrays().ones((batch.count, H), dtype)
    if kept != 1.0:
        every = arrays().full(1, EVERY_STEP, np.int64)
        launch_each(drop_rows, len(ones), batch.keys, every, layer, kept, H, ones.reshape(-1))
    return ones
