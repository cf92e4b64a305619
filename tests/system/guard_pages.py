"""Run every kernel that Python calls on arrays that lie against protected memory.

    python tests/system/guard_pages.py [--combinations N] [--seed S] [--seconds N] [--kind NAME ...]

Networks of each kind train and predict with each of H, D, K, N and T from 1 to 70 alone, and with seeded combinations
of all options. Each case runs three times: with NumPy's own memory, with forbidden pages behind each array, and with
forbidden pages before it; the results must have the same bits. Cases run in child processes, which say what they are
about to do, so a segmentation fault names its case. The kinds are the networks for which kernels are compiled: a case
of another kind would take 10 s or more.
"""

import argparse
import ast
import faulthandler
import importlib
import json
import os
import pkgutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from guard_cases import KINDS, alone, combination
from guard_runs import results_of
from protected_memory import BEFORE, BEHIND, Guard, name_of

import numrnn
from numrnn.kernels.linking import Kernel
from numrnn.network.cpu import scheduling

UNSEEN = {"inputs._sort_symbols", "single_sequence.predict_one"}  # `sort_inputs`, `predictor_of` choose them
SECONDS_PER_CASE = 600  # a case may compile
FEWEST_CASES = 10  # of a kind, however long they take: together they call all kernels
SECONDS_OF_A_CRASH = 1  # by which fewer are left


def entries():
    """Return the names of the kernels that Python code outside `numrnn.kernels` calls."""
    found = set(UNSEEN)
    for module in pkgutil.walk_packages(numrnn.__path__, "numrnn."):
        if module.name.startswith(("numrnn.kernels", "numrnn.network.cuda", "numrnn.__main__")):
            continue
        try:
            place = vars(importlib.import_module(module.name))
        except ImportError:  # MPI is missing; it calls `add_nodes_of_two`
            continue
        for node in ast.walk(ast.parse(Path(place["__file__"]).read_text())):
            value = place.get(node.id) if isinstance(node, ast.Name) else None
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                value = getattr(place.get(node.value.id), node.attr, None)
            if isinstance(value, Kernel):
                found.add(name_of(value))
    return found


def outcome_of(case, guards):
    """Return what became of a case, and the seconds that it took with guards, in which nothing is compiled."""
    began = time.monotonic()
    try:
        expected = [np.asarray(array).tobytes() for array in results_of(case)]
        began = time.monotonic()
        for side, guard in guards.items():
            with guard():
                found = [np.asarray(array).tobytes() for array in results_of(case)]
            if found != expected:
                first = next(n for n, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1])
                return f"OTHER BITS in result {first} with pages {side} the arrays", time.monotonic() - began
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.name}, line {frame.lineno} of {frame.filename}"
        return f"ERROR {error!r:.300} in {where}", time.monotonic() - began
    return "same bits", time.monotonic() - began


def _child(cases, seconds, writer, errors):
    faulthandler.enable(errors)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    for name in ("FLOPS_PER_THREAD", "FLOPS_PER_CALLED_THREAD", "FLOPS_PER_MEMBER"):
        setattr(scheduling, name, 1)  # threads share the work, however little it is
    guards = {side: Guard(side) for side in (BEHIND, BEFORE)}
    with open(writer, "w") as lines:
        for n, case in enumerate(cases):
            signal.alarm(SECONDS_PER_CASE)
            print(json.dumps(n), file=lines, flush=True)
            outcome, taken = outcome_of(case, guards)
            print(json.dumps((outcome, taken)), file=lines, flush=True)
            seconds -= taken
            if seconds <= 0 and n + 1 >= FEWEST_CASES:
                break
        print(json.dumps(sorted(set.union(*(guard.called for guard in guards.values())))), file=lines)


def run_in_children(cases, seconds=np.inf):
    """Yield cases with their outcomes; last None and the kernels that were called.

    A case that ends its process is a crash; the others run in a new process.
    """
    called = set()
    while cases and seconds > 0:
        with tempfile.TemporaryFile("w+") as errors:
            reader, writer = os.pipe()
            pid = os.fork()
            if not pid:
                status = 1
                try:
                    os.close(reader)
                    _child(cases, seconds, writer, errors)
                    status = 0
                except BaseException:
                    traceback.print_exc(file=errors)
                finally:
                    errors.flush()
                    os._exit(status)
            os.close(writer)
            with open(reader) as lines:
                told = [json.loads(line) for line in lines]
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            errors.seek(0)
            message = errors.read().partition("Extension modules")[0]
        if status == 0:
            called |= set(told.pop())
        elif len(told) % 2 == 0:  # no case was running
            raise RuntimeError(f"a child ended with {status}: {message}")
        for n, (outcome, taken) in zip(told[0::2], told[1::2], strict=False):
            yield cases[n], outcome
            seconds -= taken
        if status == 0:
            break
        seconds -= SECONDS_OF_A_CRASH
        name = signal.Signals(-status).name if status < 0 else f"exit code {status}"
        yield cases[told[-1]], f"CRASH {name}\n{message}"
        cases = cases[told[-1] + 1 :]
    yield None, called


def check(names=tuple(KINDS), *, combinations=2000, seed=0, seconds=np.inf, show=print):
    """Run the cases of some kinds in random order.

    Returns
    -------
    n_cases, n_faults : int
    called : set of str
        The kernels that were called.
    """
    counts, called = Counter(), set()
    for n, name in enumerate(names):
        rng = np.random.default_rng([seed, list(KINDS).index(name)])
        cases = list(alone(name, rng))
        cases += [combination(name, rng) for _ in range(combinations // len(names) + (n < combinations % len(names)))]
        cases = [cases[i] for i in rng.permutation(len(cases))]
        began, of_kind = time.monotonic(), Counter()
        for case, outcome in run_in_children(cases, seconds / len(names)):
            if case is None:
                called |= outcome
                continue
            of_kind["same bits" if outcome == "same bits" else "faults"] += 1
            if outcome != "same bits":
                show(f"{case}: {outcome}")
        counts += of_kind
        took, faults = time.monotonic() - began, of_kind["faults"]
        show(f"{name}: {of_kind.total()} of {len(cases)} cases, {faults} faults, {took:.0f} s")
    return counts.total(), counts["faults"], called


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--combinations", type=int, default=2000, help="number of combinations (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is drawn (default: 0)")
    parser.add_argument("--seconds", type=float, default=np.inf, help="seconds of guarded runs (default: no limit)")
    parser.add_argument(
        "--kind", nargs="+", metavar="NAME", choices=KINDS, default=list(KINDS), help="kinds to run (default: all)"
    )
    options = parser.parse_args(arguments)
    n_cases, faults, called = check(
        options.kind, combinations=options.combinations, seed=options.seed, seconds=options.seconds
    )
    missed = sorted(entries() - called)
    print(f"{n_cases} cases, {faults} faults; {len(called)} kernels called, not called: {missed or 'none'}")
    return 1 if faults or (missed and len(options.kind) == len(KINDS)) else 0


if __name__ == "__main__":
    sys.exit(main())
