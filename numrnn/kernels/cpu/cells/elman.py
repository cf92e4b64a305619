"""Compute the Elman cell's forward and backward steps over one block of steps.

The cell (Elman 1990) is s_t = a(U x_t + W s_{t-1} + b), with a = tanh or ReLU. A block is dense: all of its `steps`
steps have `rows` rows, of which the first active[t] take part in step t. `work` holds the states s (steps + 1, rows,
HP), beginning with s_0; the pre-activations of step t are stored where s_t overwrites them. The backward pass stores da
in the region of the gates.
"""

from numrnn.kernels.cpu.activations import relu, relu_slope, tanh, tanh_slope
from numrnn.kernels.cpu.products import add, add_recurrent_products, masked, recurrent_gradient, set_zero
from numrnn.kernels.cpu.records import RELU, ZEROS, Net
from numrnn.kernels.jit import njit


class ElmanNet(Net):
    """Describe a network of Elman layers."""

    __slots__ = ()


@njit
def _activate(activation, s):
    if activation == RELU:
        for j in range(s.size):
            s[j] = relu(s[j])
    else:
        for j in range(s.size):
            s[j] = tanh(s[j])


@njit
def forward_step(net, work, now, cell, gates, step, plane, count):
    """Compute s_t of `count` contiguous units in place from their pre-activations."""
    _activate(net.activation, work[now : now + count])


@njit
def forward_block(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at):
    """Compute the states of a block in place from s_0, in the first rows, and b + U x, in the other rows."""
    step = rows * layer.HP
    for t in range(steps):
        now, count = s_at + (t + 1) * step, active[t] * layer.HP
        s = masked(work, now - step, mask_at, spare_at, count)
        add_recurrent_products(net, layer, active[t], work, s, now, step, 0, layer.HP, t & 1)
        forward_step(net, work, now, now, now, step, step, count)
        set_zero(work, now + count, step - count)


@njit
def _slopes(activation, ds, s, da):
    """Compute da = ds a'(s)."""
    if activation == RELU:
        for j in range(s.size):
            da[j] = ds[j] * relu_slope(s[j])
    else:
        for j in range(s.size):
            da[j] = ds[j] * tanh_slope(s[j])


@njit
def backward_block(
    net, layer, steps, rows, active, work, s_at, cell_at, da_at, dy_at, ds_at, dcell_at, mask_at, spare_at
):
    """Compute da (steps, rows, HP) of a block.

    ds (rows, HP) is dL/ds_T on entry and dL/ds_0 on return. If dy_at >= 0, dy (steps, rows, HP) is the part of dL/ds_t
    that comes from the layer above.
    """
    step = rows * layer.HP
    for t in range(steps - 1, -1, -1):
        now, count = da_at + t * step, active[t] * layer.HP
        s = s_at + (t + 1) * step
        if dy_at >= 0:
            add(work, ds_at, work, dy_at + t * step, count)
        _slopes(net.activation, work[ds_at : ds_at + count], work[s : s + count], work[now : now + count])
        set_zero(work, now + count, step - count)
        recurrent_gradient(net, layer, active[t], work, now, step, net.packed, ZEROS, 0, ds_at, mask_at, spare_at)
