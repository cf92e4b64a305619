"""Sequences of files that are in memory for a while."""

import numpy as np

__all__ = ["Held"]


class Held:
    """Sequences of which some are in memory; all keep their numbers.

    Parameters
    ----------
    whole : ShardedSequences
    ids : ndarray, int64
        Those in memory, ascending.
    values, starts : ndarray
        As `ShardedSequences.gather` returned them.

    Attributes
    ----------
    is_part : bool
        Whether others are not in memory: these will make room for them.
    """

    def __init__(self, whole, ids, values, starts):
        self.lengths, self.offsets, self._ids = whole.lengths, whole.offsets, ids
        self.is_part = len(ids) < len(whole)
        self._memory, self._starts = values, starts
        # An array object of its own, though memory is used again: by it whoever keeps copies tells windows apart.
        self._values = values[: int(whole.lengths[ids].sum())]

    def gather(self, ids, out=None):
        """As `Sequences.gather`, of sequences that are in memory."""
        return self._values, self._starts[np.searchsorted(self._ids, ids)]

    def holds(self, ids):
        """Return whether these are the sequences in memory."""
        return np.array_equal(self._ids, ids)

    def release(self):
        """Give the memory back: whoever knows this object may not use it any more."""
        memory, self._memory, self._values = self._memory, None, None
        return memory

    def __len__(self):
        return len(self.lengths)
