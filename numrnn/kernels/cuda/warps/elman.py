"""Compute the Elman cell of `numrnn.kernels.cuda.cells.elman`, one sequence per block."""

from numba import cuda, float32

from numrnn.kernels.cpu.activations import relu, relu_slope, tanh, tanh_slope
from numrnn.kernels.cpu.records import RELU
from numrnn.kernels.cuda.row_order import clear_rest, row_of
from numrnn.kernels.cuda.warps.memory import AHEAD, end_of_fetches, fetch, get, put, wait_for_fetches
from numrnn.kernels.cuda.warps.tile import PARTS, first_unit_of, make_tile, narrow_sizes

GATES = 1


def make_forward(padded):
    """Return the kernel for a layer of up to `padded` units, and the number of threads per block."""
    each, n_weights, n_sums, twins, threads = narrow_sizes(padded, GATES, False)
    take, multiply = make_tile(padded, GATES, False, each)
    n_s, n_ring = 2 * padded, AHEAD * threads

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
        bias = mask = before = float32(0)
        if live:
            bias, mask = get(weights.b, j), get(states.mask, i * H + j)
            before = get(states.first, i * H + j) * mask
        for t in range(AHEAD - 1):
            if live and t < length:
                fetch(ring, t * threads + thread, tape.gates, row_of(walk, i, t) * H + j)
            end_of_fetches()
        put(s, j, before)
        cuda.syncthreads()
        now, y = 0, before
        for t in range(length):
            later = t + AHEAD - 1
            if live and later < length:
                fetch(ring, later % AHEAD * threads + thread, tape.gates, row_of(walk, i, later) * H + j)
            end_of_fetches()
            multiply(w, s, now, sums)
            wait_for_fetches()
            row = row_of(walk, i, t)
            if live:
                a = get(ring, t % AHEAD * threads + thread) + bias + sums[0]
                y = relu(a) if activation == RELU else tanh(a)
            if first:
                put(out.s, row * width + out.column + j, y)
                put(tape.before, row * H + j, before)
            before = y * mask
            now = padded - now
            put(s, now + j, before)
            cuda.syncthreads()
        if first:
            put(states.last, i * H + j, y)
        clear_rest(walk, tape, out)

    return forward, threads


def make_backward(padded):
    """Return the kernel for a layer of up to `padded` units, and the number of threads per block."""
    each, n_weights, n_sums, twins, threads = narrow_sizes(padded, GATES, True)
    take, multiply = make_tile(padded, GATES, True, each)
    n_da, n_ring = 2 * padded, AHEAD * threads * 2

    def backward(activation, walk, weights, states, tape, out):
        i, thread, H = cuda.blockIdx.x, cuda.threadIdx.x, states.mask.shape[1]
        unit = first_unit_of(thread, each)
        j, width, length = unit + thread % PARTS // (PARTS // each), out.s.shape[1], walk.lengths[i]
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
                at, source = (step * threads + thread) * 2, row_of(walk, i, length - 1 - step) * width + out.column + j
                fetch(ring, at, out.s, source)
                if above:
                    fetch(ring, at + 1, out.ds, source)
            end_of_fetches()
        now = 0
        for step in range(length):
            t, later = length - 1 - step, step + AHEAD - 1
            if live and later < length:
                at = (later % AHEAD * threads + thread) * 2
                source = row_of(walk, i, length - 1 - later) * width + out.column + j
                fetch(ring, at, out.s, source)
                if above:
                    fetch(ring, at + 1, out.ds, source)
            end_of_fetches()
            wait_for_fetches()
            at, d = (step % AHEAD * threads + thread) * 2, float32(0)
            if live:
                y = get(ring, at)
                if above:
                    ds += get(ring, at + 1)
                d = ds * (relu_slope(y) if activation == RELU else tanh_slope(y))
            put(da, now + j, d)
            if first:
                put(tape.gates, row_of(walk, i, t) * H + j, d)
            cuda.syncthreads()
            multiply(w, da, now, sums)
            ds = sums[0] * mask
            now = padded - now
        if first:
            put(states.first, i * H + j, ds)

    return backward, threads
