"""Manage the workspaces of a network: memory that is kept between calls, but whose contents are not."""

import math
from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.micro_kernel import panel_width
from numrnn.kernels.cpu.products import spare_size
from numrnn.kernels.cpu.records import BY_SEQUENCES, LAST, LAYER_REGIONS, OTHER, READ, SAME_AS, Head, Layer
from numrnn.kernels.cpu.tile.bidirectional import WholeScratch
from numrnn.kernels.cpu.tile.checkpoint_schedule import ONE_SEGMENT
from numrnn.kernels.cpu.tile.forward import BLOCK_STEPS, ROWS_DROP, Scratch
from numrnn.network.interface import embedding_gradient_bytes

LINE = 64  # bytes of a cache line

KEPT_BYTES = 1 << 20  # a prediction's memory is kept if it is smaller than this or than the weights


class Workspaces:
    """Manage the scratch memory of threads and the gradients that they share.

    `gradient_size` is the number of elements of a gradient, and `tile_rows` the number of sequences of a tile in
    training. `memory_limit` is the limit of the memory for training in bytes, which `affordable_threads` applies. The
    memory of a prediction is kept for the next one if it has at most `kept_bytes` bytes, or at most the size of the
    weights.
    """

    def __init__(self, net, *, bidirectional, gradient_size, tile_rows, memory_limit=None):
        self._net, self._gradient_size, self._tile_rows = net, gradient_size, tile_rows
        self._bidirectional, self.memory_limit = bidirectional, memory_limit
        self._rows, self._threads, self._share = tile_rows, 1, None  # share: most bytes of a thread; None: no limit
        self.kept_bytes = KEPT_BYTES
        self._of_threads, self._nodes, self._spare = {}, self._gradients(0), {}

    def __getstate__(self):
        return {**self.__dict__, "_of_threads": {}, "_nodes": self._gradients(0), "_spare": {}}

    @property
    def packed(self):
        """Return the packed weights."""
        return self._net.packed

    def needed_bytes(self, threads, longest, rows, node_tiles, nodes):
        """Return the fewest bytes in which `threads` threads can train on tiles of `rows` sequences of `longest` steps.

        The threads' scratch and the partial sums of gradients are counted, with `nodes` nodes per mini-batch.
        """
        scratch = self._stored_bytes(longest)
        if not self._bidirectional:
            scratch = min(scratch, least_bytes(self._net, rows, longest))
        return threads * scratch + self._sum_bytes(threads, node_tiles, nodes)

    def _sum_bytes(self, threads, node_tiles, nodes):
        return (threads * _levels(node_tiles) + nodes) * self._gradient_size * self._net.packed.itemsize

    def share_out(self, threads, rows, node_tiles, nodes, taken):
        """Divide the memory limit among threads; `taken` bytes of it are in use."""
        share = (self.memory_limit - taken - self._sum_bytes(threads, node_tiles, nodes)) // threads
        if self._share is None or (threads, share, rows) != (self._threads, self._share, self._rows):
            self._of_threads = {}
        self._rows, self._threads, self._share = rows, threads, share

    def of_thread(self, thread, longest, node_tiles):
        """Return a thread's scratch for training, and its gradients that wait to be added to those of other tiles."""
        known, known_tiles, scratch, levels = self._of_threads.pop(thread, (0, 0, None, None))
        if longest > known:
            known, scratch = longest, None  # frees the old memory before new memory is allocated
            scratch = self._scratch_to_train(longest)
        if node_tiles > known_tiles:
            known_tiles, levels = node_tiles, self._gradients(_levels(node_tiles))
        self._of_threads[thread] = known, known_tiles, scratch, levels
        return scratch, levels

    def _scratch_to_train(self, longest):
        if self._share is not None and self._stored_bytes(longest) > self._share:
            return make_limited_scratch(self._net, self._rows, longest, self._share)
        return make_scratch(self._net, self._tile_rows, longest, bidirectional=self._bidirectional)

    def _stored_bytes(self, longest):
        return stored_bytes(self._net, self._tile_rows, longest, bidirectional=self._bidirectional)

    def nodes(self, count):
        """Return gradients of at least `count` nodes of a mini-batch, (nodes, gradient_size)."""
        if len(self._nodes) < count:
            self._nodes = None  # frees the old memory first
            self._nodes = self._gradients(count)
        return self._nodes

    def take(self, tile_rows, longest):
        """Return scratch for a prediction, from a finished call or new; pop and append are atomic."""
        try:
            scratch = self._spare[tile_rows].pop()
        except (KeyError, IndexError):
            scratch = None
        if scratch is None or len(scratch.active) < longest:
            scratch = make_scratch(self._net, tile_rows, longest, bidirectional=self._bidirectional, one_block=True)
        return scratch

    def give(self, tile_rows, scratch):
        """Keep the scratch of a finished call for the next one, unless it is large."""
        size = scratch.work.nbytes + scratch.active.nbytes + scratch.blocks.nbytes
        if size <= max(self.kept_bytes, self._net.packed.nbytes):
            self._spare.setdefault(tile_rows, []).append(scratch)

    def _gradients(self, count):
        return aligned_zeros(count * self._gradient_size, self._net.packed.dtype).reshape(count, self._gradient_size)


