"""Run bidirectional layers (Schuster & Paliwal 1997) forward, one layer after another over whole sequences.

Each direction has a record of its own, number 2 l + d for layer l: direction d = 0 reads a sequence from its first
step, d = 1 from its last step. A reversed sequence has the same length, so both directions have the same blocks of
steps and active rows. The reverse direction therefore runs like any layer, on inputs in reversed order. Its states are
stored in its own order, and are reversed when they are copied next to those of the forward direction for the layer
above.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.dropout import drop_block
from numrnn.kernels.cpu.inputs import gather, pick_rows
from numrnn.kernels.cpu.pooling import finish_pool, pool_block
from numrnn.kernels.cpu.processor import STOP, load
from numrnn.kernels.cpu.products import add, add_input_products, copy, padded_inputs, set_zero
from numrnn.kernels.cpu.records import (
    CARRY,
    FIRST_STEP,
    LAST,
    LAYER_REGIONS,
    LOGITS,
    POOL,
    ROW,
    ROWS,
    STATE_ROW,
    STEPS,
    X,
    head_of,
    layer_of,
)
from numrnn.kernels.cpu.tile.forward import (
    forward_layer,
    gates_of,
    lay_out,
    load_state,
    logits,
    plan_blocks,
    put_last,
    put_step,
    store_state,
)
from numrnn.kernels.jit import njit


class WholeScratch(NamedTuple):
    """Hold the scratch of one thread that runs layer by layer; kernels are chosen by this type."""

    work: np.ndarray  # floating-point memory, which the regions divide
    blocks: np.ndarray  # (blocks, 5) int64: table of a tile's blocks
    active: np.ndarray  # (longest,) int64: number of rows that take part in each step
    regions: np.ndarray  # (regions, 5) int64: sizes, see `lay_out`
    places: np.ndarray  # (regions,) int64: offsets of the regions in work, direction by direction
    room: np.ndarray  # a view of places: offsets of regions that belong to no direction
    inputs: np.ndarray  # a view of places: offsets of the inputs of each layer and of the head
    spare: int  # offset in work of the memory for copies of operands
    rows: np.ndarray  # (longest,) int64: first row of each step


@njit
def row_size(net, level):
    """Return the row length of the inputs of layer `level`, or of the head if `level` is the number of layers.

    The inputs of the first layer are not padded.
    """
    if 2 * level == net.layers.shape[0]:
        return head_of(net).HP
    layer = layer_of(net, 2 * level)
    return layer.D if level == 0 else padded_inputs(layer, net.packed)


@njit
def _is_read(net, level):
    """Return True if layer `level`, or the head if `level` is the number of layers, reads the states of all steps."""
    return 2 * level < net.layers.shape[0] or head_of(net).per_step or net.pooling != LAST


@njit
def plan_tile(ids, lengths, tile_rows, scratch):
    """Plan and lay out the blocks of a tile, and fill in the first row of each step; return the number of blocks."""
    count, rows, state_rows = plan_blocks(ids, lengths, scratch)
    lay_out(scratch.regions, rows, state_rows, tile_rows, scratch.places)
    for b in range(count):
        block = scratch.blocks[b]
        for t in range(block[STEPS]):
            scratch.rows[block[FIRST_STEP] + t] = block[ROW] + t * block[ROWS]
    return count


@njit
def _row_of(scratch, length, reverse, t, i):
    """Return the row of sequence i at a direction's step t."""
    return scratch.rows[length - 1 - t if reverse else t] + i


@njit
def take_rows(data, ids, block, reverse, scratch, source_at, source_row, count, out_at, out_row):
    """Copy `count` elements of each row of a block to (steps, rows, out_row), in a direction's order; zero the rest."""
    work, first, rows = scratch.work, block[FIRST_STEP], block[ROWS]
    for t in range(block[STEPS]):
        active, now = scratch.active[first + t], out_at + t * rows * out_row
        for i in range(active):
            source = source_at + _row_of(scratch, data.lengths[ids[i]], reverse, first + t, i) * source_row
            copy(work, source, count, work, now + i * out_row)
            set_zero(work, now + i * out_row + count, out_row - count)
        set_zero(work, now + active * out_row, (rows - active) * out_row)


@njit
def _put_states(layer, data, ids, block, reverse, scratch, s_at, out_at, out_row):
    """Copy a direction's states to its columns of the next layer's inputs; zero the rows of ended sequences."""
    work, first, rows, unit = scratch.work, block[FIRST_STEP], block[ROWS], reverse * layer.H
    for t in range(block[STEPS]):
        active = scratch.active[first + t]
        for i in range(active):
            row = _row_of(scratch, data.lengths[ids[i]], reverse, first + t, i)
            copy(work, s_at + (t * rows + i) * layer.HP, layer.H, work, out_at + row * out_row + unit)
        if not reverse:
            set_zero(work, out_at + (scratch.rows[first + t] + active) * out_row, (rows - active) * out_row)


