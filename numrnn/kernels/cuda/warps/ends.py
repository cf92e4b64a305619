"""Complete one step of a unit after the product with W, which `wide` computes.

Each cell has a pair of functions for the forward pass and a pair for the backward pass. The first function of a pair
loads the numbers that the second one needs into early[e], early[e + 1], ...; SAVED says how many. In the forward pass,
`total` holds the unit's products with W, one for each gate; in the backward pass, it receives their gradients. Arrays
are read and written at flat indices.
"""

from numba import cuda

from numrnn.kernels.cpu.activations import relu, relu_slope, sigmoid, tanh, tanh_slope
from numrnn.kernels.cpu.cells.gru import candidate, candidate_gradient, reset_gradient, update_gradient
from numrnn.kernels.cpu.cells.gru import new_state as new_gru_state
from numrnn.kernels.cpu.cells.lstm import forget_gradient, input_gradients, new_cell, output_gradient
from numrnn.kernels.cpu.cells.lstm import new_state as new_lstm_state
from numrnn.kernels.cpu.records import RELU
from numrnn.kernels.cuda.row_order import row_of
from numrnn.kernels.cuda.warps.memory import get, put

SAVED = {"elman": (1, 1), "gru": (4, 5), "lstm": (5, 6)}  # numbers that a unit's forward step and backward step load


@cuda.jit(device=True)
def _take_gates(tape, row, gates, H, j, early, e):
    for gate in range(gates):
        early[e + gate] = get(tape.gates, (row * gates + gate) * H + j)


@cuda.jit(device=True)
def _state_before(walk, states, out, i, j, t, H):
    if t > 0:
        return get(out.s, row_of(walk, i, t - 1) * out.s.shape[1] + out.column + j)
    return get(states.first, i * H + j)


@cuda.jit(device=True)
def _cell_before(walk, states, tape, i, j, t, H):
    if t > 0:
        return get(tape.memory, row_of(walk, i, t - 1) * H + j)
    return get(states.first, (walk.lengths.size + i) * H + j)


@cuda.jit(device=True)
def load_elman_forward(walk, states, tape, out, i, j, t, H, early, e):
    _take_gates(tape, row_of(walk, i, t), 1, H, j, early, e)


@cuda.jit(device=True)
def elman_forward(activation, walk, weights, states, tape, out, i, j, t, H, early, e, total):
    """Return s_t of a unit."""
    a = early[e] + get(weights.b, j) + total[0]
    return relu(a) if activation == RELU else tanh(a)


@cuda.jit(device=True)
def load_elman_backward(walk, states, tape, out, i, j, t, H, early, e):
    early[e] = get(out.s, row_of(walk, i, t) * out.s.shape[1] + out.column + j)


@cuda.jit(device=True)
def elman_backward(activation, walk, states, tape, out, i, j, t, H, ds, early, e, total):
    """Leave the gradient of the pre-activation in `total`, given ds = dL/ds_t."""
    y = early[e]
    total[0] = ds * (relu_slope(y) if activation == RELU else tanh_slope(y))
    put(tape.gates, row_of(walk, i, t) * H + j, total[0])


@cuda.jit(device=True)
def load_gru_forward(walk, states, tape, out, i, j, t, H, early, e):
    _take_gates(tape, row_of(walk, i, t), 3, H, j, early, e)
    early[e + 3] = _state_before(walk, states, out, i, j, t, H)


@cuda.jit(device=True)
def gru_forward(activation, walk, weights, states, tape, out, i, j, t, H, early, e, total):
    row = row_of(walk, i, t)
    r = sigmoid(early[e] + get(weights.b, j) + total[0])
    z = sigmoid(early[e + 1] + get(weights.b, H + j) + total[1])
    hn = get(weights.b_Wn, j) + total[2]
    n = candidate(early[e + 2] + get(weights.b, 2 * H + j), r, hn)
    put(tape.gates, row * 3 * H + j, r)
    put(tape.gates, (row * 3 + 1) * H + j, z)
    put(tape.gates, (row * 3 + 2) * H + j, n)
    put(tape.memory, row * H + j, hn)
    return new_gru_state(n, z, early[e + 3])


