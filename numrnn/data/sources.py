"""The contract between data and networks: sequences, wherever they lie, and what is to be predicted of them."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from numrnn.data.array_checks import check_one_order, check_same_order, names_of

__all__ = ["SequenceSource", "Targets", "check_names_of_targets", "names_of_targets"]


class SequenceSource(ABC):
    """Sequences that networks read: in memory, in files, or on a card.

    Attributes
    ----------
    lengths : ndarray of shape (N,), int64
        Steps of each sequence.
    offsets : ndarray of int64
        Where sequences begin in `values`, or would if all were in memory.
    values : ndarray of shape (steps, D), or (steps,) of symbols
        The steps of all, if they are `in_memory`.
    in_memory : bool
        Whether all sequences are; others are read a window at a time, see `numrnn.data.batches`.
    on_card : bool
        Whether `values` lie on a card.
    is_part : bool
        Whether only some sequences are in memory, for a while.
    """

    in_memory, on_card, is_part = True, False, False

    @abstractmethod
    def gather(self, ids, out=None):
        """Say where the steps of some sequences lie, without copying them; see `numrnn.Sequences.gather`."""

    @abstractmethod
    def choose(self, ids):
        """Return the sequences `ids` as a source; their steps stay where they are."""

    @property
    def last_symbol(self) -> int:
        """Return the largest of symbols that were checked."""
        return int(self.values.max())

    @abstractmethod
    def __len__(self):
        """Return the number of sequences."""


class Chosen(SequenceSource):
    """Sequences `ids` of others in memory, left where they lie."""

    def __init__(self, sequences, ids):
        self.values, self._starts = sequences.gather(ids)
        self.lengths = sequences.lengths[ids]
        self.offsets = np.concatenate([[0], np.cumsum(self.lengths)])

    def gather(self, ids, out=None):
        return self.values, self._starts[ids]

    def choose(self, ids):
        return Chosen(self, ids)

    def __len__(self):
        return len(self.lengths)


class Targets(NamedTuple):
    """Targets and their weights, one row per sequence, or per step in the order of the steps of `Sequences.values`.

    Attributes
    ----------
    values : ndarray
        Class indices, int64 of shape (n,), or targets of the network's dtype and shape (n, K).
    weights : ndarray of shape (n,), float64, or None
        Products of sample, class and step weights; None = all ones.
    """

    values: np.ndarray
    weights: np.ndarray | None = None


def names_of_targets(y, name):
    """Return the names of the columns of y, two at least; None where it has none.

    Parameters
    ----------
    y : array-like
        A data frame, a list of them, or `Sequences` with names.
    name : str
        What errors call y.
    """
    if hasattr(y, "columns"):
        names = names_of(y.columns)
    elif hasattr(y, "offsets"):  # `Sequences`
        names = y.names
    else:
        columns = check_one_order(y, name) if isinstance(y, (list, tuple)) else None
        names = None if columns is None else names_of(columns)
    return None if names is None or len(names) < 2 else names


def check_names_of_targets(y, known, name, when="during fit"):
    """Raise a ValueError if the columns of y have other names than those known, or another order."""
    found = None if known is None else names_of_targets(y, name)
    if found is not None:
        check_same_order(known, found, f"{name}: the columns", name, when)
