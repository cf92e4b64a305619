"""Arrays of the host that stay behind while work goes on with their copies on the card."""

import threading
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from numrnn.network.cuda.device import address, download, upload


class _Pair(NamedTuple):
    host: np.ndarray
    card: object
    changes: bool


class Mirrors:
    """Arrays on the card, each of which stands for one of the host until `settle`.

    The host's is known by its object. Until it is put back it is out of date, and nobody may change it.
    """

    def __init__(self):
        self._pairs, self._lock, self._at_work = {}, threading.RLock(), False

    @contextmanager
    def at_work(self):
        """A span in which arrays on the card change, see `look`."""
        with self._lock:
            self._at_work = True
            try:
                yield
            finally:
                self._at_work = False

    def bring(self, name, host, card, changes=True):
        """Let an array on the card stand for one of the host: copied, unless it does already.

        Parameters
        ----------
        name : str
            Another array that was brought under it is put back first.
        host : ndarray
        card : device array
            Of its shape.
        changes : bool
            Whether work changes it.
        """
        known = self._pairs.get(name)
        if known is not None and known.host is host and address(known.card) == address(card):
            return
        self.put_back(name)
        card[:] = upload(np.asarray(host, card.dtype))
        self._pairs[name] = _Pair(host, card, changes)

    def put_back(self, name):
        """Bring the host's array of this name, if there is one, up to date; the card's stands for it no more."""
        known = self._pairs.get(name)
        if known is not None:
            if known.changes:
                download(known.card, known.host)
            self._pairs.pop(name, None)  # a signal handler may have been here meanwhile

    def look(self):
        """Settle for somebody who would see the host's arrays, in whatever thread: one that is not at work waits until
        the other one is not, either. A signal handler of that one cannot: it sees what was put back last.
        """
        with self._lock:
            if not self._at_work:
                self.settle()

    def settle(self):
        """Put back all; a Ctrl-C meanwhile is served after that, or what was trained would be lost."""
        interrupted = False
        while self._pairs:
            try:
                with self._lock:
                    for name in list(self._pairs):
                        self.put_back(name)
            except KeyboardInterrupt:
                interrupted = True
        if interrupted:
            raise KeyboardInterrupt
