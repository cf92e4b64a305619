"""Measure times in turns, compare figures with their targets, and check the environment before anything is timed."""

import os
import statistics
import time
from typing import NamedTuple

CHUNK = 0.1  # seconds of one timing
# Seconds before each timing. Idle threads of OpenMP, OpenBLAS and Eigen spin before they sleep: without a pause they
# took the cores from the next side, and our steps were up to 1.7 times as long.
PAUSE = 0.2
# OpenBLAS and Numba read these: sgemm would be another one than users have, and so would our kernels.
DISTORTING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")


class Options(NamedTuple):
    """Hold the options of the command line."""

    threads: int
    repeats: int
    cells: list
    units: list  # H of the shapes to take


class Figure(NamedTuple):
    """Hold a measured number and its bound, and print them as the relation that holds."""

    name: str
    value: float
    bound: float | None = None
    at_most: bool = False

    @property
    def met(self):
        if self.bound is None:
            return True
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def __str__(self):
        if self.bound is None:
            return f"{self.value:.3g}"
        relation = ("<=" if self.met else ">") if self.at_most else (">=" if self.met else "<")
        return f"{self.value:.3g} {relation} {self.bound:g}"


def refuse_distorted_environment():
    """End the program where a variable makes sgemm or the kernels others than users have."""
    found = [name for name in DISTORTING if name in os.environ]
    if found:
        raise SystemExit(f"unset {', '.join(found)}: the limits would be wrong (the avx2 section sets its own)")


def seconds(run, steps):
    """Return the mean seconds of one of `steps` steps."""
    started = time.perf_counter()
    run(steps)
    return (time.perf_counter() - started) / steps


def interleaved(runs, repeats):
    """Return the median seconds per step of each of several functions of a number of steps, run in turns."""
    counts = {}
    for name, run in runs.items():
        run(2)
        counts[name] = max(1, int(CHUNK / seconds(run, 2)))
    times = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            time.sleep(PAUSE)
            times[name].append(seconds(run, counts[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def repeated(call):
    """Return a function of a number of steps that makes as many calls."""

    def run(steps):
        for _ in range(steps):
            call()

    return run


def interleaved_calls(calls, repeats):
    """Return the median seconds of single calls, each timed separately, the sides in turns."""
    times = {name: [] for name in calls}
    for call in calls.values():
        seconds(repeated(call), 20)
    for _ in range(repeats):
        for name, call in calls.items():
            time.sleep(PAUSE)
            end = time.perf_counter() + CHUNK
            while time.perf_counter() < end:
                times[name].append(seconds(repeated(call), 1))
    return {name: statistics.median(values) for name, values in times.items()}


def fastest(runs):
    """Return the name of the function of a number of steps that takes the least time, best of three in turns."""
    times = {name: [] for name in runs}
    for run in runs.values():
        run(2)
    for _ in range(3):
        for name, run in runs.items():
            time.sleep(PAUSE)
            times[name].append(seconds(run, 5))
    return min(times, key=lambda name: min(times[name]))


def epochs_in_turns(sides, epochs):
    """Return the seconds of each epoch of each side; the sides' epochs alternate."""
    times = {name: [] for name in sides}
    for _ in range(epochs):
        for name, side in sides.items():
            time.sleep(PAUSE)
            times[name].append(seconds(repeated(side.epoch), 1))
    return times


class Table:
    """Print a section's table row by row, and keep its raw numbers."""

    def __init__(self, title, columns):
        self.rows = []
        print(f"\n{title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)

    def add(self, cells, figures, **numbers):
        """Print `cells` and `figures`; keep `numbers` and figures."""
        texts = [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in (*cells, *figures)]
        print(f"| {' | '.join(texts)} |", flush=True)
        self.rows.append({**numbers, "figures": [{**figure._asdict(), "met": figure.met} for figure in figures]})
