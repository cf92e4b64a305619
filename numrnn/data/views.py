"""Represent sequences from files, some of which are temporarily in memory."""

import numpy as np

from numrnn.data.sources import SequenceSource

__all__ = ["Held", "indices_of", "key_of_sequences"]


class Held(SequenceSource):
    """Represent all sequences of a data set, of which some are in memory; the indices are those of the data set.

    Parameters
    ----------
    whole : ShardedSequences
    ids : ndarray, int64
        Indices of the sequences in memory, in ascending order.
    values, starts : ndarray
        Result of `ShardedSequences.gather`.

    Attributes
    ----------
    is_part : bool
        Whether some sequences are not in memory.
    """

    def __init__(self, whole, ids, values, starts):
        self.lengths, self.offsets, self._ids = whole.lengths, whole.offsets, ids
        self.is_part = len(ids) < len(whole)
        self._memory, self._starts = values, starts
        # Windows reuse memory, but each has an array object of its own. Caches that hold copies of arrays, for example
        # on a GPU, recognise a window by this object.
        self._values = values[: int(whole.lengths[ids].sum())]

    def gather(self, ids, out=None):
        return self._values, self._starts[np.searchsorted(self._ids, ids)]

    def holds(self, ids):
        """Return whether the sequences in memory are those with the indices `ids`."""
        return np.array_equal(self._ids, ids)

    def release(self):
        """Return the memory for reuse; this object must not be used afterwards."""
        memory, self._memory, self._values = self._memory, None, None
        return memory

    def choose(self, ids):
        """Raise an error, since the window changes."""
        raise TypeError("a window of shards cannot be subset; read its sequences in mini-batches")

    def __len__(self):
        return len(self.lengths)


def key_of_sequences(key):
    """Return the part of a tuple index that selects sequences; all other parts must be full slices."""
    rest = [part for part in key[1:] if not (part is Ellipsis or part == slice(None))]
    if not key or rest:
        fault = f"Sequences have a single index, which selects sequences, got the key {key}"
        raise IndexError(f"{fault}; to select steps or columns, index .values or one of the sequences")
    return key[0]


def indices_of(key, n_sequences):
    """Convert a mask, or integers that may be negative, to non-negative indices."""
    key = np.asarray(key)
    if key.dtype == bool:
        if key.shape != (n_sequences,):
            raise IndexError(f"the mask has shape {key.shape}, expected ({n_sequences},)")
        return np.flatnonzero(key)
    if key.size == 0:
        return np.zeros(0, np.int64)
    if key.ndim != 1 or key.dtype.kind not in "iu":
        raise IndexError(f"sequences are chosen by integers or a mask of shape (n,), got {key.dtype} of {key.shape}")
    key = key.astype(np.int64, copy=False)
    outside = (key < -n_sequences) | (key >= n_sequences)
    if outside.any():
        raise IndexError(f"sequence {key[outside][0]} is out of range for {n_sequences} sequences")
    return np.where(key < 0, key + n_sequences, key)
