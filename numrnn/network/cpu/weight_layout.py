"""Lay out the weights of a network, and create the records that describe it to the kernels."""

import numpy as np

from numrnn.kernels.cpu.micro_kernel import panel_width
from numrnn.kernels.cpu.records import LOSS_PARAMETER, NO_HEAD, ONE, ZEROS, Head, Layer, Piece
from numrnn.network.components import ACTIVATIONS, CELLS, POOLINGS
from numrnn.network.cpu.workspaces import aligned_zeros

PIECE = 32  # a piece's number of outputs is a multiple of this, except at a matrix's end; no panel is wider
PIECE_SIZE = 16384  # most parameters of a piece, which stay in a core's cache, unless PIECE outputs have more
SHARE = 2048  # fewest parameters that a thread claims at a time: work for one or two microseconds


class _Room:
    """Allocate offsets one after another."""

    def __init__(self, size=0):
        self.size = size

    def take(self, count):
        self.size += count
        return self.size - count


def make_net(layout, activation, head, per_step, dtype, pooling="last"):
    """Return the kernels' record of a network with a layout and a head, and the number of elements of a gradient.

    `head` is a `HeadNumbers`.
    """
    width, sizes = panel_width(dtype), layout.hidden_layer_sizes

    def pad(n):
        return -(-n // width) * width

    directions = len(layout.prefixes(0))
    inputs = 0 if layout.picks_rows_of_U else layout.n_inputs
    widest = max(pad(size) for size in (*(directions * size for size in sizes), layout.n_outputs, inputs))
    packed, gradient = _Room(ZEROS + widest), _Room()
    layers, pieces, cell = [], [], CELLS[layout.cell]
    for index, H in enumerate(sizes):
        embedded = index == 0 and layout.embedding_size is not None
        for prefix in layout.prefixes(index):
            layer = _place_layer(cell, inputs, H, pad, packed, gradient, back=index > 0 or embedded)
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
    memory[ONE], memory[LOSS_PARAMETER] = 1, head.parameter
    tables = (np.array(table, np.int64) for table in (layers, output, pieces, _shares_of(pieces)))
    return cell.net(ACTIVATIONS[activation].number, *tables, memory, POOLINGS[pooling]), gradient.size


def _place_layer(cell, D, H, pad, packed, gradient, back):
    gates, HP = cell.gates, pad(H)
    planes = gates + len(cell.biases_of_W)
    return Layer(
        D,
        H,
        HP,
        gates,
        planes,
        saved=int(cell.saves_planes),
        cells=len(cell.states) - 1,
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
    """Set the offsets of the first layer's table: an embedding, or U."""
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


def _place_head(numbers, per_step, layout, layers, pad, packed, gradient):
    K, H = layout.n_outputs, layers[-1].H * len(layout.prefixes(0))
    HP = pad(H)
    return Head(
        numbers.output if K else NO_HEAD,
        numbers.loss,
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
    """Yield the pieces of U, W and biases of a direction; with `back`, U is also packed for the inputs' gradient."""
    cell = CELLS[layout.cell]
    D, H, HP, gates, U_back = layer.D, layer.H, layer.HP, layer.gates, layer.U_back if back else None
    theta = {name: layout.offsets[f"{prefix}{name}"] for name in ("U", "W", "b", *cell.biases_of_W)}
    for plane, gate in enumerate(cell.planes):
        for j, count in _cut(H, D) if D else ():  # if symbols select rows of U, D is 0
            first, at = theta["U"] + (gate * H + j) * D, layer.U + (plane * HP + j) * D
            back = -1 if U_back is None else U_back + (plane * H + j) * width
            yield Piece(first, count, D, layer.dU + plane * D * HP + j, HP, 1, at, back, gates * H, 1, 0)
        for j, count in _cut(H, H):
            first, at = theta["W"] + (plane * H + j) * H, layer.W + (plane * HP + j) * H
            back = layer.W_back + (plane * H + j) * width
            yield Piece(first, count, H, layer.dW + plane * H * HP + j, HP, 1, at, back, gates * H, 1, 0)
    biases = [theta["b"] + gate * H for gate in cell.planes] + [theta[name] for name in cell.biases_of_W]
    for plane, start in enumerate(biases):
        yield Piece(start, H, 1, layer.db + plane * HP, 0, 1, layer.b + plane * HP, -1, 0, 0, 0)
    if layer.s_0 >= 0:
        for kind, name in enumerate(cell.states):
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
    """Return the first output and the number of outputs of each piece of a matrix."""
    size = PIECE * max(1, PIECE_SIZE // (PIECE * columns))
    return [(first, min(size, outputs - first)) for first in range(0, outputs, size)]


def _shares_of(pieces):
    """Return the first piece of each share (SHARE parameters or more, except the last), and the number of pieces."""
    shares, size = [0], 0
    for index, piece in enumerate(pieces, start=1):
        size += piece.count * piece.columns
        if size >= SHARE:
            shares.append(index)
            size = 0
    return [*shares, len(pieces)] if shares[-1] < len(pieces) else shares
