"""Losses and outputs of rows of logits; a thread takes a row. The formulas are those of kernels/cpu/heads.py."""

from numba import cuda

from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.heads import loss_row, output_row
from numrnn.kernels.cuda.jit import kernel


@kernel
def row_losses(kind, scale, logits_inout, target, classes, class_bytes, values, weights, losses_out):
    """Weight times loss of each row, float64; logits (n, K) become their gradients, times weight and scale. A row whose
    target is -1, or whose weight is 0, has neither.
    """
    row = cuda.grid(1)
    if row >= logits_inout.shape[0]:
        return
    logits, index = logits_inout[row], target[row]
    weight = 0.0 if index < 0 else weights[index] if weights.size else 1.0
    loss = 0.0
    if weight != 0.0:
        loss = weight * loss_row(kind, logits, index, classes, class_bytes, values)
    factor = like(weight * scale, logits[0])
    for k in range(logits.size):
        logits[k] = logits[k] * factor if weight != 0.0 else like(0.0, factor)
    losses_out[row] = loss


@kernel
def outputs(kind, logits_inout):
    """Logits (n, K) become outputs."""
    row = cuda.grid(1)
    if row < logits_inout.shape[0]:
        output_row(kind, logits_inout[row])
