"""Compute gradients and updates of one mini-batch after another, on threads that stay in compiled code.

A mini-batch consists of tree nodes, each a subtree of tiles. Threads claim nodes from a counter. The thread that
completes the last node of a mini-batch opens two phases: the sum of the nodes' gradients and the solver's step. All
waiting threads share the work of a phase. No thread waits for another one that has not started: a busy pool of threads
costs time but causes no deadlock.

The sum over tiles has the shape of a binary tree over the tiles' indices, whichever thread computes a part of it. The
result is therefore bitwise identical for all numbers of threads and MPI processes.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu import updates
from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.inputs import sort_inputs, sum_occurrences
from numrnn.kernels.cpu.processor import (
    CLAIMED,
    DEFAULT,
    DIVERGED,
    DONE,
    OPENED,
    STOP,
    fetch_add,
    give_way,
    load,
    set_mode,
    store,
)
from numrnn.kernels.cpu.products import add, copy, set_zero
from numrnn.kernels.cpu.records import piece_of
from numrnn.kernels.cpu.tile import bidirectional, bidirectional_training, forward, training
from numrnn.kernels.cpu.updates import add_nodes, pack_piece, unpack_piece
from numrnn.kernels.jit import by_type, njit

# The two phases that follow the nodes of a mini-batch: the sum of the gradients and the solver's step. Phases are
# numbered 2 * mini-batch + REDUCE and 2 * mini-batch + UPDATE.
REDUCE, UPDATE = range(2)
SPINS = 2000  # reads of a counter before the processor is yielded: about 10 us

# A tile passes through all layers block by block or, if layers are bidirectional, through one layer after another over
# whole sequences.
#
# train_tile(net, data, ids, goal, scale, tile_rows, scratch, gradient, board): return the loss of a tile; add its
# gradient, times scale, to `gradient`. Return early on STOP.
train_tile = by_type(
    {forward.Scratch: training.train_tile, bidirectional.WholeScratch: bidirectional_training.train_tile}, 6
)
# predict_tile(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board): write the outputs of a tile
# (logits if `raw`) into out. Return early on STOP.
predict_tile = by_type(
    {forward.Scratch: forward.predict_tile, bidirectional.WholeScratch: bidirectional.predict_tile}, 6
)


class Job(NamedTuple):
    """Hold the mini-batches to run and the counters that threads share."""

    order: np.ndarray  # ids of the sequences of all mini-batches, one after another, in the order of tiles
    first: np.ndarray  # (batches + 1,) index in `order` with which each mini-batch begins
    first_tile: np.ndarray  # (batches + 1,) number of the first tile of each mini-batch
    first_node: np.ndarray  # (batches + 1,) number of the first node of each mini-batch
    node_tiles: int  # tiles in a node, a power of two
    tile_rows: int
    weight_sums: np.ndarray  # (batches,) float64: sums of the weights; 0 for a chunk without targets
    losses: np.ndarray  # (tiles,) float64: sum of weight times loss
    nodes: np.ndarray  # (nodes of a mini-batch, gradient size): gradients of the nodes
    board: np.ndarray  # (BOARD_SIZE,) int64: counters, see `processor`
    nodes_done: np.ndarray  # (batches,) int64: completed nodes of each mini-batch
    claimed: np.ndarray  # (2 * batches,) int64: claimed shares of theta in the phases of each mini-batch
    completed: np.ndarray  # (2 * batches,) int64: completed shares


class Update(NamedTuple):
    """Hold what an update needs after the gradient: L2 penalty, clipping and the solver's step (or rule NO_STEP)."""

    theta: np.ndarray
    gradient: np.ndarray  # shaped like theta: the gradient of the last mini-batch
    before: np.ndarray  # shaped like theta: theta before the last update
    alpha: float
    clip_norm: float  # inf: no clipping
    rule: int
    first: np.ndarray  # `first` and `second`: the solver's state, empty if it has none
    second: np.ndarray
    scalars: np.ndarray  # (batches, ...) of theta's type: what `updates.step` needs
    losses: np.ndarray  # (batches,) float64: values of the objective
    norms: np.ndarray  # (batches,) float64: norms of the gradients before clipping
    squares: np.ndarray  # (pieces,) float64: sums of squares of the gradient, then of theta
    decays: np.ndarray  # (pieces,) float64: sums of squares of the decayed part of theta


