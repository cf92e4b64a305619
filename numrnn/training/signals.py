"""All handlers of signals: how training and the command line are stopped from outside.

Without a `Checkpoint` Ctrl-C has no handler of ours: `numrnn.training.callbacks.supervised` keeps the weights then.
"""

import contextlib
import signal
import threading

__all__ = ["StopSignals", "StopTraining", "noting_interrupts", "received_by"]


@contextlib.contextmanager
def received_by(receive, numbers, replaces=lambda handler: True):
    """Let a function receive signals; give them back to who had them before.

    Only the main thread can take signals: in another one nothing changes.

    Parameters
    ----------
    receive : callable
        `receive(number, frame)`.
    numbers : iterable of int
        Of the signals.
    replaces : callable
        `replaces(handler)` says whether the handler that a signal has may be replaced.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        heard = [number for number in numbers if replaces(signal.getsignal(number))]
        before = {number: signal.signal(number, receive) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            with contextlib.suppress(TypeError):  # None: it was not set from Python
                signal.signal(number, handler)


def noting_interrupts(comm):
    """Return a span in which Ctrl-C is noted, not raised: several processes have to agree where to stop.

    It is raised as ever where somebody else handles it.
    """
    return received_by(comm.begin_to_note(), [signal.SIGINT], lambda handler: handler is signal.default_int_handler)


class StopTraining(BaseException):
    """Ends training.

    Parameters
    ----------
    number : int
        Of the signal.
    whole : bool
        Whether what the state of training holds is all it takes to go on.
    """

    def __init__(self, number, whole):
        super().__init__(signal.Signals(number).name)
        self.reason = "interrupted" if number == signal.SIGINT else "terminated"
        self.whole = whole


class StopSignals:
    """Remembers SIGTERM, SIGUSR1 and SIGINT until training can stop; a second SIGINT is an ordinary one.

    Signals that are ignored stay so: a shell has its background jobs ignore SIGINT.

    Parameters
    ----------
    is_whole : callable
        `is_whole()` says whether training may stop at once: what its state holds is all it takes to go on.
    has_begun : callable
        `has_begun()` says whether it has made anything; until then it may stop at once, too: kernels may be compiled.
    """

    _NUMBERS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1", "SIGINT") if hasattr(signal, name))

    def __init__(self, is_whole, has_begun):
        self._is_whole, self._has_begun = is_whole, has_begun
        self.stop = None  # what was raised: a compiler may take it for an error of its own, and raise another
        self._received, self._obeyed = None, False
        self._span = contextlib.ExitStack()
        ignored = signal.SIG_IGN
        self._span.enter_context(received_by(self._receive, self._NUMBERS, lambda handler: handler != ignored))

    def _receive(self, number, frame):
        is_first, self._received = self._received is None, self._received or number
        if not is_first and number == signal.SIGINT:
            self._obeyed = True
            raise KeyboardInterrupt
        if is_first and (self._is_whole() or not self._has_begun()):
            self._obey(number, self._is_whole())

    def check(self, comm):
        """Raise `StopTraining` if a signal came, to any of the processes that train together."""
        number = comm.most(self._received or 0)
        if number:
            self._obey(number, True)

    def _obey(self, number, whole):
        self._obeyed, self.stop = True, StopTraining(number, whole)
        raise self.stop

    def close(self):
        """Give signals back to who had them before, and with them one that came after training had ended."""
        self._span.close()
        if self._received is not None and not self._obeyed:
            signal.raise_signal(self._received)
