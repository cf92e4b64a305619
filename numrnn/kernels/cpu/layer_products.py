"""Matrix products and sums that all cells share, over the dense rows of one block of steps.

Gates lie in planes, one after the other, each (steps * rows, HP): every product has rows of HP, every cell loops over
whole planes of a step.
"""

from numrnn.kernels.cpu.matmul import gemm, gemm_tn, product
from numrnn.kernels.cpu.micro_kernel import WIDE
from numrnn.kernels.cpu.records import ONE, ZEROS, width_of
from numrnn.kernels.jit import njit


@njit
def copy(source, source_at, count, out, at):
    """Copy count elements. A loop: Numba's slice assignment takes seconds to compile."""
    origin, target = source[source_at : source_at + count], out[at : at + count]
    for j in range(count):
        target[j] = origin[j]


@njit
def set_zero(out, at, count):
    """Zero count elements of out."""
    target = out[at : at + count]
    for j in range(count):
        target[j] = 0


@njit
def add(out, at, other, other_at, count):
    """Add count elements of other to those of out."""
    target, source = out[at : at + count], other[other_at : other_at + count]
    for j in range(count):
        target[j] += source[j]


@njit
def add_column_sums(rows, net, a, at, panels, out, out_at, scratch):
    """out (panels * width,) += the sum of the rows of a, first row first: a product with ones."""
    row = panels * width_of(out)
    gemm_tn(rows, 1, net.packed, ONE, 0, panels, a, at, row, out, out_at, row, scratch.work, scratch.spare)


@njit
def add_input_products(net, layer, rows, x, x_at, x_row, out, at, unit, units):
    """out (planes, rows, HP) = b + x U^T, for all the steps of a block at once; U acts on the first planes. Of whole
    panels of units, the first of which is `unit`.
    """
    panels = units // width_of(out)
    for p in range(layer.planes):
        first = p * layer.HP + unit
        U, b, plane = layer.U + first * layer.D, layer.b + first, at + p * rows * layer.HP + unit
        inputs = layer.D if p < layer.gates else 0
        product(
            rows, 1, inputs, x, x_at, x_row, 0, net.packed, U, panels, net.packed, b, 0, out, plane, layer.HP
        )  # fmt: skip


@njit
def add_recurrent_products(net, layer, rows, work, s_at, at, plane, unit, units, backwards):
    """out[p] (rows, HP) += s W^T for the active rows of one step; W acts on the last planes, which lie `plane`
    elements apart. Of whole panels of units, the first of which is `unit`. Steps go through W forwards and backwards
    in turn: what one has read last is still in the cache.
    """
    width, first = width_of(work), layer.planes - layer.gates
    pieces = (units + WIDE * width - 1) // (WIDE * width)
    for i in range(layer.gates):
        g = layer.gates - 1 - i if backwards else i
        for j in range(pieces):
            piece = (pieces - 1 - j if backwards else j) * WIDE * width
            panels, begin = min(WIDE, (units - piece) // width), unit + piece
            w_at, out_at = layer.W + (g * layer.HP + begin) * layer.H, at + (first + g) * plane + begin
            gemm(rows, layer.H, work, s_at, layer.HP, net.packed, w_at, panels, work, out_at, layer.HP)


@njit
def masked(work, at, mask_at, out_at, count):
    """Where count elements of work times those of a mask lie; mask_at < 0: no mask."""
    if mask_at < 0:
        return at
    values, mask, out = work[at : at + count], work[mask_at : mask_at + count], work[out_at : out_at + count]
    for j in range(count):
        out[j] = values[j] * mask[j]
    return out_at


@njit
def recurrent_gradient(net, layer, rows, work, da_at, plane, start, start_at, start_row, ds_at, mask_at, spare_at):
    """ds (rows, HP) = start + the sum over the gates of da W, which act on the last planes, times the mask if
    mask_at >= 0.
    """
    da, out_at = da_at + (layer.planes - layer.gates) * plane, ds_at
    if mask_at >= 0:
        out_at = spare_at
        if start_row == 0:
            set_zero(work, ds_at, rows * layer.HP)
        start, start_at, start_row = net.packed, ZEROS, 0
    product(
        rows, layer.gates, layer.H, work, da, layer.HP, plane, net.packed, layer.W_back, layer.HP // width_of(work),
        start, start_at, start_row, work, out_at, layer.HP,
    )  # fmt: skip
    if mask_at >= 0:
        add(work, ds_at, work, masked(work, out_at, mask_at, out_at, rows * layer.HP), rows * layer.HP)


@njit
def padded_inputs(layer, array):
    """D, padded to whole panels: the length of a row of dx."""
    width = width_of(array)
    return (layer.D + width - 1) // width * width


@njit
def input_gradient(net, layer, rows, work, da_at, dx_at):
    """dx (rows, padded D) = the sum over the gates of da U."""
    row = padded_inputs(layer, work)
    panels, plane = row // width_of(work), rows * layer.HP
    product(
        rows, layer.gates, layer.H, work, da_at, layer.HP, plane, net.packed, layer.U_back, panels,
        net.packed, ZEROS, 0, work, dx_at, row,
    )  # fmt: skip


@njit
def add_weight_gradients(net, layer, rows, scratch, x_at, x_row, s_at, da_at, gradient):
    """dU^T += x^T da, dW^T += s^T da, db += sums of da, over the rows of a block."""
    work, spare, HP, first = scratch.work, scratch.spare, layer.HP, layer.planes - layer.gates
    panels = HP // width_of(work)
    for p in range(layer.planes):
        da, g = da_at + p * rows * HP, p - first
        if p < layer.gates:
            dU = layer.dU + p * layer.D * HP
            gemm_tn(rows, layer.D, work, x_at, x_row, panels, work, da, HP, gradient, dU, HP, work, spare)
        if g >= 0:
            dW = layer.dW + g * layer.H * HP
            gemm_tn(rows, layer.H, work, s_at, HP, panels, work, da, HP, gradient, dW, HP, work, spare)
        add_column_sums(rows, net, work, da, panels, gradient, layer.db + p * HP, scratch)
