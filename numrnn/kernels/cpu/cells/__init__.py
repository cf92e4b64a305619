"""Choose the kernels of a cell by the type of the network's record; each cell has a file of its own."""

import sys

from numrnn.kernels.jit import by_type


class _BesideType:
    """Map the type of a network to the kernel of a given name in the file that defines the type."""

    def __init__(self, name):
        self._name = name

    def __getitem__(self, net):
        return getattr(sys.modules[net.__module__], self._name)


# cell_forward(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at): compute the states,
# memory cells and gates of one layer over a block of steps from the products with the inputs. If mask_at >= 0, W is
# multiplied by s_{t-1} times the mask (rows, HP) at mask_at; spare_at has room for this product.
cell_forward = by_type(_BesideType("forward_block"))
# cell_step(net, work, now, cell, gates, step, plane, count): compute one step of some units of one sequence from the
# products of its input and of its previous state.
cell_step = by_type(_BesideType("forward_step"))
# cell_backward(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, dy_at, ds_at, dcell_at, mask_at,
# spare_at): back-propagate through one layer over a block of steps. The gates are overwritten with da; ds and dcell are
# the gradients at the block's end, and are overwritten with the gradients at its beginning.
cell_backward = by_type(_BesideType("backward_block"))
