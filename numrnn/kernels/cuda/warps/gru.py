"""Compute the GRU of `numrnn.kernels.cuda.cells.gru`, one sequence per block."""

from numba import cuda, float32

from numrnn.kernels.cpu.activations import sigmoid
from numrnn.kernels.cpu.cells.gru import candidate, candidate_gradient, new_state, reset_gradient, update_gradient
from numrnn.kernels.cuda.row_order import clear_rest, row_of
from numrnn.kernels.cuda.warps.memory import AHEAD, end_of_fetches, fetch, get, put, wait_for_fetches
from numrnn.kernels.cuda.warps.tile import PARTS, first_unit_of, make_tile, narrow_sizes

GATES = 3
SAVED = 6  # numbers that a unit's backward step loads: r, z, n, hn, s_{t-1}, dL/ds_t from above


@cuda.jit(device=True)
def _fetch_gates(ring, at, tape, row, H, j):
    for gate in range(3):
        fetch(ring, at + gate, tape.gates, (row * 3 + gate) * H + j)


@cuda.jit(device=True)
def _fetch_saved(ring, at, walk, states, tape, out, i, t, H, j):
    row, width = row_of(walk, i, t), out.s.shape[1]
    _fetch_gates(ring, at, tape, row, H, j)
    fetch(ring, at + 3, tape.memory, row * H + j)
    if t == 0:
        fetch(ring, at + 4, states.first, i * H + j)
    else:
        fetch(ring, at + 4, out.s, row_of(walk, i, t - 1) * width + out.column + j)
    if out.ds.size > 0:
        fetch(ring, at + 5, out.ds, row * width + out.column + j)


def make_forward(padded):
    """Return the kernel for a layer of up to `padded` units, and the number of threads per block."""
    each, n_weights, n_sums, twins, threads = narrow_sizes(padded, GATES, False)
    take, multiply = make_tile(padded, GATES, False, each)
    n_s, n_ring = 2 * padded, AHEAD * threads * GATES

    def forward(activation, walk, weights, states, tape, out):
        i, thread, H = cuda.blockIdx.x, cuda.threadIdx.x, states.mask.shape[1]
        unit = first_unit_of(thread, each)
        j, width, length = unit + thread % PARTS // (PARTS // each), out.s.shape[1], walk.lengths[i]
        live = j < H
        first = live and not (twins and thread & 1)  # only one of two twins writes
        w = cuda.local.array(n_weights, float32)
        sums = cuda.local.array(n_sums, float32)
        s = cuda.shared.array(n_s, float32, alignment=16)
        ring = cuda.shared.array(n_ring, float32, alignment=16)
        take(w, weights.W, unit, 0)
        b_r = b_z = b_n = b_hn = mask = y = float32(0)
        if live:
            b_r, b_z, b_n = get(weights.b, j), get(weights.b, H + j), get(weights.b, 2 * H + j)
            b_hn, mask, y = get(weights.b_Wn, j), get(states.mask, i * H + j), get(states.first, i * H + j)
        for t in range(AHEAD - 1):
            if live and t < length:
                _fetch_gates(ring, (t * threads + thread) * 3, tape, row_of(walk, i, t), H, j)
            end_of_fetches()
        put(s, j, y * mask)
        cuda.syncthreads()
        now = 0
        for t in range(length):
            later = t + AHEAD - 1
            if live and later < length:
                _fetch_gates(ring, (later % AHEAD * threads + thread) * 3, tape, row_of(walk, i, later), H, j)
            end_of_fetches()
            wait_for_fetches()  # before the shuffles of `multiply`, after which one twin overwrites what both load
            multiply(w, s, now, sums)
            at = (t % AHEAD * threads + thread) * 3
            row, before = row_of(walk, i, t), y * mask
            r = z = n = hn = float32(0)
            if live:
                r, z = sigmoid(get(ring, at) + b_r + sums[0]), sigmoid(get(ring, at + 1) + b_z + sums[1])
                hn = b_hn + sums[2]
                n = candidate(get(ring, at + 2) + b_n, r, hn)
                y = new_state(n, z, y)
            if first:
                put(tape.gates, row * 3 * H + j, r)
                put(tape.gates, (row * 3 + 1) * H + j, z)
                put(tape.gates, (row * 3 + 2) * H + j, n)
                put(tape.memory, row * H + j, hn)
                put(tape.before, row * H + j, before)
                put(out.s, row * width + out.column + j, y)
            now = padded - now
            put(s, now + j, y * mask)
            cuda.syncthreads()
        if first:
            put(states.last, i * H + j, y)
        clear_rest(walk, tape, out)

    return forward, threads


def make_backward(padded):
    """Return the kernel for a layer of up to `padded` units, and the number of threads per block."""
    each, n_weights, n_sums, twins, threads = narrow_sizes(padded, GATES, True)
    take, multiply = make_tile(padded, GATES, True, each)
    n_da, n_ring = 2 * GATES * padded, AHEAD * threads * SAVED

    def backward(activation, walk, weights, states, tape, out):
        i, thread, H = cuda.blockIdx.x, cuda.threadIdx.x, states.mask.shape[1]
        unit = first_unit_of(thread, each)
        j, length = unit + thread % PARTS // (PARTS // each), walk.lengths[i]
        live, above = j < H, out.ds.size > 0
        first = live and not (twins and thread & 1)
        w = cuda.local.array(n_weights, float32)
        sums = cuda.local.array(n_sums, float32)
        da = cuda.shared.array(n_da, float32, alignment=16)
        ring = cuda.shared.array(n_ring, float32, alignment=16)
        take(w, weights.W, unit, 0)
        ds = mask = float32(0)
        if live:
            ds, mask = get(states.last, i * H + j), get(states.mask, i * H + j)
        for step in range(AHEAD - 1):
            if live and step < length:
                at = (step * threads + thread) * SAVED
                _fetch_saved(ring, at, walk, states, tape, out, i, length - 1 - step, H, j)
            end_of_fetches()
        now = 0
        for step in range(length):
            later = step + AHEAD - 1
            if live and later < length:
                at = (later % AHEAD * threads + thread) * SAVED
                _fetch_saved(ring, at, walk, states, tape, out, i, length - 1 - later, H, j)
            end_of_fetches()
            wait_for_fetches()
            at, z = (step % AHEAD * threads + thread) * SAVED, float32(0)
            dr = dz = dn = dhn = float32(0)
            if live:
                r, z, n, hn = get(ring, at), get(ring, at + 1), get(ring, at + 2), get(ring, at + 3)
                if above:
                    ds += get(ring, at + 5)
                dn, dz = candidate_gradient(n, z, ds), update_gradient(n, z, get(ring, at + 4), ds)
                dr, dhn = reset_gradient(dn, r, hn), dn * r
            put(da, now + j, dr)
            put(da, now + padded + j, dz)
            put(da, now + 2 * padded + j, dhn)
            cuda.syncthreads()  # after it, one twin overwrites what both have loaded
            if first:
                row = row_of(walk, i, length - 1 - step)
                put(tape.gates, row * 3 * H + j, dr)
                put(tape.gates, (row * 3 + 1) * H + j, dz)
                put(tape.gates, (row * 3 + 2) * H + j, dn)
                put(tape.memory, row * H + j, dhn)
            multiply(w, da, now, sums)
            ds = ds * z + sums[0] * mask
            now = 3 * padded - now
        if first:
            put(states.first, i * H + j, ds)

    return backward, threads
