"""Read the inputs of a network: real vectors or symbols, as the type of the data says at compile time.

A symbol represents a one-hot vector, which is never built: the symbol's row of U, stored as a table (n_symbols, G * H),
is added to b. With an embedding, the symbol's row of a table (n_symbols, E) is x.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.dropout import INPUTS, drop_row
from numrnn.kernels.cpu.micro_kernel import copy_rows
from numrnn.kernels.cpu.products import add, add_input_products, copy, input_gradient, padded_inputs, product, set_zero
from numrnn.kernels.cpu.records import FIRST_STEP, ROWS, STEPS, layer_of, width_of
from numrnn.kernels.jit import by_type, njit


class Data(NamedTuple):
    """Hold sequences for the kernels: the steps of sequence i are values[starts[i] : starts[i] + lengths[i]]."""

    values: np.ndarray  # (steps * D,)
    starts: np.ndarray  # (n,) int64
    lengths: np.ndarray  # (n,) int64
    state: np.ndarray  # (rows, state size): states carried from chunk to chunk; empty if no states are carried
    state_rows: np.ndarray  # (n,) int64: row of a sequence's state, or ~row if the sequence begins
    given: np.ndarray  # (rows, state size): initial states of beginning sequences; empty: learned or zero
    dgiven: np.ndarray  # (rows, state size): output, gradients of `given`; empty: not computed
    kept: float  # keep probability of states that are passed up; 1: no dropout
    kept_before: float  # keep probability of states that the next step reads; 1: no recurrent dropout
    keys: np.ndarray  # (n,) int64: keys of the dropout masks


class SymbolData(NamedTuple):
    """Hold sequences of symbols for the kernels; see `Data` for the fields that both have."""

    values: np.ndarray  # (steps * bytes,) uint8: bytes of the symbols
    bytes: int  # bytes of a symbol, the lowest byte first
    starts: np.ndarray
    lengths: np.ndarray
    state: np.ndarray
    state_rows: np.ndarray
    given: np.ndarray
    dgiven: np.ndarray
    kept: float
    kept_before: float
    keys: np.ndarray
    rows_before: np.ndarray  # (n,) int64: index in `gradients`, in steps, of a sequence's first step
    gradients: np.ndarray  # (steps of a mini-batch * E,): dL/dx of each step, x being a row of the embedding
    occurrences: np.ndarray  # (steps of a mini-batch,) int64: the steps sorted by symbol
    first: np.ndarray  # (n_symbols + 2,) int64: index in `occurrences` of a symbol's first step


@njit
def integer_at(values, size, index):
    """Return an unsigned integer of `size` bytes, so that one kernel serves integers of any width."""
    at, value = index * size, 0
    for n in range(size):
        value |= np.int64(values[at + n]) << (8 * n)
    return value


@njit
def _symbol(data, i, t):
    return integer_at(data.values, data.bytes, data.starts[i] + t)


@njit
def _gather_vectors(net, data, ids, block, out, at):
    first, rows, steps, D = block[FIRST_STEP], block[ROWS], block[STEPS], layer_of(net, 0).D
    for i in range(rows):
        count = min(steps, data.lengths[ids[i]] - first)
        copy_rows(count, D, data.values, (data.starts[ids[i]] + first) * D, D, out, at + i * D, rows * D)
        for t in range(count, steps):
            set_zero(out, at + (t * rows + i) * D, D)


@njit
def _gather_rows(net, data, ids, block, out, at):
    layer, first, rows = layer_of(net, 0), block[FIRST_STEP], block[ROWS]
    if not layer.embedded:
        return
    for i in range(rows):
        count = min(block[STEPS], data.lengths[ids[i]] - first)
        for t in range(count):
            row = layer.table + _symbol(data, ids[i], first + t) * layer.D
            here = at + (t * rows + i) * layer.D
            copy(net.packed, row, layer.D, out, here)
            if data.kept != 1.0:
                drop_row(data.keys[ids[i]], first + t, INPUTS, layer.D, data.kept, out, here, here)
        for t in range(count, block[STEPS]):
            set_zero(out, at + (t * rows + i) * layer.D, layer.D)


@njit
def _add_vectors(net, data, ids, block, work, x_at, at):
    layer = layer_of(net, 0)
    if x_at >= 0:
        add_input_products(net, layer, block[STEPS] * block[ROWS], work, x_at, layer.D, work, at, 0, layer.HP)
        return
    first, rows, steps = block[FIRST_STEP], block[ROWS], block[STEPS]
    panels, D = layer.HP // width_of(work), layer.D
    for p in range(layer.planes):
        U, b, plane = layer.U + p * layer.HP * D, layer.b + p * layer.HP, at + p * steps * rows * layer.HP
        inputs = D if p < layer.gates else 0
        for i in range(rows):  # rows after a sequence's end are not written
            count, here = min(steps, data.lengths[ids[i]] - first), (data.starts[ids[i]] + first) * D
            product(
                count, 1, inputs, data.values, here, D, 0, net.packed, U, panels, net.packed, b, 0,
                work, plane + i * layer.HP, rows * layer.HP,
            )  # fmt: skip


@njit
def _gate_of(layer, plane):
    """Return the index of a plane's gate in theta; a GRU's planes are n, r, z, hn, its gates in theta r, z, n."""
    return plane if layer.planes == layer.gates else (plane + layer.gates - 1) % layer.gates


@njit
def _add_rows(net, data, ids, block, work, x_at, at):
    layer = layer_of(net, 0)
    add_input_products(net, layer, block[STEPS] * block[ROWS], work, x_at, layer.D, work, at, 0, layer.HP)
    if not layer.embedded:
        add_rows_of_U(net, layer, data, ids, block, 0, work, at)


@njit
def _symbol_read(data, i, t, reverse):
    """Return the symbol that a direction reads at its step t."""
    return _symbol(data, i, data.lengths[i] - 1 - t if reverse else t)


@njit
def add_rows_of_U(net, layer, data, ids, block, reverse, work, at):
    """Add the rows of U that symbols select to planes (planes, steps, rows, HP)."""
    first, rows, steps = block[FIRST_STEP], block[ROWS], block[STEPS]
    for i in range(rows):
        for t in range(min(steps, data.lengths[ids[i]] - first)):
            row = layer.table + _symbol_read(data, ids[i], first + t, reverse) * layer.gates * layer.H
            for p in range(layer.gates):
                here = at + ((p * steps + t) * rows + i) * layer.HP
                add(work, here, net.packed, row + _gate_of(layer, p) * layer.H, layer.H)


@njit
def _keep_nothing(net, data, ids, block, work, da_at, spare_at, gradient):
    pass


@njit
def _keep_rows(net, data, ids, block, work, da_at, spare_at, gradient):
    layer = layer_of(net, 0)
    if layer.embedded:
        input_gradient(net, layer, block[STEPS] * block[ROWS], work, da_at, spare_at)
        keep_embedding_rows(layer, data, ids, block, work, spare_at)
    else:
        add_gradient_rows_of_U(layer, data, ids, block, 0, work, da_at, gradient)


@njit
def keep_embedding_rows(layer, data, ids, block, work, dx_at):
    """Store a block's dx (steps, rows, padded E) in `data.gradients`, from which `sum_occurrences` adds them up."""
    first, rows, D, row = block[FIRST_STEP], block[ROWS], layer.D, padded_inputs(layer, work)
    for i in range(rows):
        for t in range(min(block[STEPS], data.lengths[ids[i]] - first)):
            at, here = (data.rows_before[ids[i]] + first + t) * D, dx_at + (t * rows + i) * row
            if data.kept != 1.0:
                drop_row(data.keys[ids[i]], first + t, INPUTS, D, data.kept, work, here, here)
            copy(work, here, D, data.gradients, at)


