"""Measure numrnn's recurrences on the GPU by events, which exclude the time that the host takes to launch them."""

import statistics

import numpy as np
from numba import cuda, uint32

from numrnn.network.cuda import layers
from numrnn.network.cuda.device import in_simulator
from numrnn.network.cuda.kernel_choice import EMPTY

MILLISECOND = 1_000_000  # nanoseconds


def recurrences(side, repeats):
    """Return the seconds of a layer's forward and backward recurrence in a training step.

    Parameters
    ----------
    side : NumrnnSide
        A network of one layer and one direction.
    repeats : int
    """
    launches = launches_of(side.gradients)
    if len(launches) != 2:
        raise RuntimeError(f"a training step of one layer starts 2 recurrences, not {len(launches)}")
    return [statistics.median(_seconds(launch) for _ in range(repeats)) for launch in launches]


def launches_of(run):
    """Return the recurrences that `run` launches as (kernel, blocks, threads, arguments, bytes of shared memory)."""
    started, launch = [], layers.launch

    def noted(kernel, blocks, threads, *arguments, shared_bytes=0):
        started.append((kernel, blocks, threads, arguments, shared_bytes))
        launch(kernel, blocks, threads, *arguments, shared_bytes=shared_bytes)

    layers.launch = noted
    try:
        run()
    finally:
        layers.launch = launch
    return started


def _seconds(started):
    """Repeat a launch on the values that the previous one left, and return its seconds."""
    kernel, blocks, threads, arguments, shared_bytes = started
    if len(arguments) == 7:  # a wide kernel's array of exchange
        arguments[6].view(np.uint32).fill(EMPTY)
    begin, end = cuda.event(), cuda.event()
    if not in_simulator():
        layers.launch(_pause, 1, 1, 20)  # the launch is queued before the GPU reaches it
    begin.record()
    layers.launch(kernel, blocks, threads, *arguments, shared_bytes=shared_bytes)
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


@cuda.jit
def _pause(milliseconds):
    for _ in range(milliseconds):
        cuda.nanosleep(uint32(MILLISECOND))
