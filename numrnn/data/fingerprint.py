"""What tells one data set from another, without reading all of it."""

import hashlib

import numpy as np

__all__ = ["fingerprint"]

BLOCKS = 64  # of an array that are looked at
BLOCK_BYTES = 1 << 12


def fingerprint(data, targets=None, given=None):
    """Describe sequences, their targets and weights, and the states they begin with.

    Parameters
    ----------
    data : Sequences, NextSymbols or Pairs
    targets : Targets, optional
    given : ndarray of shape (N, state_size), optional

    Returns
    -------
    marks : dict of str to int or str
        Numbers, and SHA-256 sums: of all lengths, and of 64 blocks of 4 KB of each array, the first and the last among
        them. So it takes some milliseconds, whatever the size of the data; a change between the blocks goes unnoticed.
        The buffer of shards is among them: it decides what is shuffled together. Of sequences on a card these blocks
        alone are copied to the host, so the marks are those of the same sequences there.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import Sequences
    >>> from numrnn.data.fingerprint import fingerprint
    >>> marks = fingerprint(Sequences.from_list([np.zeros((2, 1)), np.ones((3, 1))]))
    >>> marks["sequences"], marks["steps"], sorted(marks)
    (2, 5, ['lengths', 'sequences', 'steps', 'values'])
    """
    if hasattr(data, "source"):
        sides = {"source": data.source, "target": data.target}
        parts = {f"{side} {name}": mark for side in sides for name, mark in _of_sequences(sides[side]).items()}
    else:
        parts = _of_sequences(data)
    values, weights = (None, None) if targets is None else targets
    arrays = {"targets": values, "weights": weights, "states": given}
    return parts | {name: _of_array(array) for name, array in arrays.items() if array is not None}


def _of_sequences(data):
    lengths = np.ascontiguousarray(data.lengths, np.int64)
    marks = {
        "sequences": len(lengths),
        "steps": int(lengths.sum()),
        "lengths": hashlib.sha256(lengths).hexdigest(),
    }
    if not data.in_memory:
        steps = max(1, BLOCK_BYTES // data.step_bytes)
        return marks | {"values": _of_array(data.sample(BLOCKS, steps)), "buffer": data.buffer}
    return marks | {"values": _of_array(data.values, getattr(data, "copy_to_host", None))}


def _of_array(array, read=None):
    read = read or getattr(type(array), "copy_to_host", np.ascontiguousarray)
    digest = hashlib.sha256(repr((array.dtype.str, array.shape)).encode())
    rows = max(1, BLOCK_BYTES // max(1, array.itemsize * int(np.prod(array.shape[1:]))))
    starts = np.unique(np.linspace(0, max(0, len(array) - rows), BLOCKS).astype(np.int64))
    if len(array) <= rows * BLOCKS:
        starts, rows = [0], len(array)
    for start in starts:
        digest.update(read(array[start : start + rows]).tobytes())
    return digest.hexdigest()
