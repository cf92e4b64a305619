"""Compute marks by which data sets can be compared without reading all their values."""

import hashlib

import numpy as np

__all__ = ["fingerprint"]

BLOCKS = 64  # number of blocks of an array that are read
BLOCK_BYTES = 1 << 12


def fingerprint(data, targets=None, given=None):
    """Return numbers and checksums, as a dict, by which sequences, targets, weights and states can be compared.

    Parameters
    ----------
    data : Sequences, NextSymbols or Pairs
    targets : Targets, optional
    given : ndarray of shape (N, state_size), optional
        Initial states of the sequences.

    Notes
    -----
    A checksum covers all lengths, and 64 blocks of 4 KB of each array, including the first and the last rows. This
    takes a few milliseconds for data of any size; changes between the blocks are not detected. For shards, the dict
    includes the size of their buffer, which determines which sequences are shuffled together. For arrays on a GPU, only
    the blocks are copied to the host, and the result is the same as for arrays on the host.
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