@njit
def add_gradient_rows_of_U(layer, data, ids, block, reverse, work, da_at, gradient):
    """Add da to the rows of dU that symbols select."""
    first, rows, steps = block[FIRST_STEP], block[ROWS], block[STEPS]
    for i in range(rows):
        for t in range(min(steps, data.lengths[ids[i]] - first)):
            at = layer.dtable + _symbol_read(data, ids[i], first + t, reverse) * layer.gates * layer.H
            for p in range(layer.gates):
                here = da_at + ((p * steps + t) * rows + i) * layer.HP
                add(gradient, at + _gate_of(layer, p) * layer.H, work, here, layer.H)


@njit
def _sort_nothing(net, data, ids):
    pass


@njit
def _sort_symbols(net, data, ids):
    """Sort steps by symbol with a counting sort; the steps of a symbol stay in the order of sequences and steps."""
    if not layer_of(net, 0).embedded:
        return
    first = data.first
    set_zero(first, 0, first.size)
    for i in ids:
        for t in range(data.lengths[i]):
            first[_symbol(data, i, t) + 2] += 1
    for symbol in range(2, first.size):
        first[symbol] += first[symbol - 1]
    for i in ids:
        for t in range(data.lengths[i]):
            symbol = _symbol(data, i, t)
            data.occurrences[first[symbol + 1]] = data.rows_before[i] + t
            first[symbol + 1] += 1


