"""Track host arrays that are out of date while their copies on the GPU are in use."""

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
    """Track arrays on the GPU, each of which stands in for a host array until `settle` copies it back.

    Host arrays are compared by identity (`is`). Until a host array is put back, it is out of date and must not be
    changed.
    """

    def __init__(self):
        self._pairs, self._lock, self._at_work = {}, threading.RLock(), False

    @contextmanager
    def at_work(self):
        """Mark that arrays on the GPU change within the context; see `look`."""
        with self._lock:
            self._at_work = True
            try:
                yield
            finally:
                self._at_work = False

    def bring(self, name, host, card, changes=True):
        """Copy a host array to a GPU array of the same shape, which then stands in for it, unless it already does.

        Another host array that was brought under the same name is put back first. `changes` says whether the array on
        the GPU will change, so that it must be copied back.
        """
        known = self._pairs.get(name)
        if known is not None and known.host is host and address(known.card) == address(card):
            return
        self.put_back(name)
        card[:] = upload(np.asarray(host, card.dtype))
        self._pairs[name] = _Pair(host, card, changes)

    def put_back(self, name):
        """Copy the GPU array of this name, if there is one, back to its host array, and stop tracking it."""
        known = self._pairs.get(name)
        if known is not None:
            if known.changes:
                download(known.card, known.host)
            self._pairs.pop(name, None)  # a signal handler may have removed it in the meantime

    def look(self):
        """Call `settle`, so that any thread can read the host arrays.

        A thread that is not at work waits until the work is done. A signal handler of the thread at work cannot wait:
        it reads the values that were put back last.
        """
        with self._lock:
            if not self._at_work:
                self.settle()

    def settle(self):
        """Put back all arrays; a KeyboardInterrupt is delayed until the end, so that trained weights are not lost."""
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
