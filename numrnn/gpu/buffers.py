"""Two buffers that take turns: one is filled and copied to the card while what came by the other is worked on."""

from typing import NamedTuple

from numrnn.gpu.device import arrays, copy_to_card, current_stream, new_event, new_stream, pinned


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
