"""Run one tile of sequences forward through all steps and layers on one thread, and compute its outputs.

The sequences of a tile are sorted by length, longest first, so the rows that take part in a step are a prefix. Time is
cut into dense blocks of steps, which have as many rows at each step as at their first. A block takes s_0 from the carry
and leaves s_T there, so blocks can be recomputed, and a sequence can be continued or cut after any step.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.cells import cell_forward
from numrnn.kernels.cpu.dropout import EVERY_STEP, drop_block, drop_row
from numrnn.kernels.cpu.heads import output_row
from numrnn.kernels.cpu.inputs import add_inputs, gather
from numrnn.kernels.cpu.pooling import finish_pool, pool_block
from numrnn.kernels.cpu.processor import STOP, load
from numrnn.kernels.cpu.products import add_input_products, copy, product, set_zero
from numrnn.kernels.cpu.records import (
    BY_BLOCK,
    BY_ROWS,
    BY_SEQUENCES,
    BY_STATE_ROWS,
    CARRY,
    CELLS,
    DROPPED,
    FIRST_STEP,
    GATES,
    LAST,
    LAYER_REGIONS,
    LOGITS,
    NO_HEAD,
    POOL,
    ROW,
    ROWS,
    SAME_AS,
    STATE_ROW,
    STATES,
    STEPS,
    X,
    head_of,
    layer_of,
    width_of,
)
from numrnn.kernels.jit import njit

BLOCK_STEPS = 32  # most steps of a block
NARROW = 64  # most units of a first layer whose inputs predictions read in place; wider layers gain nothing by it
ROWS_DROP = 4  # number of ended rows at which a block ends early, since it would multiply them as zeros


class Goal(NamedTuple):
    """Hold targets: sequence i has target number first[i] of `classes` or `values`, or first[i] + t at step t."""

    classes: np.ndarray  # (n * class_bytes,) uint8: bytes of class indices; or empty
    class_bytes: int  # bytes of a class index, the lowest byte first
    values: np.ndarray  # (n, K), or empty
    weights: np.ndarray  # (n,) float64; empty if all weights are 1
    first: np.ndarray  # (N,) int64: index of each sequence's first target; negative: none


class Scratch(NamedTuple):
    """Hold the scratch of one thread; compiled code allocates no memory that the micro-kernel reads."""

    work: np.ndarray  # floating-point memory, which the regions divide
    blocks: np.ndarray  # (blocks, 5) int64: table of a tile's blocks
    active: np.ndarray  # (longest,) int64: number of rows that take part in each step
    regions: np.ndarray  # (regions, 5) int64: sizes, see `lay_out`
    places: np.ndarray  # (regions,) int64: offsets of the regions in work, layer by layer
    room: np.ndarray  # a view of places: offsets of regions that belong to no layer
    spare: int  # offset in work of the memory for copies of operands
    segments: np.ndarray  # (2, segments + 1) int64: see `checkpoint_schedule`


@njit
def plan_blocks(ids, lengths, scratch):
    """Fill the table of blocks of a tile; return the numbers of blocks, rows and state rows, see `ROW`."""
    blocks, active = scratch.blocks, scratch.active
    longest, count, row, state_row = lengths[ids[0]], 0, 0, 0
    rows = ids.size
    for t in range(longest):
        while lengths[ids[rows - 1]] <= t:
            rows -= 1
        active[t] = rows
        block = blocks[max(count - 1, 0)]
        if count == 0 or t - block[FIRST_STEP] == BLOCK_STEPS or block[ROWS] - rows >= ROWS_DROP:
            block = blocks[count]
            block[FIRST_STEP], block[STEPS], block[ROWS], block[ROW], block[STATE_ROW] = t, 0, rows, row, state_row
            count += 1
            state_row += rows
        block[STEPS] += 1
        row += block[ROWS]
        state_row += block[ROWS]
    return count, row, state_row


@njit
def lay_out(regions, rows, state_rows, sequences, places):
    """Compute the offsets of a tile's regions, which are stored one after another in work; return their end."""
    at = 0
    for i in range(places.size):
        region = regions[i]
        if region[SAME_AS] >= 0:
            places[i] = places[region[SAME_AS]]
            continue
        places[i] = at
        size = region[BY_ROWS] * rows + region[BY_STATE_ROWS] * state_rows
        size += (region[BY_BLOCK] * BLOCK_STEPS + region[BY_SEQUENCES]) * sequences
        at += (size + 15) // 16 * 16
    return at


