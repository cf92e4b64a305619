"""Plan which states of a tile are stored, and when the other states are recomputed, if memory is limited.

Consecutive blocks of steps form segments. During the backward pass through a segment, all its states and gates are in
memory. Of each other segment, at most the carries with which it begins (s and cell of all layers) are stored, in a
slot. The schedule is the binomial one of Griewank and Walther (2000), applied to BPTT by Gruslys et al. (2016); see
docs/design/memory_limit.rst.
"""

from numrnn.kernels.cpu.products import copy
from numrnn.kernels.cpu.records import BY_SEQUENCES, CARRY, LAYER_REGIONS, ROW, ROWS, SLOTS, STATE_ROW, STEPS, layer_of
from numrnn.kernels.cpu.tile.forward import BLOCK_STEPS, lay_out
from numrnn.kernels.jit import njit

SIZES = 64  # number of segment sizes that are compared, minus one
ONE_SEGMENT = 2  # columns of the table of segments of a thread that stores all steps: begin and end


@njit
def repeats(count, slots):
    """Return how often a segment is recomputed at most, and for how many segments this number is enough.

    There are `count` segments, and the first slot holds the carries of the first segment. The second returned number is
    binomial(slots + repeats, repeats).
    """
    times, reach = 0, 1
    while reach < count:
        times += 1
        reach = reach * (slots + times) // times
    return times, reach


@njit
def made_again(count, slots):
    """Return how often, in a whole backward pass, a segment is run forward without storing its states."""
    times, reach = repeats(count, slots)
    return times * count - reach * times // (slots + 1)


@njit
def next_slot(count, slots):
    """Return after how many segments the next slot is best filled, given at least two segments and two slots."""
    times, reach = repeats(count, slots)
    before = reach * times // (slots + times)  # segments for which these slots are enough with one repeat less
    return min(before, count - before * slots // (slots + times - 1))


@njit
def copy_carries(net, rows, scratch, slot, back):
    """Store the carries of all layers in a slot, or restore them if `back`."""
    work, at = scratch.work, scratch.room[SLOTS] + slot * scratch.regions[-1, BY_SEQUENCES] * rows
    for index in range(net.layers.shape[0]):
        layer, carry = layer_of(net, index), scratch.places[LAYER_REGIONS * index + CARRY]
        size = (1 + layer.cells) * rows * layer.HP
        if back:
            copy(work, at, size, work, carry)
        else:
            copy(work, carry, size, work, at)
        at += size


@njit
def lay_out_segment(regions, state_rows, sequences, places):
    """Lay out a segment of `state_rows` state rows of a tile; return the end of the first slot."""
    rows = state_rows * BLOCK_STEPS // (BLOCK_STEPS + 1)  # an upper bound: shorter blocks have more state rows per step
    return lay_out(regions, rows, state_rows, sequences, places)


@njit
def _cut(blocks, count, most, segments):
    """Cut blocks into segments of at most `most` state rows, last block first; return the index where they begin.

    `segments` holds the first block of each segment, from that index on, followed by `count`.
    """
    at, rows = segments.size - 1, 0
    segments[at] = count
    for b in range(count - 1, -1, -1):
        block_rows = (blocks[b, STEPS] + 1) * blocks[b, ROWS]
        if rows + block_rows > most:
            at, rows = at - 1, 0
            segments[at] = b + 1
        rows += block_rows
    segments[at - 1] = 0
    return at - 1


@njit
def _largest_segment(sequences, least, most, scratch):
    """Return the number of state rows, from `least` to `most`, of the largest segment that leaves room for a slot."""
    while most - least > 0:
        middle = (least + most + 1) // 2
        if lay_out_segment(scratch.regions, middle, sequences, scratch.places) <= scratch.spare:
            least = middle
        else:
            most = middle - 1
    return least


@njit
def _slots_beside(state_rows, sequences, scratch):
    """Lay out a segment; return the number of slots for which there is room."""
    left = scratch.spare - lay_out_segment(scratch.regions, state_rows, sequences, scratch.places)
    return 1 + left // (scratch.regions[-1, BY_SEQUENCES] * sequences)


@njit
def plan_segments(sequences, count, state_rows, scratch):
    """Choose, out of SIZES + 1 sizes of a tile's segments, the size with which the fewest blocks are recomputed.

    Returns the column of `scratch.segments` at which the tile's segments begin, and the number of slots.
    """
    blocks, segments, least = scratch.blocks, scratch.segments[0], 0
    for b in range(count):
        least = max(least, (blocks[b, STEPS] + 1) * blocks[b, ROWS])
    largest, best, fewest = _largest_segment(sequences, least, state_rows, scratch), least, -1
    for part in range(SIZES + 1):
        most = least + (largest - least) * part // SIZES
        number = segments.size - 1 - _cut(blocks, count, most, segments)
        # All segments but the last one are run forward once more; further runs are estimated as if all segments were
        # equal.
        more = made_again(number, _slots_beside(most, sequences, scratch)) - (number - 1)
        again = segments[segments.size - 2] + more * count // number
        if part == 0 or again < fewest:
            best, fewest = most, again
    first = _cut(blocks, count, best, segments)
    for segment in range(first, segments.size - 1):
        row, state_row = 0, 0
        for b in range(segments[segment], segments[segment + 1]):
            block = blocks[b]
            block[ROW], block[STATE_ROW] = row, state_row
            row += block[STEPS] * block[ROWS]
            state_row += (block[STEPS] + 1) * block[ROWS]
    return first, _slots_beside(best, sequences, scratch)
