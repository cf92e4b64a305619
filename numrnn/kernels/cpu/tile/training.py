"""Compute the loss and gradient of one tile of sequences, on one thread.

The forward pass runs through all blocks of steps; back-propagation through time then runs from the last block to the
first. Within a memory limit, segments of blocks are recomputed; without a limit, all blocks are one segment.
"""

from numrnn.kernels.cpu.cells import cell_backward
from numrnn.kernels.cpu.dropout import drop_last
from numrnn.kernels.cpu.inputs import keep_input_gradients
from numrnn.kernels.cpu.losses import loss_row
from numrnn.kernels.cpu.pooling import finish_pool, pool_block, spread_pool
from numrnn.kernels.cpu.processor import STOP, load
from numrnn.kernels.cpu.products import (
    add,
    add_column_sums,
    add_weight_gradients,
    copy,
    gemm_tn,
    input_gradient,
    masked,
    product,
    set_zero,
)
from numrnn.kernels.cpu.records import (
    CARRY,
    CELLS,
    DROPPED,
    DY,
    FIRST_STEP,
    GATES,
    LAST,
    LAYER_REGIONS,
    LOGITS,
    LOSS_PARAMETER,
    NO_HEAD,
    OTHER,
    POOL,
    ROW,
    ROWS,
    STATE_ROW,
    STATES,
    STEPS,
    ZEROS,
    X,
    head_of,
    layer_of,
    width_of,
)
from numrnn.kernels.cpu.tile.checkpoint_schedule import ONE_SEGMENT, copy_carries, next_slot, plan_segments
from numrnn.kernels.cpu.tile.forward import (
    forward_block,
    lay_out,
    load_state,
    logits,
    passed_up,
    plan_blocks,
    store_state,
)
from numrnn.kernels.jit import njit


@njit
def _head_row(net, head, work, at, goal, index, scale):
    """Return weight times loss of a row; overwrite its logits with their gradient, times weight and scale.

    If the weight is 0 or index < 0, which means no target, loss and gradient are 0.
    """
    row = work[at : at + head.K]
    weight = goal.weights[index] if goal.weights.size else 1.0
    if weight == 0.0 or index < 0:
        set_zero(work, at, head.K)
        return 0.0
    parameter = net.packed[LOSS_PARAMETER]
    loss = weight * loss_row(head.loss, parameter, row, index, goal.classes, goal.class_bytes, goal.values)
    for k in range(head.K):
        row[k] = row[k] * (weight * scale)
    return loss


