"""Compute losses and outputs of rows of logits, one thread per row, with the formulas of kernels/cpu."""

from numba import cuda

from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.heads import output_row
from numrnn.kernels.cpu.losses import loss_row
from numrnn.kernels.cuda.jit import kernel


@kernel
def row_losses(
    loss_kind, parameter, weight_sum, logits_inout, target, classes, class_bytes, values, weights, losses_out
):
    """Compute weight times loss of each row in float64, and overwrite the logits (n, K) with their gradients.

    Gradients are multiplied by the row's weight and divided by weight_sum (1,). If a row's target is -1 or its weight
    is 0, its loss and gradient are 0.
    """
    row = cuda.grid(1)
    if row >= logits_inout.shape[0]:
        return
    logits, index = logits_inout[row], target[row]
    weight = 0.0 if index < 0 else weights[index] if weights.size else 1.0
    loss = 0.0
    if weight != 0.0:
        loss = weight * loss_row(loss_kind, like(parameter, logits[0]), logits, index, classes, class_bytes, values)
    factor = like(weight * (1.0 / weight_sum[0]), logits[0])
    for k in range(logits.size):
        logits[k] = logits[k] * factor if weight != 0.0 else like(0.0, factor)
    losses_out[row] = loss


@kernel
def take_targets(target, classes, class_bytes, values, weights, target_out, classes_out, values_out, weights_out):
    """Copy target number target[row] and its weight to index row; write row, or -1 without a target, to target_out."""
    row = cuda.grid(1)
    if row >= target.size:
        return
    index = target[row]
    target_out[row] = row if index >= 0 else -1
    if index < 0:
        return
    if classes_out.size:
        for byte in range(class_bytes):
            classes_out[row * class_bytes + byte] = classes[index * class_bytes + byte]
    for k in range(values_out.shape[1]):
        values_out[row, k] = values[index, k]
    if weights_out.size:
        weights_out[row] = weights[index]


@kernel
def outputs(output, logits_inout):
    """Apply the output function to logits (n, K) in place."""
    row = cuda.grid(1)
    if row < logits_inout.shape[0]:
        output_row(output, logits_inout[row])
