"""Tell whether commit B is slower than commit A in training or prediction.

Both commits run the same work side by side: in each of several pairs of processes, one of A and one of B do each
benchmark in turns, for a number of rounds whose order alternates. Times are seconds of the processor on one thread.

The rule: the value of a pair of processes is the median over its rounds of B's time over A's. A benchmark is slower if
the median of these values is above FACTOR, and if at least all but one of them are above the square root of FACTOR; it
is faster if the same holds of A's time over B's. The rounds of a pair share what the system does to two processes (the
layout of their memory, their caches), so that the pairs are counted, and not the rounds.

The exit status is 1 if a benchmark is slower.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

FACTOR, PAIRS, ROUNDS = 1.05, 7, 12
ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".cache" / "compare"


def export(commit):
    """Write the package as of a commit to a folder of its own, and return the folder."""
    command = ["git", "-C", ROOT, "rev-parse", "--verify", f"{commit}^{{commit}}"]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    files = subprocess.run(["git", "-C", ROOT, "archive", name, "numrnn"], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=files, check=True)
    return folder


class Side:
    """Run the benchmarks of one commit in a process."""

    def __init__(self, folder):
        environment = os.environ | {"PYTHONPATH": str(folder)}
        environment.setdefault("NUMBA_CACHE_DIR", str(FOLDER / "numba"))
        command = [sys.executable, str(Path(__file__).with_name("compare_side.py"))]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, env=environment, text=True, cwd=FOLDER, **pipes)

    def ask(self, line):
        """Return the answer to a line: the names of the benchmarks, or the seconds of one."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"compare: a process ended with the exit status {self.process.wait()}")
        return json.loads(answer)

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def ratios_of_pair(folders, rounds):
    """Return, for each benchmark, the median over rounds of B's time over A's in one pair of processes."""
    a, b = sides = [Side(folder) for folder in folders]
    names = [side.ask("names") for side in sides][0]
    found = {}
    for name in names:
        ratios = []
        for number in range(rounds):
            seconds = {side: side.ask(name) for side in (sides if number % 2 else reversed(sides))}
            ratios.append(seconds[b] / seconds[a])
        found[name] = statistics.median(ratios)
    for side in sides:
        side.close()
    return found


def verdict(ratios):
    """Return "slower", "faster" or "", by the rule."""
    for word, values in (("slower", ratios), ("faster", [1 / ratio for ratio in ratios])):
        agree = sum(value > FACTOR**0.5 for value in values)
        if statistics.median(values) > FACTOR and agree >= len(values) - 1:
            return word
    return ""


def main():
    """Compare two commits and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("A", help="commit before")
    parser.add_argument("B", help="commit after")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"pairs of processes (default: {PAIRS})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each pair (default: {ROUNDS})")
    options = parser.parse_args()
    start = time.perf_counter()
    folders = [export(commit) for commit in (options.A, options.B)]
    pairs = [ratios_of_pair(folders, options.rounds) for _ in range(options.pairs)]
    verdicts = {}
    for name in pairs[0]:
        ratios = sorted(pair[name] for pair in pairs)
        verdicts[name] = verdict(ratios)
        each = " ".join(f"{ratio:.3f}" for ratio in ratios)
        print(f"{name:16} {statistics.median(ratios):.3f} {verdicts[name]:7} {each}")
    print(f"{time.perf_counter() - start:.0f} s")
    sys.exit("slower" in verdicts.values())


if __name__ == "__main__":
    main()
