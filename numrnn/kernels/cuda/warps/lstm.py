"""Compute the LSTM of `numrnn.kernels.cuda.cells.lstm`, one sequence per block."""

from numba import cuda, float32

from numrnn.kernels.cpu.activations import sigmoid, tanh
from numrnn.kernels.cpu.cells.lstm import forget_gradient, input_gradients, new_cell, new_state, output_gradient
from numrnn.kernels.cuda.row_order import clear_rest, row_of
from numrnn.kernels.cuda.warps.memory import AHEAD, end_of_fetches, fetch, get, put, wait_for_fetches
from numrnn.kernels.cuda.warps.tile import PARTS, first_unit_of, make_tile, narrow_sizes

GATES = 4
SAVED = 6  # numbers that a unit's backward step loads: i, f, g, o, cell_{t-1}, dL/ds_t from above


@cuda.jit(device=True)
def _fetch_gates(ring, at, tape, row, H, j):
    for gate in range(4):
        fetch(ring, at + gate, tape.gates, (row * 4 + gate) * H + j)


@cuda.jit(device=True)
def _fetch_saved(ring, at, walk, states, tape, out, k, t, H, j):
    row = row_of(walk, k, t)
    _fetch_gates(ring, at, tape, row, H, j)
    if t == 0:
        fetch(ring, at + 4, states.first, (walk.lengths.size + k) * H + j)
    else:
        fetch(ring, at + 4, tape.memory, row_of(walk, k, t - 1) * H + j)
    if out.ds.size > 0:
        fetch(ring, at + 5, out.ds, row * out.s.shape[1] + out.column + j)


def make_forward(padded):
    """Return the kernel for a layer of up to `padded` units, and the number of threads per block."""
    each, n_weights, n_sums, twins, threads = narrow_sizes(padded, GATES, False)
    take, multiply = make_tile(padded, GATES, False, each)
    n_s, n_ring = 2 * padded, AHEAD * threads * GATES

    def forward(activation, walk, weights, states, tape, out):
        k, thread, H = cuda.blockIdx.x, cuda.threadIdx.x, states.mask.shape[1]
        unit = first_unit_of(thread, each)
        j, width = unit + thread % PARTS // (PARTS // each), out.s.shape[1]
        length, N = walk.lengths[k], walk.lengths.size
        live = j < H
        first = live and not (twins and thread & 1)  # only one of two twins writes
        w = cuda.local.array(n_weights, float32)
        sums = cuda.local.array(n_sums, float32)
        s = cuda.shared.array(n_s, float32, alignment=16)
        ring = cuda.shared.array(n_ring, float32, alignment=16)
        take(w, weights.W, unit, 0)
        b_i = b_f = b_g = b_o = mask = y = cell = float32(0)
        if live:
            b_i, b_f = get(weights.b, j), get(weights.b, H + j)
            b_g, b_o = get(weights.b, 2 * H + j), get(weights.b, 3 * H + j)
            mask, y = get(states.mask, k * H + j), get(states.first, k * H + j)
            cell = get(states.first, (N + k) * H + j)
        for t in range(AHEAD - 1):
            if live and t < length:
                _fetch_gates(ring, (t * threads + thread) * 4, tape, row_of(walk, k, t), H, j)
            end_of_fetches()
        put(s, j, y * mask)
        cuda.syncthreads()
        now = 0
        for t in range(length):
            later = t + AHEAD - 1
            if live and later < length:
                _fetch_gates(ring, (later % AHEAD * threads + thread) * 4, tape, row_of(walk, k, later), H, j)
            end_of_fetches()
            wait_for_fetches()  # before the shuffles of `multiply`, after which one twin overwrites what both load
            multiply(w, s, now, sums)
            at = (t % AHEAD * threads + thread) * 4
            row, before = row_of(walk, k, t), y * mask
            i = f = g = o = float32(0)
            if live:
                i, f = sigmoid(get(ring, at) + b_i + sums[0]), sigmoid(get(ring, at + 1) + b_f + sums[1])
                g, o = tanh(get(ring, at + 2) + b_g + sums[2]), sigmoid(get(ring, at + 3) + b_o + sums[3])
                cell = new_cell(i, f, g, cell)
                y = new_state(o, cell)
            if first:
                put(tape.gates, row * 4 * H + j, i)
                put(tape.gates, (row * 4 + 1) * H + j, f)
                put(tape.gates, (row * 4 + 2) * H + j, g)
                put(tape.gates, (row * 4 + 3) * H + j, o)
                put(tape.memory, row * H + j, cell)
                put(tape.before, row * H + j, before)
                put(out.s, row * width + out.column + j, y)
            now = padded - now
            put(s, now + j, y * mask)
            cuda.syncthreads()
        if first:
            put(states.last, k * H + j, y)
            put(states.last, (N + k) * H + j, cell)
        clear_rest(walk, tape, out)

    return forward, threads


