"""The limit of memory that training may take: how many threads it has room for."""

import numpy as np

from numrnn.kernel_inputs import embedding_gradient_bytes

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
