"""Handle the signals that stop training and the command line.

Without a `Checkpoint`, no handler is installed for Ctrl-C; `numrnn.training.callbacks.supervised` then catches the
KeyboardInterrupt and keeps the weights.
"""

import contextlib
import signal
import threading

__all__ = ["StopSignals", "StopTraining", "noting_interrupts", "received_by"]


@contextlib.contextmanager
def received_by(receive, numbers, replaces=lambda handler: True):
    """Call receive(number, frame) for signals within the context, and restore the previous handlers at its end.

    `replaces(handler)` returns whether the current handler of a signal may be replaced. Only the main thread can handle
    signals; in any other thread the context does nothing.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        heard = [number for number in numbers if replaces(signal.getsignal(number))]
        before = {number: signal.signal(number, receive) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            with contextlib.suppress(TypeError):  # `handler` is None if it was not set from Python
                signal.signal(number, handler)


def noting_interrupts(comm):
    """Return a context in which Ctrl-C is recorded instead of raised, since several processes must agree where to stop.

    A handler of Ctrl-C that is not Python's own stays installed, and nothing is recorded.
    """
    return received_by(comm.begin_to_note(), [signal.SIGINT], lambda handler: handler is signal.default_int_handler)


class StopTraining(BaseException):
    """End training because of a signal.

    `whole` says whether training can be resumed from its present state.
    """

    def __init__(self, number, whole):
        super().__init__(signal.Signals(number).name)
        self.reason = "interrupted" if number == signal.SIGINT else "terminated"
        self.whole = whole


class StopSignals:
    """Record SIGTERM, SIGUSR1 and SIGINT until training can stop; a second SIGINT raises KeyboardInterrupt.

    Ignored signals stay ignored: a shell makes its background jobs ignore SIGINT. A signal stops training at once if
    `is_whole()` returns True, because training can then be resumed from its present state. A signal also stops training
    at once as long as `has_begun()` returns False, because kernels may be being compiled, which takes long.
    """

    _NUMBERS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1", "SIGINT") if hasattr(signal, name))

    def __init__(self, is_whole, has_begun):
        self._is_whole, self._has_begun = is_whole, has_begun
        self.stop = None  # the error that was raised, which the compiler may have replaced by another one
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
        """Raise `StopTraining` if any process that takes part in training has received a signal."""
        number = comm.most(self._received or 0)
        if number:
            self._obey(number, True)

    def _obey(self, number, whole):
        self._obeyed, self.stop = True, StopTraining(number, whole)
        raise self.stop

    def close(self):
        """Restore the previous handlers, and raise a recorded signal again if it has not stopped training."""
        self._span.close()
        if self._received is not None and not self._obeyed:
            signal.raise_signal(self._received)
