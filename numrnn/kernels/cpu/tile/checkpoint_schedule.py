"""What is kept of a tile where memory is limited, and what is made again when (see docs/design/memory_limit.rst).

Blocks of steps form segments. While a segment is gone back through, all of it is in memory; of the others there are at
most the carries, s and cell of all layers, with which they begin, in slots. The schedule is the binomial one of
Griewank and Walther (2000), which Gruslys et al. (2016) brought to BPTT.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.layer_products import copy
from numrnn.kernels.cpu.records import ROW, ROWS, STATE_ROW, STEPS, head_of, layer_of
from numrnn.kernels.cpu.tile.forward import BLOCK_STEPS, place_layers
from numrnn.kernels.jit import njit

SIZES = 64  # of segments that are weighed against each other


class Room(NamedTuple):
    """Where what one block needs beside a segment lies in work."""

    dy: int  # (steps, rows, HP): what the head, or a layer above, says of states
    other: int  # likewise: these two change places from layer to layer
    dropped: int  # states that dropout has gone over
    logits: int
    pool: int  # of a tile, where states are pooled


class LimitedScratch(NamedTuple):
    """Memory of one thread that need not hold all steps of a tile; its type says so."""

    work: np.ndarray  # floating
    blocks: np.ndarray  # (blocks, 5) int64: rows are counted from the beginning of a segment
    active: np.ndarray  # (longest,) int64: rows that take part in a step
    places: np.ndarray  # (layers, 4) int64: as in Scratch, of one segment
    spare: int  # where room for copies of operands begins in work
    segments: np.ndarray  # (blocks + 1,) int64: the first block of each segment, at the end of the array
    held: np.ndarray  # (blocks + 1,) int64: the segment that begins with the carries in a slot


@njit
def repeats(count, slots):
    """How often the segment that is made again most often is, of `count` in a row of which the first one's carries are
    in the first slot; and how many segments that would do for, binomial(slots + repeats, repeats).
    """
    times, reach = 0, 1
    while reach < count:
        times += 1
        reach = reach * (slots + times) // times
    return times, reach


@njit
def made_again(count, slots):
    """Segments that are run forward without being kept, each as often as it is, before all are gone back through."""
    times, reach = repeats(count, slots)
    return times * count - reach * times // (slots + 1)


@njit
def next_slot(count, slots):
    """How many segments on the next carries are best kept, with more than one segment and more than one slot."""
    times, reach = repeats(count, slots)
    before = reach * times // (slots + times)  # what the same slots do for with one time less
    return min(before, count - before * slots // (slots + times - 1))


@njit
def carry_size(net, rows):
    """Elements of a slot."""
    size = 0
    for index in range(net.layers.shape[0]):
        layer = layer_of(net, index)
        size += (1 + layer.cells) * rows * layer.HP
    return size


@njit
def copy_carries(net, rows, scratch, at, back):
    """Keep the carries of all layers in a slot, or take them `back`."""
    work = scratch.work
    for index in range(net.layers.shape[0]):
        layer, carry = layer_of(net, index), scratch.places[index, 3]
        size = (1 + layer.cells) * rows * layer.HP
        if back:
            copy(work, at, size, work, carry)
        else:
            copy(work, carry, size, work, at)
        at += size


@njit
def place_segment(net, state_rows, rows, places):
    """Lay out a segment of so many state rows of a tile of so many sequences; returns where all else lies, and the end,
    where slots begin.
    """
    steps = state_rows * BLOCK_STEPS // (BLOCK_STEPS + 1)  # at most: shorter blocks have more state rows a step
    layers_at = (steps * layer_of(net, 0).D + 15) // 16 * 16
    at, head = place_layers(net, steps, state_rows, rows, layers_at, places), head_of(net)
    block_rows = BLOCK_STEPS * rows
    size = head.widest * block_rows
    pool_at = at + 3 * size + head.KP * block_rows
    return Room(at, at + size, at + 2 * size, at + 3 * size, pool_at), pool_at + 3 * rows * head.HP


@njit
def end_of_slots(net, state_rows, rows, slots, places):
    """Where so many slots end beside a segment of so many state rows."""
    _, end = place_segment(net, state_rows, rows, places)
    return end + slots * carry_size(net, rows)


@njit
def _cut(blocks, count, most, segments):
    """Cut blocks into segments of at most so many state rows, the last ones full; return where their table begins."""
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
def _largest_segment(net, rows, least, most, scratch):
    """State rows, from `least` to `most`, of the largest segment that leaves a slot."""
    while most - least > 0:
        middle = (least + most + 1) // 2
        if end_of_slots(net, middle, rows, 1, scratch.places) <= scratch.spare:
            least = middle
        else:
            most = middle - 1
    return least


@njit
def plan_segments(net, rows, count, state_rows, scratch):
    """Choose the segments of a tile of so many sequences: of some sizes the one with which least is made again.

    Returns where the table of segments begins, the number of slots, and what `place_segment` does.
    """
    blocks, segments, slot = scratch.blocks, scratch.segments, carry_size(net, rows)
    least = 0
    for b in range(count):
        least = max(least, (blocks[b, STEPS] + 1) * blocks[b, ROWS])
    largest, best, fewest = _largest_segment(net, rows, least, state_rows, scratch), least, -1
    for part in range(SIZES + 1):
        most = least + (largest - least) * part // SIZES
        _, end = place_segment(net, most, rows, scratch.places)
        number = segments.size - 1 - _cut(blocks, count, most, segments)
        # Once all but the last segment, which is as large as can be, and then some more of about one size.
        more = made_again(number, (scratch.spare - end) // slot) - (number - 1)
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
    room, end = place_segment(net, best, rows, scratch.places)
    return first, (scratch.spare - end) // slot, room, end
