"""Compare training steps on one thread and on all, which give the same bits, and float64 with float32."""

import numpy as np
from measure import Figure, Table, interleaved
from numrnn_side import NumrnnSide
from problem import Problem, chosen

SPEEDUP, RATE = 1.8, 0.45
FLOAT64_FROM = 128  # H


def threads(options):
    """Measure the time on one thread over that on `options.threads`, one row for each cell and shape."""
    if options.threads == 1:
        raise SystemExit("the threads section compares 1 thread with more: --threads 2")
    many = f"{options.threads} threads"
    table = Table("Thread scaling", ["cell", "B, T, D, H", "1 thread ms", f"{many} ms", "speed-up"])
    for cell, shape in chosen(options):
        problem = Problem(cell, shape)
        sides = {"1 thread": NumrnnSide(problem, 1), many: NumrnnSide(problem, options.threads)}
        for side in sides.values():
            side.train(5)
        if not np.array_equal(*(side.theta for side in sides.values())):
            raise SystemExit(f"{cell} {shape}: the bits of theta after 5 steps depend on the number of threads")
        times = interleaved({name: side.train for name, side in sides.items()}, options.repeats)
        table.add(
            [*problem.title(), *(1e3 * seconds for seconds in times.values())],
            [Figure("speedup", times["1 thread"] / times[many], SPEEDUP * options.threads / 2)],
            cell=cell,
            shape=shape,
            seconds=times,
        )
    return table.rows


def float64(options):
    """Measure a row for each cell and shape of at least `FLOAT64_FROM` units."""
    table = Table("float64", ["cell", "B, T, D, H", "float32 ms", "float64 ms", "rate over that of float32"])
    for cell, shape in chosen(options):
        if shape[3] < FLOAT64_FROM:
            continue
        problem = Problem(cell, shape)
        runs = {dtype: NumrnnSide(problem, options.threads, dtype).train for dtype in ("float32", "float64")}
        times = interleaved(runs, options.repeats)
        table.add(
            [*problem.title(), *(1e3 * seconds for seconds in times.values())],
            [Figure("rate_ratio", times["float32"] / times["float64"], RATE)],
            cell=cell,
            shape=shape,
            seconds=times,
        )
    return table.rows
