"""Assign the additions of the tree of tiles to processes, each with consecutive nodes.

The tree is that of a single process; see docs/design/mpi.rst.
"""

import functools
from typing import NamedTuple

NODES_PER_THREAD = 2  # least nodes of a process, if there are enough tiles; more balance the load
FEWEST_NODES = 4  # least nodes of a process in any case: with half as many, three or five processes would be unbalanced


class Merge(NamedTuple):
    """Describe the addition of two neighbouring nodes from the view of one process."""

    left: int  # index among the process's own nodes; -1: another process has it
    right: int
    peer: int  # process that has the other node, or this process


def tiles_of_node(tiles, ranks, threads):
    """Return the tiles of a node: the largest power of two that gives each process enough nodes.

    `threads` is the largest number of threads of a process.
    """
    nodes = ranks * max(FEWEST_NODES, NODES_PER_THREAD * threads)
    return 1 << max(0, (tiles // nodes).bit_length() - 1)


def shares_of(nodes, ranks):
    """Return the first node of each process, followed by the number of nodes; the first process always has one.

    Examples
    --------
    >>> from numrnn.distributed.tree import shares_of
    >>> shares_of(nodes=8, ranks=3), shares_of(nodes=2, ranks=4)
    ([0, 3, 6, 8], [0, 1, 1, 2, 2])
    """
    return [-(-rank * nodes // ranks) for rank in range(ranks + 1)]


@functools.lru_cache(maxsize=64)
def merges_of(nodes, ranks, rank):
    """Return a process's additions of the tree, in their order: level after level, from the left.

    A message goes from the owner of the right node to that of the left one. All processes follow one order, so two of
    them never wait for each other's messages.

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
