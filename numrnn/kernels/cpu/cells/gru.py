"""Compute the GRU's forward and backward steps over one block of steps.

The cell is that of Cho et al. (2014), with the reset after the matrix product, as in PyTorch and cuDNN:

    r = sigmoid(U_r x + W_r s + b_r)    z = sigmoid(U_z x + W_z s + b_z)
    hn = W_n s + b_Wn                   n = tanh(U_n x + b_n + r hn)        s_t = (1 - z) n + z s_{t-1}

The gate planes are n, r, z, hn; products with U are added to the first three, products with W to the last three. The
backward pass overwrites the planes with dn, dr, dz, dhn. Each loop uses few arrays, because LLVM does not vectorise a
loop that needs more than eight overlap checks.
"""

from numrnn.kernels.cpu.activations import fma, like, sigmoid, sigmoid_slope, tanh, tanh_slope
from numrnn.kernels.cpu.products import add, add_recurrent_products, masked, recurrent_gradient, set_zero
from numrnn.kernels.cpu.records import Net
from numrnn.kernels.jit import njit


class GRUNet(Net):
    """Describe a network of GRU layers."""

    __slots__ = ()


@njit
def candidate(n, r, hn):
    """Return tanh(n + r hn), with n = U_n x + b_n."""
    return tanh(fma(r, hn, n))


@njit
def new_state(n, z, s_before):
    """Return s_t = (1 - z) n + z s_{t-1}."""
    return fma(z, s_before - n, n)


@njit
def candidate_gradient(n, z, ds):
    """Return dn, the gradient of the pre-activation of n."""
    return ds * (like(1.0, z) - z) * tanh_slope(n)


@njit
def update_gradient(n, z, s_before, ds):
    """Return dz, the gradient of the pre-activation of z."""
    return ds * (s_before - n) * sigmoid_slope(z)


@njit
def reset_gradient(dn, r, hn):
    """Return dr, the gradient of the pre-activation of r; that of hn is dhn = dn r."""
    return dn * hn * sigmoid_slope(r)


@njit
def _forward(n, r, z, hn, before, now):
    for j in range(n.size):
        r[j] = sigmoid(r[j])
    for j in range(n.size):
        z[j] = sigmoid(z[j])
    for j in range(n.size):
        n[j] = candidate(n[j], r[j], hn[j])
    for j in range(n.size):
        now[j] = new_state(n[j], z[j], before[j])


@njit
def forward_step(net, work, now, cell, gates, step, plane, count):
    """Compute s_t of `count` contiguous units from their gate planes and s_{t-1}, `step` elements before s_t."""
    r, z, hn, before = gates + plane, gates + 2 * plane, gates + 3 * plane, now - step
    _forward(
        work[gates : gates + count],
        work[r : r + count],
        work[z : z + count],
        work[hn : hn + count],
        work[before : before + count],
        work[now : now + count],
    )


@njit
def forward_block(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at):
    """Compute the states (steps + 1, rows, HP) and gates (4, steps, rows, HP) of a block.

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
def _backward(n, r, z, hn, before, ds):
    for j in range(n.size):
        dn = candidate_gradient(n[j], z[j], ds[j])
        dz = update_gradient(n[j], z[j], before[j], ds[j])
        ds[j] *= z[j]
        n[j], z[j] = dn, dz
    for j in range(n.size):
        dr = reset_gradient(n[j], r[j], hn[j])
        hn[j] = n[j] * r[j]
        r[j] = dr


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
        before, n, count = s_at + t * step, gates_at + t * step, active[t] * layer.HP
        r, z, hn = n + plane, n + 2 * plane, n + 3 * plane
        if dy_at >= 0:
            add(work, ds_at, work, dy_at + t * step, count)
        _backward(
            work[n : n + count],
            work[r : r + count],
            work[z : z + count],
            work[hn : hn + count],
            work[before : before + count],
            work[ds_at : ds_at + count],
        )
        for p in range(layer.planes):
            set_zero(work, n + p * plane + count, step - count)
        recurrent_gradient(net, layer, active[t], work, n, plane, work, ds_at, layer.HP, ds_at, mask_at, spare_at)
