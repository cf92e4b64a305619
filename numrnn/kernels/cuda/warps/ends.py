"""What follows the sums of a unit in one step, by cell: everything but the product with W. See `wide`.

`total` holds the sums of the unit's gates; arrays are read and written at their flat places.
"""

from numba import cuda

from numrnn.kernels.cpu.activations import relu, relu_slope, sigmoid, tanh, tanh_slope
from numrnn.kernels.cpu.gru import candidate, candidate_gradient, reset_gradient, update_gradient
from numrnn.kernels.cpu.gru import new_state as new_gru_state
from numrnn.kernels.cpu.lstm import forget_gradient, input_gradients, new_cell, output_gradient
from numrnn.kernels.cpu.lstm import new_state as new_lstm_state
from numrnn.kernels.cpu.net import RELU
from numrnn.kernels.cuda.walk import row_of
from numrnn.kernels.cuda.warps.memory import get, put


@cuda.jit(device=True)
def elman_forward(activation, walk, weights, states, tape, out, i, j, t, H, total):
    """s_t of a unit."""
    a = get(tape.gates, row_of(walk, i, t) * H + j) + get(weights.b, j) + total[0]
    return relu(a) if activation == RELU else tanh(a)


@cuda.jit(device=True)
def elman_backward(activation, walk, states, tape, out, i, j, t, H, ds, total):
    """Leaves the gradient of the pre-activation in `total`; ds is dL/ds_t."""
    row = row_of(walk, i, t)
    y = get(out.s, row * out.s.shape[1] + out.column + j)
    total[0] = ds * (relu_slope(y) if activation == RELU else tanh_slope(y))
    put(tape.gates, row * H + j, total[0])


@cuda.jit(device=True)
def gru_forward(activation, walk, weights, states, tape, out, i, j, t, H, total):
    row, width = row_of(walk, i, t), out.s.shape[1]
    before = get(states.first, i * H + j)
    if t > 0:
        before = get(out.s, row_of(walk, i, t - 1) * width + out.column + j)
    r = sigmoid(get(tape.gates, row * 3 * H + j) + get(weights.b, j) + total[0])
    z = sigmoid(get(tape.gates, (row * 3 + 1) * H + j) + get(weights.b, H + j) + total[1])
    hn = get(weights.b_Wn, j) + total[2]
    n = candidate(get(tape.gates, (row * 3 + 2) * H + j) + get(weights.b, 2 * H + j), r, hn)
    put(tape.gates, row * 3 * H + j, r)
    put(tape.gates, (row * 3 + 1) * H + j, z)
    put(tape.gates, (row * 3 + 2) * H + j, n)
    put(tape.memory, row * H + j, hn)
    return new_gru_state(n, z, before)


@cuda.jit(device=True)
def gru_backward(activation, walk, states, tape, out, i, j, t, H, ds, total):
    """Leaves ds z, which passes W by, in `states.last`."""
    row, width = row_of(walk, i, t), out.s.shape[1]
    before = get(states.first, i * H + j)
    if t > 0:
        before = get(out.s, row_of(walk, i, t - 1) * width + out.column + j)
    r, z = get(tape.gates, row * 3 * H + j), get(tape.gates, (row * 3 + 1) * H + j)
    n, hn = get(tape.gates, (row * 3 + 2) * H + j), get(tape.memory, row * H + j)
    dn, dz = candidate_gradient(n, z, ds), update_gradient(n, z, before, ds)
    dr, dhn = reset_gradient(dn, r, hn), dn * r
    put(states.last, i * H + j, ds * z)
    put(tape.gates, row * 3 * H + j, dr)
    put(tape.gates, (row * 3 + 1) * H + j, dz)
    put(tape.gates, (row * 3 + 2) * H + j, dn)
    put(tape.memory, row * H + j, dhn)
    total[0], total[1], total[2] = dr, dz, dhn


@cuda.jit(device=True)
def lstm_forward(activation, walk, weights, states, tape, out, k, j, t, H, total):
    row, N = row_of(walk, k, t), walk.lengths.size
    before = get(states.first, (N + k) * H + j)
    if t > 0:
        before = get(tape.memory, row_of(walk, k, t - 1) * H + j)
    i = sigmoid(get(tape.gates, row * 4 * H + j) + get(weights.b, j) + total[0])
    f = sigmoid(get(tape.gates, (row * 4 + 1) * H + j) + get(weights.b, H + j) + total[1])
    g = tanh(get(tape.gates, (row * 4 + 2) * H + j) + get(weights.b, 2 * H + j) + total[2])
    o = sigmoid(get(tape.gates, (row * 4 + 3) * H + j) + get(weights.b, 3 * H + j) + total[3])
    cell = new_cell(i, f, g, before)
    put(tape.gates, row * 4 * H + j, i)
    put(tape.gates, (row * 4 + 1) * H + j, f)
    put(tape.gates, (row * 4 + 2) * H + j, g)
    put(tape.gates, (row * 4 + 3) * H + j, o)
    put(tape.memory, row * H + j, cell)
    if t == walk.lengths[k] - 1:
        put(states.last, (N + k) * H + j, cell)
    return new_lstm_state(o, cell)


@cuda.jit(device=True)
def lstm_backward(activation, walk, states, tape, out, k, j, t, H, ds, total):
    """Leaves dL/dcell_{t-1} in `states.last`, at the end in `states.first`."""
    row, N = row_of(walk, k, t), walk.lengths.size
    before = get(states.first, (N + k) * H + j)
    if t > 0:
        before = get(tape.memory, row_of(walk, k, t - 1) * H + j)
    i, f = get(tape.gates, row * 4 * H + j), get(tape.gates, (row * 4 + 1) * H + j)
    g, o = get(tape.gates, (row * 4 + 2) * H + j), get(tape.gates, (row * 4 + 3) * H + j)
    do, dcell = output_gradient(o, get(tape.memory, row * H + j), ds, get(states.last, (N + k) * H + j))
    di, dg = input_gradients(i, g, dcell)
    df, dcell = forget_gradient(f, before, dcell)
    put(states.last, (N + k) * H + j, dcell)
    if t == 0:
        put(states.first, (N + k) * H + j, dcell)
    put(tape.gates, row * 4 * H + j, di)
    put(tape.gates, (row * 4 + 1) * H + j, df)
    put(tape.gates, (row * 4 + 2) * H + j, dg)
    put(tape.gates, (row * 4 + 3) * H + j, do)
    total[0], total[1], total[2], total[3] = di, df, dg, do


FORWARD = {"elman": elman_forward, "gru": gru_forward, "lstm": lstm_forward}
BACKWARD = {"elman": elman_backward, "gru": gru_backward, "lstm": lstm_backward}
