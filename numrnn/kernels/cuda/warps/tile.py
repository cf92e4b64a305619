"""Compute a warp's part of the product with W in each step: some units, with all of their weights in registers.

A warp computes 4 groups of `each` units. The 8 lanes of a group split the inputs: a lane holds the weights of `each`
units for 1/8 of the inputs, computes a partial sum for each unit and gate, and exchanges partial sums with the other
lanes until it has the complete sums of one unit. With each = 8, every lane ends with a unit of its own; with each = 4,
two lanes (twins) end with the same unit, and so on.
"""

from numba import cuda, float32

from numrnn.kernels.cpu.activations import fma
from numrnn.kernels.cuda.warps.memory import get, get4

PARTS, GROUPS = 8, 4  # lanes of a group, groups of a warp
MOST_WEIGHTS = 128  # most weights of a lane, which has 255 registers


def make_tile(padded, gates, backward, each, deep=1):
    """Return device functions `take` and `multiply` for `padded` units (a multiple of 32), compiled for these sizes.

    In the forward pass a unit has `gates` sums over s; in the backward pass it has one sum over the gradients of all
    gates of all units, gate by gate. A group has `each` units, and `deep` warps split the inputs. No index is tested
    against bounds: otherwise the compiler would not unroll the loops, and the weights would be kept in local memory.

    take(weights_out, W, first_unit, slice_) reads the weights of this lane. W has the shape (padded, gates padded) in
    the forward pass and (gates padded, padded) in the backward pass. The units of the lane's group begin with
    `first_unit`, and its warp has part `slice_` of the inputs.

    multiply(weights, s, at, sums_out) computes the sums over the inputs of a warp, which lie in shared memory from
    index `at` on. Afterwards, sums_out of lane number `lane` of a group begins with the sums of the group's unit number
    lane // (8 / each).
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
    """Return the units per group, weights and sums per lane, whether lanes have twins, and the threads for a layer."""
    lanes = next(lanes for lanes in (1, 2) if gates * padded // lanes <= MOST_WEIGHTS)
    each = PARTS // lanes
    return each, gates * padded // lanes, each * (1 if backward else gates), lanes == 2, padded * lanes


@cuda.jit(device=True)
def first_unit_of(thread, each):
    """Return the first unit of a thread's group in a block that computes a whole layer."""
    return (thread // 32 * GROUPS + (thread % 32) // PARTS) * each
