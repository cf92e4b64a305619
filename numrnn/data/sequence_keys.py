"""Which sequences a key chooses."""

import numpy as np

__all__ = ["indices_of", "key_of_sequences"]


def key_of_sequences(key):
    """Return the part of a tuple that chooses sequences; the others may choose all of each alone."""
    rest = [part for part in key[1:] if not (part is Ellipsis or part == slice(None))]
    if not key or rest:
        raise IndexError(f"Sequences are indexed by sequence alone, got the key {key}; index .values or a sequence")
    return key[0]


def indices_of(key, n_sequences):
    """Return a mask, or integers that may count from the end, as integers from 0.

    Examples
    --------
    >>> from numrnn.data.sequence_keys import indices_of
    >>> indices_of([-1, 0], 3)
    array([2, 0])
    """
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