@njit
def _sum_pairs(values):
    """Return the sum of numbers, added up as a binary tree; the numbers are overwritten."""
    distance = 1
    while distance < values.size:
        for left in range(0, values.size - distance, 2 * distance):
            values[left] += values[left + distance]
        distance *= 2
    return values[0]


@njit
def _run_node(net, data, goal, job, batch, node, scratch, levels):
    """Compute the gradient of a node's tiles, with partial sums in `levels`; return the tiles' number of steps."""
    order = job.order[job.first[batch] : job.first[batch + 1]]
    tiles = job.first_tile[batch + 1] - job.first_tile[batch]
    total, depth, steps = job.nodes[node], 0, 0
    first = node * job.node_tiles
    for tile in range(first, min(first + job.node_tiles, tiles)):
        ids = order[tile * job.tile_rows : (tile + 1) * job.tile_rows]
        here = total if depth == 0 else levels[depth - 1]
        set_zero(here, 0, here.size)
        loss = train_tile(net, data, ids, goal, 1 / job.weight_sums[batch], job.tile_rows, scratch, here, job.board)
        job.losses[job.first_tile[batch] + tile] = loss
        steps += data.lengths[ids[0]]
        depth += 1
        done = tile - first + 1
        while done & 1 == 0:
            depth -= 1
            add(total if depth == 1 else levels[depth - 2], 0, levels[depth - 1], 0, total.size)
            done >>= 1
    while depth > 1:
        depth -= 1
        add(total if depth == 1 else levels[depth - 2], 0, levels[depth - 1], 0, total.size)
    return steps


@njit
def _reduce_share(net, data, job, batch, update, share):
    """Sum the nodes' gradients over a share of theta and add the L2 term; do nothing for a chunk without targets."""
    if job.weight_sums[batch] == 0:
        return
    alpha = like(update.alpha, update.theta[0])
    for index in range(net.shares[share], net.shares[share + 1]):
        piece = piece_of(net.pieces, index)
        first, end = piece.theta, piece.theta + piece.count * piece.columns
        if piece.gradient < 0:
            sum_occurrences(net, data, piece, update.gradient)
        else:
            add_nodes(piece, job.nodes, job.first_node[batch + 1] - job.first_node[batch])
            unpack_piece(piece, job.nodes[0], update.gradient)
        gradient, decay = update.gradient[first:end], 0.0
        if update.alpha and piece.decayed:
            decay = updates.add_decay(gradient, update.theta[first:end], alpha)
        update.decays[index] = decay
        update.squares[index] = updates.squared_norm(gradient)


@njit
def _update_share(net, batch, update, share):
    """Clip the gradient of a share, perform the solver's step and pack the new weights."""
    norm = update.norms[batch]
    for index in range(net.shares[share], net.shares[share + 1]):
        piece = piece_of(net.pieces, index)
        first, end = piece.theta, piece.theta + piece.count * piece.columns
        theta, gradient = update.theta[first:end], update.gradient[first:end]
        copy(theta, 0, theta.size, update.before, first)
        updates.clip(gradient, norm, update.clip_norm)
        slots = update.first[first:end], update.second[first:end]
        updates.step(update.rule, theta, gradient, slots[0], slots[1], update.scalars[batch])
        update.squares[index] = updates.squared_norm(theta)
        pack_piece(piece, update.theta, net.packed)


@njit
def _sum(values):
    total = 0.0
    for value in values:
        total += value
    return total


@njit
def _weigh(job, batch, update):
    """Store the loss and the gradient norm of a mini-batch; return False if they are not finite."""
    loss = _sum_pairs(job.losses[job.first_tile[batch] : job.first_tile[batch + 1]]) / job.weight_sums[batch]
    update.losses[batch] = loss + 0.5 * update.alpha * _sum(update.decays)
    update.norms[batch] = np.sqrt(_sum(update.squares))
    return np.isfinite(update.losses[batch] + update.norms[batch])


