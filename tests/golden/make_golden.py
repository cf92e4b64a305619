"""Write the golden files beside it: what PyTorch 2.13 computes in float64 from given weights and data.

    python tests/golden/make_golden.py

There is one file for each cell and stack. All its cases share `names` and the weights' `shapes`, `theta` (the weights,
one after another), the inputs `X` (sum of T, D) and `lengths`. Each output and head has under `output.head.`: targets
`y` and weights `w`, `outputs`, `loss` and `grad` of the objective with `GOLDEN_ALPHA`, and theta after ten steps of
SGD (`sgd`) and of Adam (`adam`).
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "support"), str(HERE.parent / "parity")]

from problems import GOLDEN_ALPHA, make_problem  # noqa: E402
from torch_twin import Twin  # noqa: E402

LEARNING_RATE = {"sgd": 0.1, "adam": 0.01}
CELLS = {"elman": ("elman", "tanh"), "relu": ("elman", "relu"), "gru": ("gru", "tanh"), "lstm": ("lstm", "tanh")}
STACKS = {"one": (5,), "two": (4, 3)}


def joined(arrays):
    return np.concatenate([array.ravel() for array in arrays.values()])


def compute(name, stack):
    cell, activation = CELLS[name]
    contents = {}
    for output in ("sequence", "step"):
        for head in ("softmax", "sigmoid", "identity"):
            problem = make_problem(
                cell,
                activation,
                STACKS[stack],
                D=2,
                K=3,
                lengths=(4, 1, 7, 2, 4),
                output=output,
                head=head,
                seed=len(name) + len(stack),
            )
            y, w = problem.targets()
            loss, grad = Twin(problem).gradient(GOLDEN_ALPHA)
            here = {"y": y, "w": w, "outputs": Twin(problem).outputs(), "loss": loss, "grad": joined(grad)}
            for solver, optimizer in (("sgd", "SGD"), ("adam", "Adam")):
                here[solver] = joined(Twin(problem).train(optimizer, 10, GOLDEN_ALPHA, lr=LEARNING_RATE[solver]))
            contents |= {f"{output}.{head}.{key}": value for key, value in here.items()}
    shapes = [(*value.shape, 0)[:2] for value in problem.weights.values()]
    return contents | {
        "names": list(problem.weights),
        "shapes": shapes,
        "theta": joined(problem.weights),
        "X": np.concatenate(problem.X),
        "lengths": [len(x) for x in problem.X],
    }


if __name__ == "__main__":
    for name in CELLS:
        for stack in STACKS:
            np.savez_compressed(HERE / f"{name}_{stack}.npz", **compute(name, stack))
