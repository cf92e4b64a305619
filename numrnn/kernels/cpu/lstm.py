"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000); forward and BPTT over one block of steps.

    i, f, o = sigmoid(U x + W s + b)    g = tanh(U_g x + W_g s + b_g)    cell_t = f cell_{t-1} + i g    s_t = o tanh(cell_t)

A row of gates holds i | f | g | o, saved for the backward pass, which overwrites it with da; tanh(cell) is made again.
"""
from numrnn.kernels.cpu.activations import fma, sigmoid, sigmoid_slope, tanh, tanh_slope
from numrnn.kernels.cpu.products import add_input_products, add_recurrent_gradient, add_recurrent_products, set_zero
from numrnn.kernels.jit import njit


@njit
def gate(i, f, g, o, cell_before):
    """(i, f, g, o, cell_t, s_t) from the pre-activations of a unit."""
    i = sigmoid(i)
    f = sigmoid(f)
    g = tanh(g)
    o = sigmoid(o)
    cell = fma(f, cell_before, i * g)
    return i, f, g, o, cell, o * tanh(cell)


@njit
def gate_gradient(i, f, g, o, cell_before, cell, ds, dcell):
    """(di, df, dg, do, dcell_{t-1}) from the saved values of a unit, dL/ds_t and dL/dcell_t from later steps."""
    squashed = tanh(cell)
    do = ds * squashed * sigmoid_slope(o)
    dcell = fma(ds * o, tanh_slope(squashed), dcell)
    return dcell * g * sigmoid_slope(i), dcell * cell_before * sigmoid_slope(f), dcell * i * tanh_slope(g), do, dcell * f


@njit
def _forward_row(gates, cell_before, cell, now):
    H = now.size
    i, f, g, o = gates[:H], gates[H:2 * H], gates[2 * H:3 * H], gates[3 * H:4 * H]
    for j in range(H):
        i[j], f[j], g[j], o[j], cell[j], now[j] = gate(i[j], f[j], g[j], o[j], cell_before[j])


@njit
def forward_block(layer, packed, steps, rows, active, work, x_at, x_row, s_at, cell_at, gates_at):
    """States and cells (steps + 1, rows, HP), gates (steps, rows, 4 HP) of a block; s_0 and cell_0 lie in the first rows."""
    HP, G4 = layer.HP, layer.gate_row
    step = rows * HP
    add_input_products(layer, packed, steps * rows, work, x_at, x_row, work, gates_at)
    for t in range(steps):
        before, gates = t * step, gates_at + t * rows * G4
        add_recurrent_products(layer, packed, active[t], work, s_at + before, gates)
        for i in range(active[t]):
            a, b = gates + i * G4, before + i * HP
            c = b + step
            _forward_row(work[a:a + G4], work[cell_at + b:cell_at + b + HP], work[cell_at + c:cell_at + c + HP], work[s_at + c:s_at + c + HP])
        set_zero(work, s_at + before + step + active[t] * HP, step - active[t] * HP)


@njit
def _backward_row(gates, cell_before, cell, ds, dcell):
    H = ds.size
    i, f, g, o = gates[:H], gates[H:2 * H], gates[2 * H:3 * H], gates[3 * H:4 * H]
    for j in range(H):
        i[j], f[j], g[j], o[j], dcell[j] = gate_gradient(i[j], f[j], g[j], o[j], cell_before[j], cell[j], ds[j], dcell[j])
        ds[j] = 0


@njit
def backward_block(layer, packed, steps, rows, active, work, cell_at, gates_at, dy_at, ds_at, dcell_at):
    """Gates become da; ds and dcell (rows, HP) come in as dL/ds_T, dL/dcell_T and go out as dL/ds_0, dL/dcell_0; dy as in the other cells."""
    HP, G4 = layer.HP, layer.gate_row
    step = rows * HP
    for t in range(steps - 1, -1, -1):
        before, gates, count = cell_at + t * step, gates_at + t * rows * G4, active[t] * HP
        if dy_at >= 0:
            ds, dy = work[ds_at:ds_at + count], work[dy_at + t * step:dy_at + t * step + count]
            for j in range(count):
                ds[j] += dy[j]
        for i in range(active[t]):
            a, b, c = gates + i * G4, before + i * HP, before + step + i * HP
            d, e = ds_at + i * HP, dcell_at + i * HP
            _backward_row(work[a:a + G4], work[b:b + HP], work[c:c + HP], work[d:d + HP], work[e:e + HP])
        set_zero(work, gates + active[t] * G4, (rows - active[t]) * G4)
        add_recurrent_gradient(layer, packed, active[t], work, gates, ds_at)
