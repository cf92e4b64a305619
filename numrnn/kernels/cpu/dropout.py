"""Apply dropout (Srivastava et al. 2014) to the states that a layer passes up (Zaremba et al. 2014).

A unit's mask depends only on the sequence's key, the step, the layer and the unit, so masks can be recomputed in any
order.
"""

from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.products import set_zero
from numrnn.kernels.cpu.records import FIRST_STEP, ROWS, STEPS
from numrnn.kernels.jit import njit

MASK = 0xFFFFFFFF  # keeps the lowest 32 bits
INPUTS = -1  # layer number of an embedding
EVERY_STEP = -1  # step number of a mask that is the same in all steps
# Factors of the numbers of steps, layers and units; they are odd, so different numbers give different products.
STEP, LAYER, UNIT = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D


@njit
def scramble(x):
    """Return a 32-bit hash (lowbias32 of C. Wellons: each bit of x changes half of the bits)."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & MASK
    return x ^ (x >> 16)


@njit
def drop_row(key, t, layer, H, kept, work, source_at, out_at):
    """Write source (H,) to out with dropped units set to zero and the others divided by the keep probability `kept`."""
    row = scramble((scramble((key + t * STEP) & MASK) + layer * LAYER) & MASK)
    source, out = work[source_at : source_at + H], work[out_at : out_at + H]
    bound, scale, zero = int(kept * (MASK + 1)), like(1 / kept, work[0]), like(0.0, work[0])
    for j in range(H):
        out[j] = source[j] * scale if scramble((row + j * UNIT) & MASK) < bound else zero


@njit
def drop_block(data, ids, block, layer, H, HP, work, source_at, out_at):
    """Apply dropout to the rows (steps, rows, HP) of a block; rows of sequences that have ended become zero."""
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
    """Apply dropout to the last states (sequences, HP) of a tile."""
    for i in range(ids.size):
        here, step = i * HP, data.lengths[ids[i]] - 1
        drop_row(data.keys[ids[i]], step, layer, H, data.kept, work, source_at + here, out_at + here)
        set_zero(work, out_at + here + H, HP - H)
