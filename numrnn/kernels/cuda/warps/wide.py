"""Compute recurrences of layers whose W is spread over the registers of many blocks, which run at the same time.

A block of threads computes some units of some sequences. In every step it needs the states of all units, most of which
other blocks compute. Blocks exchange states through an array whose words are all EMPTY at first: a thread that needs a
word reads it until the word is no longer EMPTY. No other flag and no barrier over all blocks is needed. The launch must
be cooperative, so that all blocks run at the same time: a block would wait for ever for a block that cannot start.

Sequences pass through shared memory in pieces of several sequences. While a block computes one piece, it already begins
to read (`look`) the states for the next piece. If a step consists of a single piece, this is not done, since no block
can have written the states for the next piece yet.
"""

from typing import NamedTuple

from numba import cuda, float32, uint32

from numrnn.kernels.cuda.row_order import clear_rest, row_of
from numrnn.kernels.cuda.warps.ends import BACKWARD, FORWARD, SAVED
from numrnn.kernels.cuda.warps.memory import EMPTY, as_float, get, peek4, publish, put, put4
from numrnn.kernels.cuda.warps.tile import GROUPS, MOST_WEIGHTS, PARTS, make_tile

WARPS = 8  # warps of a block; with up to 255 registers per lane, they fill a multiprocessor
SHARED_BYTES = 40 * 1024  # shared memory of a block, for states and sums
MOST_LOOKS = 4  # most loads of 16 bytes under way per thread; one less with 4 sums per unit, to save registers
GATES = {"elman": 1, "gru": 3, "lstm": 4}


class Plan(NamedTuple):
    """Describe how a layer is cut into blocks of threads."""

    each: int  # units of a group of lanes (see `tile`)
    deep: int  # number of warps that split the inputs
    units: int  # units of a block
    chunk: int  # sequences of a piece


