"""How long a step takes when ranks share it: a model of few numbers, which docs/design/mpi.rst compares with runs.

    python benchmarks/rank_model.py
"""

import math
from typing import NamedTuple


class Machine(NamedTuple):
    """Seconds and bytes a second."""

    step: float  # of a mini-batch on one rank
    latency: float  # of a message
    bandwidth: float  # of messages between two ranks
    memory: float  # of a core that copies, or adds to, what it has


def largest_share(tiles, ranks):
    """The part of a mini-batch that the rank with most tiles has."""
    return -(-tiles // ranks) / tiles


def sum_seconds(machine, size, ranks):
    """Up the tree, level after level: packed, sent, added. Down: packed, sent in a tree or in parts, unpacked."""
    levels, packed, sent = math.ceil(math.log2(ranks)), size / machine.memory, size / machine.bandwidth
    up = levels * (packed + machine.latency + sent + packed)
    in_tree, in_parts = levels * (machine.latency + sent), 2 * levels * machine.latency + 2 * sent
    return up + packed + min(in_tree, in_parts) + packed if levels else 0.0


def step_seconds(machine, size, tiles, ranks):
    return machine.step * largest_share(tiles, ranks) + sum_seconds(machine, size, ranks)


def main():
    """A mini-batch of 4 tiles for each of 1,000 ranks, shared out to fewer and fewer tiles each."""
    size, tiles, one = 1_333_416, 4000, 0.060  # Elman (64, 50, 128, 512) on one core of a Zen 5
    cluster = Machine(one * tiles / 4, latency=2e-6, bandwidth=12e9, memory=8e9)
    for ranks in (1, 10, 100, 1000):
        step, exchange = step_seconds(cluster, size, tiles, ranks), sum_seconds(cluster, size, ranks)
        faster = cluster.step / step
        print(f"{ranks:5d} ranks: step {step * 1e3:9.1f} ms, {faster:6.1f} times as fast, sum {exchange / step:.1%}")


if __name__ == "__main__":
    main()
