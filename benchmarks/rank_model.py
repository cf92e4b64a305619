"""Estimate the time of a training step shared by ranks; docs/design/mpi.rst compares this model with measured runs.

    python benchmarks/rank_model.py
"""

import math
from typing import NamedTuple


class Machine(NamedTuple):
    """Hold the times in seconds and the rates in bytes per second of a machine."""

    step: float  # of a mini-batch on one rank
    latency: float  # of a message
    bandwidth: float  # of messages between two ranks
    memory: float  # of a core that copies, or adds to, what it has


def largest_share(tiles, ranks):
    """Return the fraction of a mini-batch's tiles that the rank with the most tiles has."""
    return -(-tiles // ranks) / tiles


def sum_seconds(machine, size, ranks):
    """Return the seconds of a sum of `size` bytes over ranks.

    Up the tree, each level packs, sends and adds the numbers. Down, the numbers are packed, sent in a tree or in parts,
    whichever is faster, and unpacked.
    """
    levels, packed, sent = math.ceil(math.log2(ranks)), size / machine.memory, size / machine.bandwidth
    up = levels * (packed + machine.latency + sent + packed)
    in_tree, in_parts = levels * (machine.latency + sent), 2 * levels * machine.latency + 2 * sent
    return up + packed + min(in_tree, in_parts) + packed if levels else 0.0


def step_seconds(machine, size, tiles, ranks):
    return machine.step * largest_share(tiles, ranks) + sum_seconds(machine, size, ranks)


def main():
    """Print the model's times for a mini-batch of 4,000 tiles, shared by 1 to 1,000 ranks."""
    size, tiles, one = 1_333_416, 4000, 0.060  # Elman (64, 50, 128, 512) on one core of a Zen 5
    cluster = Machine(one * tiles / 4, latency=2e-6, bandwidth=12e9, memory=8e9)
    for ranks in (1, 10, 100, 1000):
        step, exchange = step_seconds(cluster, size, tiles, ranks), sum_seconds(cluster, size, ranks)
        faster = cluster.step / step
        print(f"{ranks:5d} ranks: step {step * 1e3:9.1f} ms, {faster:6.1f} times as fast, sum {exchange / step:.1%}")


if __name__ == "__main__":
    main()
