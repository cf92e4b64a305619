"""Define the contract between data and networks: sequences, wherever they are stored, and targets."""

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

# What public functions accept: a container, an array or a table, or a list of arrays, frames or texts; targets and
# weights per sequence or per step come in the same forms.
SequencesLike: TypeAlias = Union["Sequences", "ShardedSequences", ArrayLike, Sequence[Any]]
TargetsLike: TypeAlias = SequencesLike
WeightsLike: TypeAlias = SequencesLike


class SequenceSource(ABC):
    """Define the interface of sequences that networks read, in memory, in files or on a GPU.

    Attributes
    ----------
    lengths : ndarray of shape (N,), int64
        Number of steps of each sequence.
    offsets : ndarray of int64
        Index of each sequence's first step in `values`, or what it would be if all were in memory.
    values : ndarray of shape (steps, D), or (steps,) of symbols
        Steps of all sequences, if they are `in_memory`.
    in_memory : bool
        Whether all sequences are in memory; others are read window by window, see `numrnn.data.batches`.
    on_card : bool
        Whether `values` are on a GPU.
    is_part : bool
        Whether only some sequences are in memory, temporarily.
    """

    in_memory, on_card, is_part = True, False, False

    @abstractmethod
    def gather(self, ids, out=None):
        """Return where the steps of some sequences are stored, without copying them; see `numrnn.Sequences.gather`."""

    @abstractmethod
    def choose(self, ids):
        """Return the sequences `ids` as a source, without moving their steps."""

    @property
    def last_symbol(self) -> int:
        """Return the largest symbol; symbols must have been checked."""
        return int(self.values.max())

    @abstractmethod
    def __len__(self):
        """Return the number of sequences."""


class Chosen(SequenceSource):
    """Select the sequences `ids` of a source in memory without moving them."""

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
    """Hold targets and weights, one row per sequence, or per step in the order of `Sequences.values`.

    Attributes
    ----------
    values : ndarray
        Class indices, int64 of shape (n,), or targets of the network's dtype and shape (n, K).
    weights : ndarray of shape (n,), float64, or None
        Products of sample, class and step weights; None means that all are 1.
    """

    values: np.ndarray
    weights: np.ndarray | None = None


def names_of_targets(y, name):
    """Return the names of the columns of y if there are at least two; None if y has no names.

    y may be a data frame, a list of data frames, or `Sequences` with names; `name` is its name in errors.
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
    """Raise a ValueError if the columns of y differ from the known ones in name or order."""
    found = None if known is None else names_of_targets(y, name)
    if found is not None:
        check_same_order(known, found, name, when=when)
