"""How mini-batches lie on the card; see `numrnn.kernels.cuda.row_order`. Those of a call come there in one copy."""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cuda.rows import Rows, describe_rows
from numrnn.network.cuda.device import arrays, launch_each, upload

COLUMNS = 6  # of a sequence: length, target, key, start, id, whether it begins
BITS = 5  # of numbers of rows that are kept where lengths differ: up to 1/16 more rows, 2 % on average


class DeviceBatch(NamedTuple):
    """The sequences of a mini-batch, sorted by length; arrays are on the card but for the first."""

    ids: np.ndarray  # (N,) of the sequences; None where only the card knows them
    offsets: object  # (T + 1,) int64, or more: the first row of a step
    lengths: object  # (N,) int64
    targets: object  # (N,) int64: the target of a sequence, or of its first step; -1: none
    keys: object  # (N,) int64: of dropout masks
    starts: object  # (N,) int64: where a sequence begins in the data
    numbers: object  # (N,) int64: the ids
    begins: object  # (N,) int64: 1 if the sequence begins, 0 if it goes on
    rows: Rows

    @property
    def count(self):
        """N."""
        return len(self.lengths)

    @property
    def size(self):
        """R: the steps of all sequences, and in training the few rows after them that `rounded` adds."""
        return len(self.rows.source)


class Table(NamedTuple):
    """Mini-batches one after the other in words of 8 bytes: head, columns of sequences, offsets of steps."""

    words: np.ndarray  # int64
    places: np.ndarray  # (mini-batches + 1,): where one begins
    ids: np.ndarray  # (n,) of the sequences, those of each mini-batch sorted by length
    begins: np.ndarray  # (n,) bool: the sequence begins, rather than goes on
    counts: np.ndarray  # (mini-batches,): N
    steps: np.ndarray  # (mini-batches,): of all sequences
    sizes: np.ndarray  # (mini-batches,): R, the rows of arrays in training


def rounded(counts, longest, steps):
    """Round up the numbers of rows of mini-batches, so that ragged ones, whose sums of lengths hardly ever recur, have
    few shapes: 16 an octave. Those of sequences of one length recur, and stay.

    Parameters
    ----------
    counts, longest, steps : ndarray of shape (mini-batches,), int64
        Of sequences: their number, the longest one's length, the sum of all lengths.

    Returns
    -------
    ndarray of shape (mini-batches,), int64

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn.network.cuda.batch_tables import rounded
    >>> rounded(np.array([32, 32, 32]), np.array([100, 100, 99]), np.array([1601, 1660, 32 * 99]))
    array([1664, 1664, 3168])
    """
    unit = np.left_shift(1, np.maximum(0, np.frexp(steps)[1] - BITS), dtype=np.int64)
    return np.where(steps == counts * longest, steps, -(-steps // unit) * unit)


def tabulate(first, heads, ids, skipped, lengths, starts, targets, keys):
    """Lay out mini-batches.

    Parameters
    ----------
    first : ndarray of shape (mini-batches + 1,), int64
        The first sequence of each.
    heads : ndarray of shape (mini-batches, words), int64
        What else is to be known of one.
    ids, skipped, lengths, starts, targets, keys : ndarray of shape (n,), int64
        Of sequences: numbers, steps before those that count, steps that count, the first one's place in the data, the
        place of its target, keys of dropout masks.

    Returns
    -------
    Table

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn.network.cuda.batch_tables import tabulate
    >>> first, heads, none = np.array([0, 2, 3]), np.array([[7], [8]]), np.zeros(3, np.int64)
    >>> table = tabulate(first, heads, np.arange(3), none, np.array([1, 2, 1]), none, none, none)
    >>> second = table.places[1]
    >>> table.words[[0, second]], table.words[second - 3 : second]
    (array([7, 8]), array([0, 2, 3]))
    """
    counts = np.diff(first)
    batch = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((-lengths, batch))
    lengths, ids = lengths[order], ids[order]
    begins = skipped[order] == 0
    columns = lengths, targets[order], keys[order], starts[order], ids, begins
    steps = lengths[first[:-1]]  # T, the length of the longest
    bases = np.concatenate([[0], np.cumsum(steps)])
    head = heads.shape[1]
    places = np.concatenate([[0], np.cumsum(head + COLUMNS * counts + steps + 1)])
    words = np.zeros(places[-1], np.int64)
    words[places[:-1, None] + np.arange(head)] = heads
    at = places[batch] + head + np.arange(len(ids)) - first[batch]
    for number, column in enumerate(columns):
        words[at + number * counts[batch]] = column
    # A step is taken by all sequences of its mini-batch but for those that ended in an earlier one.
    ends = np.bincount(bases[batch] + lengths - 1, minlength=bases[-1])
    of_step = np.repeat(np.arange(len(counts)), steps)
    rows = np.cumsum(first[of_step + 1] - (np.cumsum(ends) - ends))
    sizes = np.diff(np.concatenate([[0], rows])[bases])
    before = np.cumsum(sizes) - sizes
    offsets = (places[:-1] + head + COLUMNS * counts + 1)[of_step] + np.arange(bases[-1]) - bases[of_step]
    words[offsets] = rows - before[of_step]
    return Table(words, places, ids, begins, counts, sizes, rounded(counts, steps, sizes))


def batch_in(words, head, count, rows, ids=None):
    """The mini-batch that begins with the first of some words on the card.

    Parameters
    ----------
    words : device array, int64
    head, count : int
        Words of the head, and N.
    rows : Rows
        Filled in by `describe`.
    ids : ndarray of shape (N,), optional
        Of the sequences, for the host.
    """
    ends = head + count * np.arange(COLUMNS + 1)
    lengths, targets, keys, starts, numbers, begins = (
        words[end : end + count] for end in ends[:-1].tolist()
    )  # fmt: skip
    return DeviceBatch(ids, words[int(ends[-1]) :], lengths, targets, keys, starts, numbers, begins, rows)


def describe(batch):
    """Fill in what the rows of a mini-batch are."""
    launch_each(
        describe_rows, batch.count, batch.offsets, batch.lengths, batch.starts, batch.targets, batch.keys, batch.rows
    )


def lay_out(ids, skipped, lengths, starts, targets, keys):
    """Lay out one mini-batch; parameters as of `tabulate`.

    Returns
    -------
    DeviceBatch
    """
    table = tabulate(np.array([0, len(ids)]), np.zeros((1, 0), np.int64), ids, skipped, lengths, starts, targets, keys)
    rows = Rows(*(arrays().empty(int(table.steps[0]), np.int64) for _ in Rows._fields))
    batch = batch_in(upload(table.words), 0, len(ids), rows, table.ids)
    describe(batch)
    return batch


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
