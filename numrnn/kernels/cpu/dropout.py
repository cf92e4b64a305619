"""Dropout (Srivastava et al. 2014) of the states that a layer passes up (Zaremba et al. 2014): a mask is a function of
a sequence's key, the step, the layer and the unit, so it is made again where it is needed, in any order.
"""

from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.products import set_zero
from numrnn.kernels.cpu.records import FIRST_STEP, ROWS, STEPS
from numrnn.kernels.jit import njit

MASK = 0xFFFFFFFF
INPUTS = -1  # the layer of an embedding
EVERY_STEP = -1  # the step of a mask that is the same in all
STEP, LAYER, UNIT = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D  # odd, so that all counts give different numbers


@njit
def scramble(x):
    """A hash of 32 bits (lowbias32 of C. Wellons: each bit of x changes half of the bits)."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & MASK
    return x ^ (x >> 16)


@njit
def drop_row(key, t, layer, H, kept, work, source_at, out_at):
    """out (H,) = source where a unit is kept, divided by the probability `kept` of that, else 0; in place or not."""
    row = scramble((scramble((key + t * STEP) & MASK) + layer * LAYER) & MASK)
    source, out = work[source_at : source_at + H], work[out_at : out_at + H]
    bound, scale, zero = int(kept * (MASK + 1)), like(1 / kept, work[0]), like(0.0, work[0])
    for j in range(H):
        out[j] = source[j] * scale if scramble((row + j * UNIT) & MASK) < bound else zero


@njit
def drop_block(data, ids, block, layer, H, HP, work, source_at, out_at):
    """Likewise for the rows (steps, rows, HP) of a block; zero where a sequence has ended."""
    for t in range(block[STEPS]):
        for i in range(block[ROWS]):
            here, step = (t * block[ROWS] + i) * HP, block[FIRST_STEP] + t
            if step < data.lengths[ids[i]]:
                drop_row(data.keys[ids[i]], step, layer, H, data.kept, work, source_at + here, out_at + here)
                set_zero(work, out_at + here + H, HP - H)
            else:
                set_zero(work, out_at + here, HP)


@njit
def drop_last(data, ids, layer, H, HP, work, source_at, out_at):
    """Likewise for the rows (sequences, HP) of the last steps."""
    for i in range(ids.size):
        here, step = i * HP, data.lengths[ids[i]] - 1
        drop_row(data.keys[ids[i]], step, layer, H, data.kept, work, source_at + here, out_at + here)
        set_zero(work, out_at + here + H, HP - H)
