"""Memory that a network works in, kept from call to call: what is in it never matters between two calls."""

import math

import numpy as np

from numrnn.kernels.cpu.matmul import spare_size
from numrnn.kernels.cpu.records import Head
from numrnn.kernels.cpu.tile import bidirectional as whole
from numrnn.kernels.cpu.tile import checkpoint_schedule, forward
from numrnn.network.batch_arrays import embedding_gradient_bytes

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
        self._make_scratch = make_whole_scratch if bidirectional else make_scratch
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
        scratch = stored_bytes(self._net, self._tile_rows, longest, bidirectional=self._bidirectional)
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
        if self._share is not None:
            stored = stored_bytes(self._net, self._tile_rows, longest, bidirectional=self._bidirectional)
            if stored > self._share:
                return make_limited_scratch(self._net, self._rows, longest, self._share)
        return self._make_scratch(self._net, self._tile_rows, longest, one_block=False)

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
            scratch = self._make_scratch(self._net, tile_rows, longest, one_block=True)
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


def make_scratch(net, tile_rows, longest, one_block):
    """Memory in which one thread runs tiles of sequences of up to `longest` steps: all steps for training, one block
    at a time for predictions.
    """
    places = np.zeros((len(net.layers), 4), np.int64)
    end = _end_of_scratch(net, tile_rows, longest, one_block, places)
    work, blocks = _work_memory(net, end, one_block), _blocks_of(tile_rows, longest)
    return forward.Scratch(work, np.zeros((blocks, 5), np.int64), np.zeros(longest, np.int64), places, end)


def _blocks_of(tile_rows, longest):
    """The most blocks of steps that a tile has."""
    return longest // forward.BLOCK_STEPS + 2 + tile_rows // forward.ROWS_DROP


def _end_of_scratch(net, tile_rows, longest, one_block, places):
    block_rows = forward.BLOCK_STEPS * tile_rows
    rows = block_rows if one_block else longest * tile_rows
    state_rows = rows + (1 if one_block else _blocks_of(tile_rows, longest)) * tile_rows
    inputs = net.layers[0, 0]
    # Not `head_of`: Numba makes a named tuple by a call into Python, and a Ctrl-C that comes in it ends the process.
    head = Head(*net.head.tolist())
    layers_end = forward.place_layers(net, rows, state_rows, tile_rows, rows * inputs + 16, places)
    block_end = layers_end + block_rows * (3 * head.widest + head.KP + inputs) + 64
    if net.pooling is not None:
        block_end += 3 * tile_rows * head.HP
    return int(block_end)


def _work_memory(net, end, one_block):
    """Memory up to `end`, and for training room for copies of operands."""
    return aligned_zeros(end + (0 if one_block else _spare_of(net)), net.packed.dtype)


def _spare_of(net):
    """Room for copies of operands."""
    return spare_size(int(max(net.layers[:, :2].max(), Head(*net.head.tolist()).K)), net.packed.dtype)


def make_whole_scratch(net, tile_rows, longest, one_block):
    """Likewise for bidirectional layers, which run one after the other over whole sequences: for predictions inputs of
    two layers are kept, and one block of all else.
    """
    places, inputs = np.zeros((len(net.layers), 4), np.int64), np.zeros(len(net.layers) // 2 + 1, np.int64)
    room = np.zeros(whole.ROOM, np.int64)
    end = _end_of_whole_scratch(net, tile_rows, longest, one_block, places, inputs, room)
    work, blocks = _work_memory(net, end, one_block), np.zeros((_blocks_of(tile_rows, longest), 5), np.int64)
    steps = np.zeros((2, longest), np.int64)
    return whole.WholeScratch(work, blocks, steps[0], places, end, steps[1], inputs, room)


def _end_of_whole_scratch(net, tile_rows, longest, one_block, places, inputs, room):
    state_rows = (longest + _blocks_of(tile_rows, longest)) * tile_rows
    room[whole.ALL_STEPS] = Head(*net.head.tolist()).per_step or net.pooling is not None
    end = whole.place_tile(net, longest * tile_rows, state_rows, tile_rows, int(not one_block), places, inputs, room)
    return int(end)


def make_limited_scratch(net, rows, longest, most):
    """Memory of `most` bytes, or less where that keeps all, in which one thread trains on tiles of so many sequences
    of up to `longest` steps.
    """
    item, blocks, places = net.packed.itemsize, _blocks_of(rows, longest), np.zeros((len(net.layers), 4), np.int64)
    all_kept = int(checkpoint_schedule.end_of_slots(net, (longest + blocks) * rows, rows, 1, places))
    spare = _spare_of(net)
    end = min(all_kept, (most - _bytes_of_tables(rows, longest)) // item - LINE // item - spare)
    active, tables = np.zeros(longest, np.int64), np.zeros((2, blocks + 1), np.int64)
    work = aligned_zeros(end + spare, net.packed.dtype)
    return checkpoint_schedule.LimitedScratch(work, np.zeros((blocks, 5), np.int64), active, places, end, *tables)


def _bytes_of_tables(rows, longest):
    """Of the integers of a scratch within a limit."""
    return 8 * (longest + 7 * _blocks_of(rows, longest) + 2)


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
    places, blocks = np.zeros((len(net.layers), 4), np.int64), _blocks_of(tile_rows, longest)
    if bidirectional:
        inputs, room = np.zeros(len(net.layers) // 2 + 1, np.int64), np.zeros(whole.ROOM, np.int64)
        end = _end_of_whole_scratch(net, tile_rows, longest, False, places, inputs, room)
    else:
        end = _end_of_scratch(net, tile_rows, longest, False, places)
    return net.packed.itemsize * (end + _spare_of(net)) + LINE + 8 * ((1 + bidirectional) * longest + 5 * blocks)


def least_bytes(net, rows, longest):
    """The fewest bytes that `make_limited_scratch` makes something useful of: segments of a block, a few slots."""
    places, slots = np.zeros((len(net.layers), 4), np.int64), _least_slots(_blocks_of(rows, longest))
    kept = (min(longest, forward.BLOCK_STEPS) + 1) * rows
    end = int(checkpoint_schedule.end_of_slots(net, kept, rows, slots, places))
    return net.packed.itemsize * (end + _spare_of(net)) + LINE + _bytes_of_tables(rows, longest)