@njit
def add_rows(data, ids, block, scratch, source_at, row, out_at):
    """Add the rows of a block of the reverse direction to the rows of the same steps at out_at."""
    work, first, rows = scratch.work, block[FIRST_STEP], block[ROWS]
    for t in range(block[STEPS]):
        for i in range(scratch.active[first + t]):
            here = _row_of(scratch, data.lengths[ids[i]], 1, first + t, i)
            add(work, out_at + here * row, work, source_at + (t * rows + i) * row, row)


@njit
def inputs_of_block(net, data, ids, block, index, scratch):
    """Return the offset of a direction's inputs in a block, with steps in the direction's order."""
    x_at, row = scratch.inputs[index // 2], row_size(net, index // 2)
    if index % 2 == 0:
        return x_at + block[ROW] * row
    take_rows(data, ids, block, 1, scratch, x_at, row, row, scratch.room[X], row)
    return scratch.room[X]


@njit
def _forward_direction(net, data, ids, count, index, tile_rows, scratch, training, board):
    """Run one direction of a layer over all blocks; copy its states for the layer above, if that reads all steps."""
    layer, place, work = layer_of(net, index), scratch.places[LAYER_REGIONS * index :], scratch.work
    level, read = index // 2, _is_read(net, index // 2 + 1)
    for b in range(count):
        if load(board, STOP):
            return
        block = scratch.blocks[b]
        row, state_row = training * block[ROW], training * block[STATE_ROW]
        gates_at = gates_of(layer, place, block, row, state_row)
        x_at = inputs_of_block(net, data, ids, block, index, scratch)
        rows = block[STEPS] * block[ROWS]
        add_input_products(net, layer, rows, work, x_at, row_size(net, level), work, gates_at, 0, layer.HP)
        pick_rows(net, layer, data, ids, block, index % 2, work, gates_at)
        drops = data.kept_before != 1.0
        s_at = forward_layer(net, layer, place, block, scratch.active, tile_rows, work, gates_at, state_row, drops)
        if read:
            out_at, out_row = scratch.inputs[level + 1], row_size(net, level + 1)
            _put_states(layer, data, ids, block, index % 2, scratch, s_at, out_at, out_row)


@njit
def drop(net, data, ids, count, level, scratch, at):
    """Apply dropout to the inputs of layer `level`, or to their gradient, at offset `at`."""
    if data.kept == 1.0:
        return
    row = row_size(net, level)
    for b in range(count):
        block = scratch.blocks[b]
        here = at + block[ROW] * row
        drop_block(data, ids, block, level - 1, 2 * layer_of(net, 2 * level - 1).H, row, scratch.work, here, here)


@njit
def forward_tile(net, data, ids, count, tile_rows, scratch, training, board):
    """Run all layers over a tile; return early on STOP."""
    for b in range(count):
        block = scratch.blocks[b]
        gather(net, data, ids, block, scratch.work, scratch.inputs[0] + block[ROW] * layer_of(net, 0).D)
    for level in range(1, scratch.inputs.size):
        for index in range(2 * level - 2, 2 * level):
            _forward_direction(net, data, ids, count, index, tile_rows, scratch, training, board)
        if level + 1 < scratch.inputs.size or head_of(net).per_step:  # else dropout is left to `head_per_sequence`
            drop(net, data, ids, count, level, scratch, scratch.inputs[level])


@njit
def final_states(net, ids, scratch, out_at):
    """Copy the last states of both directions of the last layer side by side, (sequences, HP)."""
    head, last, work = head_of(net), net.layers.shape[0] - 2, scratch.work
    set_zero(work, out_at, ids.size * head.HP)
    for d in range(2):
        layer, carry = layer_of(net, last + d), scratch.places[LAYER_REGIONS * (last + d) + CARRY]
        for i in range(ids.size):
            copy(work, carry + i * layer.HP, layer.H, work, out_at + i * head.HP + d * layer.H)


@njit
def read_states(net, data, ids, count, tile_rows, scratch):
    """Return the offset of the head's inputs (sequences, HP): the last states, or a pool."""
    head, pool_at = head_of(net), scratch.room[POOL]
    if net.pooling == LAST:
        final_states(net, ids, scratch, pool_at)
        return pool_at
    for b in range(count):
        block = scratch.blocks[b]
        s_at = scratch.inputs[scratch.inputs.size - 1] + block[ROW] * head.HP
        pool_block(net.pooling, block, b, head.HP, tile_rows, scratch.active, scratch.work, s_at, pool_at)
    finish_pool(net.pooling, data, ids, head.HP, scratch.work, pool_at)
    return pool_at


@njit
def predict_tile(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board):
    """Compute the outputs of a tile (logits if `raw`); return early on STOP."""
    head, work, room = head_of(net), scratch.work, scratch.room
    count = plan_tile(ids, data.lengths, tile_rows, scratch)
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
