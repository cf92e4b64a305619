"""The product that a warp makes in every step: some units of a layer, all of whose weights are in registers.

A warp owns 4 groups of `each` units. The 8 lanes of a group split the inputs: a lane holds `each` units x 1/8 of the
inputs, forms as many partial sums, and exchanges them until it has the sum of one unit, all its gates. With each = 4
two lanes, twins, end with the same unit.
"""

from typing import NamedTuple

from numba import cuda, float32

from numrnn.kernels.cpu.activations import fma
from numrnn.kernels.cuda.warps.memory import get, get4

PARTS, GROUPS = 8, 4  # lanes of a group, groups of a warp
MOST_WEIGHTS = 128  # of a lane: of its 255 registers, the others are for all else


class Tile(NamedTuple):
    """Sizes, and device functions that have them as constants."""

    threads: int  # of a block, which owns all units of one sequence
    unit_of: object  # (thread) -> the unit of whose gates this lane ends with the sums
    take: object  # (weights_out, W, rows, columns, width): from W, see below
    multiply: object  # (weights, s, at, sums_out): s holds `inputs` numbers from `at`


def lanes_of_unit(padded, gates):
    """How many lanes share the weights of a unit, 1 or 2; 0: they do not fit."""
    return next((lanes for lanes in (1, 2) if gates * padded // lanes <= MOST_WEIGHTS), 0)


def make_tile(padded, gates, backward):
    """Functions for a layer of `padded` units, a multiple of 32.

    Forward a unit has `gates` sums over s; backward one sum over the gradients of all gates of all units, gate by gate.
    """
    each = PARTS // lanes_of_unit(padded, gates)
    kinds, inputs = (1, gates * padded) if backward else (gates, padded)
    share = inputs // PARTS
    quads, sums, twins = share // 4, each * kinds, each < PARTS
    half, quarter = each // 2 * kinds, each // 4 * kinds

    @cuda.jit(device=True)
    def first_unit(thread):
        return (thread // 32 * GROUPS + (thread % 32) // PARTS) * each

    @cuda.jit(device=True)
    def unit_of(thread):
        part = thread % PARTS
        return first_unit(thread) + (part // 2 if twins else (part & 4) + (part & 2) + (part & 1))

    @cuda.jit(device=True)
    def take(weights_out, W, H):
        # forward W is (H, gates H): a row for each input; backward (gates H, H): a row for each gate of each unit
        thread = cuda.threadIdx.x
        for i in range(each):
            unit = first_unit(thread) + i
            for kind in range(kinds):
                for q in range(quads):
                    first = q * 4 * PARTS % padded + thread % PARTS * 4  # a quad's inputs are of one gate
                    gate = q * 4 * PARTS // padded
                    for e in range(4):
                        live, row = first + e < H, gate * H + first + e
                        value = float32(0)
                        if live and unit < H:
                            value = get(W, row * (kinds * H) + kind * H + unit)
                        weights_out[(i * kinds + kind) * share + q * 4 + e] = value

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
        upper = (part & 4) != 0
        for n in range(half):
            give, keep = (sums_out[n], sums_out[n + half]) if upper else (sums_out[n + half], sums_out[n])
            sums_out[n] = keep + cuda.shfl_xor_sync(-1, give, 4)
        upper = (part & 2) != 0
        for n in range(quarter):
            give, keep = (sums_out[n], sums_out[n + quarter]) if upper else (sums_out[n + quarter], sums_out[n])
            sums_out[n] = keep + cuda.shfl_xor_sync(-1, give, 2)
        upper = (part & 1) != 0
        for n in range(kinds):
            if twins:
                sums_out[n] += cuda.shfl_xor_sync(-1, sums_out[n], 1)
            else:
                give, keep = (sums_out[n], sums_out[n + kinds]) if upper else (sums_out[n + kinds], sums_out[n])
                sums_out[n] = keep + cuda.shfl_xor_sync(-1, give, 1)

    return Tile(padded * PARTS // each, unit_of, take, multiply)


def sizes(padded, gates, backward):
    """What a kernel needs as plain constants: weights and partial sums of a lane, whether it has a twin, threads."""
    lanes = lanes_of_unit(padded, gates)
    each = PARTS // lanes
    return gates * padded // lanes, each * (1 if backward else gates), lanes == 2, padded * lanes
