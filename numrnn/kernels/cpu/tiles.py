"""One tile of sequences through all steps, layers and the head, on one thread: forward, and back-propagation through
time.

The sequences of a tile are sorted by length, longest first, so the rows that take part in a step are a prefix. Time
is cut into blocks of steps, each dense: as many rows as its first step has. A block takes s_0 from the carry and
leaves s_T there, so blocks can be made again, carried on or cut anywhere.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.atomics import STOP, load
from numrnn.kernels.cpu.cells import cell_backward, cell_forward
from numrnn.kernels.cpu.dropout import EVERY_STEP, drop_block, drop_last, drop_row
from numrnn.kernels.cpu.gemm import gemm_tn, product
from numrnn.kernels.cpu.heads import loss_row, output_row
from numrnn.kernels.cpu.inputs import add_inputs, gather, keep_input_gradients
from numrnn.kernels.cpu.net import (
    FIRST_STEP,
    ROW,
    ROWS,
    STATE_ROW,
    STEPS,
    ZEROS,
    head_of,
    layer_of,
    width_of,
)
from numrnn.kernels.cpu.products import (
    add_column_sums,
    add_input_products,
    add_weight_gradients,
    copy,
    input_gradient,
    masked,
    set_zero,
)
from numrnn.kernels.jit import njit

BLOCK_STEPS = 32  # weight gradients accumulate over blocks of so many steps, last block first
ROWS_DROP = 4  # a block ends early where so many rows have ended: fewer rows would only be multiplied by zero
NARROW = 64  # units up to which the first layer of a prediction reads inputs where they lie; wider ones gain nothing


class Goal(NamedTuple):
    """Targets: row first[i] (+ t per step) of `classes` or `values` belongs to sequence i."""

    classes: np.ndarray  # bytes of class indices, (n * class_bytes,) uint8, or empty
    class_bytes: int  # of a class index, lowest first
    values: np.ndarray  # (n, K), or empty
    weights: np.ndarray  # (n,) float64, empty: ones
    first: np.ndarray  # (N,) int64


class Scratch(NamedTuple):
    """Memory of one thread; nothing that the micro-kernel reads is allocated in compiled code."""

    work: np.ndarray  # floating
    blocks: np.ndarray  # (blocks, 5) int64
    active: np.ndarray  # (longest,) int64: rows that take part in a step
    places: np.ndarray  # (layers, 4) int64: where a layer's states, cells, gates and carry lie in work
    spare: int  # where room for copies of operands begins in work


@njit
def plan_blocks(ids, lengths, scratch):
    """Fill the table of blocks of a tile; return their number, their rows (steps times rows, summed) and their state
    rows.
    """
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
def place_layers(net, rows, state_rows, tile_rows, at, places):
    """Lay out states, cells, gates and carries of all layers in work from `at`; return the end."""
    for index in range(net.layers.shape[0]):
        layer = layer_of(net, index)
        places[index, 0] = at
        places[index, 1] = at + state_rows * layer.HP
        places[index, 2] = places[index, 1] + layer.cells * state_rows * layer.HP
        gate_rows = rows if layer.saved else tile_rows * BLOCK_STEPS
        places[index, 3] = places[index, 2] + gate_rows * layer.planes * layer.HP
        at = places[index, 3] + 6 * tile_rows * layer.HP  # s, cell, their gradients; a mask of s, and s so masked
    return at


@njit
def keep_carry(work, block, active, s_at, HP, carry, unit, units):
    """Copy the last state of each row of a block, where it ended or at the end of the block, to the carry: `units` of
    it, from `unit` on.
    """
    rows, first = block[ROWS], block[FIRST_STEP]
    step = block[STEPS]
    for i in range(rows):
        while active[first + step - 1] <= i:
            step -= 1
        copy(work, s_at + (step * rows + i) * HP + unit, units, work, carry + i * HP + unit)


@njit
def forward_layer(net, layer, place, block, active, tile_rows, work, gates_at, state_row, drops):
    """One layer over one block, from b + U x; the carry holds s_0 (and cell_0) before, s_T after. `drops`: the mask
    acts.
    """
    steps, rows = block[STEPS], block[ROWS]
    now = active[block[FIRST_STEP] : block[FIRST_STEP] + steps]
    s_at, cell_at = place[0] + state_row * layer.HP, place[1] + state_row * layer.HP
    carry, cell_carry = place[3], place[3] + tile_rows * layer.HP
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
    """All layers over one block; returns where the last layer's states s_1 .. s_steps lie. The inputs are gathered at
    x_at, if >= 0; there is room for states that dropout has gone over at dropped_at.
    """
    at, x_row, work = x_at, 0, scratch.work
    if x_at >= 0:
        gather(net, data, ids, block, work, x_at)
    for index in range(net.layers.shape[0]):
        layer, place = layer_of(net, index), scratch.places[index]
        gates_at = place[0] + (state_row + block[ROWS]) * layer.HP  # where the states will be
        if layer.saved:
            gates_at = place[2] + row * layer.planes * layer.HP
        if index == 0:
            add_inputs(net, data, ids, block, work, at, gates_at)
        else:
            rows, at = block[STEPS] * block[ROWS], _passed_up(net, data, ids, block, index - 1, work, at, dropped_at)
            add_input_products(net, layer, rows, work, at, x_row, work, gates_at, 0, layer.HP)
        drops = data.kept_before != 1.0
        at = forward_layer(net, layer, place, block, scratch.active, tile_rows, work, gates_at, state_row, drops)
        x_row = layer.HP
    return at


@njit
def _passed_up(net, data, ids, block, index, work, s_at, dropped_at):
    """Where the states of a layer lie as the layer above sees them."""
    if data.kept == 1.0:
        return s_at
    layer = layer_of(net, index)
    drop_block(data, ids, block, index, layer.H, layer.HP, work, s_at, dropped_at)
    return dropped_at


@njit
def _make_masks(data, ids, index, layer, work, at):
    """Masks (sequences, HP) of the states of a layer on their way to the next step: the same in all steps (Gal and
    Ghahramani 2016).
    """
    for i in range(ids.size):
        here = at + i * layer.HP
        for j in range(layer.HP):
            work[here + j] = 1
        drop_row(data.keys[ids[i]], EVERY_STEP, index, layer.HP, data.kept_before, work, here, here)


@njit
def load_state(net, data, ids, tile_rows, scratch):
    """Set the carries from data.state (rows, state size), all layers one after the other, cell after s; an empty state
    is zero.
    """
    column = 0
    for index in range(net.layers.shape[0]):
        layer, carry = layer_of(net, index), scratch.places[index, 3]
        set_zero(scratch.work, carry, 4 * tile_rows * layer.HP)
        if data.kept_before != 1.0:
            _make_masks(data, ids, index, layer, scratch.work, carry + 4 * tile_rows * layer.HP)
        for kind in range(1 + layer.cells):
            if data.state.size:
                for i in range(ids.size):
                    row = data.state_rows[ids[i]]
                    if row >= 0:
                        copy(data.state[row], column, layer.H, scratch.work, carry + (kind * tile_rows + i) * layer.HP)
            column += layer.H


@njit
def store_state(net, data, ids, tile_rows, scratch, state_out):
    """Write the carries into state_out (rows, state size), if it is not empty."""
    column = 0
    for index in range(net.layers.shape[0]):
        layer, carry = layer_of(net, index), scratch.places[index, 3]
        for kind in range(1 + layer.cells):
            if state_out.size:
                for i in range(ids.size):
                    row = data.state_rows[ids[i]]
                    row = row if row >= 0 else ~row
                    copy(scratch.work, carry + (kind * tile_rows + i) * layer.HP, layer.H, state_out[row], column)
            column += layer.H


@njit
def logits(net, head, rows, work, s_at, at, output, outputs):
    """logits (rows, KP) = c + s V^T; of whole panels of outputs, the first of which is `output`."""
    packed, panels, V = net.packed, outputs // width_of(work), head.V + output * head.H
    product(
        rows, 1, head.H, work, s_at, head.HP, 0, packed, V, panels, packed, head.c + output, 0, work, at + output,
        head.KP,
    )  # fmt: skip


@njit
def place_prediction(net, tile_rows, scratch):
    """Lay out a prediction of one block after the other; return where inputs and logits lie."""
    block_rows = BLOCK_STEPS * tile_rows
    x_at = place_layers(net, block_rows, block_rows + tile_rows, tile_rows, 0, scratch.places)
    return x_at, x_at + (block_rows * layer_of(net, 0).D + 15) // 16 * 16


@njit
def predict_tile(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board):
    """Outputs (raw: logits) of a tile into out; memory for one block only, whatever the length. Left early on STOP."""
    head, work = head_of(net), scratch.work
    count, _, _ = plan_blocks(ids, data.lengths, scratch)
    x_at, logits_at = place_prediction(net, tile_rows, scratch)
    x_at = -1 if layer_of(net, 0).HP <= NARROW and not layer_of(net, 0).embedded else x_at
    load_state(net, data, ids, tile_rows, scratch)
    for b in range(count):
        if load(board, STOP):
            return
        block = scratch.blocks[b]
        s_at = forward_block(net, data, ids, block, tile_rows, scratch, x_at, 0, 0, -1)
        if head.per_step:
            logits(net, head, block[STEPS] * block[ROWS], work, s_at, logits_at, 0, head.KP)
            for t in range(block[STEPS]):
                put_step(head, ids, block, t, scratch, logits_at, first_row, raw, out)
    if not head.per_step:
        put_last(net, head, ids, scratch, logits_at, first_row, raw, out)
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
def put_last(net, head, ids, scratch, logits_at, first_row, raw, out):
    """Outputs of whole sequences, from the last layer's carry."""
    carry = scratch.places[net.layers.shape[0] - 1, 3]
    logits(net, head, ids.size, scratch.work, carry, logits_at, 0, head.KP)
    for i in range(ids.size):
        _put_output(head, scratch.work, logits_at + i * head.KP, raw, out, first_row[ids[i]])


