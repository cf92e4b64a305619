"""CUDA graphs: work that recurs is captured once and then started as a whole.

A function is run as it is the first time that its key is met: kernels are compiled, cuBLAS is set up. The second time
it is captured, and from then on the graph runs in its place: so a function may only touch arrays that are where they
were, and decide nothing by what they hold. Ragged mini-batches meet few keys because their numbers of rows are rounded
up (`numrnn.network.cuda.batch_tables.rounded`), whether a graph runs or not, so both give the same bits. In Numba's
simulator a graph is the function that was captured, called again.
"""

import gc
import math
import os
import weakref
from collections import deque
from contextlib import contextmanager, suppress
from functools import partial

from numrnn.network.cuda.device import arrays, current_stream, in_simulator, new_event, new_stream

MOST_GRAPHS = 64  # of a network; 0: all is run as it is
IDLE = 1000  # runs without it, after which a graph gives way to another
MOST_KEYS = 4096  # that are remembered as met once


class Graphs:
    """The graphs of a network, the stream that all its training is on, and the memory that they work in.

    All graphs, and the same functions where they run as they are, share one pool of memory: they run one after another
    on one stream, and none leaves anything there for the next one. CuPy's pool gives blocks that are free back to the
    card when memory is short; this one's stay, for graphs know their addresses.

    Attributes
    ----------
    captured, replayed : int
        How many graphs were made, and runs of graphs.
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
        """Let all work within be on the stream, after what was started before; it has ended when this ends."""
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
                except KeyboardInterrupt:  # it may have come before the wait
                    self._stream.synchronize()
                    raise

    def run(self, key, function):
        """Do the work of a function, by its graph if there is one.

        Parameters
        ----------
        key : tuple, hashable
            All that a run depends on but the contents of arrays.
        function : callable without arguments
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
        """Whether it is the second time, and there is room."""
        if key not in self._met or not MOST_GRAPHS:
            return False
        if len(self._graphs) >= MOST_GRAPHS:
            oldest = min(self._used, key=self._used.get, default=None)
            if oldest is None or self._runs - self._used[oldest] < IDLE:
                return False
            del self._graphs[oldest], self._used[oldest]
        return True

    def _remember(self, key):
        """That a key was met: once its function has been run to its end, and so has nothing left to compile."""
        if len(self._met) == MOST_KEYS:
            self._met.clear()
        self._met.add(key)

    def clear(self):
        """Forget all graphs, and give their memory back."""
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
            with suppress(RuntimeError):  # of the capture that is void now; the first error says why
                self._stream.end_capture()
            raise


@contextmanager
def _no_garbage_collection():
    """A network that is collected waits for the card as its memory is given back: in a capture that is an error."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _new_block(blocks, size):
    """Memory of the card that stays while somebody has the list of blocks."""
    from cupy.cuda import Memory, MemoryPointer

    blocks.append(MemoryPointer(Memory(size), 0))
    return blocks[-1]


class _Repeat:
    def __init__(self, function):
        self.launch = function


class Room:
    """Arrays on the card that stay where they are from call to call."""

    def __init__(self):
        self._arrays = {}

    def __getstate__(self):
        return {"_arrays": {}}

    def reserve(self, name, count, dtype):
        """Make room for so many numbers under a name; return whether they had to move."""
        old = self._arrays.get(name)
        if old is not None and old.dtype == dtype and old.size >= count:
            return False
        size = count if old is None else max(count, old.size * 5 // 4)  # or slowly growing batches would move often
        self._arrays[name] = arrays().empty(size, dtype)
        return True

    def view(self, name, *shape):
        """The first numbers under a name, in a shape; -1: as many as there are."""
        array, count = self._arrays[name], math.prod(shape)
        if count < 0:
            count = array.size // -count * -count
        return array[:count].reshape(shape)


_idle = {}  # by process and device, for a stream belongs to both


def borrow(owner):
    """Return a stream that nobody else has until its owner, an object, is no more.

    The owner has to leave it without work that has not ended. Any thread may ask.
    """
    # Neither a lock nor a list: garbage may be collected, and a stream come back, between any two lines.
    idle = _idle.setdefault((os.getpid(), _device()), deque())
    try:
        stream = idle.pop()
    except IndexError:
        stream = new_stream()
    weakref.finalize(owner, idle.append, stream).atexit = False
    return stream


def _device():
    return 0 if in_simulator() else arrays().cuda.runtime.getDevice()
