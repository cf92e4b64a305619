"""Between theta and the kernels' layouts, piece by piece: weights into panels before a mini-batch, its gradient back
after it.
"""

from numrnn.kernels.cpu.layer_products import add, copy
from numrnn.kernels.cpu.matmul import pack_inputs, pack_outputs
from numrnn.kernels.cpu.micro_kernel import copy_rows, transpose
from numrnn.kernels.cpu.records import piece_of
from numrnn.kernels.jit import njit


@njit
def pack_piece(net, piece, theta):
    """Write a piece of theta into `net.packed`."""
    if piece.rows:
        copy(theta, piece.theta, piece.count * piece.columns, net.packed, piece.packed)
        return
    pack_outputs(piece.count, piece.columns, theta, piece.theta, net.packed, piece.packed)
    if piece.back >= 0:
        pack_inputs(piece.count, piece.columns, theta, piece.theta, net.packed, piece.back, piece.depth)


@njit
def pack_weights(net, theta):
    """Fill `net.packed` from theta."""
    for index in range(net.pieces.shape[0]):
        pack_piece(net, piece_of(net, index), theta)


@njit
def add_nodes(piece, nodes, count):
    """Add up a piece of the gradients (nodes, ...) in the shape of a binary tree, into the first."""
    lines, length = piece.columns, piece.count
    if not piece.transposed:
        lines, length = length, lines
    if length == piece.gradient_row:
        lines, length = 1, lines * length
    for line in range(lines):
        at, distance = piece.gradient + line * piece.gradient_row, 1
        while distance < count:
            for left in range(0, count - distance, 2 * distance):
                add(nodes[left], at, nodes[left + distance], at, length)
            distance *= 2


@njit
def unpack_piece(piece, gradient, flat):
    """Write a piece of a gradient in the tiles' layout into `flat`, in theta's."""
    count, columns, row = piece.count, piece.columns, piece.gradient_row
    if piece.transposed:
        transpose(columns, count, gradient, piece.gradient, row, flat, piece.theta, columns)
    else:
        copy_rows(count, columns, gradient, piece.gradient, row, flat, piece.theta, columns)
