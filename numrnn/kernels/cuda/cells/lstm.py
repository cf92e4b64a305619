"""Compute the LSTM's forward and backward passes, each with one kernel launch for all steps.

Gates have the order i, f, g, o; the equations are those of kernels/cpu/cells/lstm.py.
"""

from numba import cuda

from numrnn.kernels.cpu.activations import fma, like, sigmoid, tanh
from numrnn.kernels.cpu.cells.lstm import forget_gradient, input_gradients, new_cell, new_state, output_gradient
from numrnn.kernels.cuda.jit import kernel
from numrnn.kernels.cuda.row_order import clear_rest, row_of, sequences_of_block

SHARED_FORWARD, SHARED_BACKWARD = 3, 6  # numbers in shared memory per unit and sequence


@kernel
def forward(activation, walk, weights, states, tape, out):
    """Compute the states, cells and gates of all rows; on entry, `tape.gates` holds U x."""
    first, count = sequences_of_block(walk)
    thread, threads, H = cuda.threadIdx.x, cuda.blockDim.x, weights.W.shape[0]
    s = cuda.shared.array(0, tape.gates.dtype)  # (3, rows, H): s times its mask, before and after a step; cells
    size = walk.rows * H
    for q in range(thread, count * H, threads):
        k, j = first + q // H, q % H
        s[2 * size + q] = states.first[1, k, j]
        s[q] = states.first[0, k, j] * states.mask[k, j]
    now, active = 0, count
    cuda.syncthreads()
    for t in range(walk.lengths[first]):
        while walk.lengths[first + active - 1] <= t:
            active -= 1
        for q in range(thread, active * H, threads):
            n, j = first + q // H, q % H
            row, at = row_of(walk, n, t), now + q - j
            i, f = tape.gates[row, j] + weights.b[j], tape.gates[row, H + j] + weights.b[H + j]
            g = tape.gates[row, 2 * H + j] + weights.b[2 * H + j]
            o = tape.gates[row, 3 * H + j] + weights.b[3 * H + j]
            for k in range(H):
                i = fma(weights.W[k, j], s[at + k], i)
                f = fma(weights.W[k, H + j], s[at + k], f)
                g = fma(weights.W[k, 2 * H + j], s[at + k], g)
                o = fma(weights.W[k, 3 * H + j], s[at + k], o)
            i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
            cell = new_cell(i, f, g, s[2 * size + q])
            y = new_state(o, cell)
            tape.gates[row, j], tape.gates[row, H + j] = i, f
            tape.gates[row, 2 * H + j], tape.gates[row, 3 * H + j] = g, o
            tape.memory[row, j] = cell
            tape.before[row, j] = s[now + q]
            out.s[row, out.column + j] = y
            s[2 * size + q] = cell
            s[size - now + q] = y * states.mask[n, j]
            if t == walk.lengths[n] - 1:
                states.last[0, n, j], states.last[1, n, j] = y, cell
        now = size - now
        cuda.syncthreads()
    clear_rest(walk, tape, out)


@kernel
def backward(activation, walk, weights, states, tape, out):
    """Replace the gates of all rows, and s_0 and cell_0 in `states.first`, with their gradients.

    The gradients of gates are those of their pre-activations.
    """
    first, count = sequences_of_block(walk)
    thread, threads, H = cuda.threadIdx.x, cuda.blockDim.x, weights.W.shape[1]
    shared = cuda.shared.array(0, tape.gates.dtype)  # ds, dcell (rows, H); di, df, dg, do (rows, 4 H)
    size, da = walk.rows * H, 2 * walk.rows * H
    for q in range(thread, count * H, threads):
        shared[q] = states.last[0, first + q // H, q % H]
        shared[size + q] = states.last[1, first + q // H, q % H]
    active = 0
    for t in range(walk.lengths[first] - 1, -1, -1):
        while active < count and walk.lengths[first + active] > t:
            active += 1
        for q in range(thread, active * H, threads):
            n, j = first + q // H, q % H
            row = row_of(walk, n, t)
            cell_before = states.first[1, n, j] if t == 0 else tape.memory[row_of(walk, n, t - 1), j]
            i, f = tape.gates[row, j], tape.gates[row, H + j]
            g, o = tape.gates[row, 2 * H + j], tape.gates[row, 3 * H + j]
            ds = shared[q]
            if out.ds.size:
                ds += out.ds[row, out.column + j]
            do, dcell = output_gradient(o, tape.memory[row, j], ds, shared[size + q])
            di, dg = input_gradients(i, g, dcell)
            df, dcell = forget_gradient(f, cell_before, dcell)
            shared[size + q] = dcell
            tape.gates[row, j], tape.gates[row, H + j] = di, df
            tape.gates[row, 2 * H + j], tape.gates[row, 3 * H + j] = dg, do
            at = da + 4 * (q - j) + j
            shared[at], shared[at + H], shared[at + 2 * H], shared[at + 3 * H] = di, df, dg, do
        cuda.syncthreads()
        for q in range(thread, active * H, threads):
            j = q % H
            at, ds = da + 4 * (q - j), like(0.0, shared[da])
            for k in range(4 * H):
                ds = fma(shared[at + k], weights.W[k, j], ds)
            shared[q] = ds * states.mask[first + q // H, j]
        cuda.syncthreads()
    for q in range(thread, count * H, threads):
        states.first[0, first + q // H, q % H] = shared[q]
        states.first[1, first + q // H, q % H] = shared[size + q]
