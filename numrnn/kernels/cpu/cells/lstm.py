"""Compute the LSTM's forward and backward steps over one block of steps.

The cell is that of Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000):

    i, f, o = sigmoid(U x + W s + b)    g = tanh(U_g x + W_g s + b_g)
    cell_t = f cell_{t-1} + i g         s_t = o tanh(cell_t)

The gate planes i, f, g, o are stored for the backward pass, which overwrites them with da and recomputes tanh(cell).
Each loop uses few arrays, because LLVM does not vectorise a loop that needs more than eight overlap checks.
"""

from numrnn.kernels.cpu.activations import fma, sigmoid, sigmoid_slope, tanh, tanh_slope
from numrnn.kernels.cpu.products import add, add_recurrent_products, masked, recurrent_gradient, set_zero
from numrnn.kernels.cpu.records import ZEROS, Net
from numrnn.kernels.jit import njit


class LSTMNet(Net):
    """Describe a network of LSTM layers."""

    __slots__ = ()


@njit
def new_cell(i, f, g, cell_before):
    """Return cell_t = f cell_{t-1} + i g."""
    return fma(f, cell_before, i * g)


@njit
def new_state(o, cell):
    """Return s_t = o tanh(cell_t)."""
    return o * tanh(cell)


@njit
def output_gradient(o, cell, ds, dcell):
    """Return do (of o's pre-activation) and dL/dcell_t, given dL/ds_t and the part of dL/dcell_t from later steps."""
    squashed = tanh(cell)
    return ds * squashed * sigmoid_slope(o), fma(ds * o, tanh_slope(squashed), dcell)


@njit
def input_gradients(i, g, dcell):
    """Return di and dg, the gradients of the pre-activations of i and g."""
    return dcell * g * sigmoid_slope(i), dcell * i * tanh_slope(g)


@njit
def forget_gradient(f, cell_before, dcell):
    """Return df, the gradient of the pre-activation of f, and dL/dcell_{t-1}."""
    return dcell * cell_before * sigmoid_slope(f), dcell * f


@njit
def _squash(i, f, g, o):
    for j in range(i.size):
        i[j] = sigmoid(i[j])
    for j in range(f.size):
        f[j] = sigmoid(f[j])
    for j in range(g.size):
        g[j] = tanh(g[j])
    for j in range(o.size):
        o[j] = sigmoid(o[j])


@njit
def _forward(i, f, g, o, cell_before, cell, now):
    _squash(i, f, g, o)
    for j in range(i.size):
        cell[j] = new_cell(i[j], f[j], g[j], cell_before[j])
    for j in range(i.size):
        now[j] = new_state(o[j], cell[j])


@njit
def forward_step(net, work, now, cell, gates, step, plane, count):
    """Compute s_t and cell_t of `count` contiguous units from gate planes that hold the products with x and s.

    cell_t lies `step` elements after cell_{t-1}, which lies at `cell`.
    """
    f, g, o, cell_now = gates + plane, gates + 2 * plane, gates + 3 * plane, cell + step
    _forward(
        work[gates : gates + count],
        work[f : f + count],
        work[g : g + count],
        work[o : o + count],
        work[cell : cell + count],
        work[cell_now : cell_now + count],
        work[now : now + count],
    )


@njit
def forward_block(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at):
    """Compute the states and cells (steps + 1, rows, HP) and gates (4, steps, rows, HP) of a block.

    On entry, the first rows of the states and cells are s_0 and cell_0, and the gates contain b + U x.
    """
    step = rows * layer.HP
    plane = steps * step
    for t in range(steps):
        now, gates, count = s_at + (t + 1) * step, gates_at + t * step, active[t] * layer.HP
        s = masked(work, now - step, mask_at, spare_at, count)
        add_recurrent_products(net, layer, active[t], work, s, gates, plane, 0, layer.HP, t & 1)
        forward_step(net, work, now, cell_at + t * step, gates, step, plane, count)
        set_zero(work, now + count, step - count)


@njit
def _backward(i, f, g, o, cell_before, cell, ds, dcell):
    for j in range(i.size):
        o[j], dcell[j] = output_gradient(o[j], cell[j], ds[j], dcell[j])
    for j in range(i.size):
        i[j], g[j] = input_gradients(i[j], g[j], dcell[j])
    for j in range(i.size):
        f[j], dcell[j] = forget_gradient(f[j], cell_before[j], dcell[j])


@njit
def backward_block(
    net, layer, steps, rows, active, work, s_at, cell_at, gates_at, dy_at, ds_at, dcell_at, mask_at, spare_at
):
    """Replace the gates of a block by da.

    ds and dcell (rows, HP) are dL/ds_T and dL/dcell_T on entry, dL/ds_0 and dL/dcell_0 on return. If dy_at >= 0, dy
    (steps, rows, HP) is the part of dL/ds_t that comes from the layer above.
    """
    step = rows * layer.HP
    plane = steps * step
    for t in range(steps - 1, -1, -1):
        i, c, count = gates_at + t * step, cell_at + t * step, active[t] * layer.HP
        f, g, o = i + plane, i + 2 * plane, i + 3 * plane
        if dy_at >= 0:
            add(work, ds_at, work, dy_at + t * step, count)
        _backward(
            work[i : i + count],
            work[f : f + count],
            work[g : g + count],
            work[o : o + count],
            work[c : c + count],
            work[c + step : c + step + count],
            work[ds_at : ds_at + count],
            work[dcell_at : dcell_at + count],
        )
        for p in range(layer.planes):
            set_zero(work, i + p * plane + count, step - count)
        recurrent_gradient(net, layer, active[t], work, i, plane, net.packed, ZEROS, 0, ds_at, mask_at, spare_at)
