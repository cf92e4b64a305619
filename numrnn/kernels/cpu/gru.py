"""Gated recurrent unit (Cho et al. 2014; reset after the matrix product, as in PyTorch and cuDNN); forward and BPTT over one block of steps.

    r = sigmoid(U_r x + W_r s + b_r)    z = sigmoid(U_z x + W_z s + b_z)
    hn = W_n s + b_Wn                   n = tanh(U_n x + b_n + r hn)        s_t = (1 - z) n + z s_{t-1}

A row of gates holds n | r | z | hn: U makes the first three, W the last three. Backward overwrites it with dn | dr | dz | dhn.
"""
from numrnn.kernels.cpu.activations import fma, like, sigmoid, sigmoid_slope, tanh, tanh_slope
from numrnn.kernels.cpu.products import add_input_products, add_recurrent_gradient, add_recurrent_products, set_zero
from numrnn.kernels.jit import njit


@njit
def gate(n, r, z, hn, s_before):
    """(n, r, z, s_t) from the pre-activations of a unit."""
    r = sigmoid(r)
    z = sigmoid(z)
    n = tanh(fma(r, hn, n))
    return n, r, z, fma(z, s_before - n, n)


@njit
def gate_gradient(n, r, z, hn, s_before, ds):
    """(dn, dr, dz, dhn, ds_{t-1} past the gates) from the saved values of a unit and dL/ds_t."""
    dn = ds * (like(1.0, z) - z) * tanh_slope(n)
    dr = dn * hn * sigmoid_slope(r)
    dz = ds * (s_before - n) * sigmoid_slope(z)
    return dn, dr, dz, dn * r, ds * z


@njit
def _forward_row(gates, before, now):
    H = now.size
    n, r, z, hn = gates[:H], gates[H:2 * H], gates[2 * H:3 * H], gates[3 * H:4 * H]
    for j in range(H):
        n[j], r[j], z[j], now[j] = gate(n[j], r[j], z[j], hn[j], before[j])


@njit
def forward_block(layer, packed, steps, rows, active, work, x_at, x_row, s_at, gates_at):
    """States (steps + 1, rows, HP) and gates (steps, rows, 4 HP) of a block from s_0, which lies in the first rows."""
    HP, G4 = layer.HP, layer.gate_row
    add_input_products(layer, packed, steps * rows, work, x_at, x_row, work, gates_at)
    for t in range(steps):
        before, now, gates = s_at + t * rows * HP, s_at + (t + 1) * rows * HP, gates_at + t * rows * G4
        add_recurrent_products(layer, packed, active[t], work, before, gates)
        for i in range(active[t]):
            a, b, c = gates + i * G4, before + i * HP, now + i * HP
            _forward_row(work[a:a + G4], work[b:b + HP], work[c:c + HP])
        set_zero(work, now + active[t] * HP, (rows - active[t]) * HP)


@njit
def _backward_row(gates, before, ds):
    H = ds.size
    n, r, z, hn = gates[:H], gates[H:2 * H], gates[2 * H:3 * H], gates[3 * H:4 * H]
    for j in range(H):
        n[j], r[j], z[j], hn[j], ds[j] = gate_gradient(n[j], r[j], z[j], hn[j], before[j], ds[j])


@njit
def backward_block(layer, packed, steps, rows, active, work, s_at, gates_at, dy_at, ds_at):
    """Gates become da; ds (rows, HP) comes in as dL/ds_T and goes out as dL/ds_0; dy (steps, rows, HP) is dL/ds_t from above, if >= 0."""
    HP, G4 = layer.HP, layer.gate_row
    for t in range(steps - 1, -1, -1):
        before, gates, count = s_at + t * rows * HP, gates_at + t * rows * G4, active[t] * HP
        if dy_at >= 0:
            ds, dy = work[ds_at:ds_at + count], work[dy_at + t * rows * HP:dy_at + t * rows * HP + count]
            for j in range(count):
                ds[j] += dy[j]
        for i in range(active[t]):
            a, b, d = gates + i * G4, before + i * HP, ds_at + i * HP
            _backward_row(work[a:a + G4], work[b:b + HP], work[d:d + HP])
        set_zero(work, gates + active[t] * G4, (rows - active[t]) * G4)
        add_recurrent_gradient(layer, packed, active[t], work, gates, ds_at)
