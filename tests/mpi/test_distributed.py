"""Test the work that ranks share, without MPI; tests/mpi/test_ranks.py uses MPI."""

import itertools

import numpy as np
import pytest

from numrnn import RNNRegressor
from numrnn.distributed.tree import merges_of, shares_of, tiles_of_node


def pairs_of_the_tree(nodes):
    """Return the additions of one process as (left, right)."""
    distances = itertools.takewhile(lambda d: d < nodes, (2**level for level in itertools.count()))
    return [(left, left + d) for d in distances for left in range(0, nodes - d, 2 * d)]


@pytest.mark.parametrize("nodes, ranks", list(itertools.product([1, 2, 3, 5, 8, 13, 32], [1, 2, 3, 4, 7])))
def test_ranks_add_up_the_tree_of_one_process(nodes, ranks):
    shares, pairs = shares_of(nodes, ranks), pairs_of_the_tree(nodes)
    owner = [next(r for r in range(ranks) if node < shares[r + 1]) for node in range(nodes)]
    assert owner[0] == 0
    for rank in range(ranks):
        expected = []
        for left, right in pairs:
            if rank in (owner[left], owner[right]):
                here = [node - shares[rank] if owner[node] == rank else -1 for node in (left, right)]
                expected.append((*here, owner[left] + owner[right] - rank))
        assert merges_of(nodes, ranks, rank) == expected


def test_each_rank_has_work_and_nearly_the_same_while_there_are_tiles():
    for tiles, ranks, threads in itertools.product([1, 3, 4, 16, 50, 128], [1, 2, 3, 4, 9], [1, 4]):
        size = tiles_of_node(tiles, ranks, threads)
        nodes = -(-tiles // size)
        counts = np.diff(shares_of(nodes, ranks))
        assert counts.max() - counts.min() <= 1
        assert counts.min() >= min(4, tiles // ranks) or tiles < ranks
        assert size & (size - 1) == 0


def test_what_is_no_communicator_is_refused():
    pytest.importorskip("mpi4py.MPI", exc_type=(ImportError, RuntimeError))
    with pytest.raises(TypeError, match="comm must be None or an mpi4py communicator .* got 'world'"):
        RNNRegressor().fit(np.zeros((2, 3, 1)), np.zeros(2), comm="world")
