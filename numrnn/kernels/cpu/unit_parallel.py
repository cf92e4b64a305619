"""Predict one tile of few sequences with wide layers, whose units are divided among a team of threads.

Each thread computes all gates of some units, so W streams through the caches of several cores at once. The work is cut
into phases (other phases than those of a mini-batch): one for the inputs of a layer in a block of steps, one for each
step, two for the outputs of a block. All members of the team wait for each other between phases. A thread may come
late, because the pool of threads or a core is busy; the first member admits it when the next phase begins, and no
thread waits for another one that has not come. Sums are chains in the order of k, so results do not depend on which
thread computes a unit.
"""

from numrnn.kernels.cpu.cells import cell_step
from numrnn.kernels.cpu.inputs import gather
from numrnn.kernels.cpu.micro_kernel import WIDE
from numrnn.kernels.cpu.processor import DEFAULT, STOP, fetch_add, give_way, load, set_mode, store
from numrnn.kernels.cpu.products import add_input_products, add_recurrent_products, copy, set_zero
from numrnn.kernels.cpu.records import (
    CARRY,
    CELLS,
    FIRST_STEP,
    GATES,
    LAYER_REGIONS,
    LOGITS,
    ROWS,
    STATES,
    STEPS,
    X,
    head_of,
    layer_of,
    width_of,
)
from numrnn.kernels.cpu.tile.forward import (
    keep_carry,
    lay_out,
    load_state,
    logits,
    plan_blocks,
    put_last,
    put_step,
    store_state,
)
from numrnn.kernels.jit import njit

LINE = 8  # counters per cache line
# The memory of a team. One cache line each for: the number of threads that have joined; whether the tile is done; the
# first member's calls for even and odd phases; the number of blocks. Two cache lines for each member follow.
JOINED, OVER, CALLS, BLOCKS, MEMBERS = range(0, 5 * LINE, LINE)
MOST = 64  # most members of a team
TEAM_SIZE = MEMBERS + 2 * LINE * MOST
DONE = 0  # in a member's first line, which others read: the last phase that the member has completed
RANK, PHASE, BEGINS, COUNT = range(LINE, LINE + 4)  # in its second line: rank, phase, first phase, number of members
SPINS = 2000  # reads of a counter before the processor is yielded: about 10 us


@njit
def _wait(counters, index, phase, board):
    """Wait until a counter has reached a phase; return False on STOP."""
    spins = 0
    while load(counters, index) < phase:
        if load(board, STOP):
            return False
        spins += 1
        if spins > SPINS:
            give_way()
    return True


@njit
def _call(team, phase, most):
    """Publish that the first member has completed a phase, and how many members take part in the next phase.

    A call is one number: phase * (MOST + 1) + the number of members. No member can be two phases ahead of another, so
    one call for even and one for odd phases are enough.
    """
    store(team, CALLS + phase % 2, phase * (MOST + 1) + min(load(team, JOINED), most))


@njit
def _all_here(team, me, phase, board):
    """Complete a phase, and wait until all members of the next phase have completed it too; return False on STOP."""
    store(me, DONE, phase)
    if not _wait(team, CALLS + phase % 2, phase * (MOST + 1), board):
        return False
    me[COUNT] = load(team, CALLS + phase % 2) - phase * (MOST + 1)
    for rank in range(me[COUNT]):
        if not _wait(team, MEMBERS + 2 * LINE * rank + DONE, phase, board):
            return False
    return True


@njit
def _meet(team, me, most, board):
    """End a phase if this member has begun to take part; return False on STOP."""
    phase = me[PHASE]
    me[PHASE] = phase + 1
    if phase < me[BEGINS]:
        return True
    if me[RANK] == 0:
        _call(team, phase, most)
    return _all_here(team, me, phase, board)


@njit
def _let_in(team, me, board):
    """Wait until a call admits this member; return False if the tile is done before, or on STOP."""
    spins = 0
    while load(team, OVER) == 0 and load(board, STOP) == 0:
        for place in range(CALLS, CALLS + 2):
            call = load(team, place)
            if call % (MOST + 1) > me[RANK]:
                me[BEGINS] = call // (MOST + 1) + 1
                return _all_here(team, me, me[BEGINS] - 1, board)
        spins += 1
        if spins > SPINS:
            give_way()
    return False


@njit
def _works(me):
    return me[PHASE] >= me[BEGINS]


