"""Cells: one file each, and which one a network has; a new cell is one more row here."""

from numrnn.kernels.cpu.cells import elman, gru, lstm
from numrnn.kernels.cpu.records import ElmanNet, GRUNet, LSTMNet
from numrnn.kernels.jit import by_type

CELLS = {ElmanNet: elman, GRUNet: gru, LSTMNet: lstm}

# cell_forward(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at): states (and cells,
# gates) of one layer over a block of steps, from what the inputs give. A mask (rows, HP) acts on s_{t-1} as W reads it,
# if mask_at >= 0; there is room for as much at spare_at.
cell_forward = by_type({net: cell.forward_block for net, cell in CELLS.items()})
# cell_step(net, work, now, cell, gates, step, plane, count): one step of some units of one sequence, from what the
# inputs and the states before give.
cell_step = by_type({net: cell.forward_step for net, cell in CELLS.items()})
# cell_backward(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, dy_at, ds_at, dcell_at, mask_at,
# spare_at): BPTT of one layer over a block of steps: gates become da, ds and dcell go from the end of the block to its
# beginning.
cell_backward = by_type({net: cell.backward_block for net, cell in CELLS.items()})