@njit
def keep_carry(work, block, active, s_at, HP, carry, unit, units):
    """Copy `units` units, from number `unit` on, of each row's last state in a block to the carry."""
    rows, first = block[ROWS], block[FIRST_STEP]
    step = block[STEPS]
    for i in range(rows):
        while active[first + step - 1] <= i:
            step -= 1
        copy(work, s_at + (step * rows + i) * HP + unit, units, work, carry + i * HP + unit)


@njit
def gates_of(layer, place, block, row, state_row):
    """Return the offset for b + U x of a block, given the rows and state rows before it."""
    if layer.saved:
        return place[GATES] + row * layer.planes * layer.HP
    return place[STATES] + (state_row + block[ROWS]) * layer.HP  # the states will overwrite it


@njit
def forward_layer(net, layer, place, block, active, tile_rows, work, gates_at, state_row, drops):
    """Run one layer over one block, from b + U x; return the offset of s_1 .. s_steps.

    The carry holds s_0 (and cell_0) on entry, and s_T (and cell_T) on return. If `drops`, the mask of recurrent dropout
    is applied.
    """
    steps, rows = block[STEPS], block[ROWS]
    now = active[block[FIRST_STEP] : block[FIRST_STEP] + steps]
    s_at, cell_at = place[STATES] + state_row * layer.HP, place[CELLS] + state_row * layer.HP
    carry, cell_carry = place[CARRY], place[CARRY] + tile_rows * layer.HP
    copy(work, carry, rows * layer.HP, work, s_at)
    if layer.cells:
        copy(work, cell_carry, rows * layer.HP, work, cell_at)
    mask_at, spare_at = carry + 4 * tile_rows * layer.HP, carry + 5 * tile_rows * layer.HP
    mask_at = mask_at if drops else -1
    cell_forward(net, layer, steps, rows, now, work, s_at, cell_at, gates_at, mask_at, spare_at)
    if layer.cells:
        keep_carry(work, block, active, cell_at, layer.HP, cell_carry, 0, layer.HP)
    keep_carry(work, block, active, s_at, layer.HP, carry, 0, layer.HP)
    return s_at + rows * layer.HP


@njit
def forward_block(net, data, ids, block, tile_rows, scratch, x_at, row, state_row, dropped_at):
    """Run all layers over one block; return the offset of the last layer's states s_1 .. s_steps.

    Inputs are gathered at x_at if it is >= 0; dropped_at has room for states after dropout.
    """
    at, x_row, work = x_at, 0, scratch.work
    if x_at >= 0:
        gather(net, data, ids, block, work, x_at)
    for index in range(net.layers.shape[0]):
        layer, place = layer_of(net, index), scratch.places[LAYER_REGIONS * index :]
        gates_at = gates_of(layer, place, block, row, state_row)
        if index == 0:
            add_inputs(net, data, ids, block, work, at, gates_at)
        else:
            rows, at = block[STEPS] * block[ROWS], passed_up(net, data, ids, block, index - 1, work, at, dropped_at)
            add_input_products(net, layer, rows, work, at, x_row, work, gates_at, 0, layer.HP)
        drops = data.kept_before != 1.0
        at = forward_layer(net, layer, place, block, scratch.active, tile_rows, work, gates_at, state_row, drops)
        x_row = layer.HP
    return at


@njit
def passed_up(net, data, ids, block, index, work, s_at, dropped_at):
    """Apply dropout to a layer's states, if there is any; return the offset from which the layer above reads them."""
    if data.kept == 1.0:
        return s_at
    layer = layer_of(net, index)
    drop_block(data, ids, block, index, layer.H, layer.HP, work, s_at, dropped_at)
    return dropped_at


@njit
def _make_masks(data, ids, index, layer, work, at):
    """Fill in a layer's recurrent dropout masks (sequences, HP), the same in all steps (Gal and Ghahramani 2016)."""
    for i in range(ids.size):
        here = at + i * layer.HP
        for j in range(layer.HP):
            work[here + j] = 1
        drop_row(data.keys[ids[i]], EVERY_STEP, index, layer.HP, data.kept_before, work, here, here)