@njit
def _sum_nothing(net, data, piece, out):
    pass


@njit
def _sum_rows(net, data, piece, out):
    E = piece.columns
    symbol = (piece.packed - layer_of(net, 0).table) // E
    for n in range(piece.count):
        at = piece.theta + n * E
        set_zero(out, at, E)
        for k in range(data.first[symbol + n], data.first[symbol + n + 1]):
            add(out, at, data.gradients, data.occurrences[k] * E, E)


@njit
def _pick_nothing(net, layer, data, ids, block, reverse, work, at):
    pass


@njit
def _pick_rows(net, layer, data, ids, block, reverse, work, at):
    if layer.table >= 0 and not layer.embedded:
        add_rows_of_U(net, layer, data, ids, block, reverse, work, at)


@njit
def _add_nothing(layer, data, ids, block, reverse, work, da_at, gradient):
    pass


@njit
def _add_picked(layer, data, ids, block, reverse, work, da_at, gradient):
    if layer.table >= 0 and not layer.embedded:
        add_gradient_rows_of_U(layer, data, ids, block, reverse, work, da_at, gradient)


@njit
def _embed_nothing(layer, data, ids, block, work, dx_at):
    pass


# Each function below has a kernel for vectors and one for symbols.
# gather(net, data, ids, block, out, at): copy the inputs of a block into out (steps, rows, D), with zeros after the end
# of a sequence.
gather = by_type({Data: _gather_vectors, SymbolData: _gather_rows}, 1)
# add_inputs(net, data, ids, block, work, x_at, at): compute the first layer's planes (planes, steps * rows, HP) = b +
# U x from the inputs gathered at x_at or, if x_at < 0, from the data.
add_inputs = by_type({Data: _add_vectors, SymbolData: _add_rows}, 1)
# keep_input_gradients(net, data, ids, block, work, da_at, spare_at, gradient): given da of the first layer in a block,
# add it to the gradient of the rows of U that symbols select, or store dx for the gradient of an embedding; spare_at
# has room for dx.
keep_input_gradients = by_type({Data: _keep_nothing, SymbolData: _keep_rows}, 1)
# sort_inputs(net, data, ids): sort the steps of a mini-batch by symbol, for the gradient of an embedding.
sort_inputs = by_type({Data: _sort_nothing, SymbolData: _sort_symbols}, 1)
# sum_occurrences(net, data, piece, out): write a piece of an embedding's gradient into out, in theta's layout; each row
# is the sum of dx over the steps at which its symbol occurs.
sum_occurrences = by_type({Data: _sum_nothing, SymbolData: _sum_rows}, 1)
# The functions below serve one direction of a bidirectional layer.
#
# pick_rows(net, layer, data, ids, block, reverse, work, at): add the rows of U that symbols select to the planes of a
# block.
pick_rows = by_type({Data: _pick_nothing, SymbolData: _pick_rows}, 2)
# add_picked(layer, data, ids, block, reverse, work, da_at, gradient): add a block's da to the gradient of the rows of U
# that symbols select.
add_picked = by_type({Data: _add_nothing, SymbolData: _add_picked}, 1)
# keep_embedded(layer, data, ids, block, work, dx_at): store a block's dx in `data.gradients`.
keep_embedded = by_type({Data: _embed_nothing, SymbolData: keep_embedding_rows}, 1)