@njit
def _head_row(head, work, at, goal, index, scale):
    """Loss of one row, times its weight; its logits become the gradient, times weight and scale. Weight 0: no loss, no
    gradient.
    """
    row = work[at : at + head.K]
    weight = goal.weights[index] if goal.weights.size else 1.0
    if weight == 0.0 or index < 0:
        set_zero(work, at, head.K)
        return 0.0
    loss = weight * loss_row(head.kind, row, index, goal.classes, goal.class_bytes, goal.values)
    for k in range(head.K):
        row[k] = row[k] * (weight * scale)
    return loss


@njit
def _head_gradients(net, head, rows, scratch, s_at, at, gradient, ds_at):
    """dV, dc from dlogits (rows, KP) and s; ds (rows, HP) = dlogits V."""
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
def _head_per_sequence(net, data, ids, goal, scale, scratch, logits_at, dropped_at, tile_rows, gradient):
    """Loss of a tile whose sequences have one output each; dL/ds_T goes to the last layer's carry."""
    head, work, last = head_of(net), scratch.work, net.layers.shape[0] - 1
    s_at = scratch.places[last, 3]
    ds_at = s_at + 2 * tile_rows * head.HP
    if data.kept != 1.0:
        drop_last(data, ids, last, head.H, head.HP, work, s_at, dropped_at)
        s_at = dropped_at
    logits(net, head, ids.size, work, s_at, logits_at, 0, head.KP)
    loss = 0.0
    for i in range(ids.size):
        loss += _head_row(head, work, logits_at + i * head.KP, goal, goal.first[ids[i]], scale)
    _head_gradients(net, head, ids.size, scratch, s_at, logits_at, gradient, ds_at)
    if data.kept != 1.0:
        drop_last(data, ids, last, head.H, head.HP, work, ds_at, ds_at)
    return loss


