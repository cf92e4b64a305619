"""Matrix products and sums that all cells share, over the dense rows of one block of steps."""
from numrnn.kernels.cpu.net import width_of
from numrnn.kernels.cpu.simd import gemm, gemm_tn
from numrnn.kernels.jit import njit


@njit
def fill_rows(row, row_at, count, out, at, stride, rows):
    """Every row of out (rows, stride) begins with row[row_at : row_at + count]."""
    source = row[row_at:row_at + count]
    for i in range(rows):
        target = out[at + i * stride:at + i * stride + count]
        for j in range(count):
            target[j] = source[j]


@njit
def set_zero(out, at, count):
    """Zero count elements of out."""
    target = out[at:at + count]
    for j in range(count):
        target[j] = 0


@njit
def add_column_sums(rows, a, at, stride, count, out, out_at):
    """out (count,) += the sum of the rows of a, first row first."""
    total = out[out_at:out_at + count]
    for i in range(rows):
        row = a[at + i * stride:at + i * stride + count]
        for j in range(count):
            total[j] += row[j]


@njit
def add_input_products(layer, packed, rows, x, x_at, x_row, out, at):
    """out (rows, gate_row) = b + x U^T, for all the steps of a block at once."""
    fill_rows(packed, layer.b, layer.gate_row, out, at, layer.gate_row, rows)
    gemm(rows, layer.D, x, x_at, x_row, packed, layer.U, layer.gates * layer.HP // width_of(out), out, at, layer.gate_row)


@njit
def add_recurrent_products(layer, packed, rows, work, s_at, at):
    """out (rows, ...) += s W^T, for the active rows of one step."""
    panels = layer.gates * layer.HP // width_of(work)
    gemm(rows, layer.H, work, s_at, layer.HP, packed, layer.W, panels, work, at + layer.W_column, layer.gate_row)


@njit
def add_recurrent_gradient(layer, packed, rows, work, da_at, ds_at):
    """ds (rows, HP) += da W, gate by gate."""
    panels = layer.HP // width_of(work)
    for g in range(layer.gates):
        a_at, w_at = da_at + layer.W_column + g * layer.HP, layer.W_back + g * layer.HP * layer.H
        gemm(rows, layer.H, work, a_at, layer.gate_row, packed, w_at, panels, work, ds_at, layer.HP)


@njit
def input_gradient(layer, packed, rows, work, da_at, dx_at):
    """dx (rows, padded D) = da U, gate by gate."""
    width = width_of(work)
    panels = (layer.D + width - 1) // width
    set_zero(work, dx_at, rows * panels * width)
    for g in range(layer.gates):
        u_at = layer.U_back + g * panels * width * layer.H
        gemm(rows, layer.H, work, da_at + g * layer.HP, layer.gate_row, packed, u_at, panels, work, dx_at, panels * width)


@njit
def add_weight_gradients(layer, rows, work, x_at, x_row, s_at, da_at, gradient):
    """dU^T += x^T da, dW^T += s^T da, db += sums of da, over the rows of a block."""
    row = layer.gates * layer.HP
    panels = row // width_of(work)
    gemm_tn(rows, layer.D, work, x_at, x_row, panels, work, da_at, layer.gate_row, gradient, layer.dU, row)
    gemm_tn(rows, layer.H, work, s_at, layer.HP, panels, work, da_at + layer.W_column, layer.gate_row, gradient, layer.dW, row)
    add_column_sums(rows, work, da_at, layer.gate_row, layer.gate_row, gradient, layer.db)
