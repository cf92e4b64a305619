"""Matrix products and sums that all cells share, over the dense rows of one block of steps.

Gates lie in planes, one after the other, each (steps * rows, HP): every product has rows of HP, every cell loops over
whole planes of a step.
"""

from numrnn.kernels.cpu.net import width_of
from numrnn.kernels.cpu.simd import gemm, gemm_tn
from numrnn.kernels.jit import njit


@njit
def copy(source, source_at, count, out, at):
    """Copy count elements. A loop: Numba's slice assignment takes seconds to compile."""
    origin, target = source[source_at : source_at + count], out[at : at + count]
    for j in range(count):
        target[j] = origin[j]


@njit
def fill_rows(row, row_at, count, out, at, rows):
    """Every row of out (rows, count) becomes row[row_at : row_at + count]."""
    for i in range(rows):
        copy(row, row_at, count, out, at + i * count)


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
def add_column_sums(rows, a, at, count, out, out_at):
    """out (count,) += the sum of the rows of a (rows, count), first row first."""
    for i in range(rows):
        add(out, out_at, a, at + i * count, count)


@njit
def add_input_products(layer, packed, rows, x, x_at, x_row, out, at):
    """out (planes, rows, HP) = b + x U^T, for all the steps of a block at once; U acts on the first planes."""
    plane = rows * layer.HP
    for p in range(layer.planes):
        fill_rows(packed, layer.b + p * layer.HP, layer.HP, out, at + p * plane, rows)
    panels = layer.HP // width_of(out)
    for g in range(layer.gates):
        gemm(
            rows,
            layer.D,
            x,
            x_at,
            x_row,
            packed,
            layer.U + g * layer.HP * layer.D,
            panels,
            out,
            at + g * plane,
            layer.HP,
        )


@njit
def add_recurrent_products(layer, packed, rows, work, s_at, at, plane):
    """out[p] (rows, HP) += s W^T for the active rows of one step; W acts on the last planes, which lie `plane`
    elements apart.
    """
    panels = layer.HP // width_of(work)
    first = layer.planes - layer.gates
    for g in range(layer.gates):
        w_at = layer.W + g * layer.HP * layer.H
        gemm(rows, layer.H, work, s_at, layer.HP, packed, w_at, panels, work, at + (first + g) * plane, layer.HP)


@njit
def add_recurrent_gradient(layer, packed, rows, work, da_at, plane, ds_at):
    """ds (rows, HP) += da W, gate by gate."""
    panels = layer.HP // width_of(work)
    first = layer.planes - layer.gates
    for g in range(layer.gates):
        w_at = layer.W_back + g * layer.HP * layer.H
        gemm(rows, layer.H, work, da_at + (first + g) * plane, layer.HP, packed, w_at, panels, work, ds_at, layer.HP)


@njit
def input_gradient(layer, packed, rows, work, da_at, dx_at):
    """dx (rows, padded D) = da U, gate by gate."""
    width = width_of(work)
    panels = (layer.D + width - 1) // width
    set_zero(work, dx_at, rows * panels * width)
    for g in range(layer.gates):
        u_at = layer.U_back + g * panels * width * layer.H
        gemm(
            rows,
            layer.H,
            work,
            da_at + g * rows * layer.HP,
            layer.HP,
            packed,
            u_at,
            panels,
            work,
            dx_at,
            panels * width,
        )


@njit
def add_weight_gradients(layer, rows, work, x_at, x_row, s_at, da_at, gradient):
    """dU^T += x^T da, dW^T += s^T da, db += sums of da, over the rows of a block."""
    HP, first = layer.HP, layer.planes - layer.gates
    panels = HP // width_of(work)
    for g in range(layer.gates):
        da = da_at + g * rows * HP
        gemm_tn(rows, layer.D, work, x_at, x_row, panels, work, da, HP, gradient, layer.dU + g * layer.D * HP, HP)
        da += first * rows * HP
        gemm_tn(rows, layer.H, work, s_at, HP, panels, work, da, HP, gradient, layer.dW + g * layer.H * HP, HP)
    for p in range(layer.planes):
        add_column_sums(rows, work, da_at + p * rows * HP, HP, gradient, layer.db + p * HP)