@njit
def _share(me, outputs, width):
    """Return the first output and the number of outputs of a member, in register tiles of WIDE panels if possible."""
    panels = outputs // width
    piece = WIDE if panels >= WIDE * me[COUNT] else 1
    pieces = (panels + piece - 1) // piece
    first = min(panels, me[RANK] * pieces // me[COUNT] * piece)
    end = min(panels, (me[RANK] + 1) * pieces // me[COUNT] * piece)
    return first * width, (end - first) * width


@njit
def _begin_layer(net, layer, place, block, tile_rows, work, x_at, x_row, gates_at, unit, units):
    """Compute b + U x of a block, and copy s_0 and cell_0 from the carry."""
    rows = block[ROWS]
    add_input_products(net, layer, block[STEPS] * rows, work, x_at, x_row, work, gates_at, unit, units)
    for kind in range(1 + layer.cells):
        for i in range(rows):
            carry = place[CARRY] + (kind * tile_rows + i) * layer.HP + unit
            copy(work, carry, units, work, place[kind] + i * layer.HP + unit)


@njit
def _step(net, layer, place, block, active, t, work, gates_at, unit, units):
    """Compute the states of one step."""
    rows = block[ROWS]
    step = rows * layer.HP
    now, cell, gates = place[STATES] + (t + 1) * step, place[CELLS] + t * step, gates_at + t * step
    plane = block[STEPS] * step
    add_recurrent_products(net, layer, active, work, now - step, gates, plane, unit, units, t & 1)
    for i in range(rows):
        at = i * layer.HP + unit
        if i < active:
            cell_step(net, work, now + at, cell + at, gates + at, step, plane, units)
        else:
            set_zero(work, now + at, units)


@njit
def _end_layer(layer, place, block, tile_rows, scratch, unit, units):
    """Copy the last states to the carry."""
    for kind in range(1 + layer.cells):
        carry = place[CARRY] + kind * tile_rows * layer.HP
        keep_carry(scratch.work, block, scratch.active, place[kind], layer.HP, carry, unit, units)


@njit
def _run_layer(net, index, block, tile_rows, scratch, x_at, x_row, team, me, most, board):
    """Compute a member's share of a layer over a block; return False on STOP."""
    layer, place, work = layer_of(net, index), scratch.places[LAYER_REGIONS * index :], scratch.work
    gates_at = place[GATES] if layer.saved else place[STATES] + block[ROWS] * layer.HP  # states overwrite them
    if _works(me):
        unit, units = _share(me, layer.HP, width_of(work))
        _begin_layer(net, layer, place, block, tile_rows, work, x_at, x_row, gates_at, unit, units)
    for t in range(block[STEPS]):
        if not _meet(team, me, most, board):
            return False
        if _works(me):
            unit, units = _share(me, layer.HP, width_of(work))
            active = scratch.active[block[FIRST_STEP] + t]
            _step(net, layer, place, block, active, t, work, gates_at, unit, units)
            if t + 1 == block[STEPS]:
                _end_layer(layer, place, block, tile_rows, scratch, unit, units)
    return _meet(team, me, most, board)


@njit
def _run_block(net, ids, first_row, raw, block, tile_rows, scratch, out, team, me, most, board):
    """Compute a member's share of a block; return False on STOP."""
    at, x_row, head = scratch.room[X], layer_of(net, 0).D, head_of(net)
    for index in range(net.layers.shape[0]):
        if not _run_layer(net, index, block, tile_rows, scratch, at, x_row, team, me, most, board):
            return False
        x_row = layer_of(net, index).HP
        at = scratch.places[LAYER_REGIONS * index + STATES] + block[ROWS] * x_row
    if not head.per_step:
        return True
    if _works(me):
        output, outputs = _share(me, head.KP, width_of(scratch.work))
        logits(net, head, block[STEPS] * block[ROWS], scratch.work, at, scratch.room[LOGITS], output, outputs)
    if not _meet(team, me, most, board):
        return False
    if _works(me):
        for t in range(me[RANK], block[STEPS], me[COUNT]):
            put_step(head, ids, block, t, scratch, scratch.room[LOGITS], first_row, raw, out)
    return True


@njit
def _run_tile(net, data, ids, first_row, raw, tile_rows, scratch, out, team, me, most, board):
    """Compute a member's share of all blocks; return False on STOP."""
    for b in range(team[BLOCKS]):
        block = scratch.blocks[b]
        if me[RANK] == 0:
            gather(net, data, ids, block, scratch.work, scratch.room[X])
        if not _meet(team, me, most, board):
            return False
        if not _run_block(net, ids, first_row, raw, block, tile_rows, scratch, out, team, me, most, board):
            return False
    return _meet(team, me, most, board)


@njit
def predict_in_team(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board, team, most):
    """Join the team of a tile and compute a member's share of the results of `predict_tile`, in the team's scratch.

    A thread that comes when the tile is done, or when the team already has `most` members, returns at once.
    """
    rank = fetch_add(team, JOINED)
    if rank >= most:
        return
    mode, at = set_mode(DEFAULT), MEMBERS + 2 * LINE * rank
    me = team[at : at + 2 * LINE]
    me[RANK], me[PHASE], me[BEGINS], me[COUNT] = rank, 1, 1, 1
    if rank == 0:
        team[BLOCKS], _, _ = plan_blocks(ids, data.lengths, scratch)
        lay_out(scratch.regions, 0, 0, tile_rows, scratch.places)
        load_state(net, data, ids, tile_rows, scratch)
    if rank == 0 or _let_in(team, me, board):
        whole = _run_tile(net, data, ids, first_row, raw, tile_rows, scratch, out, team, me, most, board)
        if rank == 0 and whole:
            if not head_of(net).per_step:
                carry = scratch.places[LAYER_REGIONS * (net.layers.shape[0] - 1) + CARRY]
                put_last(net, head_of(net), ids, scratch, carry, scratch.room[LOGITS], first_row, raw, out)
            store_state(net, data, ids, tile_rows, scratch, state_out)
        if rank == 0:
            store(team, OVER, 1)
    set_mode(mode)
