"""Two buffers that take turns: one is filled and copied to the card while what came by the other is worked on."""

from numrnn.gpu.device import arrays, copy_to_card, current_stream, new_event, new_stream, pinned


class Buffers:
    """Room for rows of the host on their way to the card, twice, in page-locked memory and on the card.

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
        self.rows, self._turn, self._stream = rows, 0, new_stream()
        self._host = [pinned((rows, *columns), dtype) for _ in range(2)]
        with self._stream:  # memory that is given back goes to those who allocate on this stream, which is nobody else
            self._card = [arrays().empty((rows, *columns), dtype) for _ in range(2)]
        self._copied, self._read = ([new_event() for _ in range(2)] for _ in range(2))

    def bring(self, rows, write):
        """Bring rows to the card.

        Parameters
        ----------
        rows : int
        write : callable
            Gets an array (rows, *columns) of the host and fills it.

        Returns
        -------
        values : device array of shape (rows, *columns)
            Until the next call but one, from which on `done` has to have been called in between.
        """
        self._turn = turn = 1 - self._turn
        host, card = self._host[turn][:rows], self._card[turn][:rows]
        self._copied[turn].synchronize()
        write(host)
        self._stream.wait_event(self._read[turn])
        copy_to_card(host, card, self._stream)
        self._copied[turn].record(self._stream)
        current_stream().wait_event(self._copied[turn])
        return card

    def are_of(self, values):
        """Whether rows are like those of an array of the host."""
        return self._host[0].shape[1:] == values.shape[1:] and self._host[0].dtype == values.dtype

    def done(self):
        """All work that reads what the last call of `bring` brought has been started."""
        self._read[self._turn].record(current_stream())
