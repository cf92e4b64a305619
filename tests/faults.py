"""Seed faults in the package, one at a time, and check that the tests catch each.

    python tests/faults.py [--root CHECKOUT] [--jobs N] [NAME ...]

Each fault is one edit of a copy of the checkout. The tests named with it must pass without the edit, and fail with it,
by more than an error of the compiler. They are the tests nearest to the fault, because the whole suite would take
hours. The exit code is 1 if a fault is not caught or its text no longer occurs once in its file.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

SIMULATOR = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
CPU = "kernels/cpu/"
COMPILER = ("TypingError", "LoweringError", "NameError", "SyntaxError", "ImportError")  # no wrong result


class Fault(NamedTuple):
    """Describe an edit of a file of the package, and the test file that must catch it; `select` is pytest's -k."""

    file: str
    before: str
    after: str
    tests: str
    select: str = ""
    environment: dict = {}


FAULTS = {
    "Elman: a sign in the backward pass": Fault(
        CPU + "cells/elman.py",
        "da[j] = ds[j] * tanh_slope(s[j])",
        "da[j] = -ds[j] * tanh_slope(s[j])",
        "test_network.py",
        "elman",
    ),
    "GRU: a sign in the backward pass": Fault(
        CPU + "cells/gru.py",
        "return ds * (s_before - n)",
        "return ds * (n - s_before)",
        "test_network.py",
        "gru",
    ),
    "LSTM: a sign in the backward pass": Fault(
        CPU + "cells/lstm.py",
        "return dcell * cell_before * sigmoid_slope(f)",
        "return -dcell * cell_before * sigmoid_slope(f)",
        "test_network.py",
        "lstm",
    ),
    "LSTM: two gates swapped": Fault(
        CPU + "cells/lstm.py",
        "    f, g, o, cell_now = gates + plane, gates + 2 * plane, gates + 3 * plane, cell + step",
        "    o, g, f, cell_now = gates + plane, gates + 2 * plane, gates + 3 * plane, cell + step",
        "test_network.py",
        "lstm",
    ),
    "GRU: the reset gate's gradient lacks a factor": Fault(
        CPU + "cells/gru.py",
        "return dn * hn * sigmoid_slope(r)",
        "return dn * sigmoid_slope(r)",
        "test_network.py",
        "gru",
    ),
    "first step of a block: off by one": Fault(
        CPU + "tile/training.py",
        "goal.first[ids[i]] + first + t, scale)",
        "goal.first[ids[i]] + max(first - 1, 0) + t, scale)",
        "test_network.py",
        "step",
    ),
    "rows of ended sequences are not filled with zeros": Fault(
        CPU + "tile/training.py",
        "set_zero(work, logits_at + (t * rows + count) * head.KP, (rows - count) * head.KP)",
        "set_zero(work, logits_at + (t * rows + count) * head.KP, 0)",
        "test_network.py",
        "step",
    ),
    "a tile's gradient is not filled with zeros": Fault(
        CPU + "minibatches.py",
        "set_zero(here, 0, here.size)",
        "set_zero(here, 0, 0)",
        "test_network.py",
    ),
    "dropout: the backward pass has the mask of another step": Fault(
        CPU + "dropout.py",
        "here, step = i * HP, data.lengths[ids[i]] - 1",
        "here, step = i * HP, data.lengths[ids[i]] - (2 if source_at == out_at else 1)",
        "test_dropout.py",
        "gru and sequence",
    ),
    "weights of targets are lost": Fault(
        CPU + "tile/training.py",
        "row[k] = row[k] * (weight * scale)",
        "row[k] = row[k] * scale",
        "test_network.py",
    ),
    "tree of sums: nodes are added in a chain": Fault(
        CPU + "updates.py",
        "            for left in range(0, count - distance, 2 * distance):\n"
        "                add(nodes[left], at, nodes[left + distance], at, length)\n"
        "            distance *= 2\n",
        "            add(nodes[0], at, nodes[distance], at, length)\n            distance += 1\n",
        "test_network_training.py",
        "bits_of_training",
    ),
    "tree of sums: a node loses its odd tile": Fault(
        CPU + "minibatches.py",
        "    while depth > 1:",
        "    while depth > 2:",
        "test_network.py",
    ),
    "cache: the key does not depend on the text of the kernels": Fault(
        "kernels/jit.py",
        'digest.update(str(name).encode() + b"\\0" + path.read_bytes() + b"\\0")',
        'digest.update(str(name).encode() + b"\\0")',
        "test_cache.py",
    ),
    "cache: a file that its group may write is read": Fault(
        "kernels/ownership.py",
        "*_foreign(path, status, users, _remove(path)), *_writable(path, status.st_mode)",
        "*_foreign(path, status, users, _remove(path))",
        "test_kernel_files.py",
    ),
    "cache: folders above the root are not checked": Fault(
        "kernels/ownership.py",
        "for here, status in _way(path, make):\n",
        "for here, status in list(_way(path, make))[-2:]:\n",
        "test_kernel_files.py",
    ),
    "bidirectional: the reverse direction reads forwards": Fault(
        CPU + "tile/bidirectional.py",
        "length - 1 - t if reverse else t",
        "t",
        "test_bidirectional.py",
        "elman",
    ),
    "pooling: the last of equal maxima has the gradient": Fault(
        CPU + "pooling.py",
        "larger = s[j] > pool[j]",
        "larger = s[j] >= pool[j]",
        "test_pooling.py",
        "equal_maxima",
    ),
    "memory limit: carries are not restored": Fault(
        CPU + "tile/checkpoint_schedule.py",
        "copy(work, at, size, work, carry)",
        "copy(work, at, 0, work, carry)",
        "test_memory_limit.py",
        "gradients",
    ),
    "memory limit: memory is float32 whatever the precision": Fault(
        "network/cpu/workspaces.py",
        "work = aligned_zeros(end + spare, net.packed.dtype)",
        "work = aligned_zeros(end + spare, np.float32)",
        "test_memory_limit.py",
        "gradients and float64",
    ),
    "pooling: the state before each step is pooled": Fault(
        CPU + "pooling.py",
        "first, step = block[FIRST_STEP], block[ROWS] * HP\n    for t in range(block[STEPS]):\n"
        "        count, now = active[first + t] * HP, s_at + t * step",
        "first, step = block[FIRST_STEP], block[ROWS] * HP\n    for t in range(block[STEPS]):\n"
        "        count, now = active[first + t] * HP, s_at + (t - 1) * step",
        "test_pooling.py",
        "slow_truths and lstm",
    ),
    "symbols: the reverse direction reads those of the forward one": Fault(
        CPU + "inputs.py",
        "data.lengths[i] - 1 - t if reverse else t",
        "t",
        "test_bidirectional.py",
        "slow_truths and one-hot",
    ),
    "embedding: a symbol's first step adds no gradient": Fault(
        CPU + "inputs.py",
        "for k in range(data.first[symbol + n], data.first[symbol + n + 1]):",
        "for k in range(data.first[symbol + n] + 1, data.first[symbol + n + 1]):",
        "test_symbols.py",
        "slow_truths and elman",
    ),
    "embedding: the table of steps by symbol is one element too short": Fault(
        "network/interface.py",
        "np.empty(layout.n_symbols + 2, np.int64)",
        "np.empty(layout.n_symbols + 1, np.int64)",
        "test_guard_pages.py",
        "arrays and lstm and symbols",
    ),
    "given states: padded units are read behind the last row": Fault(
        CPU + "tile/forward.py",
        "copy(data.given[~row], column, layer.H, scratch.work, at)",
        "copy(data.given[~row], column, layer.HP, scratch.work, at)",
        "test_guard_pages.py",
        "arrays and lstm and limited",
    ),
    "Adam: bias correction of the next step": Fault(
        "solvers/adam.py",
        "rate = learning_rate / (1 - self.beta_1**n_updates)",
        "rate = learning_rate / (1 - self.beta_1 ** (n_updates + 1))",
        "test_network_training.py",
        "made_by_hand",
    ),
    "clipping: the norm leaves out a piece": Fault(
        CPU + "minibatches.py",
        "update.norms[batch] = np.sqrt(_sum(update.squares))",
        "update.norms[batch] = np.sqrt(_sum(update.squares[1:]))",
        "test_network_training.py",
        "made_by_hand",
    ),
    "learned states: the gradient of the LSTM's cell is lost": Fault(
        CPU + "tile/training.py",
        "layer.ds_0 + kind * layer.HP, scratch.work",
        "layer.ds_0, scratch.work",
        "test_learned_states.py",
        "lstm",
    ),
    "squared error: half the gradient": Fault(
        CPU + "losses.py",
        "row[k] = difference * like(2.0 / K, row[0])",
        "row[k] = difference * like(1.0 / K, row[0])",
        "test_network.py",
        "identity",
    ),
    "a mini-batch loses a sequence": Fault(
        "data/batches.py",
        "np.arange(full * tile_rows, count)])",
        "np.arange(full * tile_rows + 1, count)])",
        "test_batches.py",
    ),
    "early stopping keeps the last weights": Fault(
        "training/early_stopping.py",
        "self._best_theta = info.state.theta.copy()",
        "self._best_theta = info.state.theta",
        "test_callbacks.py",
        "early_stopping",
    ),
    "resume: shuffles begin with that of the first epoch": Fault(
        "training/loop.py",
        "key=(state.seed, state.epoch),",
        "key=(state.seed, _),",
        "test_checkpoint.py",
    ),
    "MPI: ranks have shares of different sizes": Fault(
        "distributed/tree.py",
        "[-(-rank * nodes // ranks) for rank in range(ranks + 1)]",
        "[min(nodes, rank * nodes // ranks + (rank > 0)) for rank in range(ranks + 1)]",
        "test_distributed.py",
    ),
    "CUDA: a sign in the backward pass": Fault(
        "kernels/cuda/cells/elman.py",
        "d = ds * (relu_slope(y) if activation == RELU else tanh_slope(y))",
        "d = -ds * (relu_slope(y) if activation == RELU else tanh_slope(y))",
        "test_gradients.py",
        "elman",
        SIMULATOR,
    ),
    "CUDA: a maximum's gradient reaches all steps": Fault(
        "kernels/cuda/pooling.py",
        "dstates_out[row, j] = d if t == reached[i, j] else zero",
        "dstates_out[row, j] = d",
        "test_gradients.py",
        "pooling",
        SIMULATOR,
    ),
}


