"""Training and prediction of a tile, chosen by the type of a thread's memory when compiling: block by block through all
layers, or, bidirectional, layer by layer over whole sequences; training also within a memory limit.
"""

from numba.extending import overload

from numrnn.kernels.cpu.tile import bidirectional, bidirectional_training, checkpointed_training, prediction, training
from numrnn.kernels.cpu.tile.bidirectional import WholeScratch
from numrnn.kernels.cpu.tile.checkpoint_schedule import LimitedScratch
from numrnn.kernels.cpu.tile.forward import Scratch

_TRAIN = {
    Scratch: training.train_tile,
    WholeScratch: bidirectional_training.train_tile,
    LimitedScratch: checkpointed_training.train_tile,
}
_PREDICT = {Scratch: prediction.predict_tile, WholeScratch: bidirectional.predict_tile}


def train_tile(net, data, ids, goal, scale, tile_rows, scratch, gradient, board):
    """Loss of a tile, whose gradient, times scale, is added to `gradient`. Left early on STOP."""
    return _TRAIN[type(scratch)](net, data, ids, goal, scale, tile_rows, scratch, gradient, board)


@overload(train_tile)
def _compile_train(net, data, ids, goal, scale, tile_rows, scratch, gradient, board):
    function = _TRAIN[scratch.instance_class]

    def call(net, data, ids, goal, scale, tile_rows, scratch, gradient, board):
        return function(net, data, ids, goal, scale, tile_rows, scratch, gradient, board)

    return call


def predict_tile(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board):
    """Outputs (raw: logits) of a tile into out. Left early on STOP."""
    _PREDICT[type(scratch)](net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board)


@overload(predict_tile)
def _compile_predict(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board):
    function = _PREDICT[scratch.instance_class]

    def call(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board):
        function(net, data, ids, first_row, raw, tile_rows, scratch, state_out, out, board)

    return call
