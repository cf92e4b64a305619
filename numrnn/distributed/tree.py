"""Assign the additions in the binary tree over tiles to processes, each of which owns consecutive nodes.

The tree is the same as in a single process; see docs/design/mpi.rst.
"""

import functools
from typing import NamedTuple

NODES_PER_THREAD = 2  # fewest nodes per thread, if there are enough tiles; more nodes balance the load
FEWEST_NODES = 4  # fewest nodes of a process: with half as many, three or five processes would be unbalanced


class Merge(NamedTuple):
    """Describe the addition of two neighbouring nodes as one process sees it."""

    left: int  # index of the left node among the process's own nodes; -1: another process owns it
    right: int  # the same for the right node
    peer: int  # process that owns the other node; this process if it owns both


def tiles_of_node(tiles, ranks, threads):
    """Return the number of tiles of a node: the largest power of two with which each process has enough nodes.

    `threads` is the largest number of threads that any process has.
    """
    nodes = ranks * max(FEWEST_NODES, NODES_PER_THREAD * threads)
    return 1 << max(0, (tiles // nodes).bit_length() - 1)


def shares_of(nodes, ranks):
    """Return the first node of each process, followed by the number of nodes; the first process always has a node.

    Examples
    --------
    >>> from numrnn.distributed.tree import shares_of
    >>> shares_of(nodes=8, ranks=3), shares_of(nodes=2, ranks=4)
    ([0, 3, 6, 8], [0, 1, 1, 2, 2])
    """
    return [-(-rank * nodes // ranks) for rank in range(ranks + 1)]


@functools.lru_cache(maxsize=64)
def merges_of(nodes, ranks, rank):
    """Return the additions in which a process takes part, in their order: level by level, from left to right.

    The owner of the right node sends it to the owner of the left node. All processes follow the same order, so two
    processes never wait for each other's messages.

    Examples
    --------
    >>> from numrnn.distributed.tree import merges_of
    >>> merges_of(nodes=4, ranks=2, rank=1)
    [Merge(left=0, right=1, peer=1), Merge(left=-1, right=0, peer=0)]
    """
    shares = shares_of(nodes, ranks)
    owner = [r for r in range(ranks) for _ in range(shares[r], shares[r + 1])]
    merges, distance = [], 1
    while distance < nodes:
        for left in range(0, nodes - distance, 2 * distance):
            right = left + distance
            if rank in (owner[left], owner[right]):
                here = [node - shares[rank] if owner[node] == rank else -1 for node in (left, right)]
                merges.append(Merge(*here, owner[left] if owner[right] == rank else owner[right]))
        distance *= 2
    return merges
