"""Measure how far gradients reach back in time, and draw docs/figures/gradient_by_lag.svg.

    python docs/figures/gradient_by_lag.py

The networks read the adding problem: 60 steps, one output after the last. The script takes a minute.
"""

from pathlib import Path

import numpy as np
from style import COLOURS, new_figure, save_svg

from numrnn import RNNRegressor
from numrnn.datasets import make_adding_problem
from numrnn.inspection import gradient_flow

LENGTH, SEQUENCES, UNITS, EPOCHS = 60, 20, 32, 60


def new_model(cell, trained):
    """Return a network that reads the adding problem."""
    X, y = make_adding_problem(2000, length=LENGTH, random_state=0)
    options = {"dtype": "float64", "initial_state": "learned", "scale_targets": False, "random_state": 0}
    model = RNNRegressor((UNITS,), cell=cell, learning_rate_init=0.005, max_iter=EPOCHS, **options)
    return model.fit(X, y) if trained else model.initialize(X, y)


def norms(model):
    """Return the geometric means over sequences of |dL/ds_t| / |dL/ds_T| by lag."""
    X, y = make_adding_problem(SEQUENCES, length=LENGTH, random_state=1)
    found = [gradient_flow(model, [x], [target]).norms for x, target in zip(X, y, strict=True)]
    logs = np.log(np.maximum(found, 1e-300))
    return np.exp((logs - logs[:, :1]).mean(axis=0))


def main():
    figure, panels = new_figure(5, 5.4, rows=2, sharex=True, sharey=True)
    for axes, trained, title in zip(panels, (False, True), ("before training", f"after {EPOCHS} epochs"), strict=True):
        for cell, colour in COLOURS.items():
            means = norms(new_model(cell.lower(), trained))
            print(f"{title}: {cell} at lag {LENGTH - 1}: {means[-1]:.2g}")
            axes.semilogy(means, color=colour, linewidth=2, label=cell)
        axes.set(title=title, ylabel="|dL/ds| relative to lag 0")
        axes.grid(axis="y", color="#888888", alpha=0.25)
    panels[1].set_xlabel("lag (steps before the last)")
    panels[0].legend(frameon=False)
    save_svg(figure, Path(__file__).with_suffix(".svg"), "Norm of the gradient by lag for Elman, GRU and LSTM cells")


if __name__ == "__main__":
    main()
