"""An epoch's mini-batches in windows: the sequences of one are in memory while those of the next are read."""

from contextlib import closing
from functools import partial

import numpy as np

from numrnn.data.batches import Batch, epoch_batches, in_chunks
from numrnn.data.random_streams import generator
from numrnn.data.shards.read_ahead import read_ahead
from numrnn.data.views import Held

__all__ = ["WindowReader", "epoch_windows"]


def epoch_windows(data, batch_size, bptt_steps=None, *, shuffle, key, tile_rows):
    """The mini-batches of one epoch, a list of them for each window; each sequence is in exactly one.

    Parameters
    ----------
    data : Sequences
        Data in memory are one window. Shards are shuffled, and as many as fill a window together.
    batch_size : int
    bptt_steps : int or None
        Cut mini-batches into chunks of so many steps, see `in_chunks`.
    shuffle : bool
    key : tuple (seed, epoch)
        The order depends on nothing else.
    tile_rows : int
        Sequences in a tile.

    Returns
    -------
    windows : list of list of Batch
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
    return windows


def _cut(batches, lengths, most_steps):
    """Windows of mini-batches that follow one another, of so many steps at most, or of one mini-batch."""
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
    """Has the sequences of a window in memory; a thread reads those of the next.

    Parameters
    ----------
    data : Sequences
        Where they are in memory already, they are handed on.
    network : Network or None, default=None
        Its method `reads` tells the sequences of a mini-batch that this process works on; None: all.
    """

    def __init__(self, data, network=None):
        self._data, self._network, self._held, self._spare = data, network, None, []

    def read(self, windows, done=0):
        """Yield each window's data and mini-batches, but for the first `done` mini-batches. To be closed.

        Raises
        ------
        ValueError, OSError
            If a file cannot be read or holds what is no data, naming it.
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
        # One epoch's last window may be the next one's first: of data that fit into one window it always is.
        if kept is not None:
            if kept.holds(ids):
                return kept
            self._spare.append(kept.release())
        return Held(self._data, ids, *self._data.gather(ids, self._room(ids), stopped))

    def _room(self, ids):
        """Memory of a window that is done with, or new: that of two windows takes turns, for the system needs as long
        to clear new memory as to read a file that it knows.
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