def _levels(node_tiles):
    """Return how many gradients of a node's tiles can wait at the same time to be added to those of other tiles."""
    return max(1, node_tiles.bit_length() - 1)


NODES_PER_THREAD = 2  # nodes per thread: more nodes balance the load, but each needs the memory of a gradient
# A tenth of the limit, at most 64 MiB, is reserved for compiled code, objects and the allocator, which are not counted.
RESERVE, MOST_RESERVED = 10, 1 << 26
THETAS = 5  # arrays of theta's size: theta, theta before the last step, the gradient, Adam's two states


class MemoryLimitError(ValueError):
    """Report that the memory limit leaves no room for one thread."""


def nodes_of(tile_counts, threads, node_tiles=None):
    """Return the number of tiles of a node (`node_tiles`, or a power of two), and of nodes of each mini-batch."""
    if node_tiles is None:
        nodes = 1 if threads == 1 else NODES_PER_THREAD * threads
        node_tiles = 1 << int(-(-tile_counts.max() // nodes) - 1).bit_length()
    return node_tiles, -(-tile_counts // node_tiles)


def affordable_threads(wanted, layout, memory, rows, tile_rows, node_tiles=None):
    """Return the number of threads, at most `wanted`, for which the limit leaves room; divide the memory among them.

    `rows` describes the sequences of mini-batches. `node_tiles` is None if it depends on the number of threads. Raises
    MemoryLimitError if there is no room for one thread.
    """
    limit, reserve = memory.memory_limit, min(memory.memory_limit // RESERVE, MOST_RESERVED)
    largest, longest = int(np.diff(rows.first).max()), int(rows.lengths.max())
    tiles, tile_rows = np.array([-(-largest // tile_rows)]), min(tile_rows, largest)
    taken = memory.packed.nbytes + THETAS * layout.size * memory.packed.itemsize
    taken += embedding_gradient_bytes(layout, rows, memory.packed.dtype)
    for threads in range(wanted, 0, -1):
        tiles_of_node, nodes = nodes_of(tiles, threads, node_tiles)
        needed = taken + memory.needed_bytes(threads, longest, tile_rows, tiles_of_node, int(nodes[0]))
        if needed <= limit - reserve:
            memory.share_out(threads, tile_rows, tiles_of_node, int(nodes[0]), taken + reserve)
            return threads
    why = ", since bidirectional layers store all states" if layout.bidirectional else ""
    raise MemoryLimitError(
        f"memory_limit is too low: a mini-batch of {largest} sequences of up to {longest} steps needs at least "
        f"{needed + min((needed - 1) // (RESERVE - 1), MOST_RESERVED)} bytes{why}; got {limit}"
    )


def aligned_zeros(size, dtype):
    """Return zeros that begin at a cache line, since a vector that crosses two lines costs two loads."""
    item = np.dtype(dtype).itemsize
    memory = np.zeros(size + LINE // item, dtype)
    skip = -memory.ctypes.data % LINE // item
    return memory[skip : skip + size]


class Region(NamedTuple):
    """Describe the size of a region, a sum of four products, as a row of the kernels' table of regions."""

    rows: int = 0  # elements per row of all steps, or of the steps of a segment
    state_rows: int = 0  # the same for states: their rows include the states before each block
    block_rows: int = 0  # elements per row of a block: BLOCK_STEPS times the sequences of a tile
    sequences: int = 0  # elements per sequence of a tile
    same_as: int = -1  # index of a region at the same offset; -1: none


def regions_of(net, *, bidirectional=False, one_block=False, slots=False):
    """Return the table of regions (regions, 5), int64, in the order of the constants of `numrnn.kernels.cpu.records`.

    `bidirectional` layers run one after another over whole sequences, so the inputs of each layer are stored for all
    steps. With `one_block`, for predictions, all other regions have room for one block, and those of the backward pass
    are left out. With `slots`, for segments, there is a region for slots.
    """
    # `head_of` is not used: Numba creates a named tuple by a call of Python, and Ctrl-C during that call ends the
    # process.
    layers, head = [Layer(*row) for row in net.layers.tolist()], Head(*net.head.tolist())
    regions = []
    for layer in layers:
        HP, gates = layer.HP, layer.planes * layer.HP
        for count in (HP, layer.cells * HP):
            regions.append(Region(block_rows=count, sequences=count) if one_block else Region(state_rows=count))
        regions.append(Region(rows=gates) if layer.saved and not one_block else Region(block_rows=gates))
        regions.append(Region(sequences=6 * HP))
    block, pool = Region(block_rows=head.widest), Region(sequences=3 * head.HP)
    inputs = block if bidirectional else Region(block_rows=layers[0].D) if one_block else Region(rows=layers[0].D)
    dropped = Region(same_as=len(regions) + OTHER) if bidirectional else block
    pooled = bidirectional or net.pooling != LAST
    regions += [inputs, block, block, dropped, Region(block_rows=head.KP), pool if pooled else Region()]
    if bidirectional:
        regions += _regions_of_whole_layers(net, layers, head, one_block)
    else:
        regions.append(Region(sequences=slots * sum((1 + layer.cells) * layer.HP for layer in layers)))
    return np.array(regions, np.int64)


def _regions_of_whole_layers(net, layers, head, one_block):
    """Yield the regions of bidirectional layers: gradients of all steps, and the inputs of each layer and of the head.

    At most two gradients are needed at a time. For predictions, the inputs of every second layer share a region.
    """
    levels, whole, all_steps = len(layers) // 2, Region(rows=head.widest), head.per_step or net.pooling != LAST
    read = levels + all_steps
    made = 0 if one_block else read - 1 + layers[0].embedded
    gradients = [whole if made > n else Region() for n in range(2)]
    yield from gradients if all_steps else reversed(gradients)
    for level in range(levels + 1):
        if one_block and level > 1:
            yield Region(same_as=len(layers) * LAYER_REGIONS + READ + level % 2)
        elif level < read:
            width = panel_width(net.packed.dtype)
            inputs = head.HP if level == levels else -(-layers[2 * level].D // width) * width if level else layers[0].D
            yield whole if one_block else Region(rows=inputs)
        else:
            yield Region()


def end_of(regions, rows, state_rows, sequences):
    """Return the number of elements that all regions take when `lay_out` places them one after another."""
    sizes = regions[:, :SAME_AS] @ [rows, state_rows, BLOCK_STEPS * sequences, sequences]
    return int(np.where(regions[:, SAME_AS] < 0, -(-sizes // 16) * 16, 0).sum())


def _end_of_whole(regions, tile_rows, longest):
    """Return the number of elements of all regions with room for all steps of a tile, of at most `longest` steps."""
    return end_of(regions, longest * tile_rows, (longest + _most_blocks(tile_rows, longest)) * tile_rows, tile_rows)


def _end_of_segment(regions, state_rows, sequences):
    return end_of(regions, state_rows * BLOCK_STEPS // (BLOCK_STEPS + 1), state_rows, sequences)


def _most_blocks(tile_rows, longest):
    """Return the largest number of blocks of steps that a tile can have."""
    return longest // BLOCK_STEPS + 2 + tile_rows // ROWS_DROP


def _spare_of(net):
    """Return the number of elements in which products keep copies of their operands."""
    return spare_size(int(max(net.layers[:, :2].max(), Head(*net.head.tolist()).K)), net.packed.dtype)


def make_scratch(net, tile_rows, longest, *, bidirectional=False, one_block=False):
    """Return scratch in which one thread runs tiles of sequences of up to `longest` steps.

    It has room for all steps, for training, or with `one_block` for a block at a time, for predictions; bidirectional
    layers need the inputs of all steps in any case.
    """
    regions = regions_of(net, bidirectional=bidirectional, one_block=one_block)
    end = _end_of_whole(regions, tile_rows, longest)
    work = aligned_zeros(end + (0 if one_block else _spare_of(net)), net.packed.dtype)
    return _scratch_of(net, work, end, regions, _most_blocks(tile_rows, longest), longest, ONE_SEGMENT, bidirectional)


def _scratch_of(net, work, end, regions, blocks, longest, segments, bidirectional=False):
    steps, places = np.zeros((1 + bidirectional, longest), np.int64), np.zeros(len(regions), np.int64)
    room = places[LAYER_REGIONS * len(net.layers) :]
    shared = work, np.zeros((blocks, 5), np.int64), steps[0], regions, places, room
    if bidirectional:
        return WholeScratch(*shared, room[READ:], end, steps[1])
    return Scratch(*shared, end, np.zeros((2, segments), np.int64))


def make_limited_scratch(net, rows, longest, most):
    """Return scratch in which one thread trains on tiles of `rows` sequences of up to `longest` steps.

    It has `most` bytes, or fewer if these are enough to store all steps.
    """
    item, blocks, spare = net.packed.itemsize, _most_blocks(rows, longest), _spare_of(net)
    regions = regions_of(net, slots=True)
    all_kept = _end_of_segment(regions, (longest + blocks) * rows, rows)
    end = min(all_kept, (most - _bytes_of_tables(rows, longest)) // item - LINE // item - spare)
    work = aligned_zeros(end + spare, net.packed.dtype)
    return _scratch_of(net, work, end, regions, blocks, longest, blocks + 1)


def _bytes_of_tables(rows, longest):
    """Return the bytes of the integer arrays of a scratch from `make_limited_scratch`."""
    return 8 * (longest + 7 * _most_blocks(rows, longest) + 2)


def _least_slots(blocks):
    """Return the least number of slots with which no block is recomputed more often than there are slots.

    A single slot would be enough, but with it the time grows with the square of the number of blocks.
    """
    slots = 1
    while math.comb(2 * slots, slots) < blocks:
        slots += 1
    return slots


def stored_bytes(net, tile_rows, longest, *, bidirectional):
    """Return the bytes of scratch in which one thread trains on tiles of up to `longest` steps and stores all steps."""
    end = _end_of_whole(regions_of(net, bidirectional=bidirectional), tile_rows, longest) + _spare_of(net)
    tables = (1 + bidirectional) * longest + 5 * _most_blocks(tile_rows, longest)
    return net.packed.itemsize * end + LINE + 8 * tables


def least_bytes(net, rows, longest):
    """Return the fewest bytes that `make_limited_scratch` can use: segments of one block and a few slots."""
    regions, slots = regions_of(net, slots=True), _least_slots(_most_blocks(rows, longest))
    kept = (min(longest, BLOCK_STEPS) + 1) * rows
    end = _end_of_segment(regions, kept, rows) + (slots - 1) * int(regions[-1, BY_SEQUENCES]) * rows
    return net.packed.itemsize * (end + _spare_of(net)) + LINE + _bytes_of_tables(rows, longest)
