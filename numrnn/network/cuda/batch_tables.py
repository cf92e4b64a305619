"""Lay out mini-batches on the GPU, after one copy of all mini-batches of a call."""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cuda.rows import Rows, describe_rows
from numrnn.network.cuda.device import arrays, launch_each, upload

COLUMNS = 6  # columns of a sequence: length, target, key, start, id, whether it begins
BITS = 5  # leading bits that a number of rows keeps when it is rounded up: up to 1/16 more rows, 2 % on average


class DeviceBatch(NamedTuple):
    """Hold the sequences of a mini-batch, sorted by length; all arrays except `ids` are on the GPU."""

    ids: np.ndarray  # (N,): ids of the sequences; None if they are only on the GPU
    offsets: object  # (T + 1,) int64, or longer: first row of each step
    lengths: object  # (N,) int64
    targets: object  # (N,) int64: index of the target of a sequence, or of its first step; -1: none
    keys: object  # (N,) int64: keys of dropout masks
    starts: object  # (N,) int64: step in the data with which a sequence begins
    numbers: object  # (N,) int64: the ids of the sequences, on the GPU
    begins: object  # (N,) int64: 1 if the sequence begins, 0 if it continues
    rows: Rows

    @property
    def count(self):
        """Return N."""
        return len(self.lengths)

    @property
    def size(self):
        """Return R: the steps of all sequences and, in training, the few rows that `rounded` adds."""
        return len(self.rows.source)


class Table(NamedTuple):
    """Hold mini-batches, one after another, as words of 8 bytes: head, columns of sequences, first rows of steps."""

    words: np.ndarray  # int64
    places: np.ndarray  # (mini-batches + 1,): index of each mini-batch's first word
    ids: np.ndarray  # (n,): ids of the sequences, sorted by length within each mini-batch
    begins: np.ndarray  # (n,) bool: True if the sequence begins, False if it continues from a carried state
    counts: np.ndarray  # (mini-batches,): N, the number of sequences
    steps: np.ndarray  # (mini-batches,): number of steps of all sequences
    sizes: np.ndarray  # (mini-batches,): R, the rows of arrays in training


def rounded(counts, longest, steps):
    """Round up the numbers of rows of mini-batches, given their `counts` of sequences, `longest` lengths and `steps`.

    Sums of ragged lengths hardly ever recur, so no graph could be run again. Rounded up, they take few values: 16
    between a number and its double. Sums of equal lengths recur and are left unchanged.
    """
    unit = np.left_shift(1, np.maximum(0, np.frexp(steps)[1] - BITS), dtype=np.int64)
    return np.where(steps == counts * longest, steps, -(-steps // unit) * unit)


def tabulate(first, heads, ids, begins, lengths, starts, targets, keys):
    """Return the Table of mini-batches whose first sequences are `first` (mini-batches + 1,); arguments are int64.

    `heads` (mini-batches, words) are words that precede the columns of each mini-batch. The other arguments (n,)
    describe sequences: id, whether the sequence begins with the initial state, number of used steps, index of the first
    used step in the data, index of the target, and key of the dropout masks.
    """
    counts = np.diff(first)
    batch = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((-lengths, batch))
    lengths, ids = lengths[order], ids[order]
    begins = begins[order]
    columns = lengths, targets[order], keys[order], starts[order], ids, begins
    steps = lengths[first[:-1]]  # T, the length of the longest sequence of each mini-batch
    bases = np.concatenate([[0], np.cumsum(steps)])
    head = heads.shape[1]
    places = np.concatenate([[0], np.cumsum(head + COLUMNS * counts + steps + 1)])
    words = np.zeros(places[-1], np.int64)
    words[places[:-1, None] + np.arange(head)] = heads
    at = places[batch] + head + np.arange(len(ids)) - first[batch]
    for number, column in enumerate(columns):
        words[at + number * counts[batch]] = column
    # All sequences of a mini-batch take part in a step, except those that ended at an earlier step.
    ends = np.bincount(bases[batch] + lengths - 1, minlength=bases[-1])
    of_step = np.repeat(np.arange(len(counts)), steps)
    rows = np.cumsum(first[of_step + 1] - (np.cumsum(ends) - ends))
    sizes = np.diff(np.concatenate([[0], rows])[bases])
    before = np.cumsum(sizes) - sizes
    offsets = (places[:-1] + head + COLUMNS * counts + 1)[of_step] + np.arange(bases[-1]) - bases[of_step]
    words[offsets] = rows - before[of_step]
    return Table(words, places, ids, begins, counts, sizes, rounded(counts, steps, sizes))


def batch_in(words, head, count, rows, ids=None):
    """Return the mini-batch that is described by `words` on the GPU.

    The head has `head` words, `count` is N, and `describe` will fill in `rows`. `ids` (N,) are the sequences' ids on
    the host.
    """
    ends = head + count * np.arange(COLUMNS + 1)
    lengths, targets, keys, starts, numbers, begins = (
        words[end : end + count] for end in ends[:-1].tolist()
    )  # fmt: skip
    return DeviceBatch(ids, words[int(ends[-1]) :], lengths, targets, keys, starts, numbers, begins, rows)


def describe(batch):
    """Fill in the descriptions of a mini-batch's rows."""
    launch_each(
        describe_rows, batch.count, batch.offsets, batch.lengths, batch.starts, batch.targets, batch.keys, batch.rows
    )


def lay_out(ids, begins, lengths, starts, targets, keys):
    """Return one mini-batch as DeviceBatch; the parameters are those of `tabulate`."""
    table = tabulate(np.array([0, len(ids)]), np.zeros((1, 0), np.int64), ids, begins, lengths, starts, targets, keys)
    rows = Rows(*(arrays().empty(int(table.steps[0]), np.int64) for _ in Rows._fields))
    batch = batch_in(upload(table.words), 0, len(ids), rows, table.ids)
    describe(batch)
    return batch


class Uploads:
    """Keep copies of the host's arrays on the GPU, so that each is copied once; arrays must not change while in use."""

    def __init__(self):
        self._copies = {}

    def of(self, name, array):
        """Return the copy of an array, kept under a name; it replaces the copy of another array under this name."""
        known, copy = self._copies.get(name, (None, None))
        if known is not array:
            self._copies.pop(name, None)  # frees the old copy before memory is allocated
            copy = upload(array)
            self._copies[name] = array, copy
        return copy

    def __getstate__(self):
        return {"_copies": {}}
