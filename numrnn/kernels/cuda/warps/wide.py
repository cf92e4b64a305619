"""Layers whose W is spread over the registers of many blocks, all on the card at once.

A block owns some units of some sequences. In every step it needs the states of all units, which other blocks make: they
are exchanged through an array that holds EMPTY in every word beforehand. Who needs a word reads it until it is no
longer EMPTY, so the data is its own flag, and no step has a barrier of all blocks. The launch must be cooperative: a
block that waits for one that cannot start would wait for ever.
"""

from typing import NamedTuple

from numba import cuda, float32, uint32

from numrnn.kernels.cuda.walk import row_of
from numrnn.kernels.cuda.warps.ends import BACKWARD, FORWARD
from numrnn.kernels.cuda.warps.memory import as_float, get, peek4, publish, put
from numrnn.kernels.cuda.warps.tile import GROUPS, MOST_WEIGHTS, PARTS, make_tile

EMPTY = 0xFFFFFFFF  # a NaN that arithmetic never makes: the hardware's own is 0x7FFFFFFF
WARPS = 8  # of a block: 128 registers of weights in each lane, and as many for the rest, are what a processor has
SHARED_BYTES = 40 * 1024  # of a block, for states and sums
GATES = {"elman": 1, "gru": 3, "lstm": 4}


class Plan(NamedTuple):
    """How a layer is cut."""

    each: int  # units of a group of lanes
    deep: int  # warps that split the inputs
    units: int  # of a block
    chunk: int  # sequences that pass through shared memory together


