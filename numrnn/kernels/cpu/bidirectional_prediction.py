"""Outputs of one tile of a bidirectional network, on one thread; inputs of two layers are kept for all steps."""

from numrnn.kernels.cpu.atomics import STOP, load
from numrnn.kernels.cpu.bidirectional import (
    LOGITS,
    find_rows,
    forward_tile,
    place_tile,
    read_states,
)
from numrnn.kernels.cpu.net import ROW, ROWS, STEPS, head_of
from numrnn.kernels.cpu.tile_prediction import put_last, put_step
from numrnn.kernels.cpu.tiles import load_state, logits, plan_blocks, store_state
from numrnn.kernels.jit import njit


@njit
def predict_tile(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board):
    """Outputs (raw: logits) of a tile into out. Left early on STOP."""
    head, work, room = head_of(net), scratch.work, scratch.room
    count, rows, state_rows = plan_blocks(ids, data.lengths, scratch)
    find_rows(scratch, count)
    place_tile(net, rows, state_rows, tile_rows, 0, scratch.places, scratch.inputs, scratch.room)
    load_state(net, data, ids, tile_rows, scratch)
    forward_tile(net, data, ids, count, tile_rows, scratch, 0, board)
    if load(board, STOP):
        return
    if head.per_step:
        for b in range(count):
            block = scratch.blocks[b]
            s_at = scratch.inputs[scratch.inputs.size - 1] + block[ROW] * head.HP
            logits(net, head, block[STEPS] * block[ROWS], work, s_at, room[LOGITS], 0, head.KP)
            for t in range(block[STEPS]):
                put_step(head, ids, block, t, scratch, room[LOGITS], first_row, raw, out)
    else:
        s_at = read_states(net, data, ids, count, tile_rows, scratch)
        put_last(net, head, ids, scratch, s_at, room[LOGITS], first_row, raw, out)
    store_state(net, data, ids, tile_rows, scratch, state_out)
