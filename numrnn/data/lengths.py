"""Numbers of steps and offsets, compared with the steps there are: kernels believe them."""

import numpy as np

from numrnn.data.stacking import check_plain


def checked_offsets(offsets, values):
    """Return a read-only copy of offsets, int64, that are known to lie within the steps of values."""
    check_plain(offsets, "offsets")
    offsets = np.asarray(offsets)
    if values.ndim not in (1, 2):
        raise ValueError(f"values must have the shape (steps, columns) or (steps,), got {values.shape}")
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or len(offsets) == 0:
        raise ValueError(f"offsets must be integers of shape (N + 1,), got {offsets.dtype} of shape {offsets.shape}")
    if offsets[0] != 0 or offsets[-1] != len(values):
        raise ValueError(f"offsets must go from 0 to {len(values)} (steps), got {offsets[0]} to {offsets[-1]}")
    falls = np.flatnonzero(offsets[1:] < offsets[:-1])  # differences could wrap
    if falls.size:
        raise ValueError(f"offsets must not fall, sequence {falls[0]} goes from {offsets[falls[0]]} down")
    offsets = offsets.astype(np.int64)
    offsets.flags.writeable = False
    return offsets


def checked_lengths(lengths, n_steps, name="lengths", least=0):
    """Return numbers of steps that are known to fit the steps there are, before anything is added up.

    Parameters
    ----------
    lengths : array-like of shape (N,)
        Integers of any type.
    n_steps : int
        Steps of all sequences.
    name : str
        What errors call the lengths.
    least : int
        Steps that a sequence needs.

    Returns
    -------
    lengths : ndarray of shape (N,), int64

    Raises
    ------
    ValueError
        If they are no integers, one is less than `least` or more than `n_steps`, or they do not add up to `n_steps`.

    Examples
    --------
    >>> from numrnn.data.lengths import checked_lengths
    >>> checked_lengths([2, 3], 5)
    array([2, 3])
    """
    lengths = checked_each(lengths, n_steps, name, least)
    ends = np.cumsum(lengths)  # where the first sum wraps, the one before is too large already
    if (ends > n_steps).any() or (ends[-1] if ends.size else 0) != n_steps:
        raise ValueError(f"{name} add up to {sum(lengths.tolist())} steps, values hold {n_steps}")
    return lengths


def checked_each(lengths, most, name, least):
    """Return lengths as int64, each of which is from `least` to `most`."""
    check_plain(lengths, name)
    lengths = np.asarray(lengths)
    if lengths.size == 0:
        return np.zeros(0, np.int64)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers of shape (N,), got {lengths.dtype} of shape {lengths.shape}")
    limits = (lengths < least, f"at least {least}"), (lengths > most, f"at most {most}, the steps there are")
    for wrong, expected in limits:
        if wrong.any():
            raise ValueError(f"{name}[{wrong.argmax()}]={lengths[wrong.argmax()]}: must be {expected}")
    return lengths.astype(np.int64)
