"""Cells: one file each, with the type of its networks, by which compiled code finds its kernels."""

import sys

from numrnn.kernels.jit import by_type


class _BesideType:
    """A table of the kernels of one name, by the type of a network: the one in the file where the type is defined."""

    def __init__(self, name):
        self._name = name

    def __getitem__(self, net):
        return getattr(sys.modules[net.__module__], self._name)


# cell_forward(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at): states (and cells,
# gates) of one layer over a block of steps, from what the inputs give. A mask (rows, HP) acts on s_{t-1} as W reads it,
# if mask_at >= 0; there is room for as much at spare_at.
cell_forward = by_type(_BesideType("forward_block"))
# cell_step(net, work, now, cell, gates, step, plane, count): one step of some units of one sequence, from what the
# inputs and the states before give.
cell_step = by_type(_BesideType("forward_step"))
# cell_backward(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, dy_at, ds_at, dcell_at, mask_at,
# spare_at): BPTT of one layer over a block of steps: gates become da, ds and dcell go from the end of the block to its
# beginning.
cell_backward = by_type(_BesideType("backward_block"))
