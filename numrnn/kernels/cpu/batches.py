"""A thread's share of a mini-batch: tiles, one after the other, and the fixed tree that adds up their gradients.

The sum over tiles has the shape of a binary tree over the tile's index, whoever makes which part: a stack of nodes
(level, index), where two neighbours become one as soon as both are whole. So neither threads nor ranks change a bit.
"""

from numrnn.kernels.cpu.packing import unpack_gradient
from numrnn.kernels.cpu.products import copy, set_zero
from numrnn.kernels.cpu.tiles import predict_tile, train_tile
from numrnn.kernels.jit import njit


@njit
def _add(total, other):
    for j in range(total.size):
        total[j] += other[j]


@njit
def push_tiles(net, data, order, first, last, goal, scale, tile_rows, scratch, state, gradients, nodes, depth, losses):
    """Push tiles first .. last - 1 of a batch on the stack gradients (levels, size), nodes (levels, 2); return its
    depth.

    The sequences of tile k are order[k * tile_rows : (k + 1) * tile_rows], longest first. losses[k] is its loss.
    """
    for tile in range(first, last):
        ids = order[tile * tile_rows : (tile + 1) * tile_rows]
        set_zero(gradients[depth], 0, gradients.shape[1])
        losses[tile] = train_tile(net, data, ids, goal, scale, tile_rows, scratch, state, gradients[depth])
        nodes[depth, 0], nodes[depth, 1] = 0, tile
        depth += 1
        while (
            depth > 1 and nodes[depth - 2, 0] == nodes[depth - 1, 0] and nodes[depth - 2, 1] ^ 1 == nodes[depth - 1, 1]
        ):
            depth -= 1
            _add(gradients[depth - 1], gradients[depth])
            nodes[depth - 1, 0] += 1
            nodes[depth - 1, 1] >>= 1
    return depth


@njit
def merge_nodes(gradients, nodes, depth, others, other_nodes, other_depth):
    """Put another thread's stack, of later tiles, upon this one; return the depth. Its nodes are added to their
    neighbours or copied.
    """
    for n in range(other_depth):
        copy(others[n], 0, gradients.shape[1], gradients[depth], 0)
        nodes[depth, 0], nodes[depth, 1] = other_nodes[n, 0], other_nodes[n, 1]
        depth += 1
        while (
            depth > 1 and nodes[depth - 2, 0] == nodes[depth - 1, 0] and nodes[depth - 2, 1] ^ 1 == nodes[depth - 1, 1]
        ):
            depth -= 1
            _add(gradients[depth - 1], gradients[depth])
            nodes[depth - 1, 0] += 1
            nodes[depth - 1, 1] >>= 1
    return depth


@njit
def finish_gradient(net, gradients, depth, flat):
    """Add up what is left on the stack, last node first, and write it as a gradient of theta."""
    for n in range(depth - 1, 0, -1):
        _add(gradients[n - 1], gradients[n])
    unpack_gradient(net, gradients[0], flat)


@njit
def predict_tiles(net, data, order, first, last, first_row, raw, tile_rows, scratch, state, state_out, out):
    """Outputs of tiles first .. last - 1."""
    for tile in range(first, last):
        ids = order[tile * tile_rows : (tile + 1) * tile_rows]
        predict_tile(net, data, ids, first_row, raw, tile_rows, scratch, state, state_out, out)


@njit
def weight_sum(goal, lengths, per_step):
    """Sum of the weights of a mini-batch, sequence after sequence."""
    total = 0.0
    for i in range(lengths.size):
        for t in range(lengths[i] if per_step else 1):
            total += goal.weights[goal.first[i] + t]
    return total