@njit
def _head_gradients(net, head, rows, scratch, s_at, at, gradient, ds_at):
    """Add the gradients of V and c, given dlogits (rows, KP) and s; compute ds (rows, HP) = dlogits V."""
    work, packed, width = scratch.work, net.packed, width_of(scratch.work)
    panels = head.HP // width
    gemm_tn(
        rows, head.K, work, at, head.KP, panels, work, s_at, head.HP, gradient, head.dV, head.HP, work, scratch.spare
    )  # fmt: skip
    add_column_sums(rows, net, work, at, head.KP // width, gradient, head.dc, scratch)
    product(
        rows, 1, head.K, work, at, head.KP, 0, packed, head.V_back, panels, packed, ZEROS, 0, work, ds_at, head.HP
    )  # fmt: skip


@njit
def step_losses(net, head, ids, goal, scale, block, scratch, s_at, logits_at, gradient, ds_at):
    """Return the loss of a block with one output per step, given s (steps, rows, HP); compute ds, shaped like s."""
    work, first, rows = scratch.work, block[FIRST_STEP], block[ROWS]
    logits(net, head, block[STEPS] * rows, work, s_at, logits_at, 0, head.KP)
    loss = 0.0
    for t in range(block[STEPS]):
        count = scratch.active[first + t]
        for i in range(count):
            at = logits_at + (t * rows + i) * head.KP
            loss += _head_row(net, head, work, at, goal, goal.first[ids[i]] + first + t, scale)
        set_zero(work, logits_at + (t * rows + count) * head.KP, (rows - count) * head.KP)
    _head_gradients(net, head, block[STEPS] * rows, scratch, s_at, logits_at, gradient, ds_at)
    return loss


@njit
def head_per_sequence(net, data, ids, goal, scale, scratch, s_at, logits_at, dropped_at, tile_rows, gradient):
    """Return the loss of a tile with one output per sequence, given the last layer's carry or a pool at s_at.

    dL/ds_T is written to the carry, or dL/dpool to the pool.
    """
    head, work, last = head_of(net), scratch.work, net.layers.shape[0] - 1
    ds_at = s_at + 2 * tile_rows * head.HP
    if data.kept != 1.0:
        drop_last(data, ids, last, head.H, head.HP, work, s_at, dropped_at)
        s_at = dropped_at
    logits(net, head, ids.size, work, s_at, logits_at, 0, head.KP)
    loss = 0.0
    for i in range(ids.size):
        loss += _head_row(net, head, work, logits_at + i * head.KP, goal, goal.first[ids[i]], scale)
    _head_gradients(net, head, ids.size, scratch, s_at, logits_at, gradient, ds_at)
    if data.kept != 1.0:
        drop_last(data, ids, last, head.H, head.HP, work, ds_at, ds_at)
    return loss


@njit
def head_of_steps(net, data, ids, goal, scale, block, scratch, s_at, logits_at, dropped_at, gradient, dy_at):
    """Return the loss of one block with one output per step; write dL/ds_t to dy."""
    head, work, last = head_of(net), scratch.work, net.layers.shape[0] - 1
    s_at = passed_up(net, data, ids, block, last, work, s_at, dropped_at)
    loss = step_losses(net, head, ids, goal, scale, block, scratch, s_at, logits_at, gradient, dy_at)
    passed_up(net, data, ids, block, last, work, dy_at, dy_at)
    return loss


@njit
def take_state_gradients(net, ids, goal, tile_rows, scratch):
    """Set the carries' gradients from goal.values (rows, state size), for a network without a head."""
    column = 0
    for index in range(net.layers.shape[0]):
        layer, carry = layer_of(net, index), scratch.places[LAYER_REGIONS * index + CARRY]
        for kind in range(1 + layer.cells):
            for i in range(ids.size):
                row, at = goal.first[ids[i]], carry + ((2 + kind) * tile_rows + i) * layer.HP
                if row >= 0:
                    copy(goal.values[row], column, layer.H, scratch.work, at)
            column += layer.H


@njit
def keep_state_gradients(net, data, ids, tile_rows, scratch, gradient):
    """Store dL/ds_0 and dL/dcell_0, left in the carries by the backward pass, of sequences read from their first step.

    The gradients are written into data.dgiven, if it is not empty, and added to the gradient of the learned initial
    state, if that was used.
    """
    column = 0
    for index in range(net.layers.shape[0]):
        layer, carry = layer_of(net, index), scratch.places[LAYER_REGIONS * index + CARRY]
        for kind in range(1 + layer.cells):
            for i in range(ids.size):
                row, at = data.state_rows[ids[i]], carry + ((2 + kind) * tile_rows + i) * layer.HP
                if row < 0 and data.dgiven.size:
                    copy(scratch.work, at, layer.H, data.dgiven[~row], column)
                if row < 0 and layer.s_0 >= 0 and not data.given.size:
                    add(gradient, layer.ds_0 + kind * layer.HP, scratch.work, at, layer.H)
            column += layer.H


@njit
def backward_layer(net, data, index, block, tile_rows, scratch, x_at, x_row, dy_at, spare_at, gradient, board):
    """Run BPTT of one layer over one block; return the offset of da; spare_at has room for a block's states."""
    layer, work, place = layer_of(net, index), scratch.work, scratch.places[LAYER_REGIONS * index :]
    steps, rows = block[STEPS], block[ROWS]
    active = scratch.active[block[FIRST_STEP] : block[FIRST_STEP] + steps]
    s_at, cell_at = place[STATES] + block[STATE_ROW] * layer.HP, place[CELLS] + block[STATE_ROW] * layer.HP
    ds_at = place[CARRY] + 2 * tile_rows * layer.HP
    da_at = place[GATES] + layer.saved * block[ROW] * layer.planes * layer.HP
    mask_at = place[CARRY] + 4 * tile_rows * layer.HP if data.kept_before != 1.0 else -1
    cell_backward(
        net, layer, steps, rows, active, work, s_at, cell_at, da_at, dy_at, ds_at, ds_at + tile_rows * layer.HP,
        mask_at, place[CARRY] + 5 * tile_rows * layer.HP,
    )  # fmt: skip
    if mask_at >= 0:
        step = rows * layer.HP
        for t in range(steps):
            masked(work, s_at + t * step, mask_at, spare_at + t * step, step)
        s_at = spare_at
    if not load(board, STOP):  # checked again: a block of a wide layer takes 0.25 s
        add_weight_gradients(net, layer, steps * rows, scratch, x_at, x_row, s_at, da_at, gradient)
    return da_at


@njit
def backward_block(
    net, data, ids, block, tile_rows, scratch, inputs, input_row, dy_at, other_at, dropped_at, gradient, board
):
    """Run BPTT of all layers over one block, last layer first; `dy_at` and `other_at` are swapped after each layer."""
    work = scratch.work
    for index in range(net.layers.shape[0] - 1, -1, -1):
        x_at, x_row = inputs, input_row
        if index > 0:
            x_row = layer_of(net, index - 1).HP
            x_at = scratch.places[LAYER_REGIONS * (index - 1) + STATES] + (block[STATE_ROW] + block[ROWS]) * x_row
            x_at = passed_up(net, data, ids, block, index - 1, work, x_at, dropped_at)
        da_at = backward_layer(
            net, data, index, block, tile_rows, scratch, x_at, x_row, dy_at, other_at, gradient, board
        )
        if index > 0:
            input_gradient(net, layer_of(net, index), block[STEPS] * block[ROWS], work, da_at, other_at)
            passed_up(net, data, ids, block, index - 1, work, other_at, other_at)
            dy_at, other_at = other_at, (dy_at if dy_at >= 0 else scratch.room[DY])
        else:
            keep_input_gradients(net, data, ids, block, work, da_at, other_at, gradient)


@njit
def _plan_tile(ids, lengths, tile_rows, scratch):
    """Plan and lay out the blocks and segments of a tile.

    Returns the column of `scratch.segments` at which the tile's segments begin, the number of slots, and the number of
    sequences for which there is room.
    """
    count, rows, state_rows = plan_blocks(ids, lengths, scratch)
    if scratch.segments.shape[1] > ONE_SEGMENT:
        first, slots = plan_segments(ids.size, count, state_rows, scratch)
        return first, slots, ids.size  # memory only for the sequences of this tile
    scratch.segments[0, 0], scratch.segments[0, 1] = 0, count
    lay_out(scratch.regions, rows, state_rows, tile_rows, scratch.places)
    return 0, 1, tile_rows


@njit
def _forward_blocks(net, data, ids, first, end, keeps, pools, rows, scratch, board):
    """Run the blocks from `first` to `end` forward, from the carries.

    If `keeps` is 1, the states of each block are stored at its offset in the segment; if it is 0, each block overwrites
    the states of the previous block.
    """
    HP, D, room = head_of(net).HP, layer_of(net, 0).D, scratch.room
    for b in range(first, end):
        if load(board, STOP):
            return
        block = scratch.blocks[b]
        row, state_row = keeps * block[ROW], keeps * block[STATE_ROW]
        x_at = room[X] + row * D
        s_at = forward_block(net, data, ids, block, rows, scratch, x_at, row, state_row, room[DROPPED])
        if pools and net.pooling != LAST:
            pool_block(net.pooling, block, b, HP, rows, scratch.active, scratch.work, s_at, room[POOL])


@njit
def _come_to(net, data, ids, segment, segments, top, slots, pools, rows, scratch, board):
    """Run forward to the beginning of a segment, from the carries in slot `top`, and fill further slots on the way.

    Slot `top` is the last slot in use; it belongs to this segment or an earlier one. Returns the number of the last
    slot in use afterwards.
    """
    held = scratch.segments[1]
    now = held[top]
    while now < segment:
        more = top + 1 < slots
        to = now + next_slot(segment + 1 - now, slots - top) if more else segment
        _forward_blocks(net, data, ids, segments[now], segments[to], 0, pools, rows, scratch, board)
        now = to
        if more:
            top += 1
            held[top] = now
            copy_carries(net, rows, scratch, top, False)
    return top


@njit
def _end_forward(net, data, ids, goal, scale, rows, scratch, gradient):
    """Return the loss of a tile with one output per sequence, else 0; set the gradients of the carries or the pool."""
    head, room = head_of(net), scratch.room
    if data.state.size:
        store_state(net, data, ids, rows, scratch, data.state)
    if head.output == NO_HEAD:
        take_state_gradients(net, ids, goal, rows, scratch)
    elif not head.per_step:
        s_at = scratch.places[LAYER_REGIONS * (net.layers.shape[0] - 1) + CARRY]
        if net.pooling != LAST:
            s_at = room[POOL]
            finish_pool(net.pooling, data, ids, head.HP, scratch.work, s_at)
        return head_per_sequence(
            net, data, ids, goal, scale, scratch, s_at, room[LOGITS], room[DROPPED], rows, gradient
        )  # fmt: skip
    return 0.0


@njit
def _backward_blocks(net, data, ids, goal, scale, first, end, rows, scratch, loss, gradient, board):
    """Back-propagate through a segment's blocks, last block first; return `loss` plus the loss of outputs per step."""
    head, D, room = head_of(net), layer_of(net, 0).D, scratch.room
    last_at = scratch.places[LAYER_REGIONS * (net.layers.shape[0] - 1) + STATES]
    for b in range(end - 1, first - 1, -1):
        if load(board, STOP):
            return 0.0
        block, dy_at = scratch.blocks[b], -1
        s_at = last_at + (block[STATE_ROW] + block[ROWS]) * head.HP
        if head.per_step:
            dy_at = room[DY]
            loss += head_of_steps(
                net, data, ids, goal, scale, block, scratch, s_at, room[LOGITS], room[DROPPED], gradient, dy_at
            )
        elif net.pooling != LAST:
            dy_at = room[DY]
            spread_pool(
                net.pooling, data, ids, block, b, head.HP, rows, scratch.active, scratch.work, s_at, room[POOL], dy_at
            )  # fmt: skip
        backward_block(
            net, data, ids, block, rows, scratch, room[X] + block[ROW] * D, D, dy_at, room[OTHER], room[DROPPED],
            gradient, board,
        )  # fmt: skip
    return loss


@njit
def train_tile(net, data, ids, goal, scale, tile_rows, scratch, gradient, board):
    """Return the weighted sum of a tile's losses, and add its gradient, times scale; return early on STOP."""
    table, slots, rows = _plan_tile(ids, data.lengths, tile_rows, scratch)
    segments, held, loss, top = scratch.segments[0, table:], scratch.segments[1], 0.0, 0
    last = segments.size - 2
    load_state(net, data, ids, rows, scratch)
    if last > 0:
        copy_carries(net, rows, scratch, 0, False)
    held[0] = 0
    for segment in range(last, -1, -1):
        pools = segment == last
        if not pools:
            while held[top] > segment:
                top -= 1
            copy_carries(net, rows, scratch, top, True)
        top = _come_to(net, data, ids, segment, segments, top, slots, pools, rows, scratch, board)
        first, end = segments[segment], segments[segment + 1]
        _forward_blocks(net, data, ids, first, end, 1, pools, rows, scratch, board)
        if load(board, STOP):
            return 0.0
        if segment == last:
            loss = _end_forward(net, data, ids, goal, scale, rows, scratch, gradient)
        loss = _backward_blocks(net, data, ids, goal, scale, first, end, rows, scratch, loss, gradient, board)
    keep_state_gradients(net, data, ids, rows, scratch, gradient)
    return loss
