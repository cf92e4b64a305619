"""Define the contract between data and networks: sequences, which may be in memory or in files, and targets."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, Union

import numpy as np
from numpy.typing import ArrayLike

from numrnn.data.array_checks import check_one_order, check_same_order, names_of

if TYPE_CHECKING:
    from numrnn.data.sequences import Sequences
    from numrnn.data.shards.sequences import ShardedSequences

__all__ = [
    "SequenceSource", "SequencesLike", "Targets", "TargetsLike", "WeightsLike", "check_names_of_targets",
    "names_of_targets",
]  # fmt: skip

# Types that public functions accept: containers, arrays, tables, and lists of arrays, data frames or str. Targets and
# weights per sequence or per step have the same types.
SequencesLike: TypeAlias = Union["Sequences", "ShardedSequences", ArrayLike, Sequence[Any]]
TargetsLike: TypeAlias = SequencesLike
WeightsLike: TypeAlias = SequencesLike


class SequenceSource(ABC):
    """Define the interface of the sequences that networks read; they may be in memory, in files or on a GPU.

    Attributes
    ----------
    lengths : ndarray of shape (N,), int64
        Number of steps of each sequence.
    offsets : ndarray of int64
        Index in `values` of each sequence's first step; for sequences in files, the index if all steps were in memory.
    values : ndarray of shape (steps, D), or (steps,) of symbols
        Steps of all sequences; only defined if `in_memory` is True.
    in_memory : bool
        Whether the sequences are in memory. Sequences in files are read window by window, see `numrnn.data.batches`.
    on_card : bool
        Whether `values` are on a GPU.
    is_part : bool
        Whether only the sequences of the current window are in memory.
    """

    in_memory, on_card, is_part = True, False, False

    @abstractmethod
    def gather(self, ids, out=None):
        """Return an array with the steps of some sequences, and where they begin; see `numrnn.Sequences.gather`."""

    @abstractmethod
    def choose(self, ids):
        """Return the sequences with the indices `ids` as a source, without copying their steps."""

    @property
    def last_symbol(self) -> int:
        """Return the largest symbol; the sequences must hold symbols that have been checked."""
        return int(self.values.max())

    @abstractmethod
    def __len__(self):
        """Return the number of sequences."""


class Chosen(SequenceSource):
    """Represent the sequences with the indices `ids` of a source in memory, without copying steps."""

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
    """Hold targets and weights: one row per sequence, or one row per step in the order of `Sequences.values`.

    Attributes
    ----------
    values : ndarray
        Class indices, int64 of shape (n,), or targets of the network's dtype and shape (n, K).
    weights : ndarray of shape (n,), float64, or None
        Products of sample, class and step weights; None means that all weights are 1.
    """

    values: np.ndarray
    weights: np.ndarray | None = None


def names_of_targets(y, name):
    """Return the names of the columns of y if there are at least two; None if y has no names.

    y may be a data frame, a list of data frames, or `Sequences` with names; `name` is the name of y in error messages.
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
    """Raise a ValueError if the columns of y differ from the columns `known` in name or order."""
    found = None if known is None else names_of_targets(y, name)
    if found is not None:
        check_same_order(known, found, name, when=when)
