"""Define the tables of the report, and how much of each is measured."""

import sys
from pathlib import Path
from typing import NamedTuple

import checks
import parity
import texts
import times
from page import Section
from targets import CELLS, TRAINING


class Plan(NamedTuple):
    """Hold what is measured."""

    cells: tuple = CELLS
    cases: list = parity.CASES
    repeated: list = checks.REPEATED
    runs: int = 20
    shapes: list = list(TRAINING)  # (B, D, H)
    steps: int = 100  # of a sequence whose time is taken
    repeats: int = 7  # of each time, in turns
    torch: str | None = "cuda"  # PyTorch's device; None: it is not installed
    text: str | None = None  # War and Peace
    characters: int | None = None  # of it; None: all
    units: int | None = None  # in the place of those of the text's networks
    epochs: int = 3


def sections_of(plan):
    """Return all tables as a dict of str to Section."""
    shapes = [(cell, *shape) for cell in plan.cells for shape in plan.shapes]

    def by_shape(measure):
        return lambda cell, *shape: measure(cell, shape, plan)

    return {
        "checks": Section(
            "Checks",
            "compute-sanitizer watches training steps of all kinds of kernels.",
            ("check", "result"),
            [(name,) for name in CHECKS],
            lambda name: [CHECKS[name]()],
            3600,
        ),
        "bits": Section(
            f"Weights after 5 steps of Adam, {plan.runs} runs",
            "All runs have to leave the same bits.",
            ("cell", "network", "sequences", "bits"),
            [(cell, case.name, len(case.lengths)) for cell in plan.cells for case in plan.repeated],
            lambda cell, name, _: [checks.same_bits(cell, _named(plan.repeated, name), plan.runs, 5)],
            900,
        ),
        "parity": Section(
            "Errors of the GPU against the CPU",
            "Largest error of any array over the array's largest value: the GPU in float32 and in float64 against the "
            "CPU in float64. Ragged lengths are " + ", ".join(map(str, parity.RAGGED)) + ".",
            parity.HEADER,
            [parity.key_of(cell, case) for cell in plan.cells for case in plan.cases],
            parity.measured(plan.cases),
            1200,
        ),
        "training": Section(
            "Training steps by the clock",
            f"Forward, backward, weight gradients, clipping and Adam; float32, {plan.steps} steps, TF32 off except "
            "where the column says otherwise; the GPU is idle before and after; medians, in turns. "
            "Gradients agree to 1e-4.",
            times.TRAINING,
            shapes,
            by_shape(times.training),
            1200,
        ),
        "events": Section(
            "GPU times by events",
            "numrnn: its recurrences alone, forward and backward. PyTorch: all GPU work of a training step.",
            times.EVENTS,
            shapes,
            by_shape(times.events),
            1200,
        ),
        "prediction": Section(
            "Predictions by the clock",
            "``predict_proba``: from a NumPy array to a NumPy array of probabilities, for PyTorch too.",
            times.PREDICTION,
            shapes,
            by_shape(times.prediction),
            1200,
        ),
        "text": Section(
            "War and Peace: seconds of an epoch",
            f"{texts.STREAMS} streams of {texts.STEPS} characters a mini-batch, one side's epoch after the other's; "
            f"cross-entropies of {texts.TEST:,} characters after {plan.epochs} epochs.",
            texts.HEADER,
            [(name, side) for name in texts.NETWORKS for side in ("float32", "TF32")],
            lambda name, side: texts.measured(name, side, plan),
            3600,
        ),
    }


def watch(plan):
    """Train the networks that compute-sanitizer watches."""
    for cell in plan.cells:
        for case in checks.WATCHED:
            checks.trained(cell, case, 2)


def _named(cases, name):
    return next(case for case in cases if case.name == name)


def _sanitized(tool):
    return checks.sanitized(tool, [sys.executable, str(Path(__file__).with_name("report.py")), "--watch"])


CHECKS = {
    "``pytest tests/cuda``": checks.tests_pass,
    "memcheck": lambda: _sanitized("memcheck"),
    "racecheck": lambda: _sanitized("racecheck"),
    "synccheck": lambda: _sanitized("synccheck"),
}
