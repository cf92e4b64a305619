"""Memory that a network works in, kept from call to call: what is in it never matters between two calls."""

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

KEPT_BYTES = 1 << 20  # memory of a prediction is kept for the next up to this size, or that of the weights


class Workspaces:
    """Scratch of threads, and the gradients that they share.

    Parameters
    ----------
    net : kernels' record of a network
    bidirectional : bool
    gradient_size : int
        Of a tile's gradient.
    tile_rows : int
        Sequences in a tile of training.
    memory_limit : int, optional
        Bytes that training may take: what `needed_bytes` counts.

    Attributes
    ----------
    kept_bytes : int
        Memory of a prediction is kept up to this size, or that of the weights.
    """

    def __init__(self, net, *, bidirectional, gradient_size, tile_rows, memory_limit=None):
        self._net, self._gradient_size, self._tile_rows = net, gradient_size, tile_rows
        self._bidirectional, self.memory_limit = bidirectional, memory_limit
        self._rows, self._threads, self._share = tile_rows, 1, None  # of a tile; that share; bytes of one, None: any
        self.kept_bytes = KEPT_BYTES
        self._of_threads, self._nodes, self._spare = {}, self._gradients(0), {}

    def __getstate__(self):
        return {**self.__dict__, "_of_threads": {}, "_nodes": self._gradients(0), "_spare": {}}

    @property
    def packed(self):
        """The packed weights."""
        return self._net.packed

    def needed_bytes(self, threads, longest, rows, node_tiles, nodes):
        """The fewest bytes in which so many threads train on tiles of so many sequences of up to `longest` steps: their
        scratch and the gradients that wait to be summed, in mini-batches of so many nodes.
        """
        scratch = self._stored_bytes(longest)
        if not self._bidirectional:
            scratch = min(scratch, least_bytes(self._net, rows, longest))
        return threads * scratch + self._sum_bytes(threads, node_tiles, nodes)

    def _sum_bytes(self, threads, node_tiles, nodes):
        return (threads * _levels(node_tiles) + nodes) * self._gradient_size * self._net.packed.itemsize

    def share_out(self, threads, rows, node_tiles, nodes, taken):
        """Say how much each thread may take of the limit, of which so many bytes are taken."""
        share = (self.memory_limit - taken - self._sum_bytes(threads, node_tiles, nodes)) // threads
        if self._share is None or (threads, share, rows) != (self._threads, self._share, self._rows):
            self._of_threads = {}
        self._rows, self._threads, self._share = rows, threads, share

    def of_thread(self, thread, longest, node_tiles):
        """Scratch of a thread to train in, and the gradients that wait for their neighbours."""
        known, known_tiles, scratch, levels = self._of_threads.pop(thread, (0, 0, None, None))
        if longest > known:
            known, scratch = longest, None  # the memory is free before there is other
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
        """Gradients of at least so many nodes of a mini-batch, (nodes, gradient_size)."""
        if len(self._nodes) < count:
            self._nodes = None  # likewise
            self._nodes = self._gradients(count)
        return self._nodes

    def take(self, tile_rows, longest):
        """Memory to predict in, of a call that is over, or new; pop and append are atomic."""
        try:
            scratch = self._spare[tile_rows].pop()
        except (KeyError, IndexError):
            scratch = None
        if scratch is None or len(scratch.active) < longest:
            scratch = make_scratch(self._net, tile_rows, longest, bidirectional=self._bidirectional, one_block=True)
        return scratch

    def give(self, tile_rows, scratch):
        """Put memory of a call that is over aside for the next one, unless it is large."""
        size = scratch.work.nbytes + scratch.active.nbytes + scratch.blocks.nbytes
        if size <= max(self.kept_bytes, self._net.packed.nbytes):
            self._spare.setdefault(tile_rows, []).append(scratch)

    def _gradients(self, count):
        return aligned_zeros(count * self._gradient_size, self._net.packed.dtype).reshape(count, self._gradient_size)


def _levels(node_tiles):
    """Gradients of tiles of a node that wait for their neighbours."""
    return max(1, node_tiles.bit_length() - 1)


NODES_PER_THREAD = 2  # shares of a mini-batch that threads claim: more even out, but each needs a gradient's memory
# What is left to compiled code, objects and the allocator, which are not counted: one part in ten, no more than 64 MiB.
RESERVE, MOST_RESERVED = 10, 1 << 26
THETAS = 5  # arrays like theta in training: itself, before the last step, its gradient, the state of Adam


class MemoryLimitError(ValueError):
    """The limit leaves no room for one thread."""