@cuda.jit(device=True)
def load_gru_backward(walk, states, tape, out, i, j, t, H, early, e):
    row = row_of(walk, i, t)
    _take_gates(tape, row, 3, H, j, early, e)
    early[e + 3] = get(tape.memory, row * H + j)
    early[e + 4] = _state_before(walk, states, out, i, j, t, H)


@cuda.jit(device=True)
def gru_backward(activation, walk, states, tape, out, i, j, t, H, ds, early, e, total):
    """Leave ds z, the part of dL/ds_{t-1} that does not pass through W, in `states.last`."""
    row = row_of(walk, i, t)
    r, z, n, hn = early[e], early[e + 1], early[e + 2], early[e + 3]
    dn, dz = candidate_gradient(n, z, ds), update_gradient(n, z, early[e + 4], ds)
    dr, dhn = reset_gradient(dn, r, hn), dn * r
    put(states.last, i * H + j, ds * z)
    put(tape.gates, row * 3 * H + j, dr)
    put(tape.gates, (row * 3 + 1) * H + j, dz)
    put(tape.gates, (row * 3 + 2) * H + j, dn)
    put(tape.memory, row * H + j, dhn)
    total[0], total[1], total[2] = dr, dz, dhn


@cuda.jit(device=True)
def load_lstm_forward(walk, states, tape, out, k, j, t, H, early, e):
    _take_gates(tape, row_of(walk, k, t), 4, H, j, early, e)
    early[e + 4] = _cell_before(walk, states, tape, k, j, t, H)


@cuda.jit(device=True)
def lstm_forward(activation, walk, weights, states, tape, out, k, j, t, H, early, e, total):
    row, N = row_of(walk, k, t), walk.lengths.size
    i = sigmoid(early[e] + get(weights.b, j) + total[0])
    f = sigmoid(early[e + 1] + get(weights.b, H + j) + total[1])
    g = tanh(early[e + 2] + get(weights.b, 2 * H + j) + total[2])
    o = sigmoid(early[e + 3] + get(weights.b, 3 * H + j) + total[3])
    cell = new_cell(i, f, g, early[e + 4])
    put(tape.gates, row * 4 * H + j, i)
    put(tape.gates, (row * 4 + 1) * H + j, f)
    put(tape.gates, (row * 4 + 2) * H + j, g)
    put(tape.gates, (row * 4 + 3) * H + j, o)
    put(tape.memory, row * H + j, cell)
    if t == walk.lengths[k] - 1:
        put(states.last, (N + k) * H + j, cell)
    return new_lstm_state(o, cell)


@cuda.jit(device=True)
def load_lstm_backward(walk, states, tape, out, k, j, t, H, early, e):
    row = row_of(walk, k, t)
    _take_gates(tape, row, 4, H, j, early, e)
    early[e + 4] = get(tape.memory, row * H + j)
    early[e + 5] = _cell_before(walk, states, tape, k, j, t, H)


@cuda.jit(device=True)
def lstm_backward(activation, walk, states, tape, out, k, j, t, H, ds, early, e, total):
    """Leave dL/dcell_{t-1} in `states.last`, and at the first step also in `states.first`."""
    row, N = row_of(walk, k, t), walk.lengths.size
    i, f, g, o = early[e], early[e + 1], early[e + 2], early[e + 3]
    do, dcell = output_gradient(o, early[e + 4], ds, get(states.last, (N + k) * H + j))
    di, dg = input_gradients(i, g, dcell)
    df, dcell = forget_gradient(f, early[e + 5], dcell)
    put(states.last, (N + k) * H + j, dcell)
    if t == 0:
        put(states.first, (N + k) * H + j, dcell)
    put(tape.gates, row * 4 * H + j, di)
    put(tape.gates, (row * 4 + 1) * H + j, df)
    put(tape.gates, (row * 4 + 2) * H + j, dg)
    put(tape.gates, (row * 4 + 3) * H + j, do)
    total[0], total[1], total[2], total[3] = di, df, dg, do


FORWARD = {
    "elman": (load_elman_forward, elman_forward),
    "gru": (load_gru_forward, gru_forward),
    "lstm": (load_lstm_forward, lstm_forward),
}
BACKWARD = {
    "elman": (load_elman_backward, elman_backward),
    "gru": (load_gru_backward, gru_backward),
    "lstm": (load_lstm_backward, lstm_backward),
}
