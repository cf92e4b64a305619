"""Compare numrnn's own threads over serial kernels with Numba's prange, for the decision in docs/design/threads.rst.

    python benchmarks/threads_or_prange.py --threads 2

Both run the same compiled `run_batches` on the same mini-batches (training steps of an Elman, GRU or LSTM classifier,
B=32, T=50, D=32): once all of them in one call, which is how `fit` works, and once with a call for each. `prange`
splits over the threads' numbers in one function compiled with parallel=True. Times are medians of repeats in turns,
per mini-batch.
"""

import argparse
import statistics
import time
from unittest.mock import patch

import numba
import numpy as np

from numrnn import Sequences
from numrnn.data.batches import full_batch
from numrnn.data.sources import Targets
from numrnn.kernels.cpu import minibatches as kernels
from numrnn.kernels.cpu.processor import DONE
from numrnn.kernels.cpu.tile.forward import Scratch
from numrnn.kernels.jit import njit
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.cpu.scheduling import run_threads
from numrnn.network.interface import SolverStep
from numrnn.network.parameters import Layout, initial_theta
from numrnn.solvers import Adam

B, T, D, CLASSES = 32, 50, 32, 2
FOREVER = 1 << 62
PAUSE = 0.2  # seconds: idle threads of Numba's pool spin


class Work:
    """Hold each thread's arguments of `run_batches`, captured in a call of `Network.train`."""

    def __init__(self, cell, H, count, threads):
        layout = Layout(n_inputs=D, hidden_layer_sizes=(H,), cell=cell, n_outputs=CLASSES)
        theta, solver = initial_theta(layout, "tanh", 0, np.float32), Adam()
        X = np.random.default_rng(0).standard_normal((B, T, D)).astype(np.float32)
        data, network = Sequences.from_array(X), CPUNetwork(layout, n_jobs=threads)
        batches = [full_batch(data.lengths, network.tile_rows)] * count
        scalars = np.array([solver.scalars(1e-4, 1000)] * count)
        step = SolverStep(solver.rule(), solver.init_state(theta), scalars, clip_norm=1.0)
        grad, before = np.zeros_like(theta), theta.copy()
        caught = {}

        def catch(work, n_threads, budget, board):
            with patch.object(kernels, "run_batches", lambda *arguments: arguments):
                caught.update((index, work(index, FOREVER)) for index in range(n_threads))
            return "done"

        with patch("numrnn.network.cpu.network.run_threads", catch):
            network.train(theta, data, Targets(np.arange(B) % CLASSES), batches, step, grad, before)
        if len(caught) != threads:
            raise SystemExit(f"H={H}: {len(caught)} threads took part, not {threads}")
        self.calls = [caught[index] for index in range(threads)]
        self.job, self.count = self.calls[0][3], count

    def reset(self):
        """Reset the counters, so that all mini-batches are processed again."""
        for counters in (self.job.board, self.job.nodes_done, self.job.claimed, self.job.completed):
            counters[:] = 0

    def own_threads(self):
        """Run the mini-batches on threads as `Network.train` does."""
        run_threads(lambda index, budget: kernels.run_batches(*self.calls[index]), len(self.calls), 1, self.job.board)

    def prange(self):
        """Run the mini-batches on all threads from one compiled call."""
        net, data, goal, job, update = self.calls[0][:5]
        scratches = [call[5] for call in self.calls]
        fields = (tuple(getattr(scratch, name) for scratch in scratches) for name in Scratch._fields)
        levels = tuple(call[6] for call in self.calls)
        _run_prange(len(self.calls), net, data, goal, job, update, *fields, levels)


@njit
def _run_one(
    index, net, data, goal, job, update, work, blocks, active, regions, places, room, spare, segments, levels
):
    scratch = Scratch(
        work[index], blocks[index], active[index], regions[index], places[index], room[index], spare[index],
        segments[index],
    )  # fmt: skip
    kernels.run_batches(net, data, goal, job, update, scratch, levels[index], FOREVER)


@numba.njit(nogil=True, error_model="numpy", parallel=True)
def _run_prange(
    threads, net, data, goal, job, update, work, blocks, active, regions, places, room, spare, segments, levels
):
    for index in numba.prange(threads):
        _run_one(
            index, net, data, goal, job, update, work, blocks, active, regions, places, room, spare, segments, levels
        )


def seconds(work, way, calls):
    """Return the seconds per mini-batch over `calls` calls."""
    elapsed = 0.0
    for _ in range(calls):
        work.reset()
        started = time.perf_counter()
        way(work)
        elapsed += time.perf_counter() - started
        if work.job.board[DONE] != work.count:
            raise SystemExit("not all mini-batches were done")
    return elapsed / calls / work.count


def measure(cell, H, many, threads, repeats):
    """Return the median seconds per mini-batch by (way, mini-batches in a call)."""
    works = {count: Work(cell, H, count, threads) for count in (many, 1)}
    ways = {"own threads": Work.own_threads, "prange": Work.prange}
    times = {(name, count): [] for count in works for name in ways}
    for repeat in range(-1, repeats):
        for name, count in times:
            time.sleep(PAUSE)
            one = seconds(works[count], ways[name], many // count)
            if repeat >= 0:
                times[name, count].append(one)
    return {key: statistics.median(values) for key, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--cells", nargs="+", default=["elman"], choices=["elman", "gru", "lstm"])
    arguments = parser.parse_args()
    numba.set_num_threads(arguments.threads)
    print("| cell | H | mini-batches a call | own threads ms | prange ms | prange / own threads |")
    print("|---|---|---|---|---|---|")
    for cell in arguments.cells:
        for H, many in ((32, 64), (512, 8)):
            times = measure(cell, H, many, arguments.threads, arguments.repeats)
            for count in (many, 1):
                own, prange = (1e3 * times[name, count] for name in ("own threads", "prange"))
                print(f"| {cell} | {H} | {count} | {own:.3f} | {prange:.3f} | {prange / own:.2f} |", flush=True)
    print(f"threading layer of prange: {numba.threading_layer()}, {arguments.threads} threads")


if __name__ == "__main__":
    main()
