"""Compute the product that a warp makes in every step: some units of a layer, with all of their weights in registers.

A warp owns 4 groups of `each` units. The 8 lanes of a group split the inputs: a lane holds `each` units x 1/8 of the
inputs, computes as many partial sums, and exchanges them until it has the sums of one unit, for all its gates. With
each = 8 every lane ends with a unit of its own, with 4 two lanes (twins) end with the same unit, and so on.
"""

from numba import cuda, float32

from numrnn.kernels.cpu.activations import fma
from numrnn.kernels.cuda.warps.memory import get, get4

PARTS, GROUPS = 8, 4  # lanes of a group, groups of a warp
MOST_WEIGHTS = 128  # weights of a lane, out of its 255 registers


def make_tile(padded, gates, backward, each, deep=1):
    """Return the device functions `take` and `multiply` for `padded` units (a multiple of 32), with sizes as constants.

    Forward a unit has `gates` sums over s; backward it has one sum over the gradients of all gates of all units, gate
    by gate. A group has `each` units, and `deep` warps split the inputs. Nothing is tested against bounds: otherwise
    the compiler does not unroll the loops, and the weights end in local memory.

    take(weights_out, W, first_unit, slice_) reads the weights of this lane: W is (padded, gates padded) forward, (gates
    padded, padded) backward; its group's units begin with `first_unit`, its warp has part `slice_` of the inputs.
    multiply(weights, s, at, sums_out) sums over the inputs of a warp, which lie in shared memory from `at`: the sums of
    unit part // (8 / each) of the group come first in sums_out.
    """
    kinds, inputs = (1, gates * padded) if backward else (gates, padded)
    share = inputs // PARTS // deep
    quads, sums, row = share // 4, each * kinds, kinds * padded
    after_1, after_2 = max(1, each // 2), max(1, each // 4)
    half, quarter, eighth = after_1 * kinds, after_2 * kinds, kinds
    halves, quarters, eighths = each > 1, after_1 > 1, after_2 > 1

    @cuda.jit(device=True)
    def take(weights_out, W, first_unit, slice_):
        at = (slice_ * share * PARTS + cuda.threadIdx.x % PARTS * 4) * row + first_unit
        for i in range(each):
            for kind in range(kinds):
                for q in range(quads):
                    for e in range(4):
                        weight = get(W, at + (q * 4 * PARTS + e) * row + kind * padded + i)
                        weights_out[(i * kinds + kind) * share + q * 4 + e] = weight

    @cuda.jit(device=True)
    def meet(sums_out, upper, count, distance):
        for n in range(count):
            give, keep = (sums_out[n], sums_out[n + count]) if upper else (sums_out[n + count], sums_out[n])
            sums_out[n] = keep + cuda.shfl_xor_sync(-1, give, distance)

    @cuda.jit(device=True)
    def share_sums(sums_out, count, distance):
        for n in range(count):
            sums_out[n] += cuda.shfl_xor_sync(-1, sums_out[n], distance)

    @cuda.jit(device=True)
    def multiply(weights, s, at, sums_out):
        part = cuda.threadIdx.x % PARTS
        for n in range(sums):
            sums_out[n] = float32(0)
        for q in range(quads):
            s0, s1, s2, s3 = get4(s, at + q * 4 * PARTS + part * 4)
            for n in range(sums):
                w = n * share + q * 4
                sums_out[n] = fma(weights[w], s0, sums_out[n])
                sums_out[n] = fma(weights[w + 1], s1, sums_out[n])
                sums_out[n] = fma(weights[w + 2], s2, sums_out[n])
                sums_out[n] = fma(weights[w + 3], s3, sums_out[n])
        if halves:
            meet(sums_out, (part & 4) != 0, half, 4)
        else:
            share_sums(sums_out, half, 4)
        if quarters:
            meet(sums_out, (part & 2) != 0, quarter, 2)
        else:
            share_sums(sums_out, quarter, 2)
        if eighths:
            meet(sums_out, (part & 1) != 0, eighth, 1)
        else:
            share_sums(sums_out, eighth, 1)

    return take, multiply


def narrow_sizes(padded, gates, backward):
    """Return units of a group, weights and sums of a lane, whether it has a twin, and threads, for a whole layer."""
    lanes = next(lanes for lanes in (1, 2) if gates * padded // lanes <= MOST_WEIGHTS)
    each = PARTS // lanes
    return each, gates * padded // lanes, each * (1 if backward else gates), lanes == 2, padded * lanes


@cuda.jit(device=True)
def first_unit_of(thread, each):
    """Return the first unit of a thread's group in a block that owns a whole layer."""
    return (thread // 32 * GROUPS + (thread % 32) // PARTS) * each