def copy_of(root, folder):
    """Copy a checkout."""
    copy = Path(folder, "checkout")
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".*", "_build", "env", "results", "__pycache__"))
    return copy


def seed(fault, copy):
    """Apply a fault to a copy of the package."""
    path = copy / "numrnn" / fault.file
    text = path.read_text()
    if text.count(fault.before) != 1:
        raise ValueError(f"{fault.file} has {fault.before!r} {text.count(fault.before)} times: it must occur once")
    path.write_text(text.replace(fault.before, fault.after))


def failures(fault, copy):
    """Run the tests of a fault until one fails; return what failed and why, a line each."""
    (tests,) = (copy / "tests").rglob(fault.tests)
    words = ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", str(tests), "-k", fault.select]
    # `-m pytest` puts the current folder first on the path: the package is that of the copy.
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, env=os.environ | fault.environment, capture_output=True, text=True
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest could not run {tests.name}:\n{done.stdout}{done.stderr}")
    return [line for line in done.stdout.splitlines() if line.startswith(("E  ", "FAILED", "ERROR"))]


def try_fault(name, root):
    """Run the tests of a fault with it; return whether they caught it."""
    started, fault = time.monotonic(), FAULTS[name]
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of(root, folder)
        seed(fault, copy)
        found = failures(fault, copy)
    caught = bool(found) and not any(kind in line for line in found for kind in COMPILER)
    why = found[0][1:].strip() if found else "no test failed"
    print(f"{'caught' if caught else 'NOT CAUGHT':10} {time.monotonic() - started:4.0f} s  {name}: {why[:100]}")
    return caught


def check_without_fault(tests, root):
    """Run the tests of some faults on a copy without any."""
    with tempfile.TemporaryDirectory() as folder:
        found = failures(Fault("", "", "", *tests), copy_of(root, folder))
    if found:
        raise RuntimeError(f"{tests[0]} fails without a fault: {found}")
    print(f"passes without a fault: {' '.join(tests[:2])}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults to seed (default: all)")
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent, help="checkout (default: this one)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="faults at a time (default: one per core)")
    options = parser.parse_args()
    names = options.names or list(FAULTS)
    tests = []
    for fault in map(FAULTS.get, names):
        tests += [fault[3:]] if fault[3:] not in tests else []
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda each: check_without_fault(each, options.root), tests))
        caught = list(pool.map(lambda name: try_fault(name, options.root), names))
    print(f"{sum(caught)} of {len(caught)} faults were caught")
    return 0 if all(caught) else 1


if __name__ == "__main__":
    sys.exit(main())
