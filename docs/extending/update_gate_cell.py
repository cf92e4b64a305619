"""Compute an update-gate cell's forward and backward steps over one block of steps.

The cell is the UGRNN of Collins, Sohl-Dickstein and Sussillo (2017), a GRU without a reset gate:

    z = sigmoid(U_z x + W_z s + b_z)    n = tanh(U_n x + W_n s + b_n)    s_t = (1 - z) n + z s_{t-1}

The gate planes are z, n; the backward pass overwrites them with dz, dn.
"""

from numrnn.kernels.cpu.activations import fma, like, sigmoid, sigmoid_slope, tanh, tanh_slope
from numrnn.kernels.cpu.products import add, add_recurrent_products, masked, recurrent_gradient, set_zero
from numrnn.kernels.cpu.records import Net
from numrnn.kernels.jit import njit


class UpdateGateNet(Net):
    """Describe a network of update-gate layers."""

    __slots__ = ()


@njit
def new_state(z, n, s_before):
    """Return s_t = (1 - z) n + z s_{t-1}."""
    return fma(z, s_before - n, n)


@njit
def gate_gradients(z, n, s_before, ds):
    """Return dz and dn, the gradients of the pre-activations."""
    return ds * (s_before - n) * sigmoid_slope(z), ds * (like(1.0, z) - z) * tanh_slope(n)


@njit
def _forward(z, n, before, now):
    for j in range(z.size):
        z[j] = sigmoid(z[j])
    for j in range(n.size):
        n[j] = tanh(n[j])
    for j in range(n.size):
        now[j] = new_state(z[j], n[j], before[j])


@njit
def forward_step(net, work, now, cell, gates, step, plane, count):
    """Compute s_t of `count` contiguous units from their gate planes and s_{t-1}, `step` elements before s_t."""
    n, before = gates + plane, now - step
    _forward(
        work[gates : gates + count], work[n : n + count], work[before : before + count], work[now : now + count]
    )  # fmt: skip


@njit
def forward_block(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at):
    """Compute the states (steps + 1, rows, HP) and gates (2, steps, rows, HP) of a block.

    On entry, the first rows of the states are s_0, and the gates contain b + U x.
    """
    step = rows * layer.HP
    plane = steps * step
    for t in range(steps):
        now, gates, count = s_at + (t + 1) * step, gates_at + t * step, active[t] * layer.HP
        s = masked(work, now - step, mask_at, spare_at, count)
        add_recurrent_products(net, layer, active[t], work, s, gates, plane, 0, layer.HP, t & 1)
        forward_step(net, work, now, now, gates, step, plane, count)
        set_zero(work, now + count, step - count)


@njit
def _backward(z, n, before, ds):
    for j in range(z.size):
        dz, dn = gate_gradients(z[j], n[j], before[j], ds[j])
        ds[j] *= z[j]
        z[j], n[j] = dz, dn


@njit
def backward_block(
    net, layer, steps, rows, active, work, s_at, cell_at, gates_at, dy_at, ds_at, dcell_at, mask_at, spare_at
):
    """Replace the gates of a block by da.

    ds (rows, HP) is dL/ds_T on entry and dL/ds_0 on return. If dy_at >= 0, dy (steps, rows, HP) is the part of dL/ds_t
    that comes from the layer above.
    """
    step = rows * layer.HP
    plane = steps * step
    for t in range(steps - 1, -1, -1):
        before, z, count = s_at + t * step, gates_at + t * step, active[t] * layer.HP
        n = z + plane
        if dy_at >= 0:
            add(work, ds_at, work, dy_at + t * step, count)
        _backward(
            work[z : z + count], work[n : n + count], work[before : before + count], work[ds_at : ds_at + count]
        )  # fmt: skip
        for p in range(layer.planes):
            set_zero(work, z + p * plane + count, step - count)
        recurrent_gradient(net, layer, active[t], work, z, plane, work, ds_at, layer.HP, ds_at, mask_at, spare_at)
