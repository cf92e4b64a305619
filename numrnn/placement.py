"""Where things lie: the kernels' records of a network, and the memory of a thread."""

import math

import numpy as np

from numrnn.kernels.cpu import bidirectional as whole
from numrnn.kernels.cpu import segments, tiles
from numrnn.kernels.cpu.gemm import spare_size
from numrnn.kernels.cpu.net import (
    IDENTITY,
    MAXIMUM,
    MEAN,
    NO_HEAD,
    ONE,
    RELU,
    SIGMOID,
    SOFTMAX,
    TANH,
    ZEROS,
    ElmanNet,
    GRUNet,
    Head,
    Layer,
    LSTMNet,
    Piece,
)
from numrnn.kernels.cpu.simd import panel_width
from numrnn.parameters import GATES

NETS = {"elman": ElmanNet, "gru": GRUNet, "lstm": LSTMNet}
ACTIVATIONS = {"tanh": TANH, "relu": RELU}
LINE = 64  # bytes of a cache line
PIECE = 32  # outputs of a piece of theta, or a multiple of it: at least a panel of any machine
PIECE_SIZE = 16384  # parameters of a piece, where so many outputs have fewer: what stays in a core's cache
SHARE = 2048  # parameters, at least, that one thread takes of an update at a time: a microsecond or two
POOLINGS = {"last": None, "mean": MEAN, "max": MAXIMUM}
HEADS = {"softmax": SOFTMAX, "sigmoid": SIGMOID, "identity": IDENTITY}


