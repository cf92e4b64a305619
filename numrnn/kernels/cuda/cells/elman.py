"""Compute the Elman cell's forward and backward passes, each with one kernel launch for all steps.

The cell (Elman 1990) is s_t = a(U x_t + W s_{t-1} + b), with a = tanh or ReLU.
"""

from numba import cuda

from numrnn.kernels.cpu.activations import fma, like, relu, relu_slope, tanh, tanh_slope
from numrnn.kernels.cpu.records import RELU
from numrnn.kernels.cuda.jit import kernel
from numrnn.kernels.cuda.row_order import clear_rest, row_of, sequences_of_block

SHARED_FORWARD, SHARED_BACKWARD = 2, 2  # numbers in shared memory per unit and sequence


@kernel
def forward(activation, walk, weights, states, tape, out):
    """Compute the states of all rows; on entry, `tape.gates` holds U x."""
    first, count = sequences_of_block(walk)
    thread, threads, H = cuda.threadIdx.x, cuda.blockDim.x, weights.W.shape[0]
    s = cuda.shared.array(0, tape.gates.dtype)  # (2, rows, H): s times its mask, before a step and after
    for q in range(thread, count * H, threads):
        i, j = first + q // H, q % H
        s[q] = states.first[0, i, j] * states.mask[i, j]
    now, active = 0, count
    cuda.syncthreads()
    for t in range(walk.lengths[first]):
        while walk.lengths[first + active - 1] <= t:
            active -= 1
        for q in range(thread, active * H, threads):
            i, j = first + q // H, q % H
            row, at = row_of(walk, i, t), now + q - j
            a = tape.gates[row, j] + weights.b[j]
            for k in range(H):
                a = fma(weights.W[k, j], s[at + k], a)
            y = relu(a) if activation == RELU else tanh(a)
            out.s[row, out.column + j] = y
            tape.before[row, j] = s[now + q]
            s[walk.rows * H - now + q] = y * states.mask[i, j]
            if t == walk.lengths[i] - 1:
                states.last[0, i, j] = y
        now = walk.rows * H - now
        cuda.syncthreads()
    clear_rest(walk, tape, out)


@kernel
def backward(activation, walk, weights, states, tape, out):
    """Compute the gradients of all rows' pre-activations, and of the states before the first steps."""
    first, count = sequences_of_block(walk)
    thread, threads, H = cuda.threadIdx.x, cuda.blockDim.x, weights.W.shape[1]
    shared = cuda.shared.array(0, tape.gates.dtype)  # ds (rows, H), da (rows, H)
    da = walk.rows * H
    for q in range(thread, count * H, threads):
        shared[q] = states.last[0, first + q // H, q % H]
    active = 0
    for t in range(walk.lengths[first] - 1, -1, -1):
        while active < count and walk.lengths[first + active] > t:
            active += 1
        for q in range(thread, active * H, threads):
            j = q % H
            row = row_of(walk, first + q // H, t)
            y, ds = out.s[row, out.column + j], shared[q]
            if out.ds.size:
                ds += out.ds[row, out.column + j]
            d = ds * (relu_slope(y) if activation == RELU else tanh_slope(y))
            tape.gates[row, j] = d
            shared[da + q] = d
        cuda.syncthreads()
        for q in range(thread, active * H, threads):
            j = q % H
            ds = like(0.0, shared[da])
            for k in range(H):
                ds = fma(shared[da + q - j + k], weights.W[k, j], ds)
            shared[q] = ds * states.mask[first + q // H, j]
        cuda.syncthreads()
    for q in range(thread, count * H, threads):
        states.first[0, first + q // H, q % H] = shared[q]
