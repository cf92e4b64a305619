"""Outputs of one tile of sequences, on one thread, in memory for one block of steps."""

from numrnn.kernels.cpu.atomics import STOP, load
from numrnn.kernels.cpu.heads import output_row
from numrnn.kernels.cpu.layer_products import copy
from numrnn.kernels.cpu.pooling import finish_pool, pool_block
from numrnn.kernels.cpu.records import FIRST_STEP, NO_HEAD, ROWS, STEPS, head_of, layer_of
from numrnn.kernels.cpu.tile.forward import (
    BLOCK_STEPS,
    forward_block,
    load_state,
    logits,
    place_layers,
    plan_blocks,
    store_state,
)
from numrnn.kernels.jit import njit

NARROW = 64  # units up to which the first layer reads inputs where they lie; wider ones gain nothing


@njit
def place_prediction(net, tile_rows, scratch):
    """Lay out a prediction of one block after the other; return where inputs, logits and states that dropout has gone
    over lie.
    """
    block_rows = BLOCK_STEPS * tile_rows
    x_at = place_layers(net, block_rows, block_rows + tile_rows, tile_rows, 0, scratch.places)
    logits_at = x_at + (block_rows * layer_of(net, 0).D + 15) // 16 * 16
    return x_at, logits_at, logits_at + block_rows * head_of(net).KP


@njit
def predict_tile(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board):
    """Outputs (raw: logits) of a tile into out; memory for one block only, whatever the length. Left early on STOP."""
    head, work = head_of(net), scratch.work
    count, _, _ = plan_blocks(ids, data.lengths, scratch)
    x_at, logits_at, dropped_at = place_prediction(net, tile_rows, scratch)
    x_at = -1 if layer_of(net, 0).HP <= NARROW and not layer_of(net, 0).embedded else x_at
    pool_at = logits_at + BLOCK_STEPS * tile_rows * head.KP
    load_state(net, data, ids, tile_rows, scratch)
    for b in range(count):
        if load(board, STOP):
            return
        block = scratch.blocks[b]
        s_at = forward_block(net, data, ids, block, tile_rows, scratch, x_at, 0, 0, dropped_at)
        if head.per_step:
            logits(net, head, block[STEPS] * block[ROWS], work, s_at, logits_at, 0, head.KP)
            for t in range(block[STEPS]):
                put_step(head, ids, block, t, scratch, logits_at, first_row, raw, out)
        pool_block(net.pooling, block, b, head.HP, tile_rows, scratch.active, work, s_at, pool_at)
    if not head.per_step:
        carry = scratch.places[net.layers.shape[0] - 1, 3]
        pool_at = finish_pool(net.pooling, data, ids, head.HP, work, carry, pool_at)
        put_last(net, head, ids, scratch, pool_at, logits_at, first_row, raw, out)
    store_state(net, data, ids, tile_rows, scratch, state_out)


@njit
def _put_output(head, work, at, raw, out, row):
    if not raw:
        output_row(head.kind, work[at : at + head.K])
    copy(work, at, head.K, out[row], 0)


@njit
def put_step(head, ids, block, t, scratch, logits_at, first_row, raw, out):
    """Outputs of step t of a block, one for each sequence that has not ended, from the block's logits."""
    first = block[FIRST_STEP] + t
    for i in range(scratch.active[first]):
        at = logits_at + (t * block[ROWS] + i) * head.KP
        _put_output(head, scratch.work, at, raw, out, first_row[ids[i]] + first)


@njit
def put_last(net, head, ids, scratch, s_at, logits_at, first_row, raw, out):
    """Outputs of whole sequences from what the head reads, (sequences, HP) at s_at; that itself, if there is room for
    it, of a network without a head.
    """
    logits(net, head, ids.size, scratch.work, s_at, logits_at, 0, head.KP)
    for i in range(ids.size):
        if head.kind == NO_HEAD:
            copy(scratch.work, s_at + i * head.HP, out.shape[1], out[first_row[ids[i]]], 0)
            continue
        _put_output(head, scratch.work, logits_at + i * head.KP, raw, out, first_row[ids[i]])
