"""Copy the steps of mini-batches to the GPU: all at once, or alternately through two buffers."""

from typing import NamedTuple

import numpy as np

from numrnn.network.cuda.device import (
    arrays,
    copy_to_card,
    current_stream,
    free_bytes,
    new_event,
    new_stream,
    pinned,
    upload,
)
from numrnn.network.cuda.device_sequences import CardSymbols

SHARE = 0.5  # fraction of the GPU's free bytes that a copy of all sequences may take; mini-batches need the rest


class Sources:
    """Keep copies of training sequences on the GPU between calls.

    A copy is identified by the host's array object, so an array must not change while a network trains on it. Data that
    are read in windows (`numrnn.data.views.Held`) must have a new array object for each window.
    """

    def __init__(self):
        self._array = self._copy = self._buffers = None

    def feed(self, data, rows):
        """Return the steps of mini-batches that are read more than once, as Resident or Streamed."""
        values, starts = data.gather(rows.ids)
        starts = starts + rows.skipped
        array = _array_on_card(data, values)
        if array is not None:
            return Resident(array, starts)
        if self._array is not values:
            self._array = self._copy = None  # frees the old copy before memory is allocated
            if not _is_part(data) and _fits(values):
                self._array, self._copy = values, upload(values)
        if self._copy is not None:
            return Resident(self._copy, starts)
        most = int(np.add.reduceat(rows.lengths, rows.first[:-1]).max())
        known = self._buffers
        if known is None or known.rows < most or (known.columns, known.dtype) != (values.shape[1:], values.dtype):
            self._buffers = None
            self._buffers = Buffers(most, values.shape[1:], values.dtype)
        return Streamed(values, starts, rows.lengths, self._buffers)

    def __getstate__(self):
        return {"_array": None, "_copy": None, "_buffers": None}


def read_groups(data, groups):
    """Yield (ids, values, starts) for each group of ids of sequences that are read once.

    values and starts are those that `Resident.read` returns; they are valid until the next group is requested.
    """
    feed, end = _feed_once(data, groups), 0
    for ids in groups:
        end += len(ids)
        yield ids, *feed.read(slice(end - len(ids), end))
        feed.done()


def _feed_once(data, groups):
    ids = np.concatenate(groups)
    values, starts = data.gather(ids)
    array = _array_on_card(data, values)
    if array is not None:
        return Resident(array, starts)
    lengths = data.lengths[ids]
    # Copying all data does not pay if less than half of the steps are read.
    if 2 * int(lengths.sum()) >= len(values) and _fits(values):
        return Resident(upload(values), starts)
    most = max(int(data.lengths[group].sum()) for group in groups)
    return Streamed(values, starts, lengths, Buffers(most, values.shape[1:], values.dtype))


class Resident:
    """Provide sequences that are all on the GPU.

    `values` is (steps, D), or (steps,) of symbols; `starts` (n,) are the first steps of the sequences of all
    mini-batches.
    """

    def __init__(self, values, starts):
        self._values, self._starts = values, starts

    def starts_of(self, first):
        """Return the index of each sequence's first step in the array that `read` returns for its mini-batch.

        `first` (mini-batches + 1,) is the first sequence of each mini-batch.
        """
        return self._starts

    def read(self, part):
        """Return an array on the GPU, (steps, D) or (steps,), and the indices of a mini-batch's sequences in it.

        The index of a sequence is that of its first step.

        `part` is the mini-batch's slice of the sequences of all mini-batches; mini-batches must be read in order.
        """
        return self._values, self._starts[part]

    def done(self):
        """Report that all work that reads these values has been started, so another mini-batch may be copied."""


class Streamed:
    """Provide sequences that are on the host, one mini-batch at a time, with the interface of `Resident`.

    `starts` and `lengths` (n,) are the first steps and the numbers of steps of the sequences of all mini-batches.
    """

    def __init__(self, values, starts, lengths, buffers):
        self._values, self._starts, self._lengths, self._buffers = values, starts, lengths, buffers
        self.done = buffers.done

    def starts_of(self, first):
        """Return the index of each sequence's first step; see `Resident.starts_of`."""
        starts = np.cumsum(self._lengths) - self._lengths
        return starts - np.repeat(starts[first[:-1]], np.diff(first))

    def read(self, part):
        """Return values and starts, see `Resident.read`; `done` must be called before the next call."""
        lengths = self._lengths[part]
        ends = np.cumsum(lengths)
        starts = ends - lengths
        places = np.arange(ends[-1]) + np.repeat(self._starts[part] - starts, lengths)
        # With another mode than "clip", NumPy would first write to a buffer of its own.
        card = self._buffers.bring(
            int(ends[-1]), lambda host: np.take(self._values, places, axis=0, out=host, mode="clip")
        )
        return card, starts


def _array_on_card(data, values):
    """Return the array of values that are already on the GPU, or None if they are on the host."""
    if isinstance(values, CardSymbols):
        return values.array
    return values if data.on_card else None


def _is_part(data):
    """Return True if data are one window of a larger data set.

    Each mini-batch of a window is read once. A copy of the whole window would therefore not be used twice, while
    buffers copy one mini-batch during the work on the previous one.
    """
    return data.is_part


def _fits(values):
    return values.nbytes <= SHARE * free_bytes()


class Buffer(NamedTuple):
    """Hold room for rows on the host and on the GPU, to which they are copied."""

    host: object  # array on the host, in page-locked memory
    card: object  # array on the GPU
    copied: object  # event: `host` has been copied to `card`
    read: object  # event: the work that reads `card` is done


class Buffers:
    """Copy rows of the shape `columns` to the GPU, alternately through two buffers of up to `rows` rows.

    The stream of work waits for a copy, and a copy waits for the work that reads the rows which it overwrites. The host
    waits only if it would overwrite rows that have not been copied yet.
    """

    def __init__(self, rows, columns, dtype):
        self.rows, self.columns, self.dtype = rows, columns, dtype
        self._stream, self._two, self._turn = new_stream(), [None, None], 0

    def bring(self, rows, write):
        """Copy rows to the GPU; `write` fills an array (rows, *columns) of the host.

        Returns the whole buffer, since graphs depend on its shape; its first `rows` rows are the new ones. `done` must
        be called before the next call of `bring`, and the rows stay valid until the call after that.
        """
        self._turn = turn = 1 - self._turn
        self._two[turn] = buffer = self._two[turn] or self._make()
        host = buffer.host[:rows]
        buffer.copied.synchronize()
        write(host)
        self._stream.wait_event(buffer.read)
        copy_to_card(host, buffer.card[:rows], self._stream)
        buffer.copied.record(self._stream)
        current_stream().wait_event(buffer.copied)
        return buffer.card

    def done(self):
        """Report that all work that reads the rows of the last `bring` has been started."""
        self._two[self._turn].read.record(current_stream())

    def _make(self):
        shape = self.rows, *self.columns
        with self._stream:  # only allocations on this stream reuse the memory when it is freed
            card = arrays().empty(shape, self.dtype)
        return Buffer(pinned(shape, self.dtype), card, new_event(), new_event())
