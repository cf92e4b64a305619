"""Measure a training step shared by ranks, and the part of it that the sum over ranks takes.

    mpiexec -n 2 python benchmarks/ranks.py [--cell elman] [--shape 64,50,128,512] [--turns 40]

Prints the times of the slowest rank, lower quartiles over the turns, for a whole step, the sum alone (all ranks begin
it together), a message of that size from one rank to another, and a copy of it. Run it on cores that nothing else uses.
"""

import argparse
import os
import time

import numpy as np
from mpi4py import MPI
from rank_model import Machine, sum_seconds

from numrnn import Sequences
from numrnn.data.batches import full_batch
from numrnn.data.sources import Targets
from numrnn.distributed import comm_of
from numrnn.network.architecture import Architecture
from numrnn.network.interface import SolverStep
from numrnn.solvers import SGD


def make(cell, shape, comm):
    """Return a network, and the arguments of its `train`, for a mini-batch of that shape."""
    B, T, D, H = shape
    architecture = Architecture(D, (H,), cell, "tanh", 10, "softmax", "sequence", "float32")
    network = architecture.network(1, comm=comm)
    rng = np.random.default_rng(0)
    data = Sequences.from_array(rng.standard_normal((B, T, D), np.float32))
    theta = architecture.initial_theta(0)
    step = SolverStep(SGD().rule(), SGD().init_state(theta), np.array([SGD().scalars(1e-6, 1)]), 0.0, 1.0)
    batches = [full_batch(data.lengths, network.tile_rows)]
    targets = Targets(rng.integers(10, size=B))
    return network, (theta, data, targets, batches, step, np.zeros_like(theta), theta.copy())


def quartiles(functions, turns, world):
    """Return the slowest rank's seconds for each function, lower quartiles over the turns.

    The functions run in turns, because the speed of the machine changes.
    """
    seconds = np.zeros((turns, len(functions)))
    for turn in range(-3, turns):
        for n, function in enumerate(functions):
            world.Barrier()
            start = time.perf_counter()
            function()
            taken = world.allreduce(time.perf_counter() - start, MPI.MAX)
            if turn >= 0:
                seconds[turn, n] = taken
    return np.quantile(seconds, 0.25, axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell", default="elman")
    parser.add_argument("--shape", default="64,50,128,512")
    parser.add_argument("--turns", type=int, default=40)
    arguments = parser.parse_args()
    world = MPI.COMM_WORLD
    comm, shape = comm_of(world), tuple(map(int, arguments.shape.split(",")))
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[world.rank % len(cores)]})
    network, arguments_of_train = make(arguments.cell, shape, comm)
    functions = [lambda: network.train(*arguments_of_train)]
    if world.size > 1:
        tiles = -(-shape[0] // network.tile_rows)
        nodes, tail = network.memory.nodes(-(-tiles // world.size)), np.zeros(tiles + 1)
        one, other = np.zeros((2, nodes[0].nbytes + tail.nbytes), np.uint8)
        functions += [
            lambda: comm.sum_nodes(nodes, tiles, tail),
            lambda: pass_on(world, one),
            lambda: np.copyto(other, one),
        ]
    step, *exchange = quartiles(functions, arguments.turns, world) * 1e3
    if world.rank == 0:
        print(f"{arguments.cell} {shape}, {world.size} ranks: step {step:.2f} ms")
        if exchange:
            total, message, copy = exchange
            print(f"sum over ranks {total:.2f} ms, {total / step:.1%} of the step")
            print(f"a message of {one.nbytes:,} bytes {message:.2f} ms, a copy {copy:.2f} ms")
            machine = Machine(step, 0.0, one.nbytes / message, one.nbytes / copy)
            print(f"the model's sum: {sum_seconds(machine, one.nbytes, world.size):.2f} ms")


def pass_on(world, message):
    """Send a message from the first rank to the second."""
    if world.rank == 0:
        world.Send(message, 1)
    elif world.rank == 1:
        world.Recv(message, 0)


if __name__ == "__main__":
    main()
