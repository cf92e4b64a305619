"""Data on the card, and how a mini-batch lies there; see `numrnn.kernels.cuda.walk`."""

from typing import NamedTuple

import numpy as np

from numrnn.data.batches import longest_first
from numrnn.gpu.device import arrays, launch_each, upload
from numrnn.kernels.cuda.rows import Rows, describe_rows


class DeviceBatch(NamedTuple):
    """The sequences of a mini-batch, sorted by length; arrays are on the card but for the first two."""

    ids: np.ndarray  # (N,) of the sequences
    begins: np.ndarray  # (N,) bool: the sequence begins, rather than goes on
    offsets: object  # (T + 1,) int64: the first row of a step
    lengths: object  # (N,) int64
    targets: object  # (N,) int64: the target of a sequence, or of its first step; -1: none
    keys: object  # (N,) int64: of dropout masks
    rows: Rows

    @property
    def size(self):
        """R, the steps of all sequences."""
        return len(self.rows.source)


def lay_out(ids, skipped, lengths, starts, targets, keys):
    """Lay out a mini-batch.

    Parameters
    ----------
    ids, skipped, lengths, starts, targets, keys : ndarray of shape (N,), int64
        Of its sequences: numbers, steps before those that count, steps that count, the first one's place in the data,
        the place of its target, keys of dropout masks.

    Returns
    -------
    DeviceBatch
    """
    order = longest_first(lengths)
    lengths = lengths[order]
    active = len(lengths) - np.searchsorted(lengths[::-1], np.arange(lengths[0]), side="right")
    offsets = np.concatenate([[0], np.cumsum(active)])
    parts = offsets, lengths, targets[order], keys[order], starts[order]
    joined = upload(np.concatenate(parts))  # one copy
    ends = np.cumsum([len(part) for part in parts])
    offsets_, lengths_, targets_, keys_, starts_ = (
        joined[end - len(part) : end] for part, end in zip(parts, ends, strict=True)
    )
    rows = Rows(*(arrays().empty(int(offsets[-1]), np.int64) for _ in Rows._fields))
    launch_each(describe_rows, len(lengths), offsets_, lengths_, starts_, targets_, keys_, rows)
    return DeviceBatch(ids[order], skipped[order] == 0, offsets_, lengths_, targets_, keys_, rows)


class Uploads:
    """Copies of the host's arrays, each made once; an array must not change while it is used."""

    def __init__(self):
        self._copies = {}

    def of(self, name, array):
        """The copy of an array under a name; another array takes the place of the one before."""
        known, copy = self._copies.get(name, (None, None))
        if known is not array:
            self._copies.pop(name, None)  # before memory is asked for
            copy = upload(array)
            self._copies[name] = array, copy
        return copy

    def __getstate__(self):
        return {"_copies": {}}