@njit
def _head_per_step(net, data, ids, goal, scale, block, scratch, s_at, logits_at, dropped_at, gradient, dy_at):
    """Loss of one block whose steps have an output each; dL/ds_t goes to dy."""
    head, work, last = head_of(net), scratch.work, net.layers.shape[0] - 1
    first, rows = block[FIRST_STEP], block[ROWS]
    s_at = _passed_up(net, data, ids, block, last, work, s_at, dropped_at)
    logits(net, head, block[STEPS] * rows, work, s_at, logits_at, 0, head.KP)
    loss = 0.0
    for t in range(block[STEPS]):
        count = scratch.active[first + t]
        for i in range(count):
            loss += _head_row(
                head, work, logits_at + (t * rows + i) * head.KP, goal, goal.first[ids[i]] + first + t, scale
            )
        set_zero(work, logits_at + (t * rows + count) * head.KP, (rows - count) * head.KP)
    _head_gradients(net, head, block[STEPS] * rows, scratch, s_at, logits_at, gradient, dy_at)
    _passed_up(net, data, ids, block, last, work, dy_at, dy_at)
    return loss


@njit
def _backward_layer(net, data, index, block, tile_rows, scratch, x_at, x_row, dy_at, spare_at, gradient, board):
    """BPTT of one layer over one block; returns where its da lies. There is room for a block's states at spare_at."""
    layer, work, place = layer_of(net, index), scratch.work, scratch.places[index]
    steps, rows = block[STEPS], block[ROWS]
    active = scratch.active[block[FIRST_STEP] : block[FIRST_STEP] + steps]
    s_at, cell_at = place[0] + block[STATE_ROW] * layer.HP, place[1] + block[STATE_ROW] * layer.HP
    ds_at = place[3] + 2 * tile_rows * layer.HP
    da_at = place[2] + layer.saved * block[ROW] * layer.planes * layer.HP
    mask_at = place[3] + 4 * tile_rows * layer.HP if data.kept_before != 1.0 else -1
    cell_backward(
        net, layer, steps, rows, active, work, s_at, cell_at, da_at, dy_at, ds_at, ds_at + tile_rows * layer.HP,
        mask_at, place[3] + 5 * tile_rows * layer.HP,
    )  # fmt: skip
    if mask_at >= 0:
        step = rows * layer.HP
        for t in range(steps):
            masked(work, s_at + t * step, mask_at, spare_at + t * step, step)
        s_at = spare_at
    if not load(board, STOP):  # one more look, for a block of a wide layer takes a quarter of a second
        add_weight_gradients(net, layer, steps * rows, scratch, x_at, x_row, s_at, da_at, gradient)
    return da_at