def aligned_zeros(size, dtype):
    """Zeros that begin at a cache line: a vector that crosses lines costs two loads."""
    item = np.dtype(dtype).itemsize
    memory = np.zeros(size + LINE // item, dtype)
    skip = -memory.ctypes.data % LINE // item
    return memory[skip : skip + size]


class _Room:
    """Hands out places one after the other."""

    def __init__(self, size=0):
        self.size = size

    def take(self, count):
        self.size += count
        return self.size - count


def make_net(layout, activation, head, per_step, dtype, pooling="last"):
    """The kernels' records of a layout: (net, size of a tile's gradient)."""
    width, sizes = panel_width(dtype), layout.hidden_layer_sizes

    def pad(n):
        return -(-n // width) * width

    directions = len(layout.prefixes(0))
    inputs = 0 if layout.picks_rows_of_U else layout.n_inputs
    widest = max(pad(size) for size in (*(directions * size for size in sizes), layout.n_outputs, inputs))
    packed, gradient = _Room(ZEROS + widest), _Room()
    layers, pieces = [], []
    for index, H in enumerate(sizes):
        embedded = index == 0 and layout.embedding_size is not None
        for prefix in layout.prefixes(index):
            layer = _place_layer(layout.cell, inputs, H, pad, packed, gradient, back=index > 0 or embedded)
            if layout.initial_state == "learned":
                size = (1 + layer.cells) * layer.HP
                layer = layer._replace(s_0=packed.take(size), ds_0=gradient.take(size))
            if embedded and layers:
                layer = layer._replace(embedded=1, table=layers[0].table)
            elif index == 0 and layout.n_symbols is not None:
                layer = _place_table(layout, layer, packed, gradient)
                pieces += _pieces_of_table(layout, prefix, layer)
            pieces += _pieces_of_layer(layout, prefix, layer, width, back=index > 0 or embedded)
            layers.append(layer)
        inputs = directions * H
    output = _place_head(head, per_step, layout, layers, pad, packed, gradient)
    pieces += _pieces_of_head(layout, output, width)
    memory = aligned_zeros(packed.size, dtype)
    memory[ONE] = 1
    tables = (np.array(table, np.int64) for table in (layers, output, pieces, _shares_of(pieces)))
    return NETS[layout.cell](ACTIVATIONS[activation], *tables, memory, POOLINGS[pooling]), gradient.size


def _place_layer(cell, D, H, pad, packed, gradient, back):
    gates, HP = GATES[cell], pad(H)
    planes = 4 if cell == "gru" else gates
    return Layer(
        D,
        H,
        HP,
        gates,
        planes,
        saved=int(cell != "elman"),
        cells=int(cell == "lstm"),
        U=packed.take(gates * HP * D),
        W=packed.take(gates * HP * H),
        U_back=packed.take(gates * pad(D) * H if back else 0),
        W_back=packed.take(gates * HP * H),
        b=packed.take(planes * HP),
        dU=gradient.take(D * gates * HP),
        dW=gradient.take(H * gates * HP),
        db=gradient.take(planes * HP),
        embedded=0,
        table=-1,
        dtable=-1,
        s_0=-1,
        ds_0=-1,
    )


def _place_table(layout, layer, packed, gradient):
    """The first layer's table: an embedding, or U."""
    if layout.embedding_size is not None:
        return layer._replace(embedded=1, table=packed.take(layout.n_symbols * layer.D))
    size = layout.n_symbols * layer.gates * layer.H
    return layer._replace(table=packed.take(size), dtable=gradient.take(size))


def _pieces_of_table(layout, prefix, layer):
    columns = layer.D if layer.embedded else layer.gates * layer.H
    theta = layout.offsets["embedding" if layer.embedded else f"{prefix}U"]
    for symbol, count in _cut(layout.n_symbols, columns):
        at = symbol * columns
        gradient = -1 if layer.embedded else layer.dtable + at
        decayed = int(not layer.embedded)
        yield Piece(theta + at, count, columns, gradient, columns, 0, layer.table + at, -1, 0, decayed, 1)


def _place_head(kind, per_step, layout, layers, pad, packed, gradient):
    K, H = layout.n_outputs, layers[-1].H * len(layout.prefixes(0))
    HP = pad(H)
    return Head(
        HEADS[kind] if K else NO_HEAD,
        int(per_step),
        K,
        pad(K),
        H,
        HP,
        V=packed.take(pad(K) * H),
        V_back=packed.take(HP * K),
        c=packed.take(pad(K)),
        dV=gradient.take(K * HP),
        dc=gradient.take(pad(K)),
        widest=max(HP, *(pad(layer.D) for layer in layers), *(layer.HP for layer in layers)),
    )


def _pieces_of_layer(layout, prefix, layer, width, back):
    """U, W and biases of a layer's direction; the planes of a GRU are n, r, z, hn, so that U and W share what stands
    together. `back`: U is there for its inputs' gradient, too.
    """
    D, H, HP, gates, U_back = layer.D, layer.H, layer.HP, layer.gates, layer.U_back if back else None
    theta = {name: layout.offsets.get(f"{prefix}{name}") for name in ("U", "W", "b", "b_Wn")}
    order = [2, 0, 1] if layout.cell == "gru" else range(gates)
    for plane, gate in enumerate(order):
        for j, count in _cut(H, D) if D else ():  # U of symbols is a table
            first, at = theta["U"] + (gate * H + j) * D, layer.U + (plane * HP + j) * D
            back = -1 if U_back is None else U_back + (plane * H + j) * width
            yield Piece(first, count, D, layer.dU + plane * D * HP + j, HP, 1, at, back, gates * H, 1, 0)
        for j, count in _cut(H, H):
            first, at = theta["W"] + (plane * H + j) * H, layer.W + (plane * HP + j) * H
            back = layer.W_back + (plane * H + j) * width
            yield Piece(first, count, H, layer.dW + plane * H * HP + j, HP, 1, at, back, gates * H, 1, 0)
    for plane in range(layer.planes):
        start = theta["b"] + order[plane] * H if plane < gates else theta["b_Wn"]
        yield Piece(start, H, 1, layer.db + plane * HP, 0, 1, layer.b + plane * HP, -1, 0, 0, 0)
    if layer.s_0 >= 0:
        for kind, name in enumerate(("s_0", "cell_0")[: 1 + layer.cells]):
            start, at = layout.offsets[f"{prefix}{name}"], kind * HP
            yield Piece(start, H, 1, layer.ds_0 + at, 0, 1, layer.s_0 + at, -1, 0, 0, 0)


def _pieces_of_head(layout, head, width):
    if not head.K:
        return
    V, c, H = layout.offsets["V"], layout.offsets["c"], head.H
    for k, count in _cut(head.K, H):
        back = head.V_back + k * width
        yield Piece(V + k * H, count, H, head.dV + k * head.HP, head.HP, 0, head.V + k * H, back, head.K, 1, 0)
    yield Piece(c, head.K, 1, head.dc, 0, 1, head.c, -1, 0, 0, 0)


def _cut(outputs, columns):
    """First output and number of outputs of each piece of a matrix."""
    size = PIECE * max(1, PIECE_SIZE // (PIECE * columns))
    return [(first, min(size, outputs - first)) for first in range(0, outputs, size)]


def _shares_of(pieces):
    """Where pieces are to be cut into shares of SHARE parameters or a little more."""
    shares, size = [0], 0
    for index, piece in enumerate(pieces, start=1):
        size += piece.count * piece.columns
        if size >= SHARE:
            shares.append(index)
            size = 0
    return [*shares, len(pieces)] if shares[-1] < len(pieces) else shares


def make_scratch(net, tile_rows, longest, one_block):
    """Memory in which one thread runs tiles of sequences of up to `longest` steps: all steps for training, one block
    at a time for predictions.
    """
    places = np.zeros((len(net.layers), 4), np.int64)
    end = _end_of_scratch(net, tile_rows, longest, one_block, places)
    work, blocks = _work_memory(net, end, one_block), _blocks_of(tile_rows, longest)
    return tiles.Scratch(work, np.zeros((blocks, 5), np.int64), np.zeros(longest, np.int64), places, end)


def _blocks_of(tile_rows, longest):
    """The most blocks of steps that a tile has."""
    return longest // tiles.BLOCK_STEPS + 2 + tile_rows // tiles.ROWS_DROP


def _end_of_scratch(net, tile_rows, longest, one_block, places):
    block_rows = tiles.BLOCK_STEPS * tile_rows
    rows = block_rows if one_block else longest * tile_rows
    state_rows = rows + (1 if one_block else _blocks_of(tile_rows, longest)) * tile_rows
    inputs = net.layers[0, 0]
    # Not `head_of`: Numba makes a named tuple by a call into Python, and a Ctrl-C that comes in it ends the process.
    head = Head(*net.head.tolist())
    layers_end = tiles.place_layers(net, rows, state_rows, tile_rows, rows * inputs + 16, places)
    block_end = layers_end + block_rows * (3 * head.widest + head.KP + inputs) + 64
    if net.pooling is not None:
        block_end += 3 * tile_rows * head.HP
    return int(block_end)


def _work_memory(net, end, one_block):
    """Memory up to `end`, and for training room for copies of operands."""
    return aligned_zeros(end + (0 if one_block else _spare_of(net)), net.packed.dtype)


def _spare_of(net):
    """Room for copies of operands."""
    return spare_size(int(max(net.layers[:, :2].max(), Head(*net.head.tolist()).K)), net.packed.dtype)


def make_whole_scratch(net, tile_rows, longest, one_block):
    """Likewise for bidirectional layers, which run one after the other over whole sequences: for predictions inputs of
    two layers are kept, and one block of all else.
    """
    places, inputs = np.zeros((len(net.layers), 4), np.int64), np.zeros(len(net.layers) // 2 + 1, np.int64)
    room = np.zeros(whole.ROOM, np.int64)
    end = _end_of_whole_scratch(net, tile_rows, longest, one_block, places, inputs, room)
    work, blocks = _work_memory(net, end, one_block), np.zeros((_blocks_of(tile_rows, longest), 5), np.int64)
    steps = np.zeros((2, longest), np.int64)
    return whole.WholeScratch(work, blocks, steps[0], places, end, steps[1], inputs, room)


def _end_of_whole_scratch(net, tile_rows, longest, one_block, places, inputs, room):
    state_rows = (longest + _blocks_of(tile_rows, longest)) * tile_rows
    room[whole.ALL_STEPS] = Head(*net.head.tolist()).per_step or net.pooling is not None
    end = whole.place_tile(net, longest * tile_rows, state_rows, tile_rows, int(not one_block), places, inputs, room)
    return int(end)


def make_limited_scratch(net, rows, longest, most):
    """Memory of `most` bytes, or less where that keeps all, in which one thread trains on tiles of so many sequences
    of up to `longest` steps.
    """
    item, blocks, places = net.packed.itemsize, _blocks_of(rows, longest), np.zeros((len(net.layers), 4), np.int64)
    all_kept = int(segments.end_of_slots(net, (longest + blocks) * rows, rows, 1, places))
    spare = _spare_of(net)
    end = min(all_kept, (most - _bytes_of_tables(rows, longest)) // item - LINE // item - spare)
    active, tables = np.zeros(longest, np.int64), np.zeros((2, blocks + 1), np.int64)
    work = aligned_zeros(end + spare, net.packed.dtype)
    return segments.LimitedScratch(work, np.zeros((blocks, 5), np.int64), active, places, end, *tables)


def _bytes_of_tables(rows, longest):
    """Of the integers of a scratch within a limit."""
    return 8 * (longest + 7 * _blocks_of(rows, longest) + 2)


def _least_slots(blocks):
    """As many as each block is run forward again at most: with one, which would do, time grows with the square of
    their number.
    """
    slots = 1
    while math.comb(2 * slots, slots) < blocks:
        slots += 1
    return slots


def stored_bytes(net, tile_rows, longest, *, bidirectional):
    """Bytes of the memory in which one thread trains on tiles of up to `longest` steps, all of which are kept."""
    places, blocks = np.zeros((len(net.layers), 4), np.int64), _blocks_of(tile_rows, longest)
    if bidirectional:
        inputs, room = np.zeros(len(net.layers) // 2 + 1, np.int64), np.zeros(whole.ROOM, np.int64)
        end = _end_of_whole_scratch(net, tile_rows, longest, False, places, inputs, room)
    else:
        end = _end_of_scratch(net, tile_rows, longest, False, places)
    return net.packed.itemsize * (end + _spare_of(net)) + LINE + 8 * ((1 + bidirectional) * longest + 5 * blocks)


def least_bytes(net, rows, longest):
    """The fewest bytes that `make_limited_scratch` makes something useful of: segments of a block, a few slots."""
    places, slots = np.zeros((len(net.layers), 4), np.int64), _least_slots(_blocks_of(rows, longest))
    end = int(segments.end_of_slots(net, (min(longest, tiles.BLOCK_STEPS) + 1) * rows, rows, slots, places))
    return net.packed.itemsize * (end + _spare_of(net)) + LINE + _bytes_of_tables(rows, longest)