def plan_of(padded, gates, backward):
    """Return the plan with the most units per block, or None if no plan is possible."""
    kinds, inputs = (1, gates * padded) if backward else (gates, padded)
    plans = []
    for deep in (1, 2, 4, 8):
        share = inputs // (PARTS * deep)
        each = next((each for each in (8, 4, 2, 1) if each * share * kinds <= MOST_WEIGHTS), 0)
        if deep > WARPS or inputs % (4 * PARTS * deep) or not each:
            continue
        units = GROUPS * each * (WARPS // deep)
        looks, ends = MOST_LOOKS - (kinds == 4), 1 if gates == 4 else 4  # ends: units that a thread completes
        chunk = min(
            8,
            SHARED_BYTES // (4 * (inputs + deep * units * kinds)),
            looks * 32 * WARPS * 4 // inputs,
            ends * 32 * WARPS // units,
        )
        if chunk and padded % units == 0:
            plans.append(Plan(each, deep, units, chunk))
    return max(plans, key=lambda plan: (plan.units, plan.each), default=None)


def make_looks(padded, kinds, chunk):
    """Return n_words, and look, missing and keep, which copy a piece from the exchange array to shared memory.

    A unit has `kinds` numbers, and a thread reads n_words words. look(words_out, exchange, walk, first, count, t, H)
    reads this thread's share of step t of the sequences first : first + count; words that are not written yet are
    EMPTY. missing(words) returns True if a word is EMPTY. keep(words, count, H, shared_out) writes the words to shared
    memory (count, kinds * padded).
    """
    threads, quads = 32 * WARPS, kinds * padded // 4
    looks = -(-chunk * quads // threads)
    n_words = 4 * looks

    @cuda.jit(device=True)
    def look(words_out, exchange, walk, first, count, t, H):
        for n in range(looks):
            q, w = cuda.threadIdx.x + n * threads, 4 * n
            kind, m = q % quads * 4 // padded, q % quads * 4 % padded
            a = b = c = d = uint32(0)
            if q < count * quads and m < H:
                a, b, c, d = peek4(exchange, (row_of(walk, first + q // quads, t) * kinds + kind) * H + m)
            words_out[w], words_out[w + 1], words_out[w + 2], words_out[w + 3] = a, b, c, d

    @cuda.jit(device=True)
    def missing(words):
        most = uint32(0)
        for n in range(n_words):
            most = max(most, words[n])
        return most == uint32(EMPTY)

    @cuda.jit(device=True)
    def keep(words, count, H, shared_out):
        for n in range(looks):
            q, w = cuda.threadIdx.x + n * threads, 4 * n
            if q < count * quads and q % quads * 4 % padded < H:
                a, b, c, d = as_float(words[w]), as_float(words[w + 1]), as_float(words[w + 2]), as_float(words[w + 3])
                put4(shared_out, 4 * q, a, b, c, d)

    return n_words, look, missing, keep


def make_forward(cell, padded):
    """Return the kernel for a layer of up to `padded` units, and its threads and units per block.

    The number of units must be a multiple of 4. The last argument of the kernel is the exchange array (R, H).
    """
    gates = GATES[cell]
    each, deep, units, chunk = plan_of(padded, gates, False)
    take, multiply = make_tile(padded, gates, False, each, deep)
    (load, end), saved = FORWARD[cell], SAVED[cell][0]
    n_weights, n_sums, threads = each * gates * padded // PARTS // deep, each * gates, 32 * WARPS
    n_s, n_shared, slice_size, quads = chunk * padded, deep * chunk * units * gates, padded // deep, padded // 4
    n_words, look, missing, keep = make_looks(padded, 1, chunk)
    outs = -(-chunk * units // threads)
    n_early = outs * saved

    def forward(activation, walk, weights, states, tape, out, exchange):
        thread, H, width = cuda.threadIdx.x, states.mask.shape[1], out.s.shape[1]
        first, block_unit = cuda.blockIdx.y * walk.rows, cuda.blockIdx.x * units
        count = min(walk.rows, walk.lengths.size - first)
        part, slice_ = thread % PARTS, thread // 32 % deep
        unit = (thread // 32 // deep * GROUPS + thread % 32 // PARTS) * each
        w = cuda.local.array(n_weights, float32)
        sums = cuda.local.array(n_sums, float32)
        total = cuda.local.array(gates, float32)
        early = cuda.local.array(n_early, float32)
        words = cuda.local.array(n_words, uint32)
        s = cuda.shared.array(n_s, float32, alignment=16)
        shared_sums = cuda.shared.array(n_shared, float32, alignment=16)
        cuda.cg.this_grid()  # makes the launch cooperative: all blocks run at the same time, or the launch fails
        take(w, weights.W, block_unit + unit, slice_)
        clear_rest(walk, tape, out)  # a call at the end of the kernel would cost registers
        for q in range(thread, n_s, threads):
            put(s, q, float32(0))
        cuda.syncthreads()
        active, looked, steps = count, False, walk.lengths[first]
        for t in range(steps):
            while walk.lengths[first + active - 1] <= t:
                active -= 1
            for c in range(0, active, chunk):
                here = min(chunk, active - c)
                for o in range(outs):
                    p = thread + o * threads
                    i, j = first + c + p // units, block_unit + p % units
                    if p < here * units and j < H:
                        load(walk, states, tape, out, i, j, t, H, early, o * saved)
                if t == 0:
                    for q in range(thread, here * quads, threads):
                        i, m = first + c + q // quads, q % quads * 4
                        if m < H:
                            for e in range(4):
                                put(s, q * 4 + e, get(states.first, i * H + m + e) * get(states.mask, i * H + m + e))
                else:
                    if not looked:
                        look(words, exchange, walk, first + c, here, t - 1, H)
                    while missing(words):
                        look(words, exchange, walk, first + c, here, t - 1, H)
                    keep(words, here, H, s)
                cuda.syncthreads()
                looked = active > chunk
                if looked:
                    after, source = c + chunk, t - 1
                    if after >= active:
                        after, source = 0, t
                    looked = 0 <= source < steps - 1
                    if looked:
                        look(words, exchange, walk, first + after, min(chunk, active - after), source, H)
                for r in range(here):
                    multiply(w, s, r * padded + slice_ * slice_size, sums)
                    if part % (PARTS // each) == 0:
                        at = ((slice_ * chunk + r) * units + unit + part // (PARTS // each)) * gates
                        for gate in range(gates):
                            put(shared_sums, at + gate, sums[gate])
                cuda.syncthreads()
                for o in range(outs):
                    p = thread + o * threads
                    i, j = first + c + p // units, block_unit + p % units
                    if p < here * units and j < H:
                        for gate in range(gates):
                            total[gate] = float32(0)
                            for d in range(deep):
                                total[gate] += get(shared_sums, (d * chunk * units + p) * gates + gate)
                        y = end(activation, walk, weights, states, tape, out, i, j, t, H, early, o * saved, total)
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
    """Return the backward kernel and its threads and units per block; its exchange array is (R, G H)."""
    gates = GATES[cell]
    each, deep, units, chunk = plan_of(padded, gates, True)
    take, multiply = make_tile(padded, gates, True, each, deep)
    (load, end), saved, is_gru = BACKWARD[cell], SAVED[cell][1], cell == "gru"
    inputs = gates * padded
    n_weights, threads = each * inputs // PARTS // deep, 32 * WARPS
    n_da, n_shared, slice_size = chunk * inputs, deep * chunk * units, inputs // deep
    n_words, look, missing, keep = make_looks(padded, gates, chunk)
    outs = -(-chunk * units // threads)
    n_early = outs * (saved + 1)  # one more for the gradient from the layer above

    def backward(activation, walk, weights, states, tape, out, exchange):
        thread, H, width = cuda.threadIdx.x, states.mask.shape[1], out.s.shape[1]
        first, block_unit = cuda.blockIdx.y * walk.rows, cuda.blockIdx.x * units
        count = min(walk.rows, walk.lengths.size - first)
        part, slice_ = thread % PARTS, thread // 32 % deep
        unit = (thread // 32 // deep * GROUPS + thread % 32 // PARTS) * each
        w = cuda.local.array(n_weights, float32)
        sums = cuda.local.array(each, float32)
        total = cuda.local.array(gates, float32)
        early = cuda.local.array(n_early, float32)
        words = cuda.local.array(n_words, uint32)
        da = cuda.shared.array(n_da, float32, alignment=16)
        shared_sums = cuda.shared.array(n_shared, float32, alignment=16)
        cuda.cg.this_grid()
        take(w, weights.W, block_unit + unit, slice_)
        for q in range(thread, n_da, threads):
            put(da, q, float32(0))
        cuda.syncthreads()
        later, active, looked = 0, 0, False  # `later` and `active`: sequences that take part in steps t + 1 and t
        for t in range(walk.lengths[first] - 1, -2, -1):
            later = active
            while active < count and walk.lengths[first + active] > t:
                active += 1
            for c in range(0, active, chunk):
                here, taking_part = min(chunk, later - c), min(chunk, active - c)
                for o in range(outs):
                    p = thread + o * threads
                    i, j = first + c + p // units, block_unit + p % units
                    if t >= 0 and p < taking_part * units and j < H:
                        e = o * (saved + 1)
                        load(walk, states, tape, out, i, j, t, H, early, e)
                        early[e + saved] = float32(0)
                        if out.ds.size > 0:
                            early[e + saved] = get(out.ds, row_of(walk, i, t) * width + out.column + j)
                if not looked:
                    look(words, exchange, walk, first + c, here, t + 1, H)
                while missing(words):
                    look(words, exchange, walk, first + c, here, t + 1, H)
                keep(words, here, H, da)
                cuda.syncthreads()
                looked = active > chunk
                if looked:
                    after, known, source = c + chunk, later, t + 1
                    if after >= active:
                        after, known, source = 0, active, t
                    looked = source >= 0
                    if looked:
                        look(words, exchange, walk, first + after, min(chunk, known - after), source, H)
                for r in range(here):
                    multiply(w, da, r * inputs + slice_ * slice_size, sums)
                    if part % (PARTS // each) == 0:
                        put(shared_sums, (slice_ * chunk + r) * units + unit + part // (PARTS // each), sums[0])
                cuda.syncthreads()
                for o in range(outs):
                    p = thread + o * threads
                    i, j = first + c + p // units, block_unit + p % units
                    if p < taking_part * units and j < H:
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
                            row, e = row_of(walk, i, t), o * (saved + 1)
                            ds += early[e + saved]
                            end(activation, walk, states, tape, out, i, j, t, H, ds, early, e, total)
                            for gate in range(gates):
                                publish(exchange, (row * gates + gate) * H + j, total[gate])

    return backward, threads, units
