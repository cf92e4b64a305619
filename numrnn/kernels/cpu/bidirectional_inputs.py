"""Symbols as a direction of the first layer reads them; chosen by the type of the data when compiling."""

from numba.extending import overload

from numrnn.kernels.cpu.inputs import Data, SymbolData, add_gradient_rows_of_U, add_rows_of_U, keep_embedding_rows
from numrnn.kernels.jit import njit


def pick_rows(net, layer, data, ids, block, reverse, work, at):
    """Add the rows of U that symbols pick to the planes of a block, where they do."""
    _FUNCTIONS[type(data)][0](net, layer, data, ids, block, reverse, work, at)


@njit
def _pick_nothing(net, layer, data, ids, block, reverse, work, at):
    pass


@njit
def _pick_rows(net, layer, data, ids, block, reverse, work, at):
    if layer.table >= 0 and not layer.embedded:
        add_rows_of_U(net, layer, data, ids, block, reverse, work, at)


def add_picked(layer, data, ids, block, reverse, work, da_at, gradient):
    """Add a block's da to the gradient of those rows."""
    _FUNCTIONS[type(data)][1](layer, data, ids, block, reverse, work, da_at, gradient)


@njit
def _add_nothing(layer, data, ids, block, reverse, work, da_at, gradient):
    pass


@njit
def _add_picked(layer, data, ids, block, reverse, work, da_at, gradient):
    if layer.table >= 0 and not layer.embedded:
        add_gradient_rows_of_U(layer, data, ids, block, reverse, work, da_at, gradient)


def keep_embedded(layer, data, ids, block, work, dx_at):
    """Keep what a block's dx says of an embedding."""
    _FUNCTIONS[type(data)][2](layer, data, ids, block, work, dx_at)


@njit
def _keep_nothing(layer, data, ids, block, work, dx_at):
    pass


_FUNCTIONS = {
    Data: (_pick_nothing, _add_nothing, _keep_nothing),
    SymbolData: (_pick_rows, _add_picked, keep_embedding_rows),
}


@overload(pick_rows)
def _compile_pick_rows(net, layer, data, ids, block, reverse, work, at):
    function = _FUNCTIONS[data.instance_class][0]

    def call(net, layer, data, ids, block, reverse, work, at):
        function(net, layer, data, ids, block, reverse, work, at)

    return call


@overload(add_picked)
def _compile_add_picked(layer, data, ids, block, reverse, work, da_at, gradient):
    function = _FUNCTIONS[data.instance_class][1]

    def call(layer, data, ids, block, reverse, work, da_at, gradient):
        function(layer, data, ids, block, reverse, work, da_at, gradient)

    return call


@overload(keep_embedded)
def _compile_keep_embedded(layer, data, ids, block, work, dx_at):
    function = _FUNCTIONS[data.instance_class][2]

    def call(layer, data, ids, block, work, dx_at):
        function(layer, data, ids, block, work, dx_at)

    return call
