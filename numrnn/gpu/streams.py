"""Streams to train on, each with what belongs to it: they serve one network after another.

A stream's handle of cuBLAS has memory of its own (see `numrnn.gpu.products`) and lives as long as the stream.
"""

import os
import weakref
from collections import deque

from numrnn.gpu.device import arrays, in_simulator, new_stream

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
