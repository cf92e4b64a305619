"""Measure the median time of single calls: one step of one stream, and one sequence of 100 steps.

D=8, H=32, float32.
"""

from functools import partial

import numpy as np
from jax_side import JaxSide
from measure import Figure, Table, interleaved_calls
from numrnn_side import estimator_of
from onnx_side import OnnxSide
from problem import Problem, check_predictions
from torch_side import TorchSide

STEP_TARGET = 5  # us
COLUMNS = ["call", "cell", "numrnn us", "PyTorch us", "ONNX Runtime us", "JAX us", "figure"]
COLUMN_SIDES = ("numrnn", "torch", "onnx", "jax")


def _stepper(model, x):
    state = None

    def call():
        nonlocal state
        label, state = model.predict_step(x, state)
        return label

    return call


def _row(table, call, cell, times, figure):
    table.add(
        [call, cell, *(f"{1e6 * times[side]:.1f}" if side in times else "" for side in COLUMN_SIDES)],
        [figure],
        call=call,
        cell=cell,
        seconds=times,
    )


def run(options):
    """Measure two rows for each cell."""
    table = Table("Latency of a whole call", COLUMNS)
    for cell in options.cells:
        problem = Problem(cell, (1, 100, 8, 32))
        model, torch, onnx = (
            estimator_of(problem, options.threads),
            TorchSide(problem),
            OnnxSide(problem, options.threads),
        )
        x = np.ascontiguousarray(problem.X[0, 0])
        steppers = {"numrnn": _stepper(model, x), "torch": torch.stepper(x), "onnx": onnx.stepper(x)}
        times = interleaved_calls(steppers, options.repeats)
        _row(table, "predict_step", cell, times, Figure("us", 1e6 * times["numrnn"], STEP_TARGET, at_most=True))

        peers = {"torch": torch.predict, "onnx": onnx.predict, "jax": JaxSide(problem).predict}
        check_predictions({"numrnn": model.predict_proba(problem.X)} | {n: call() for n, call in peers.items()}, cell)
        times = interleaved_calls({"numrnn": partial(model.predict, problem.X), **peers}, options.repeats)
        _row(table, "predict, 100 steps", cell, times, Figure("onnx_ratio", times["onnx"] / times["numrnn"], 1))
    return table.rows
