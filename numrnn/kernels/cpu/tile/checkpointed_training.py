"""Loss and gradient of one tile within a memory limit, on one thread: the bits of `tile_training`, with segments of
blocks run forward again.
"""

from numrnn.kernels.cpu.atomics import STOP, load
from numrnn.kernels.cpu.pooling import finish_pool, pool_block, spread_pool
from numrnn.kernels.cpu.records import NO_HEAD, ROW, ROWS, STATE_ROW, head_of, layer_of
from numrnn.kernels.cpu.tile.checkpoint_schedule import carry_size, copy_carries, next_slot, plan_segments
from numrnn.kernels.cpu.tile.forward import forward_block, load_state, plan_blocks, store_state
from numrnn.kernels.cpu.tile.training import (
    backward_block,
    head_of_steps,
    head_per_sequence,
    keep_state_gradients,
    take_state_gradients,
)
from numrnn.kernels.jit import njit


@njit
def _forward_segments(net, data, ids, first, end, keeps, pools, scratch, room, board):
    """Run blocks forward, from `first` to `end`, from the carries; they are kept where a segment has them, or each
    overwrites the one before.
    """
    head, D, rows = head_of(net), layer_of(net, 0).D, ids.size
    for b in range(first, end):
        if load(board, STOP):
            return
        block = scratch.blocks[b]
        row, state_row = keeps * block[ROW], keeps * block[STATE_ROW]
        s_at = forward_block(net, data, ids, block, rows, scratch, row * D, row, state_row, room.dropped)
        if pools:
            pool_block(net.pooling, block, b, head.HP, rows, scratch.active, scratch.work, s_at, room.pool)


@njit
def _come_to(net, data, ids, segment, segments, top, slots, pools, slots_at, scratch, room, board):
    """Run forward from the last slot taken, number `top`, to where a segment begins, and take slots on the way; return
    the last one.
    """
    rows, held = ids.size, scratch.held
    size, now = carry_size(net, rows), held[top]
    while now < segment:
        more = top + 1 < slots
        to = now + next_slot(segment + 1 - now, slots - top) if more else segment
        _forward_segments(net, data, ids, segments[now], segments[to], 0, pools, scratch, room, board)
        now = to
        if more:
            top += 1
            held[top] = now
            copy_carries(net, rows, scratch, slots_at + top * size, False)
    return top


@njit
def _end_forward(net, data, ids, goal, scale, scratch, room, gradient):
    """After the last step: loss of a tile whose sequences have one output each, or 0. The carries, or the pool, get
    their gradients.
    """
    head, last, rows = head_of(net), net.layers.shape[0] - 1, ids.size
    if data.state.size:
        store_state(net, data, ids, rows, scratch, data.state)
    if head.kind == NO_HEAD:
        take_state_gradients(net, ids, goal, rows, scratch)
    elif not head.per_step:
        s_at = finish_pool(net.pooling, data, ids, head.HP, scratch.work, scratch.places[last, 3], room.pool)
        return head_per_sequence(net, data, ids, goal, scale, scratch, s_at, room.logits, room.dropped, rows, gradient)
    return 0.0


@njit
def _backward_segment(net, data, ids, goal, scale, first, end, scratch, room, loss, gradient, board):
    """Back-propagation through the blocks of a segment, the last one first; returns the loss, with that of their steps
    added if they have an output each.
    """
    head, last, D, rows = head_of(net), net.layers.shape[0] - 1, layer_of(net, 0).D, ids.size
    for b in range(end - 1, first - 1, -1):
        if load(board, STOP):
            return 0.0
        block, from_head = scratch.blocks[b], -1
        s_at = scratch.places[last, 0] + (block[STATE_ROW] + block[ROWS]) * head.HP
        if head.per_step:
            from_head = room.dy
            loss += head_of_steps(
                net, data, ids, goal, scale, block, scratch, s_at, room.logits, room.dropped, gradient, room.dy
            )
        from_head = spread_pool(
            net.pooling, data, ids, block, b, head.HP, rows, scratch.active, scratch.work, s_at, room.pool, room.dy,
            from_head,
        )  # fmt: skip
        backward_block(
            net, data, ids, block, rows, scratch, block[ROW] * D, D, from_head, room.other, room.dropped, gradient,
            board,
        )  # fmt: skip
    return loss


@njit
def train_tile(net, data, ids, goal, scale, tile_rows, scratch, gradient, board):
    """Loss of a tile (sum of weight times loss); its gradient, times scale, is added to `gradient`. Left early on
    STOP.
    """
    rows, loss, top = ids.size, 0.0, 0  # not tile_rows: rows that a tile lacks take no memory
    count, _, state_rows = plan_blocks(ids, data.lengths, scratch)
    table, slots, room, slots_at = plan_segments(net, rows, count, state_rows, scratch)
    segments, size = scratch.segments[table:], carry_size(net, rows)
    last = segments.size - 2
    load_state(net, data, ids, rows, scratch)
    copy_carries(net, rows, scratch, slots_at, False)
    scratch.held[0] = 0
    for segment in range(last, -1, -1):
        pools = segment == last
        if not pools:
            while scratch.held[top] > segment:
                top -= 1
            copy_carries(net, rows, scratch, slots_at + top * size, True)
        top = _come_to(net, data, ids, segment, segments, top, slots, pools, slots_at, scratch, room, board)
        first, end = segments[segment], segments[segment + 1]
        _forward_segments(net, data, ids, first, end, 1, pools, scratch, room, board)
        if load(board, STOP):
            return 0.0
        if segment == last:
            loss = _end_forward(net, data, ids, goal, scale, scratch, room, gradient)
        loss = _backward_segment(net, data, ids, goal, scale, first, end, scratch, room, loss, gradient, board)
    keep_state_gradients(net, data, ids, rows, scratch, gradient)
    return loss