@njit
def _backward_block(
    net, data, ids, block, tile_rows, scratch, inputs, input_row, dy_at, other_at, dropped_at, gradient, board
):
    """BPTT of all layers over one block, last layer first; `dy_at` and `other_at` change places from layer to layer."""
    head, work = head_of(net), scratch.work
    for index in range(net.layers.shape[0] - 1, -1, -1):
        x_at, x_row = inputs, input_row
        if index > 0:
            x_row = layer_of(net, index - 1).HP
            x_at = scratch.places[index - 1, 0] + (block[STATE_ROW] + block[ROWS]) * x_row
            x_at = _passed_up(net, data, ids, block, index - 1, work, x_at, dropped_at)
        da_at = _backward_layer(
            net, data, index, block, tile_rows, scratch, x_at, x_row, dy_at, other_at, gradient, board
        )
        if index > 0:
            input_gradient(net, layer_of(net, index), block[STEPS] * block[ROWS], work, da_at, other_at)
            _passed_up(net, data, ids, block, index - 1, work, other_at, other_at)
            dy_at, other_at = other_at, (dy_at if dy_at >= 0 else other_at - head.widest * BLOCK_STEPS * tile_rows)
        else:
            keep_input_gradients(net, data, ids, block, work, da_at, other_at, gradient)


@njit
def train_tile(net, data, ids, goal, scale, tile_rows, scratch, gradient, board):
    """Loss of a tile (sum of weight times loss); its gradient, times scale, is added to `gradient`. Left early on
    STOP.
    """
    head, D = head_of(net), layer_of(net, 0).D
    count, rows, state_rows = plan_blocks(ids, data.lengths, scratch)
    layers_at = (rows * D + 15) // 16 * 16
    dy_at = place_layers(net, rows, state_rows, tile_rows, layers_at, scratch.places)
    other_at = dy_at + head.widest * BLOCK_STEPS * tile_rows
    dropped_at = other_at + head.widest * BLOCK_STEPS * tile_rows
    logits_at = dropped_at + head.widest * BLOCK_STEPS * tile_rows
    load_state(net, data, ids, tile_rows, scratch)
    for b in range(count):
        if load(board, STOP):
            return 0.0
        block = scratch.blocks[b]
        x_at = block[ROW] * D
        forward_block(net, data, ids, block, tile_rows, scratch, x_at, block[ROW], block[STATE_ROW], dropped_at)
    if data.state.size:
        store_state(net, data, ids, tile_rows, scratch, data.state)
    loss = 0.0
    if not head.per_step:
        loss = _head_per_sequence(net, data, ids, goal, scale, scratch, logits_at, dropped_at, tile_rows, gradient)
    for b in range(count - 1, -1, -1):
        if load(board, STOP):
            return 0.0
        block = scratch.blocks[b]
        if head.per_step:
            s_at = scratch.places[net.layers.shape[0] - 1, 0] + (block[STATE_ROW] + block[ROWS]) * head.HP
            loss += _head_per_step(
                net, data, ids, goal, scale, block, scratch, s_at, logits_at, dropped_at, gradient, dy_at
            )
        from_head, x_at = dy_at if head.per_step else -1, block[ROW] * D
        _backward_block(
            net, data, ids, block, tile_rows, scratch, x_at, D, from_head, other_at, dropped_at, gradient, board
        )
    return loss
