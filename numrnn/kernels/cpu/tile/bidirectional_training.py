"""Compute the loss and gradient of one tile of a bidirectional network, on one thread.

The forward pass runs through one layer after another, and so does the backward pass, last layer first. In the backward
pass, each direction runs from its own last block to its first.
"""

from numrnn.kernels.cpu.inputs import add_picked, keep_embedded
from numrnn.kernels.cpu.pooling import spread_pool
from numrnn.kernels.cpu.processor import STOP, load
from numrnn.kernels.cpu.products import copy, input_gradient, padded_inputs
from numrnn.kernels.cpu.records import (
    ABOVE,
    BELOW,
    CARRY,
    DY,
    LAST,
    LAYER_REGIONS,
    LOGITS,
    NO_HEAD,
    OTHER,
    ROW,
    ROWS,
    STEPS,
    head_of,
    layer_of,
)
from numrnn.kernels.cpu.tile.bidirectional import (
    add_rows,
    drop,
    forward_tile,
    inputs_of_block,
    plan_tile,
    read_states,
    row_size,
    take_rows,
)
from numrnn.kernels.cpu.tile.forward import load_state
from numrnn.kernels.cpu.tile.training import (
    backward_layer,
    head_per_sequence,
    keep_state_gradients,
    step_losses,
    take_state_gradients,
)
from numrnn.kernels.jit import njit


@njit
def _head_per_sequence(net, data, ids, goal, scale, count, tile_rows, scratch, gradient):
    """Return the loss of a tile with one output per sequence, and the offset of dL/ds_t if there is a pool.

    Without a pool, dL/ds_T is written to the carries of the last layer, and the second returned number is -1.
    """
    head, work, room, last = head_of(net), scratch.work, scratch.room, net.layers.shape[0] - 2
    s_at = read_states(net, data, ids, count, tile_rows, scratch)
    loss = head_per_sequence(
        net, data, ids, goal, scale, scratch, s_at, room[LOGITS], room[OTHER], tile_rows, gradient
    )  # fmt: skip
    if net.pooling != LAST:
        for b in range(count - 1, -1, -1):
            block = scratch.blocks[b]
            row = block[ROW] * head.HP
            spread_pool(
                net.pooling, data, ids, block, b, head.HP, tile_rows, scratch.active, work,
                scratch.inputs[scratch.inputs.size - 1] + row, s_at, room[ABOVE] + row,
            )  # fmt: skip
        return loss, room[ABOVE]
    for d in range(2):
        layer = layer_of(net, last + d)
        carry = scratch.places[LAYER_REGIONS * (last + d) + CARRY] + 2 * tile_rows * layer.HP
        for i in range(ids.size):
            ds_at = s_at + (2 * tile_rows + i) * head.HP + d * layer.H
            copy(work, ds_at, layer.H, work, carry + i * layer.HP)
    return loss, -1


@njit
def _head_per_step(net, data, ids, goal, scale, count, scratch, gradient, board):
    """Return the loss of a tile with one output per step, and the offset of dL/ds_t of all steps."""
    head, level, loss = head_of(net), scratch.inputs.size - 1, 0.0
    for b in range(count - 1, -1, -1):
        if load(board, STOP):
            return 0.0, scratch.room[ABOVE]
        block = scratch.blocks[b]
        s_at, ds_at = scratch.inputs[level] + block[ROW] * head.HP, scratch.room[ABOVE] + block[ROW] * head.HP
        loss += step_losses(
            net, head, ids, goal, scale, block, scratch, s_at, scratch.room[LOGITS], gradient, ds_at
        )  # fmt: skip
    drop(net, data, ids, count, level, scratch, scratch.room[ABOVE])
    return loss, scratch.room[ABOVE]


@njit
def _pass_down(net, data, ids, block, index, scratch, da_at, below_at):
    """Write dx of a block of the forward direction to below_at, or add dx of a block of the reverse direction."""
    layer, rows = layer_of(net, index), block[STEPS] * block[ROWS]
    row = padded_inputs(layer, scratch.work)
    if index % 2 == 0:
        input_gradient(net, layer, rows, scratch.work, da_at, below_at + block[ROW] * row)
    else:
        input_gradient(net, layer, rows, scratch.work, da_at, scratch.room[OTHER])
        add_rows(data, ids, block, scratch, scratch.room[OTHER], row, below_at)


@njit
def _backward_direction(net, data, ids, count, index, tile_rows, scratch, above_at, below_at, gradient, board):
    """Run BPTT of one direction over all blocks; read dy from above_at and write dx to below_at, if they are >= 0."""
    layer, level, reverse, work = layer_of(net, index), index // 2, index % 2, scratch.work
    for b in range(count - 1, -1, -1):
        if load(board, STOP):
            return
        block, dy_at = scratch.blocks[b], -1
        x_at = inputs_of_block(net, data, ids, block, index, scratch)
        if above_at >= 0:
            dy_at, source = scratch.room[DY], above_at + reverse * layer.H
            take_rows(
                data, ids, block, reverse, scratch, source, row_size(net, level + 1), layer.H, dy_at, layer.HP
            )  # fmt: skip
        da_at = backward_layer(
            net, data, index, block, tile_rows, scratch, x_at, row_size(net, level), dy_at, scratch.room[OTHER],
            gradient, board,
        )  # fmt: skip
        add_picked(layer, data, ids, block, reverse, work, da_at, gradient)
        if below_at >= 0:
            _pass_down(net, data, ids, block, index, scratch, da_at, below_at)


@njit
def _backward_tile(net, data, ids, count, tile_rows, scratch, above_at, gradient, board):
    """Run BPTT of all layers, last layer first; dL/ds_t of the last layer is at above_at, if that is >= 0."""
    first, below_at = layer_of(net, 0), scratch.room[BELOW]
    for level in range(scratch.inputs.size - 2, -1, -1):
        dx_at = below_at if level > 0 or first.embedded else -1
        for index in range(2 * level, 2 * level + 2):
            _backward_direction(
                net, data, ids, count, index, tile_rows, scratch, above_at, dx_at, gradient, board
            )  # fmt: skip
        if level > 0:
            drop(net, data, ids, count, level, scratch, below_at)
            above_at, below_at = below_at, scratch.room[ABOVE] + scratch.room[BELOW] - below_at
    if first.embedded:
        row = padded_inputs(first, scratch.work)
        for b in range(count):
            block = scratch.blocks[b]
            keep_embedded(first, data, ids, block, scratch.work, below_at + block[ROW] * row)


@njit
def train_tile(net, data, ids, goal, scale, tile_rows, scratch, gradient, board):
    """Return the weighted sum of a tile's losses, and add its gradient, times scale; return early on STOP."""
    count = plan_tile(ids, data.lengths, tile_rows, scratch)
    load_state(net, data, ids, tile_rows, scratch)
    forward_tile(net, data, ids, count, tile_rows, scratch, 1, board)
    if load(board, STOP):
        return 0.0
    loss, above_at = 0.0, -1
    if head_of(net).output == NO_HEAD:
        take_state_gradients(net, ids, goal, tile_rows, scratch)
    elif head_of(net).per_step:
        loss, above_at = _head_per_step(net, data, ids, goal, scale, count, scratch, gradient, board)
    else:
        loss, above_at = _head_per_sequence(net, data, ids, goal, scale, count, tile_rows, scratch, gradient)
    _backward_tile(net, data, ids, count, tile_rows, scratch, above_at, gradient, board)
    keep_state_gradients(net, data, ids, tile_rows, scratch, gradient)
    return loss
