"""Choose the sequences of mini-batches and their order, and keep in memory only the sequences of a window."""

import functools
from contextlib import closing
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from numrnn.data.random_streams import generator
from numrnn.data.shards.read_ahead import read_ahead
from numrnn.data.views import Held

# Buckets group sequences of similar length: within a bucket, lengths differ by at most a factor of sqrt(2).
BUCKETS_PER_OCTAVE = 2


class Batch(NamedTuple):
    """Describe a mini-batch by the indices of its sequences, `ids` (n,), int64, in the order of its tiles.

    Tile k is ids[k * tile_rows : (k + 1) * tile_rows], longest sequence first. In truncated BPTT, a mini-batch has only
    one chunk of each of its sequences, whose hidden states are carried to the next chunk.
    """

    ids: np.ndarray
    first: int = 0  # first step of the chunk
    steps: int | None = None  # largest number of steps of the chunk; None: whole sequences, no state is carried
    restarts: np.ndarray = np.zeros(0, np.int64)  # ids of sequences whose state is reset


@functools.lru_cache(maxsize=64)
def _deal(count):
    """Return an order of tiles, given longest first, so that both halves take about the same time.

    The same holds for the two halves of each half, and so on.
    """

    def deal(tiles):
        if len(tiles) < 3:
            return tiles
        half = (len(tiles) + 1) // 2
        left = sorted(tiles[0::4] + tiles[3::4])
        chosen = set(left)
        right = [tile for tile in tiles if tile not in chosen]
        while len(left) > half:
            right.append(left.pop())
        while len(left) < half:
            left.append(right.pop())
        return deal(left) + deal(sorted(right))

    return np.array(deal(list(range(count))), dtype=np.int64)


@functools.lru_cache(maxsize=64)
def _tile_order(count, tile_rows):
    """Return an order of sequences that are sorted by length: tiles of neighbours, in the order of `_deal`."""
    full = count // tile_rows
    tiles = np.arange(full * tile_rows).reshape(full, tile_rows)[_deal(full)]
    return np.concatenate([tiles.ravel(), np.arange(full * tile_rows, count)])


def longest_first(lengths):
    """Return the indices of all sequences, longest first."""
    return (-lengths).argsort(kind="stable")


def full_batch(lengths, tile_rows):
    """Return all sequences as one mini-batch."""
    return Batch(longest_first(lengths)[_tile_order(len(lengths), tile_rows)])