def make_backward(padded):
    """Return the kernel for a layer of up to `padded` units, and the number of threads per block."""
    each, n_weights, n_sums, twins, threads = narrow_sizes(padded, GATES, True)
    take, multiply = make_tile(padded, GATES, True, each)
    n_da, n_ring = 2 * GATES * padded, AHEAD * threads * SAVED

    def backward(activation, walk, weights, states, tape, out):
        k, thread, H = cuda.blockIdx.x, cuda.threadIdx.x, states.mask.shape[1]
        unit = first_unit_of(thread, each)
        j, length, N = unit + thread % PARTS // (PARTS // each), walk.lengths[k], walk.lengths.size
        live, above = j < H, out.ds.size > 0
        first = live and not (twins and thread & 1)
        w = cuda.local.array(n_weights, float32)
        sums = cuda.local.array(n_sums, float32)
        da = cuda.shared.array(n_da, float32, alignment=16)
        ring = cuda.shared.array(n_ring, float32, alignment=16)
        take(w, weights.W, unit, 0)
        ds = dcell = mask = cell = float32(0)
        if live:
            ds, dcell = get(states.last, k * H + j), get(states.last, (N + k) * H + j)
            mask, cell = get(states.mask, k * H + j), get(tape.memory, row_of(walk, k, length - 1) * H + j)
        for step in range(AHEAD - 1):
            if live and step < length:
                at = (step * threads + thread) * SAVED
                _fetch_saved(ring, at, walk, states, tape, out, k, length - 1 - step, H, j)
            end_of_fetches()
        now = 0
        for step in range(length):
            later = step + AHEAD - 1
            if live and later < length:
                at = (later % AHEAD * threads + thread) * SAVED
                _fetch_saved(ring, at, walk, states, tape, out, k, length - 1 - later, H, j)
            end_of_fetches()
            wait_for_fetches()
            at = (step % AHEAD * threads + thread) * SAVED
            di = df = dg = do = float32(0)
            if live:
                i, f, g, o = get(ring, at), get(ring, at + 1), get(ring, at + 2), get(ring, at + 3)
                cell_before = get(ring, at + 4)
                if above:
                    ds += get(ring, at + 5)
                do, dcell = output_gradient(o, cell, ds, dcell)
                di, dg = input_gradients(i, g, dcell)
                df, dcell = forget_gradient(f, cell_before, dcell)
                cell = cell_before
            put(da, now + j, di)
            put(da, now + padded + j, df)
            put(da, now + 2 * padded + j, dg)
            put(da, now + 3 * padded + j, do)
            cuda.syncthreads()  # after it, one twin overwrites what both have loaded
            if first:
                row = row_of(walk, k, length - 1 - step)
                put(tape.gates, row * 4 * H + j, di)
                put(tape.gates, (row * 4 + 1) * H + j, df)
                put(tape.gates, (row * 4 + 2) * H + j, dg)
                put(tape.gates, (row * 4 + 3) * H + j, do)
            multiply(w, da, now, sums)
            ds = sums[0] * mask
            now = 4 * padded - now
        if first:
            put(states.first, k * H + j, ds)
            put(states.first, (N + k) * H + j, dcell)

    return backward, threads