def nodes_of(tile_counts, threads, node_tiles=None):
    """Tiles of a node, a power of two, unless it is given, and nodes of each mini-batch."""
    if node_tiles is None:
        nodes = 1 if threads == 1 else NODES_PER_THREAD * threads
        node_tiles = 1 << int(-(-tile_counts.max() // nodes) - 1).bit_length()
    return node_tiles, -(-tile_counts // node_tiles)


def affordable_threads(wanted, layout, memory, rows, tile_rows, node_tiles=None):
    """The number of threads that a limit leaves room for.

    Parameters
    ----------
    wanted : int
        No more than these.
    layout : Layout
    memory : Workspaces
        Is told what each thread may take.
    rows : Rows
        The sequences of mini-batches.
    tile_rows : int
    node_tiles : int, optional
        Tiles of a node, where they do not depend on the number of threads.

    Returns
    -------
    threads : int

    Raises
    ------
    MemoryLimitError
        If there is no room for one.
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
    why = ", for bidirectional layers keep all of them" if layout.bidirectional else " at the least"
    raise MemoryLimitError(
        f"memory_limit is too low: a mini-batch of {largest} sequences of up to {longest} steps takes "
        f"{needed + min((needed - 1) // (RESERVE - 1), MOST_RESERVED)} bytes{why}; got {limit}"
    )


def aligned_zeros(size, dtype):
    """Zeros that begin at a cache line: a vector that crosses lines costs two loads."""
    item = np.dtype(dtype).itemsize
    memory = np.zeros(size + LINE // item, dtype)
    skip = -memory.ctypes.data % LINE // item
    return memory[skip : skip + size]


class Region(NamedTuple):
    """What the size of a region of a thread's memory grows with: the columns of the kernels' table of regions."""

    rows: int = 0  # of all steps, or of a segment
    state_rows: int = 0  # with those of the states before each block
    block_rows: int = 0  # BLOCK_STEPS times the sequences of a tile
    sequences: int = 0
    same_as: int = -1  # the region in whose place it lies


def regions_of(net, *, bidirectional=False, one_block=False, slots=False):
    """The table of regions, in the order of the constants of `numrnn.kernels.cpu.records`.

    Parameters
    ----------
    net : kernels' record of a network
    bidirectional : bool
        Layers run one after the other over whole sequences: what they read is kept.
    one_block : bool
        For predictions: of all else there is one block, without what is kept for a backward pass.
    slots : bool
        For segments: carries are kept.

    Returns
    -------
    regions : ndarray of shape (regions, 5), int64
    """
    # Not `head_of`: Numba makes a named tuple by a call into Python, and a Ctrl-C that comes in it ends the process.
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
    """Of bidirectional layers: gradients of all steps, of which at most two are needed at a time, and what each layer
    and the head read; for predictions every second one lies at one place.
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
    """Where the last of some regions ends that `lay_out` lays out."""
    sizes = regions[:, :SAME_AS] @ [rows, state_rows, BLOCK_STEPS * sequences, sequences]
    return int(np.where(regions[:, SAME_AS] < 0, -(-sizes // 16) * 16, 0).sum())


def _end_of_whole(regions, tile_rows, longest):
    """Likewise, with room for all steps of a tile of sequences of up to `longest` steps."""
    return end_of(regions, longest * tile_rows, (longest + _most_blocks(tile_rows, longest)) * tile_rows, tile_rows)


def _end_of_segment(regions, state_rows, sequences):
    return end_of(regions, state_rows * BLOCK_STEPS // (BLOCK_STEPS + 1), state_rows, sequences)


def _most_blocks(tile_rows, longest):
    """The most blocks of steps that a tile has."""
    return longest // BLOCK_STEPS + 2 + tile_rows // ROWS_DROP


def _spare_of(net):
    """Room for copies of operands."""
    return spare_size(int(max(net.layers[:, :2].max(), Head(*net.head.tolist()).K)), net.packed.dtype)


def make_scratch(net, tile_rows, longest, *, bidirectional=False, one_block=False):
    """Memory in which one thread runs tiles of sequences of up to `longest` steps: all steps for training, one block
    at a time for predictions, as far as layers allow it.
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
    """Memory of `most` bytes, or less where that keeps all, in which one thread trains on tiles of so many sequences
    of up to `longest` steps.
    """
    item, blocks, spare = net.packed.itemsize, _most_blocks(rows, longest), _spare_of(net)
    regions = regions_of(net, slots=True)
    all_kept = _end_of_segment(regions, (longest + blocks) * rows, rows)
    end = min(all_kept, (most - _bytes_of_tables(rows, longest)) // item - LINE // item - spare)
    work = aligned_zeros(end + spare, net.packed.dtype)
    return _scratch_of(net, work, end, regions, blocks, longest, blocks + 1)


def _bytes_of_tables(rows, longest):
    """Of the integers of a scratch within a limit."""
    return 8 * (longest + 7 * _most_blocks(rows, longest) + 2)


def _least_slots(blocks):
    """As many as each block is run forward again at most: with one, which would do, time grows with the square of
    their number.
    """
    slots = 1
    while math.comb(2 * slots, slots) < blocks:
        slots += 1
    return slots


def stored_bytes(net, tile_rows, longest, *, bidirectional):
    """Bytes of the memory in which one thread trains on tiles of up to `longest` steps, all of which are kept."""
    end = _end_of_whole(regions_of(net, bidirectional=bidirectional), tile_rows, longest) + _spare_of(net)
    tables = (1 + bidirectional) * longest + 5 * _most_blocks(tile_rows, longest)
    return net.packed.itemsize * end + LINE + 8 * tables


def least_bytes(net, rows, longest):
    """The fewest bytes that `make_limited_scratch` makes something useful of: segments of a block, a few slots."""
    regions, slots = regions_of(net, slots=True), _least_slots(_most_blocks(rows, longest))
    kept = (min(longest, BLOCK_STEPS) + 1) * rows
    end = _end_of_segment(regions, kept, rows) + (slots - 1) * int(regions[-1, BY_SEQUENCES]) * rows
    return net.packed.itemsize * (end + _spare_of(net)) + LINE + _bytes_of_tables(rows, longest)
