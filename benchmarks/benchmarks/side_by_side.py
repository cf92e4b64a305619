"""Compare speed with that of a library in the same run: seconds of a shared machine mean little, ratios do.

One thread is used, because two cores of a shared machine are seldom both free.
"""

import os
import statistics
import time
from abc import ABC, abstractmethod

import numpy as np
from threadpoolctl import threadpool_limits

SIZE, REPEATS = 2048, 5


def seconds(call):
    """Return the seconds of the processor for one call."""
    started = time.process_time()
    call()
    return time.process_time() - started


class FractionOfPeak(ABC):
    """Track the operations per second of some work as a fraction of sgemm's, timed in turns.

    asv does not run an abstract class as a benchmark.
    """

    @abstractmethod
    def work(self, *params):
        """Return the number of operations, and a function without arguments that performs them."""

    def setup(self, *params):
        if {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"} & set(os.environ):
            raise NotImplementedError("OpenBLAS is told to run slower than it can: the fraction would mean nothing")
        self.operations, self.run = self.work(*params)
        self.run()

    def track_fraction_of_peak(self, *params):
        square = np.ones((SIZE, SIZE), np.float32)
        product, fractions = np.empty_like(square), []
        with threadpool_limits(1, "blas"):
            for _ in range(REPEATS):
                sgemm = 2 * SIZE**3 / seconds(lambda: np.matmul(square, square, out=product))
                fractions.append(self.operations / seconds(self.run) / sgemm)
        return statistics.median(fractions)

    track_fraction_of_peak.unit = "of sgemm"
