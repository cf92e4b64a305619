"""Which process adds up what: nodes of the tree of tiles, each process a run of them, so the tree stays one process's.

See docs/design/mpi.rst.
"""

import functools
from typing import NamedTuple

NODES_PER_THREAD = 2  # of a process, at least, where there are as many tiles: more even out
FEWEST_NODES = 4  # of a process likewise: among three or five, half of the nodes would be too coarse


class Merge(NamedTuple):
    """Two neighbours that become one, as one of the processes sees it."""

    left: int  # number among its own nodes; -1: another process has it
    right: int
    peer: int  # the process that has the other, or this one


def tiles_of_node(tiles, ranks, threads):
    """Tiles of a node: the largest power of two that gives each process enough nodes.

    Parameters
    ----------
    tiles : int
        Of the mini-batch.
    ranks : int
        Processes.
    threads : int
        The most that one of them has.

    Examples
    --------
    >>> from numrnn.distributed.tree import tiles_of_node
    >>> tiles_of_node(tiles=64, ranks=3, threads=1), tiles_of_node(tiles=4, ranks=2, threads=1)
    (4, 1)
    """
    nodes = ranks * max(FEWEST_NODES, NODES_PER_THREAD * threads)
    return 1 << max(0, (tiles // nodes).bit_length() - 1)


def shares_of(nodes, ranks):
    """The first node of each process, and their number; the first process always has one.

    Examples
    --------
    >>> from numrnn.distributed.tree import shares_of
    >>> shares_of(nodes=8, ranks=3), shares_of(nodes=2, ranks=4)
    ([0, 3, 6, 8], [0, 1, 1, 2, 2])
    """
    return [-(-rank * nodes // ranks) for rank in range(ranks + 1)]


@functools.lru_cache(maxsize=64)
def merges_of(nodes, ranks, rank):
    """What a process does of the tree's additions, in their order: level after level, from the left.

    A message goes from the owner of the right node to that of the left one. All processes follow one order, so two of
    them never wait for each other's messages.

    Parameters
    ----------
    nodes : int
    ranks, rank : int
        Processes; the number of this one.

    Returns
    -------
    list of Merge

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
