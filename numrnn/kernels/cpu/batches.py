"""Mini-batches one after the other, gradient and update, on any number of threads that stay in compiled code.

A mini-batch is a number of nodes, each a whole subtree of tiles. Threads claim nodes from a counter; who completes
the last node of a mini-batch adds up the nodes, updates theta and lets all go on to the next. No thread waits for one
that has not come: a pool that is busy costs time, not a deadlock.

The sum over tiles has the shape of a binary tree over the tile's index, whoever makes which part: so neither threads
nor ranks change a bit.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu import updates
from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.atomics import CLAIMED, DIVERGED, DONE, STOP, fetch_add, give_way, load, store
from numrnn.kernels.cpu.float_mode import DEFAULT, set_mode
from numrnn.kernels.cpu.packing import pack_weights, unpack_gradient
from numrnn.kernels.cpu.products import add, copy, set_zero
from numrnn.kernels.cpu.tiles import predict_tile, train_tile
from numrnn.kernels.jit import njit

SPINS = 2000  # looks at a counter before the processor is given away: about 10 us


class Job(NamedTuple):
    """Mini-batches to run, and where threads meet."""

    order: np.ndarray  # ids of the sequences, all mini-batches one after the other, in tile order
    first: np.ndarray  # (batches + 1,) where a mini-batch begins in order
    first_tile: np.ndarray  # (batches + 1,)
    first_node: np.ndarray  # (batches + 1,)
    node_tiles: int  # tiles in a node, a power of two
    tile_rows: int
    weight_sums: np.ndarray  # (batches,) float64, positive
    losses: np.ndarray  # (tiles,) float64: sum of weight times loss
    nodes: np.ndarray  # (nodes of a mini-batch, gradient size)
    board: np.ndarray  # (BOARD_SIZE,) int64
    completed: np.ndarray  # (batches,) int64: nodes that are whole


class Update(NamedTuple):
    """What follows a gradient: the L2 term, clipping, a step of the solver. With rule NO_STEP the gradient is all."""

    theta: np.ndarray
    gradient: np.ndarray  # like theta: of the last mini-batch
    before: np.ndarray  # like theta: before the last step
    alpha: float
    decayed: np.ndarray  # (n, 2) bounds of what alpha acts on
    clip_norm: float  # inf: none
    rule: int
    first: np.ndarray  # the solver's state, where it has any
    second: np.ndarray
    scalars: np.ndarray  # (batches, ...) of theta's type
    losses: np.ndarray  # (batches,) float64 objective
    norms: np.ndarray  # (batches,) float64, before clipping


@njit
def _wait(board, place, value):
    """Wait until a counter has reached a value; False if all is to stop."""
    spins = 0
    while load(board, place) < value:
        if load(board, STOP):
            return False
        spins += 1
        if spins > SPINS:
            give_way()
    return True


@njit
def _add_pairs(nodes, count):
    """Add up rows of nodes in the shape of a binary tree, into the first."""
    distance = 1
    while distance < count:
        for left in range(0, count - distance, 2 * distance):
            add(nodes[left], 0, nodes[left + distance], 0, nodes.shape[1])
        distance *= 2


@njit
def _sum_pairs(values):
    """The same tree over numbers; they are spent."""
    distance = 1
    while distance < values.size:
        for left in range(0, values.size - distance, 2 * distance):
            values[left] += values[left + distance]
        distance *= 2
    return values[0]


@njit
def _run_node(net, data, goal, job, batch, node, scratch, levels):
    """Gradient of a node's tiles, into its row of job.nodes; returns the steps done. `levels` holds what waits for its
    neighbour.
    """
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
def _finish_batch(net, job, batch, update):
    """Loss, gradient and step of a mini-batch whose nodes are all there; False where they are not finite."""
    _add_pairs(job.nodes, job.first_node[batch + 1] - job.first_node[batch])
    unpack_gradient(net, job.nodes[0], update.gradient)
    loss = _sum_pairs(job.losses[job.first_tile[batch] : job.first_tile[batch + 1]]) / job.weight_sums[batch]
    if update.alpha:
        alpha = like(update.alpha, update.theta[0])
        loss += 0.5 * update.alpha * updates.add_decay(update.gradient, update.theta, alpha, update.decayed)
    update.losses[batch] = loss
    if update.rule == updates.NO_STEP:
        return True
    norm = np.sqrt(updates.squared_norm(update.gradient))
    update.norms[batch] = norm
    # A bounded cell gives a finite loss with weights that overflowed: theta must be looked at too before it is kept.
    if not np.isfinite(loss + norm + updates.squared_norm(update.theta)):
        return False
    copy(update.theta, 0, update.theta.size, update.before, 0)
    if update.clip_norm < norm + 1e-6:  # the 1e-6 is torch.nn.utils.clip_grad_norm_'s
        updates.scale(update.gradient, like(update.clip_norm / (norm + 1e-6), update.theta[0]))
    updates.step(update.rule, update.theta, update.gradient, update.first, update.second, update.scalars[batch])
    pack_weights(net, update.theta)
    return True


@njit
def run_batches(net, data, goal, job, update, scratch, levels, budget):
    """Work on the mini-batches of a job until they are done; False if left early: stopped, or after `budget` steps."""
    mode = set_mode(DEFAULT)
    finished = _run_batches(net, data, goal, job, update, scratch, levels, budget)
    set_mode(mode)
    return finished


@njit
def _run_batches(net, data, goal, job, update, scratch, levels, budget):
    board, batch, batches, steps = job.board, 0, job.first.size - 1, 0
    while steps < budget and load(board, STOP) == 0:
        claimed = fetch_add(board, CLAIMED)
        if claimed >= job.first_node[batches]:
            return _wait(board, DONE, batches)
        while claimed >= job.first_node[batch + 1]:
            batch += 1
        if not _wait(board, DONE, batch):
            return False
        steps += _run_node(net, data, goal, job, batch, claimed - job.first_node[batch], scratch, levels)
        if load(board, STOP):
            return False
        if fetch_add(job.completed, batch) + 1 == job.first_node[batch + 1] - job.first_node[batch]:
            if not _finish_batch(net, job, batch, update):
                store(board, DIVERGED, 1)
                store(board, STOP, 1)
                return False
            store(board, DONE, batch + 1)
    return False


@njit
def predict_tiles(net, data, order, first_row, raw, tile_rows, scratch, state_out, out, board, budget):
    """Outputs of tiles claimed from the board until all are done; False if left early: stopped, or after `budget`
    steps.
    """
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
def weight_sums(first, goal, lengths, per_step, sums_out):
    """Sum of the weights of each mini-batch, sequence after sequence."""
    for batch in range(sums_out.size):
        for i in range(first[batch], first[batch + 1]):
            count = lengths[i] if per_step else 1
            if goal.weights.size:
                for t in range(count):
                    sums_out[batch] += goal.weights[goal.first[i] + t]
            else:
                sums_out[batch] += count
