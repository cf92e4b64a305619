"""Loss and gradient of one tile within a memory limit, on one thread: the bits of `tile_training`, with segments of
blocks run forward again.
"""

from numrnn.kernels.cpu.atomics import STOP, load
from numrnn.kernels.cpu.net import ROW, STATE_ROW, head_of, layer_of
from numrnn.kernels.cpu.pooling import pool_block
from numrnn.kernels.cpu.segments import carry_size, copy_carries, next_slot, plan_segments
from numrnn.kernels.cpu.tile_training import backward_block, head_of_tile, keep_state_gradients
from numrnn.kernels.cpu.tiles import forward_block, load_state, plan_blocks, store_state
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
            if data.state.size:
                store_state(net, data, ids, rows, scratch, data.state)
            loss = head_of_tile(net, data, ids, goal, scale, rows, scratch, room, gradient)
        for b in range(end - 1, first - 1, -1):
            if load(board, STOP):
                return 0.0
            loss += backward_block(net, data, ids, goal, scale, b, rows, scratch, room, gradient, board)
    keep_state_gradients(net, data, ids, rows, scratch, gradient)
    return loss
