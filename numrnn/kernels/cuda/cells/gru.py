"""Compute the GRU's forward and backward passes, each with one kernel launch for all steps.

Gates have the order r, z, n, as in theta; the equations are those of kernels/cpu/cells/gru.py.
"""

from numba import cuda

from numrnn.kernels.cpu.activations import fma, like, sigmoid
from numrnn.kernels.cpu.cells.gru import candidate, candidate_gradient, new_state, reset_gradient, update_gradient
from numrnn.kernels.cuda.jit import kernel
from numrnn.kernels.cuda.row_order import clear_rest, row_of, sequences_of_block

SHARED_FORWARD, SHARED_BACKWARD = 3, 4  # numbers in shared memory per unit and sequence


@kernel
def forward(activation, walk, weights, states, tape, out):
    """Compute the states and gates of all rows; on entry, `tape.gates` holds U x."""
    first, count = sequences_of_block(walk)
    thread, threads, H = cuda.threadIdx.x, cuda.blockDim.x, weights.W.shape[0]
    s = cuda.shared.array(0, tape.gates.dtype)  # (3, rows, H): s times its mask, before and after a step; s itself
    size = walk.rows * H
    for q in range(thread, count * H, threads):
        i, j = first + q // H, q % H
        s[2 * size + q] = states.first[0, i, j]
        s[q] = states.first[0, i, j] * states.mask[i, j]
    now, active = 0, count
    cuda.syncthreads()
    for t in range(walk.lengths[first]):
        while walk.lengths[first + active - 1] <= t:
            active -= 1
        for q in range(thread, active * H, threads):
            i, j = first + q // H, q % H
            row, at = row_of(walk, i, t), now + q - j
            r, z = tape.gates[row, j] + weights.b[j], tape.gates[row, H + j] + weights.b[H + j]
            hn = weights.b_Wn[j]
            for k in range(H):
                r = fma(weights.W[k, j], s[at + k], r)
                z = fma(weights.W[k, H + j], s[at + k], z)
                hn = fma(weights.W[k, 2 * H + j], s[at + k], hn)
            r, z = sigmoid(r), sigmoid(z)
            n = candidate(tape.gates[row, 2 * H + j] + weights.b[2 * H + j], r, hn)
            y = new_state(n, z, s[2 * size + q])
            tape.gates[row, j], tape.gates[row, H + j], tape.gates[row, 2 * H + j] = r, z, n
            tape.memory[row, j] = hn
            tape.before[row, j] = s[now + q]
            out.s[row, out.column + j] = y
            s[2 * size + q] = y
            s[size - now + q] = y * states.mask[i, j]
            if t == walk.lengths[i] - 1:
                states.last[0, i, j] = y
        now = size - now
        cuda.syncthreads()
    clear_rest(walk, tape, out)


@kernel
def backward(activation, walk, weights, states, tape, out):
    """Replace the gates and hn of all rows, and the states before the first steps, with their gradients.

    The gradients of gates and hn are those of their pre-activations.
    """
    first, count = sequences_of_block(walk)
    thread, threads, H = cuda.threadIdx.x, cuda.blockDim.x, weights.W.shape[1]
    shared = cuda.shared.array(0, tape.gates.dtype)  # ds (rows, H); dr, dz, dhn (rows, 3 H)
    da = walk.rows * H
    for q in range(thread, count * H, threads):
        shared[q] = states.last[0, first + q // H, q % H]
    active = 0
    for t in range(walk.lengths[first] - 1, -1, -1):
        while active < count and walk.lengths[first + active] > t:
            active += 1
        for q in range(thread, active * H, threads):
            i, j = first + q // H, q % H
            row = row_of(walk, i, t)
            s_before = states.first[0, i, j] if t == 0 else out.s[row_of(walk, i, t - 1), out.column + j]
            r, z, n = tape.gates[row, j], tape.gates[row, H + j], tape.gates[row, 2 * H + j]
            hn, ds = tape.memory[row, j], shared[q]
            if out.ds.size:
                ds += out.ds[row, out.column + j]
            dn, dz = candidate_gradient(n, z, ds), update_gradient(n, z, s_before, ds)
            dr, dhn = reset_gradient(dn, r, hn), dn * r
            shared[q] = ds * z
            tape.gates[row, j], tape.gates[row, H + j], tape.gates[row, 2 * H + j] = dr, dz, dn
            tape.memory[row, j] = dhn
            at = da + 3 * (q - j) + j
            shared[at], shared[at + H], shared[at + 2 * H] = dr, dz, dhn
        cuda.syncthreads()
        for q in range(thread, active * H, threads):
            j = q % H
            at, ds = da + 3 * (q - j), like(0.0, shared[da])
            for k in range(3 * H):
                ds = fma(shared[at + k], weights.W[k, j], ds)
            shared[q] += ds * states.mask[first + q // H, j]
        cuda.syncthreads()
    for q in range(thread, count * H, threads):
        states.first[0, first + q // H, q % H] = shared[q]