def plan_of(padded, gates, backward):
    """The plan with the most units a block; None if there is none."""
    kinds, inputs = (1, gates * padded) if backward else (gates, padded)
    plans = []
    for deep in (1, 2, 4, 8):
        share = inputs // (PARTS * deep)
        each = next((each for each in (8, 4, 2, 1) if each * share * kinds <= MOST_WEIGHTS), 0)
        if deep > WARPS or inputs % (4 * PARTS * deep) or not each:
            continue
        units = GROUPS * each * (WARPS // deep)
        chunk = SHARED_BYTES // (4 * (inputs + deep * units * kinds))
        if chunk and padded % units == 0:
            plans.append(Plan(each, deep, units, min(chunk, 8)))
    return max(plans, key=lambda plan: (plan.units, plan.each), default=None)


def make_forward(cell, padded):
    """The kernel for a layer of up to `padded` units, a multiple of 4; it takes an array of exchange (R, H) besides."""
    gates = GATES[cell]
    each, deep, units, chunk = plan_of(padded, gates, False)
    take, multiply = make_tile(padded, gates, False, each, deep)
    end = FORWARD[cell]
    n_weights, n_sums, threads = each * gates * padded // PARTS // deep, each * gates, 32 * WARPS
    n_s, n_shared, slice_size, quads = chunk * padded, deep * chunk * units * gates, padded // deep, padded // 4

    def forward(activation, walk, weights, states, tape, out, exchange):
        thread, H, width = cuda.threadIdx.x, states.mask.shape[1], out.s.shape[1]
        first, block_unit = cuda.blockIdx.y * walk.rows, cuda.blockIdx.x * units
        count = min(walk.rows, walk.lengths.size - first)
        part, slice_ = thread % PARTS, thread // 32 % deep
        unit = (thread // 32 // deep * GROUPS + thread % 32 // PARTS) * each
        w = cuda.local.array(n_weights, float32)
        sums = cuda.local.array(n_sums, float32)
        total = cuda.local.array(gates, float32)
        s = cuda.shared.array(n_s, float32, alignment=16)
        shared_sums = cuda.shared.array(n_shared, float32, alignment=16)
        cuda.cg.this_grid()  # makes the launch cooperative: all blocks are resident, or it fails
        take(w, weights.W, block_unit + unit, slice_)
        for q in range(thread, n_s, threads):
            put(s, q, float32(0))
        cuda.syncthreads()
        active = count
        for t in range(walk.lengths[first]):
            while walk.lengths[first + active - 1] <= t:
                active -= 1
            for c in range(0, active, chunk):
                for q in range(thread, min(chunk, active - c) * quads, threads):
                    i, m = first + c + q // quads, q % quads * 4
                    if m < H and t == 0:
                        for e in range(4):
                            put(s, q * 4 + e, get(states.first, i * H + m + e) * get(states.mask, i * H + m + e))
                    elif m < H:
                        at = row_of(walk, i, t - 1) * H + m
                        a, b, g, d = peek4(exchange, at)
                        while a == uint32(EMPTY) or b == uint32(EMPTY) or g == uint32(EMPTY) or d == uint32(EMPTY):
                            a, b, g, d = peek4(exchange, at)
                        put(s, q * 4, as_float(a))
                        put(s, q * 4 + 1, as_float(b))
                        put(s, q * 4 + 2, as_float(g))
                        put(s, q * 4 + 3, as_float(d))
                cuda.syncthreads()
                for r in range(min(chunk, active - c)):
                    multiply(w, s, r * padded + slice_ * slice_size, sums)
                    if part % (PARTS // each) == 0:
                        at = ((slice_ * chunk + r) * units + unit + part // (PARTS // each)) * gates
                        for gate in range(gates):
                            put(shared_sums, at + gate, sums[gate])
                cuda.syncthreads()
                for p in range(thread, min(chunk, active - c) * units, threads):
                    i, j = first + c + p // units, block_unit + p % units
                    if j < H:
                        for gate in range(gates):
                            total[gate] = float32(0)
                            for d in range(deep):
                                total[gate] += get(shared_sums, (d * chunk * units + p) * gates + gate)
                        y = end(activation, walk, weights, states, tape, out, i, j, t, H, total)
                        row = row_of(walk, i, t)
                        before = get(states.first, i * H + j) * get(states.mask, i * H + j)
                        if t > 0:
                            before = get(exchange, row_of(walk, i, t - 1) * H + j)
                        publish(exchange, row * H + j, y * get(states.mask, i * H + j))
                        put(tape.before, row * H + j, before)
                        put(out.s, row * width + out.column + j, y)
                        if t == walk.lengths[i] - 1:
                            put(states.last, i * H + j, y)

    return forward, threads, units


def make_backward(cell, padded):
    """Likewise; the array of exchange is (R, G H)."""
    gates = GATES[cell]
    each, deep, units, chunk = plan_of(padded, gates, True)
    take, multiply = make_tile(padded, gates, True, each, deep)
    end, is_gru = BACKWARD[cell], cell == "gru"
    inputs = gates * padded
    n_weights, threads = each * inputs // PARTS // deep, 32 * WARPS
    n_da, n_shared, slice_size, quads = chunk * inputs, deep * chunk * units, inputs // deep, inputs // 4

    def backward(activation, walk, weights, states, tape, out, exchange):
        thread, H, width = cuda.threadIdx.x, states.mask.shape[1], out.s.shape[1]
        first, block_unit = cuda.blockIdx.y * walk.rows, cuda.blockIdx.x * units
        count = min(walk.rows, walk.lengths.size - first)
        part, slice_ = thread % PARTS, thread // 32 % deep
        unit = (thread // 32 // deep * GROUPS + thread % 32 // PARTS) * each
        w = cuda.local.array(n_weights, float32)
        sums = cuda.local.array(each, float32)
        total = cuda.local.array(gates, float32)
        da = cuda.shared.array(n_da, float32, alignment=16)
        shared_sums = cuda.shared.array(n_shared, float32, alignment=16)
        cuda.cg.this_grid()
        take(w, weights.W, block_unit + unit, slice_)
        for q in range(thread, n_da, threads):
            put(da, q, float32(0))
        cuda.syncthreads()
        later, active = 0, 0  # sequences that take part in step t + 1, and in step t
        for t in range(walk.lengths[first] - 1, -2, -1):
            later = active
            while active < count and walk.lengths[first + active] > t:
                active += 1
            for c in range(0, active, chunk):
                for q in range(thread, min(chunk, later - c) * quads, threads):
                    i, gate, m = first + c + q // quads, q % quads * 4 // padded, q % quads * 4 % padded
                    if m < H:
                        at = (row_of(walk, i, t + 1) * gates + gate) * H + m
                        a, b, g, d = peek4(exchange, at)
                        while a == uint32(EMPTY) or b == uint32(EMPTY) or g == uint32(EMPTY) or d == uint32(EMPTY):
                            a, b, g, d = peek4(exchange, at)
                        put(da, q * 4, as_float(a))
                        put(da, q * 4 + 1, as_float(b))
                        put(da, q * 4 + 2, as_float(g))
                        put(da, q * 4 + 3, as_float(d))
                cuda.syncthreads()
                for r in range(min(chunk, later - c)):
                    multiply(w, da, r * inputs + slice_ * slice_size, sums)
                    if part % (PARTS // each) == 0:
                        put(shared_sums, (slice_ * chunk + r) * units + unit + part // (PARTS // each), sums[0])
                cuda.syncthreads()
                for p in range(thread, min(chunk, active - c) * units, threads):
                    i, j = first + c + p // units, block_unit + p % units
                    if j < H:
                        ds = get(states.last, i * H + j)
                        if c + p // units < later:
                            product = float32(0)
                            for d in range(deep):
                                product += get(shared_sums, d * chunk * units + p)
                            passed = ds if is_gru else float32(0)
                            ds = passed + product * get(states.mask, i * H + j)
                        if t < 0:
                            put(states.first, i * H + j, ds)
                        else:
                            row = row_of(walk, i, t)
                            if out.ds.size > 0:
                                ds += get(out.ds, row * width + out.column + j)
                            end(activation, walk, states, tape, out, i, j, t, H, ds, total)
                            for gate in range(gates):
                                publish(exchange, (row * gates + gate) * H + j, total[gate])

    return backward, threads, units
