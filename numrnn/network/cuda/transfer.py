"""How the steps of mini-batches come to the card: from one copy of all, by two buffers, or they lie there already."""

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

SHARE = 0.5  # of the card's free bytes that a copy of all sequences may take: mini-batches need the rest


class Sources:
    """What a network keeps on the card of the sequences that it trains on, from call to call.

    A copy is known by the host's array that it is of; so an array must not change while a network trains on it, and
    data that come in windows (`numrnn.data.views.Held`) have an array object for each.
    """

    def __init__(self):
        self._array = self._copy = self._buffers = None

    def feed(self, data, rows):
        """Steps of mini-batches of which all are trained on again and again.

        Parameters
        ----------
        data : Sequences, or what has its `gather`
        rows : Rows
            The mini-batches.

        Returns
        -------
        Resident or Streamed
        """
        values, starts = data.gather(rows.ids)
        starts = starts + rows.skipped
        array = _array_on_card(data, values)
        if array is not None:
            return Resident(array, starts)
        if self._array is not values:
            self._array = self._copy = None  # before memory is asked for
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
    """Yield sequences that are read once, group by group.

    Parameters
    ----------
    data : Sequences, or what has its `gather`
    groups : list of ndarray of int64
        Sequences that are read together.

    Yields
    ------
    ids : ndarray of int64
        A group.
    values, starts
        As `Resident.read` returns them; until the next group is asked for.
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
    # Some sequences of many need no copy of all.
    if 2 * int(lengths.sum()) >= len(values) and _fits(values):
        return Resident(upload(values), starts)
    most = max(int(data.lengths[group].sum()) for group in groups)
    return Streamed(values, starts, lengths, Buffers(most, values.shape[1:], values.dtype))


class Resident:
    """Sequences that all lie on the card.

    Parameters
    ----------
    values : device array of shape (steps, D), or (steps,) of symbols
    starts : ndarray of shape (n,), int64
        The first steps of the sequences of all mini-batches.
    """

    def __init__(self, values, starts):
        self._values, self._starts = values, starts

    def starts_of(self, first):
        """Where each sequence begins in what `read` returns for its mini-batch.

        Parameters
        ----------
        first : ndarray of shape (mini-batches + 1,), int64
            The first sequence of each.
        """
        return self._starts

    def read(self, part):
        """What some sequences are read from.

        Parameters
        ----------
        part : slice
            Of the sequences of all mini-batches, those of one; in their order.

        Returns
        -------
        values : device array of shape (steps, D), or (steps,) of symbols
        starts : ndarray of int64
            Where in it each sequence begins.
        """
        return self._values, self._starts[part]

    def done(self):
        """All work that reads these values has been started: another mini-batch may be brought."""


class Streamed:
    """Sequences that lie on the host, of which a mini-batch's are brought at a time; as `Resident`.

    Parameters
    ----------
    values : ndarray of shape (steps, D) or (steps,)
    starts, lengths : ndarray of shape (n,), int64
        First steps of the sequences of all mini-batches, and numbers of steps that are read.
    buffers : Buffers
    """

    def __init__(self, values, starts, lengths, buffers):
        self._values, self._starts, self._lengths, self._buffers = values, starts, lengths, buffers
        self.done = buffers.done

    def starts_of(self, first):
        """As `Resident.starts_of`."""
        starts = np.cumsum(self._lengths) - self._lengths
        return starts - np.repeat(starts[first[:-1]], np.diff(first))

    def read(self, part):
        """As `Resident.read`; `done` is to be called before the next."""
        lengths = self._lengths[part]
        ends = np.cumsum(lengths)
        starts = ends - lengths
        places = np.arange(ends[-1]) + np.repeat(self._starts[part] - starts, lengths)
        # mode="clip": without it NumPy writes to memory of its own first.
        card = self._buffers.bring(
            int(ends[-1]), lambda host: np.take(self._values, places, axis=0, out=host, mode="clip")
        )
        return card, starts


def _array_on_card(data, values):
    """Values that lie on the card already; None: they are the host's."""
    if isinstance(values, CardSymbols):
        return values.array
    return values if data.on_card else None


def _is_part(data):
    """Whether data are a window of more: each mini-batch is read once before the next window, so no copy of all would
    serve twice, and by the buffers it is brought while the one before is worked on.
    """
    return data.is_part


def _fits(values):
    return values.nbytes <= SHARE * free_bytes()


class Buffer(NamedTuple):
    """Room for rows on their way."""

    host: object  # page-locked
    card: object
    copied: object  # event: all of `host` is on the card
    read: object  # event: nobody needs `card` any more


class Buffers:
    """Two buffers.

    The stream of work waits for a copy, and a copy for the work that reads what it overwrites; the host waits only
    where it would overwrite what is not copied yet.

    Parameters
    ----------
    rows : int
        The most at a time.
    columns : tuple of int
        The shape of a row.
    dtype : dtype
    """

    def __init__(self, rows, columns, dtype):
        self.rows, self.columns, self.dtype = rows, columns, dtype
        self._stream, self._two, self._turn = new_stream(), [None, None], 0

    def bring(self, rows, write):
        """Bring rows to the card.

        Parameters
        ----------
        rows : int
        write : callable
            Gets an array (rows, *columns) of the host and fills it.

        Returns
        -------
        values : device array
            All of a buffer, which graphs know by its shape: the first `rows` are those that were brought. They stay
            until the next call but one; `done` has to be called before the next.
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
        """All work that reads what the last call of `bring` brought has been started."""
        self._two[self._turn].read.record(current_stream())

    def _make(self):
        shape = self.rows, *self.columns
        with self._stream:  # memory that is given back goes to those who allocate on this stream: nobody else
            card = arrays().empty(shape, self.dtype)
        return Buffer(pinned(shape, self.dtype), card, new_event(), new_event())
