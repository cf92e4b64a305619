"""The cell of a network, chosen by the network's type when compiling: a program compiles only the cell that it uses."""

from numba.extending import overload

from numrnn.kernels.cpu.cells import elman, gru, lstm
from numrnn.kernels.cpu.records import ElmanNet, GRUNet, LSTMNet

CELLS = {ElmanNet: elman, GRUNet: gru, LSTMNet: lstm}


def cell_forward(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at):
    """States (and cells, gates) of one layer over a block of steps, from what the inputs give. A mask (rows, HP) acts
    on s_{t-1} as W reads it, if mask_at >= 0; there is room for as much at spare_at.
    """
    CELLS[type(net)].forward_block(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at)


@overload(cell_forward)
def _compile_forward(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at):
    function = CELLS[net.instance_class].forward_block

    def call(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at):
        function(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, mask_at, spare_at)

    return call


def cell_step(net, work, now, cell, gates, step, plane, count):
    """One step of some units of one sequence, from what the inputs and the states before give."""
    CELLS[type(net)].forward_step(net, work, now, cell, gates, step, plane, count)


@overload(cell_step)
def _compile_step(net, work, now, cell, gates, step, plane, count):
    function = CELLS[net.instance_class].forward_step

    def call(net, work, now, cell, gates, step, plane, count):
        function(net, work, now, cell, gates, step, plane, count)

    return call


def cell_backward(
    net, layer, steps, rows, active, work, s_at, cell_at, gates_at, dy_at, ds_at, dcell_at, mask_at, spare_at
):
    """BPTT of one layer over a block of steps: gates become da, ds and dcell go from the end of the block to its
    beginning.
    """
    CELLS[type(net)].backward_block(
        net, layer, steps, rows, active, work, s_at, cell_at, gates_at, dy_at, ds_at, dcell_at, mask_at, spare_at
    )


@overload(cell_backward)
def _compile_backward(
    net, layer, steps, rows, active, work, s_at, cell_at, gates_at, dy_at, ds_at, dcell_at, mask_at, spare_at
):
    function = CELLS[net.instance_class].backward_block

    def call(net, layer, steps, rows, active, work, s_at, cell_at, gates_at, dy_at, ds_at, dcell_at, mask_at, spare_at):
        function(
            net, layer, steps, rows, active, work, s_at, cell_at, gates_at, dy_at, ds_at, dcell_at, mask_at, spare_at
        )

    return call
