"""Store sequences of any lengths in one array."""

import collections.abc
import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numrnn.data.array_checks import (
    TARGETS,
    check_one_order,
    check_plain,
    checked_each,
    checked_lengths,
    checked_offsets,
    names_of,
    stack,
)
from numrnn.data.containers import check_container
from numrnn.data.sources import Chosen, SequenceSource
from numrnn.data.views import indices_of, key_of_sequences
from numrnn.io.messages import InputError, shown

__all__ = ["Sequences"]


class Sequences(SequenceSource):
    """Store sequences of any lengths, concatenated in one array without padding.

    The sequences may be inputs (D numbers or one symbol per step) or targets (one or several per step). `Sequences` is
    a `collections.abc.Sequence` of arrays, and scikit-learn splits it like an array.

    Parameters
    ----------
    values : ndarray of shape (sum of T_i, D) or (sum of T_i,)
        Steps of all sequences. The array is not copied; a read-only memory map is accepted.
    offsets : ndarray of shape (N + 1,), int64
        Sequence i is ``values[offsets[i]:offsets[i + 1]]``. The first offset is 0; the last offset is the number of
        steps.
    names : sequence of str, optional
        Names of the columns, which estimators compare as they compare the columns of data frames. The default is the
        column names of `values` if it is a data frame, otherwise None.

    Attributes
    ----------
    values, offsets : ndarray
        The arguments as arrays.
    names : tuple of str or None
        Names of the columns.

    Raises
    ------
    ValueError
        If the values are not 1-D or 2-D, or the offsets do not match the values.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import Sequences
    >>> X = Sequences.from_list([np.zeros((2, 3)), np.ones((4, 3)), np.ones((1, 3))])
    >>> X
    Sequences(3 sequences of 1 to 4 steps, 3 columns, float64)
    >>> X[2]
    array([[1., 1., 1.]])
    >>> X[[2, 0]].lengths
    array([1, 2])
    """

    names = None

    def __init__(self, values: np.ndarray, offsets: np.ndarray, names: Sequence[str] | None = None):
        check_plain(values, "values")
        names = names_of(getattr(values, "columns", ())) if names is None else names
        self.values = np.asarray(values)
        self.offsets = checked_offsets(offsets, self.values)
        if names is not None:
            self.names = _checked_names(names, self.values)

    @classmethod
    def from_list(cls, sequences: Iterable[ArrayLike]) -> "Sequences":
        """Copy a list of arrays of shapes (T_i, D) or (T_i,).

        Parameters
        ----------
        sequences : iterable of array-likes
            Sequences.

        Returns
        -------
        sequences : Sequences
            Sequences with the arrays' common dtype and, if the items are data frames, the names of their columns.

        Raises
        ------
        ValueError
            If an array does not match the first one, or holds neither numbers nor labels. The message names the array.

        Examples
        --------
        >>> from numrnn import Sequences
        >>> Sequences.from_list([[0, 1, 1], [2]])
        Sequences(2 sequences of 1 to 3 steps, int64)
        """
        if hasattr(sequences, "__getitem__") or isinstance(sequences, collections.abc.Set):
            check_container(sequences, "sequences", "expected an iterable of arrays of shape (steps, inputs)")
        items = list(sequences)
        made = cls.from_concatenated(*stack(items, name="sequences", kinds=TARGETS))
        made.names = names_of(check_one_order(items, "sequences") or ())
        return made

    @classmethod
    def from_array(cls, array: np.ndarray) -> "Sequences":
        """View an array as sequences of equal length.

        Parameters
        ----------
        array : array-like of shape (N, T, D) or (N, T)
            Sequences.

        Returns
        -------
        sequences : Sequences
            A view if `array` is C-contiguous.

        Raises
        ------
        ValueError
            If `array` is not 2-D or 3-D.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import Sequences
        >>> Sequences.from_array(np.zeros((10, 7, 3)))
        Sequences(10 sequences of 7 steps, 3 columns, float64)
        """
        check_container(array, "array", "expected an array of shape (N, T, D) or (N, T)")
        check_plain(array, "array")
        array = np.asarray(array)
        if array.ndim not in (2, 3):
            raise InputError("array", (), f"must have the shape (N, T, D) or (N, T), got {array.shape}")
        n_sequences, n_steps = array.shape[:2]
        offsets = np.arange(n_sequences + 1, dtype=np.int64) * n_steps
        return cls(array.reshape(n_sequences * n_steps, *array.shape[2:]), offsets)

    @classmethod
    def from_padded(cls, X: ArrayLike, lengths: ArrayLike | None = None) -> "Sequences":
        """Copy an array of padded sequences without the padding.

        Parameters
        ----------
        X : array-like of shape (N, T, D) or (N, T)
            Padded sequences.
        lengths : array-like of shape (N,), optional
            Number of steps of each sequence, 0 to T; the rest is padding. By default, the steps at the end that hold
            only NaN are padding.

        Returns
        -------
        sequences : Sequences
            Sequences without padding.

        Raises
        ------
        ValueError
            If there is not one length per sequence, or a length is not from 0 to T.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import Sequences
        >>> Sequences.from_padded([[5, 6, 0], [7, 0, 0]], [2, 1]).to_list()
        [array([5, 6]), array([7])]
        >>> Sequences.from_padded([[5, 6, np.nan], [7, np.nan, np.nan]]).to_list()
        [array([5., 6.]), array([7.])]
        """
        check_container(X, "X", "expected a padded array of shape (N, T, D) or (N, T)")
        check_plain(X, "X")
        X = np.asarray(X)
        count = len(X) if lengths is None and X.ndim else np.size(lengths)
        if X.ndim not in (2, 3) or len(X) != count:
            raise InputError("X", (), f"must have the shape ({count}, T, D) or ({count}, T), got {X.shape}")
        lengths = _lengths_by_nan(X) if lengths is None else checked_each(lengths, X.shape[1], "lengths", 0)
        return cls.from_concatenated(X[_mask(lengths, X.shape[1])], lengths)

    @classmethod
    def from_concatenated(cls, values: np.ndarray, lengths: ArrayLike) -> "Sequences":
        """View an array of concatenated steps as sequences.

        Parameters
        ----------
        values : ndarray of shape (sum of T_i, D) or (sum of T_i,), or data frame
            Steps of all sequences.
        lengths : array-like of shape (N,)
            Numbers of steps T_i.

        Returns
        -------
        sequences : Sequences
            Sequences without a copy of the values.

        Raises
        ------
        ValueError
            If the lengths are not natural numbers, or do not add up to the number of steps.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import Sequences
        >>> Sequences.from_concatenated(np.zeros((6, 3)), [2, 4])
        Sequences(2 sequences of 2 to 4 steps, 3 columns, float64)
        """
        check_plain(values, "values")
        names, values = names_of(getattr(values, "columns", ())), np.asarray(values)
        lengths = checked_lengths(lengths, len(values) if values.ndim else 0)
        return cls(values, np.concatenate([[0], np.cumsum(lengths)]), names)

    @classmethod
    def _from_known(cls, values, offsets):
        """Build sequences without checks, which take longer than the prediction of a few sequences."""
        sequences = cls.__new__(cls)
        sequences.values, sequences.offsets = values, offsets
        return sequences

    def to_list(self) -> list[np.ndarray]:
        """Return the sequences as a list of arrays.

        Returns
        -------
        sequences : list of ndarrays of shape (T_i, D) or (T_i,)
            Views of `values`.

        Examples
        --------
        >>> from numrnn import Sequences
        >>> Sequences.from_array([[1, 2], [3, 4]]).to_list()
        [array([1, 2]), array([3, 4])]
        """
        return list(self)

    def to_padded(self, fill: float = 0) -> tuple[np.ndarray, np.ndarray]:
        """Copy the sequences to one array, padded to the length of the longest sequence.

        Parameters
        ----------
        fill : scalar, default=0
            Value of the padding.

        Returns
        -------
        X : ndarray of shape (N, max T_i, D) or (N, max T_i)
            Padded sequences.

        Examples
        --------
        >>> from numrnn import Sequences
        >>> Sequences.from_list([[5, 6], [7]]).to_padded(fill=-1)
        array([[ 5,  6],
               [ 7, -1]])
        """
        lengths = self.lengths
        n_steps = lengths.max(initial=0)
        X = np.full((len(self), n_steps, *self.values.shape[1:]), fill, self.values.dtype)
        X[_mask(lengths, n_steps)] = self.values
        return X

    def index(self, value: ArrayLike, start: int = 0, stop: int | None = None) -> int:
        """Return the index of the first sequence that equals an array.

        Parameters
        ----------
        value : array-like of shape (T_i, D) or (T_i,)
            Sequence to find.
        start, stop : int, optional
            Range to search, as in ``self[start:stop]``.

        Returns
        -------
        i : int
            Index of the sequence.

        Raises
        ------
        ValueError
            If no sequence equals the array.

        Examples
        --------
        >>> from numrnn import Sequences
        >>> X = Sequences.from_list([[5, 6], [7], [7]])
        >>> X.index([7]), [7] in X
        (1, True)
        """
        for i in range(*slice(start, stop).indices(len(self))):
            if np.array_equal(self[i], value):
                return i
        raise InputError("value", (), f"={shown(value)}: must be one of the sequences")

    def count(self, value: ArrayLike) -> int:
        """Return the number of sequences that equal an array.

        Parameters
        ----------
        value : array-like of shape (T_i, D) or (T_i,)
            Sequence to count.

        Returns
        -------
        n : int
            Number of equal sequences.

        Examples
        --------
        >>> from numrnn import Sequences
        >>> Sequences.from_list([[5, 6], [7], [7]]).count([7])
        2
        """
        return sum(np.array_equal(x, value) for x in self)

    def gather(self, ids: np.ndarray, out: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return an array that contains the steps of some sequences, and the index at which each sequence begins.

        Parameters
        ----------
        ids : ndarray, int64
            Indices of the sequences.
        out : ndarray, default=None
            Buffer for sources that read their data from files; data in memory ignore it.

        Returns
        -------
        values : ndarray of shape (steps, D) or (steps,)
            Array that contains the steps of the sequences.
        starts : ndarray of the shape of `ids`, int64
            The sequence ``ids[j]`` begins at ``values[starts[j]]``.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import Sequences
        >>> X = Sequences.from_list([[5, 6], [7], [8, 9]])
        >>> X.gather(np.array([2, 0]))
        (array([5, 6, 7, 8, 9]), array([3, 0]))
        """
        return self.values, self.offsets[ids]

    def choose(self, ids: np.ndarray) -> SequenceSource:
        """Return a subset of the sequences, in a form that networks read, without copying steps.

        Parameters
        ----------
        ids : ndarray, int64
            Indices of the sequences.

        Returns
        -------
        source : SequenceSource
            The subset.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import Sequences
        >>> Sequences.from_list([[5, 6], [7], [8, 9]]).choose(np.array([2, 0])).lengths
        array([2, 2])
        """
        return Chosen(self, ids)

    @property
    def lengths(self) -> np.ndarray:
        """Return the numbers of steps T_i, an int64 array of shape (N,)."""
        return self.offsets[1:] - self.offsets[:-1]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Return ``(N, None, D)``, or ``(N, None)`` if a step is one value; None stands for numbers of steps."""
        return (len(self), None, *self.values.shape[1:])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.values[start:stop] for start, stop in pairwise(self.offsets.tolist()))

    def __contains__(self, value):
        return self.count(value) > 0

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):
            key = key_of_sequences(key)
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            return self._span(start, max(start, stop)) if step == 1 else self._take(np.arange(start, stop, step))
        if np.ndim(key) == 0:
            i = indices_of([operator.index(key)], len(self))[0]
            return self.values[self.offsets[i] : self.offsets[i + 1]]
        return self._take(indices_of(key, len(self)))

    def _span(self, start, stop):
        offsets = self.offsets[start : stop + 1]
        return Sequences(self.values[offsets[0] : offsets[-1]], offsets - offsets[0], self.names)

    def _take(self, ids):
        lengths = self.lengths[ids]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[ids] - offsets[:-1], lengths)
        return Sequences(self.values[rows], offsets, self.names)

    def __eq__(self, other):
        if not isinstance(other, Sequences):
            return NotImplemented
        return np.array_equal(self.offsets, other.offsets) and np.array_equal(self.values, other.values)

    __hash__ = None

    def __array__(self, dtype=None, copy=None):
        # Without this method, NumPy would read single steps, and would stack sequences of equal length to one array.
        if dtype is not None and np.dtype(dtype) != object:
            problem = (
                f"={np.dtype(dtype)}: must be object, since sequences may differ in length; use .values or .to_padded()"
            )
            raise InputError("dtype", (), problem)
        return np.fromiter(self, dtype=object, count=len(self))

    def __repr__(self):
        lengths = self.lengths
        span = sorted({lengths.min(initial=lengths.max(initial=0)), lengths.max(initial=0)})
        columns = f", {self.values.shape[1]} columns" if self.values.ndim == 2 else ""
        steps = " to ".join(map(str, span))
        return f"Sequences({len(self)} sequences of {steps} steps{columns}, {self.values.dtype})"


collections.abc.Sequence.register(Sequences)


def _checked_names(names, values):
    known = None if isinstance(names, str) else names_of(names)
    if known is None or values.ndim != 2 or len(known) != values.shape[1]:
        expected = f"{values.shape[1]} str, one per column" if values.ndim == 2 else "None, since a step is one value"
        raise InputError("names", (), f"={shown(names)}: must be {expected}")
    return known


def _lengths_by_nan(X):
    counts = (X == X).any(axis=2) if X.ndim == 3 else X == X  # only NaN differs from itself
    last = X.shape[1] - np.argmax(counts[:, ::-1], axis=1) if X.shape[1] else np.zeros(len(X), np.int64)
    return np.where(counts.any(axis=1), last, 0)


def _mask(lengths, n_steps):
    return np.arange(n_steps) < lengths[:, None]