@njit
def load_state(net, data, ids, tile_rows, scratch):
    """Set the carries from data.state or data.given (rows, state size), else to the learned initial state or zero.

    The columns of a state are s of the first layer, its cell if it has one, s of the second layer, and so on.
    """
    column = 0
    for index in range(net.layers.shape[0]):
        layer, carry = layer_of(net, index), scratch.places[LAYER_REGIONS * index + CARRY]
        set_zero(scratch.work, carry, 4 * tile_rows * layer.HP)
        if data.kept_before != 1.0:
            _make_masks(data, ids, index, layer, scratch.work, carry + 4 * tile_rows * layer.HP)
        for kind in range(1 + layer.cells):
            for i in range(ids.size):
                row, at = data.state_rows[ids[i]], carry + (kind * tile_rows + i) * layer.HP
                if row >= 0 and data.state.size:
                    copy(data.state[row], column, layer.H, scratch.work, at)
                elif row < 0 and data.given.size:
                    copy(data.given[~row], column, layer.H, scratch.work, at)
                elif layer.s_0 >= 0:
                    copy(net.packed, layer.s_0 + kind * layer.HP, layer.H, scratch.work, at)
            column += layer.H


@njit
def store_state(net, data, ids, tile_rows, scratch, state_out):
    """Write the carries into state_out (rows, state size), if it is not empty."""
    column = 0
    for index in range(net.layers.shape[0]):
        layer, carry = layer_of(net, index), scratch.places[LAYER_REGIONS * index + CARRY]
        for kind in range(1 + layer.cells):
            if state_out.size:
                for i in range(ids.size):
                    row = data.state_rows[ids[i]]
                    row = row if row >= 0 else ~row
                    copy(scratch.work, carry + (kind * tile_rows + i) * layer.HP, layer.H, state_out[row], column)
            column += layer.H


@njit
def logits(net, head, rows, work, s_at, at, output, outputs):
    """Compute logits (rows, KP) = c + s V^T for `outputs` outputs from number `output` on, in whole panels."""
    packed, panels, V = net.packed, outputs // width_of(work), head.V + output * head.H
    product(
        rows, 1, head.H, work, s_at, head.HP, 0, packed, V, panels, packed, head.c + output, 0, work, at + output,
        head.KP,
    )  # fmt: skip


@njit
def predict_tile(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board):
    """Compute the outputs of a tile (logits if `raw`), with memory for one block only; return early on STOP."""
    head, work, room = head_of(net), scratch.work, scratch.room
    count, _, _ = plan_blocks(ids, data.lengths, scratch)
    lay_out(scratch.regions, 0, 0, tile_rows, scratch.places)
    x_at = -1 if layer_of(net, 0).HP <= NARROW and not layer_of(net, 0).embedded else room[X]
    load_state(net, data, ids, tile_rows, scratch)
    for b in range(count):
        if load(board, STOP):
            return
        block = scratch.blocks[b]
        s_at = forward_block(net, data, ids, block, tile_rows, scratch, x_at, 0, 0, room[DROPPED])
        if head.per_step:
            logits(net, head, block[STEPS] * block[ROWS], work, s_at, room[LOGITS], 0, head.KP)
            for t in range(block[STEPS]):
                put_step(head, ids, block, t, scratch, room[LOGITS], first_row, raw, out)
        if net.pooling != LAST:
            pool_block(net.pooling, block, b, head.HP, tile_rows, scratch.active, work, s_at, room[POOL])
    if not head.per_step:
        s_at = scratch.places[LAYER_REGIONS * (net.layers.shape[0] - 1) + CARRY]
        if net.pooling != LAST:
            s_at = room[POOL]
            finish_pool(net.pooling, data, ids, head.HP, work, s_at)
        put_last(net, head, ids, scratch, s_at, room[LOGITS], first_row, raw, out)
    store_state(net, data, ids, tile_rows, scratch, state_out)


@njit
def _put_output(head, work, at, raw, out, row):
    if not raw:
        output_row(head.output, work[at : at + head.K])
    copy(work, at, head.K, out[row], 0)


@njit
def put_step(head, ids, block, t, scratch, logits_at, first_row, raw, out):
    """Write the outputs of all sequences that have not ended, at step t of a block, from the block's logits."""
    first = block[FIRST_STEP] + t
    for i in range(scratch.active[first]):
        at = logits_at + (t * block[ROWS] + i) * head.KP
        _put_output(head, scratch.work, at, raw, out, first_row[ids[i]] + first)


@njit
def put_last(net, head, ids, scratch, s_at, logits_at, first_row, raw, out):
    """Write the outputs of whole sequences, computed from the head's inputs (sequences, HP) at s_at.

    For a network without a head, the first out.shape[1] numbers of the rows at s_at are the outputs.
    """
    logits(net, head, ids.size, scratch.work, s_at, logits_at, 0, head.KP)
    for i in range(ids.size):
        if head.output == NO_HEAD:
            copy(scratch.work, s_at + i * head.HP, out.shape[1], out[first_row[ids[i]]], 0)
            continue
        _put_output(head, scratch.work, logits_at + i * head.KP, raw, out, first_row[ids[i]])
