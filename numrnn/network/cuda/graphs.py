"""Capture work that recurs as CUDA graphs, each of which is then launched as a whole.

A function runs directly the first time that its key occurs, while kernels are compiled and cuBLAS is set up. The second
time, its work is captured as a graph, and from then on the graph runs instead of the function. The function may
therefore only use arrays whose addresses do not change, and its course must not depend on their contents. Ragged
mini-batches have few keys, because their numbers of rows are rounded up (`numrnn.network.cuda.batch_tables.rounded`).
They are rounded up whether a graph runs or not, so the results of both are bitwise identical. In Numba's simulator a
graph is the captured function, which is called again.
"""

import gc
import math
import os
import weakref
from collections import deque
from contextlib import contextmanager, suppress
from functools import partial

from numrnn.network.cuda.device import arrays, current_stream, in_simulator, new_event, new_stream

MOST_GRAPHS = 64  # most graphs of a network; 0: all functions run directly
IDLE = 1000  # runs of other graphs after which an unused graph may be replaced
MOST_KEYS = 4096  # most keys of functions that are remembered as having run once


class Graphs:
    """Hold the graphs of a network, the stream of all its training, and the memory that graphs use.

    All graphs, and the same functions when they run directly, share one memory pool, since they run one after another
    on one stream and leave no data there for each other. CuPy's own pool returns free blocks to the GPU when memory is
    short; this pool keeps its blocks, since graphs contain their addresses. `captured` and `replayed` are the numbers
    of captured graphs and of their runs.
    """

    def __init__(self):
        self._stream = self._pool = None
        self._blocks, self._graphs, self._used, self._met = [], {}, {}, set()
        self.captured = self.replayed = self._runs = 0

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        self.__init__()

    @contextmanager
    def on_stream(self):
        """Run all work within the context on the graphs' stream, after earlier work; wait for its end."""
        if self._stream is None:
            self._stream = borrow(self)
        event = new_event()
        event.record(current_stream())
        self._stream.wait_event(event)
        with self._stream:
            try:
                yield
            finally:
                try:
                    self._stream.synchronize()
                except KeyboardInterrupt:  # Ctrl-C may have come before the wait
                    self._stream.synchronize()
                    raise

    def run(self, key, function):
        """Do the work of a function, with its graph if there is one.

        The key holds everything on which a run depends except the contents of arrays.
        """
        self._runs += 1
        with self._memory():
            try:
                self._run(key, function)
                return
            except MemoryError:
                self.clear()
        with self._memory():
            function()

    def _run(self, key, function):
        if key not in self._graphs and not self._may_capture(key):
            function()
            self._remember(key)
            return
        if key not in self._graphs:
            self._graphs[key] = _Repeat(function) if in_simulator() else self._capture(function)
            self.captured += 1
        self._graphs[key].launch()
        self._used[key] = self._runs
        self.replayed += 1

    def _may_capture(self, key):
        """Return True if the key has occurred before and there is room for a graph."""
        if key not in self._met or not MOST_GRAPHS:
            return False
        if len(self._graphs) >= MOST_GRAPHS:
            oldest = min(self._used, key=self._used.get, default=None)
            if oldest is None or self._runs - self._used[oldest] < IDLE:
                return False
            del self._graphs[oldest], self._used[oldest]
        return True

    def _remember(self, key):
        """Remember the key of a function that has run to its end, so that everything it needs is compiled."""
        if len(self._met) == MOST_KEYS:
            self._met.clear()
        self._met.add(key)

    def clear(self):
        """Delete all graphs and free their memory."""
        if self._stream is not None:
            self._stream.synchronize()
        self._graphs, self._used, self._met = {}, {}, set()
        self._pool, self._blocks = None, []
        if not in_simulator():
            import cupy

            cupy.get_default_memory_pool().free_all_blocks()

    @contextmanager
    def _memory(self):
        if in_simulator():
            yield
            return
        from cupy.cuda import MemoryPool, using_allocator

        if self._pool is None:
            self._pool = MemoryPool(partial(_new_block, self._blocks))
        with using_allocator(self._pool.malloc):
            yield

    def _capture(self, function):
        try:
            self._stream.begin_capture()
            with _no_garbage_collection():
                function()
            return self._stream.end_capture()
        except BaseException:
            with suppress(RuntimeError):  # raised by the invalid capture; the first error says why
                self._stream.end_capture()
            raise


@contextmanager
def _no_garbage_collection():
    """Switch garbage collection off within the context.

    A collection may delete a network and free its memory, which waits for the GPU: an error during a capture.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _new_block(blocks, size):
    """Allocate memory on the GPU and append it to a list of blocks, which keeps it alive."""
    from cupy.cuda import Memory, MemoryPointer

    blocks.append(MemoryPointer(Memory(size), 0))
    return blocks[-1]


class _Repeat:
    def __init__(self, function):
        self.launch = function


class Room:
    """Hold arrays on the GPU that keep their addresses between calls."""

    def __init__(self):
        self._arrays = {}

    def __getstate__(self):
        return {"_arrays": {}}

    def reserve(self, name, count, dtype):
        """Make room for `count` numbers under a name; return True if the address changed."""
        old = self._arrays.get(name)
        if old is not None and old.dtype == dtype and old.size >= count:
            return False
        size = count if old is None else max(count, old.size * 5 // 4)  # arrays that grow slowly are moved rarely
        self._arrays[name] = arrays().empty(size, dtype)
        return True

    def view(self, name, *shape):
        """Return the first numbers under a name in a shape, in which -1 stands for the largest possible size."""
        array, count = self._arrays[name], math.prod(shape)
        if count < 0:
            count = array.size // -count * -count
        return array[:count].reshape(shape)


_idle = {}  # unused streams, by process and device


def borrow(owner):
    """Return a stream that belongs to `owner` alone until that object is deleted.

    The owner must not leave unfinished work on the stream. Any thread may call this function.
    """
    # Operations of a deque are atomic. A garbage collection may return a stream at any time, so a lock could deadlock.
    idle = _idle.setdefault((os.getpid(), _device()), deque())
    try:
        stream = idle.pop()
    except IndexError:
        stream = new_stream()
    weakref.finalize(owner, idle.append, stream).atexit = False
    return stream


def _device():
    return 0 if in_simulator() else arrays().cuda.runtime.getDevice()