def epoch_batches(lengths, batch_size, *, shuffle, generator, tile_rows):
    """Return the mini-batches of one epoch as a list of `Batch`; each sequence is in exactly one mini-batch.

    Parameters
    ----------
    lengths : ndarray of shape (N,), int64
    batch_size : int
    shuffle : bool
        Whether to draw the sequences of a mini-batch at random from sequences of similar length, and to shuffle the
        mini-batches. If not, mini-batches consist of consecutive sequences and keep their order.
    generator : numpy.random.Generator
    tile_rows : int
        Number of sequences in a tile.
    """
    batch_size = int(batch_size)  # a small NumPy integer type would overflow
    count = -(-len(lengths) // batch_size)
    order = np.arange(len(lengths), dtype=np.int64)
    sizes = np.full(count, batch_size)
    short = count - 1
    if shuffle:
        order = generator.permutation(order)
        buckets = np.floor(BUCKETS_PER_OCTAVE * np.log2(lengths[order])).astype(np.int64)
        order = order[np.argsort(buckets, kind="stable")]
        short = generator.integers(count)  # otherwise, the smaller mini-batch would always have the longest sequences
    sizes[short] = len(lengths) - batch_size * (count - 1)
    # One sort for all mini-batches: separate sorts took a tenth of the time of an epoch of 2,000 short sequences.
    order = order[np.lexsort((-lengths[order], np.repeat(np.arange(count), sizes)))]
    ends = np.cumsum(sizes).tolist()  # numpy.split takes four times as long
    parts = [order[first:end] for first, end in pairwise([0, *ends])]
    batches = [Batch(ids[_tile_order(len(ids), tile_rows)]) for ids in parts]
    return [batches[i] for i in generator.permutation(count)] if shuffle else batches


def in_chunks(batches, lengths, steps, tile_rows):
    """Cut the sequences of mini-batches into chunks of `steps` steps.

    Each mini-batch becomes several consecutive mini-batches, one per chunk; sequences that have ended are left out.
    """
    return [
        _chunk(batch.ids, lengths, first, steps, tile_rows)
        for batch in batches
        for first in range(0, int(lengths[batch.ids].max()), steps)
    ]


def _chunk(ids, lengths, first, steps, tile_rows):
    left = np.minimum(lengths[ids] - first, steps)
    if left.min() == steps:
        return Batch(ids, first, steps)
    ids, left = ids[left > 0], left[left > 0]
    ids = ids[longest_first(left)]
    return Batch(ids[_tile_order(len(ids), tile_rows)], first, steps)


def with_restarts(batches, rate, generator):
    """Return mini-batches in which chunks after the first of a sequence restart with probability `rate`.

    A chunk that restarts begins with the initial state instead of the state after the previous chunk.
    """
    return [
        batch._replace(restarts=batch.ids[generator.random(len(batch.ids)) < rate]) if batch.first else batch
        for batch in batches
    ]


class Rows:
    """Concatenate the sequences of all mini-batches.

    Attributes
    ----------
    ids, lengths : ndarray of shape (n,), int64
        Index of the sequence of each row, and its number of steps in the row's mini-batch.
    skipped : ndarray of shape (n,), int64
        Number of steps of the sequence in earlier chunks.
    begins : ndarray of shape (n,), bool
        Whether the row begins with the initial state: at the first step of the sequence, and where it restarts.
    first : ndarray of shape (batches + 1,), int64
        Index of the first row of each mini-batch.
    carried : bool
        Whether hidden states are carried from one mini-batch to the next.
    """

    def __init__(self, batches, lengths):
        sizes = [len(batch.ids) for batch in batches]
        self.ids, self.first = np.concatenate([batch.ids for batch in batches]), np.cumsum([0, *sizes])
        self.carried = any(batch.steps is not None for batch in batches)
        if self.carried:
            longest = [np.iinfo(np.int64).max if batch.steps is None else batch.steps for batch in batches]
            self.skipped = np.repeat([batch.first for batch in batches], sizes)
            self.lengths = np.minimum(lengths[self.ids] - self.skipped, np.repeat(longest, sizes))
            anew = [np.isin(batch.ids, batch.restarts) for batch in batches]
            self.begins = (self.skipped == 0) | np.concatenate(anew)
        else:
            self.skipped, self.lengths = np.zeros(len(self.ids), np.int64), lengths[self.ids]
            self.begins = self.skipped == 0

    @classmethod
    def of_all(cls, lengths):
        """Return all sequences, undivided and in the given order, as one mini-batch."""
        rows = cls.__new__(cls)
        rows.ids, rows.first, rows.carried = np.arange(len(lengths)), np.array([0, len(lengths)]), False
        rows.skipped, rows.lengths = np.zeros(len(lengths), np.int64), lengths
        rows.begins = rows.skipped == 0
        return rows


def epoch_windows(data, batch_size, bptt_steps=None, *, shuffle, key, tile_rows, restart_rate=0.0):
    """Return the mini-batches of one epoch as one list per window; each sequence is in exactly one window.

    Parameters
    ----------
    data : SequenceSource
        Data in memory form one window. Windows of data in files are as large as their buffer allows; they consist of
        whole shards in random order or, without `shuffle`, of consecutive mini-batches.
    batch_size : int
    bptt_steps : int or None
        Number of steps of a chunk (see `in_chunks`); None means whole sequences.
    shuffle : bool
    key : tuple (seed, epoch)
        Key of the random order.
    tile_rows : int
        Number of sequences in a tile.
    restart_rate : float, default=0.0
        Probability that a sequence begins a chunk with the initial state instead of the state after the previous chunk.
    """
    lengths, in_files = data.lengths, not data.in_memory
    windows = []
    for n, ids in enumerate(data.windows(generator(key[0], "shards", key[1])) if in_files and shuffle else [None]):
        shuffler = generator(key[0], "shuffle", key[1], n)
        known = lengths if ids is None else lengths[ids]
        batches = epoch_batches(known, batch_size, shuffle=shuffle, generator=shuffler, tile_rows=tile_rows)
        windows.append(batches if ids is None else [Batch(ids[batch.ids]) for batch in batches])
    if in_files and not shuffle:
        windows = _cut(windows[0], lengths, data.buffer // data.step_bytes)
    if bptt_steps is not None:
        windows = [in_chunks(batches, lengths, bptt_steps, tile_rows) for batches in windows]
    if restart_rate:
        places = generator(key[0], "restarts", key[1])
        windows = [with_restarts(batches, restart_rate, places) for batches in windows]
    return windows


def _cut(batches, lengths, most_steps):
    """Group consecutive mini-batches into windows of at most `most_steps` steps, or of a single larger mini-batch."""
    windows, steps = [], most_steps
    for batch in batches:
        more = int(lengths[batch.ids].sum())
        if steps + more > most_steps:
            windows.append([])
            steps = 0
        windows[-1].append(batch)
        steps += more
    return windows


class WindowReader:
    """Keep the sequences of a window in memory while a thread reads the next window.

    Parameters
    ----------
    data : SequenceSource
        Sequences to read; sequences in memory are passed on unchanged.
    network : Network or None, default=None
        Network whose method `reads` selects the sequences of a mini-batch that this process trains on; None selects
        all.
    """

    def __init__(self, data, network=None):
        self._data, self._network, self._held, self._spare = data, network, None, []

    def read(self, windows, done=0):
        """Yield data and mini-batches of each window; the caller must close the generator.

        The first `done` mini-batches are left out. If a file cannot be read or holds invalid data, a ValueError or
        OSError names the file.
        """
        windows = _left(windows, done)
        if self._data.in_memory:
            yield from ((self._data, batches) for batches in windows)
            return
        kept, self._held = self._held, None
        holds = (partial(self._hold, batches, None if n else kept) for n, batches in enumerate(windows))
        with closing(read_ahead(holds)) as held_windows:
            for n, batches in enumerate(windows):
                held = next(held_windows)
                yield held, batches
                if n < len(windows) - 1:
                    self._spare.append(held.release())
            self._held = held

    def _read_of(self, batch):
        return batch.ids if self._network is None else self._network.reads(batch, self._data.lengths)

    def _hold(self, batches, kept, stopped):
        ids = np.unique(np.concatenate([self._read_of(batch) for batch in batches]))
        # `kept` is the last window of the previous epoch. It may be the first window of this epoch too, and always is
        # if all data fit into one window.
        if kept is not None:
            if kept.holds(ids):
                return kept
            self._spare.append(kept.release())
        return Held(self._data, ids, *self._data.gather(ids, self._room(ids), stopped))

    def _room(self, ids):
        """Return the memory of an earlier window, or new memory.

        Windows use two arrays in turn, since new arrays would cost time: the operating system needs as long to clear
        memory as to read a cached file.
        """
        steps, row = int(self._data.lengths[ids].sum()), self._data.step_bytes
        if self._spare and len(self._spare[-1]) >= steps:
            return self._spare.pop()
        self._spare.clear()
        steps = max(steps, min(self._data.buffer // row, int(self._data.offsets[-1])))
        return np.empty((steps, *self._data.shape[2:]), self._data.dtype)


def _left(windows, done):
    left = []
    for batches in windows:
        if done < len(batches):
            left.append(batches[done:])
        done = max(0, done - len(batches))
    return left