@njit
def _close(job, phase, update):
    """End a phase; return the number of the phase that follows in the same mini-batch, or -1 if there is none."""
    batch, diverged = phase // 2, False
    carries_only = job.weight_sums[batch] == 0  # a chunk without targets
    if phase % 2 == REDUCE and not carries_only:
        if update.rule != updates.NO_STEP:
            diverged = not _weigh(job, batch, update)
            if not diverged:
                # An update that has begun is completed, so theta never contains half an update.
                return -1 if load(job.board, STOP) else phase + 1
        else:
            _weigh(job, batch, update)
    elif phase % 2 == UPDATE:
        # A cell with bounded states gives a finite loss even if its weights are infinite.
        diverged = not np.isfinite(_sum(update.squares))
    if diverged:
        store(job.board, DIVERGED, 1)
        store(job.board, STOP, 1)
    else:
        store(job.board, DONE, batch + 1)
    return -1


@njit
def _work_on(net, data, job, phase, update):
    """Process shares of an open phase and of the phases that follow; return False if there were no shares to claim."""
    shares, worked = net.shares.size - 1, False
    while phase >= 0:
        following = -1
        while load(job.claimed, phase) < shares:  # a read costs less than the increment below
            share = fetch_add(job.claimed, phase)
            if share >= shares:
                break
            worked = True
            if phase % 2 == REDUCE:
                _reduce_share(net, data, job, phase // 2, update, share)
            else:
                _update_share(net, phase // 2, update, share)
            if fetch_add(job.completed, phase) + 1 == shares:
                following = _close(job, phase, update)
                if following >= 0:
                    store(job.board, OPENED, following + 1)
        phase = following
    return worked


@njit
def _wait(net, data, job, update, batches):
    """Help to finish mini-batches until `batches` of them are done; return False on STOP."""
    spins = 0
    while load(job.board, DONE) < batches:
        if not _work_on(net, data, job, load(job.board, OPENED) - 1, update):
            if load(job.board, STOP):
                return False
            spins += 1
            if spins > SPINS:
                give_way()
    return True


@njit
def run_batches(net, data, goal, job, update, scratch, levels, budget):
    """Work on a job until its mini-batches are done; return False if it was stopped, or after `budget` steps."""
    mode = set_mode(DEFAULT)
    board, batch, batches, steps, finished = job.board, 0, job.first.size - 1, 0, False
    while steps < budget and load(board, STOP) == 0:
        claimed = fetch_add(board, CLAIMED)
        if claimed >= job.first_node[batches]:
            finished = _wait(net, data, job, update, batches)
            break
        while claimed >= job.first_node[batch + 1]:
            batch += 1
        if not _wait(net, data, job, update, batch):
            break
        steps += _run_node(net, data, goal, job, batch, claimed - job.first_node[batch], scratch, levels)
        if load(board, STOP):
            break
        if fetch_add(job.nodes_done, batch) + 1 == job.first_node[batch + 1] - job.first_node[batch]:
            sort_inputs(net, data, job.order[job.first[batch] : job.first[batch + 1]])
            store(board, OPENED, 2 * batch + 1)
            _work_on(net, data, job, 2 * batch, update)
    set_mode(mode)
    return finished


@njit
def predict_tiles(net, data, order, first_row, raw, tile_rows, scratch, state_out, out, board, budget):
    """Predict tiles until all of them are claimed; return False if the job was stopped, or after `budget` steps."""
    mode, steps, finished = set_mode(DEFAULT), 0, False
    while not finished and steps < budget and load(board, STOP) == 0:
        first = fetch_add(board, CLAIMED) * tile_rows
        finished = first >= order.size
        if not finished:
            ids = order[first : first + tile_rows]
            predict_tile(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board)
            steps += data.lengths[ids[0]]
    set_mode(mode)
    return finished


@njit
def add_nodes_of_two(total, other):
    """Add the gradient of a neighbouring node to `total`."""
    mode = set_mode(DEFAULT)
    add(total, 0, other, 0, total.size)
    set_mode(mode)


@njit
def weight_sums(first, targets, weights, lengths, per_step, sums_out):
    """Compute the sum of the weights of each mini-batch, sequence by sequence; see `Goal.first` for `targets`."""
    for batch in range(sums_out.size):
        for i in range(first[batch], first[batch + 1]):
            count = lengths[i] if per_step else int(targets[i] >= 0)
            if weights.size:
                for t in range(count):
                    sums_out[batch] += weights[targets[i] + t]
            else:
                sums_out[batch] += count
