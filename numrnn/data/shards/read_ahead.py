"""Read data on a thread, one piece ahead of the consumer."""

import threading
from queue import SimpleQueue

__all__ = ["read_ahead"]


def read_ahead(reads):
    """Yield the results of functions in order, while the next one runs on a thread; callers must close the generator.

    Each function receives a `threading.Event` that is set once its result is no longer needed. The generator raises
    exceptions of the functions.
    """
    reads, results, stopped = iter(reads), SimpleQueue(), threading.Event()
    try:
        more = _start(reads, results, stopped)
        while more:
            result, error = results.get()
            if error is not None:
                raise error
            more = _start(reads, results, stopped)
            yield result
            del result
    finally:
        stopped.set()


def _start(reads, results, stopped):
    """Run the next function on a new thread; return False if no function is left."""

    def run(read):
        try:
            results.put((read(stopped), None))
        except BaseException as error:
            results.put((None, error))

    read = next(reads, None)
    if read is not None:
        # A daemon thread, so that a process that ends need not wait for a slow disk.
        threading.Thread(target=run, args=(read,), name="numrnn-reader", daemon=True).start()
    return read is not None
