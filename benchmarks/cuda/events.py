"""The time that numrnn's recurrences take on the card, by events: what the host takes to start them does not count."""

import statistics

import numpy as np
from numba import cuda, uint32

from numrnn.network.cuda import layers
from numrnn.network.cuda.device import in_simulator
from numrnn.network.cuda.kernel_choice import EMPTY

MILLISECOND = 1_000_000  # nanoseconds


def recurrences(side, repeats):
    """Seconds of the forward and of the backward recurrence of a layer in a training step.

    Parameters
    ----------
    side : NumrnnSide
        Of one layer, one direction.
    repeats : int
    """
    launches = launches_of(side.gradients)
    if len(launches) != 2:
        raise RuntimeError(f"a training step of one layer starts 2 recurrences, not {len(launches)}")
    return [statistics.median(_seconds(launch) for _ in range(repeats)) for launch in launches]


def launches_of(run):
    """What `run` started as recurrences: (kernel, blocks, threads, arguments, bytes of shared memory)."""
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
    """Of one launch more, with the numbers that the one before left."""
    kernel, blocks, threads, arguments, shared_bytes = started
    if len(arguments) == 7:  # a wide kernel's array of exchange
        arguments[6].view(np.uint32).fill(EMPTY)
    begin, end = cuda.event(), cuda.event()
    if not in_simulator():
        layers.launch(_pause, 1, 1, 20)  # the launch is in the queue before the card comes to it
    begin.record()
    layers.launch(kernel, blocks, threads, *arguments, shared_bytes=shared_bytes)
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


@cuda.jit
def _pause(milliseconds):
    for _ in range(milliseconds):
        cuda.nanosleep(uint32(MILLISECOND))
