"""Elman cell (Elman 1990): s_t = a(U x_t + W s_{t-1} + b), a = tanh or ReLU; forward and BPTT over one block of steps.

A block is dense: `steps` steps of `rows` rows, of which the first active[t] take part at step t. Work holds s (steps
+ 1, rows, HP), s_0 first; the pre-activations are made where s_t will be. The backward pass saves da in a scratch of
the block.
"""

from numrnn.kernels.cpu.activations import relu, relu_slope, tanh, tanh_slope
from numrnn.kernels.cpu.products import add, add_recurrent_products, masked, recurrent_gradient, set_zero
from numrnn.kernels.cpu.records import RELU, ZEROS, Net
from numrnn.kernels.jit import njit


class ElmanNet(Net):
    """A network of Elman layers."""

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
    """States s_t of `count` units in a row, from their pre-activations, which lie where they will be."""
    _activate(net.activation, work[now : now + count])


@njit
def forward_block(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at):
    """States of a block from s_0, which lies in the first rows, and b + U x, which lie in the others."""
    step = rows * layer.HP
    for t in range(steps):
        now, count = s_at + (t + 1) * step, active[t] * layer.HP
        s = masked(work, now - step, mask_at, spare_at, count)
        add_recurrent_products(net, layer, active[t], work, s, now, step, 0, layer.HP, t & 1)
        forward_step(net, work, now, now, now, step, step, count)
        set_zero(work, now + count, step - count)


@njit
def _slopes(activation, ds, s, da):
    """da = ds a'(s)."""
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
    """da (steps, rows, HP) of a block; ds (rows, HP) comes in as dL/ds_T and goes out as dL/ds_0; dy (steps, rows, HP)
    is dL/ds_t from above, if >= 0.
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
