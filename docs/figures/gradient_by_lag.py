"""Measure how far gradients reach back in time, and draw docs/figures/gradient_by_lag.svg.

    python docs/figures/gradient_by_lag.py

The network reads the adding problem (60 steps, one output after the last). The derivative of the loss of one sequence
with respect to its state s_t is the gradient of a learned initial state: set to s_t, with the steps after t as input,
`loss_and_grad` returns it. For an LSTM the state is s and cell. The script takes a minute.
"""

from pathlib import Path

import numpy as np
from style import COLOURS, new_figure, save_svg

from numrnn import RNNRegressor
from numrnn.datasets import make_adding_problem

LENGTH, SEQUENCES, UNITS, EPOCHS = 60, 20, 32, 60
LAGS = (*range(0, 10), *range(10, LENGTH, 5), LENGTH - 1)


def state_gradient(model, x, target, lag):
    """Return dL/ds_t of one sequence x (T, D) at t = T - 1 - lag, with dL/dcell_t for an LSTM."""
    steps = len(x) - 1 - lag
    if lag == 0:
        return output_gradient(model, x, target)
    _, state = model.predict(x[None, : steps + 1], return_state=True)
    names = [name for name in ("layers.0.s_0", "layers.0.cell_0") if name in model.weights_]
    parts = np.split(state.values[0], len(names))
    kept = {name: model.weights_[name].copy() for name in names}
    model.set_weights(dict(zip(names, parts, strict=True)))
    _, gradient = model.loss_and_grad(x[None, steps + 1 :], [target])
    model.set_weights(kept)
    return np.concatenate([gradient[name] for name in names])


def output_gradient(model, x, target):
    """Return dL/ds_T of the squared error: 2 (h - y) V."""
    return 2 * (model.predict(x[None])[0] - target) * model.weights_["V"][0]


def new_model(cell, trained, initial_state="learned"):
    """Return a network that reads the adding problem."""
    X, y = make_adding_problem(2000, length=LENGTH, random_state=0)
    options = {"dtype": "float64", "initial_state": initial_state, "scale_targets": False, "random_state": 0}
    model = RNNRegressor((UNITS,), cell=cell, learning_rate_init=0.005, max_iter=EPOCHS, **options)
    return model.fit(X, y) if trained else model.initialize(X, y)


def norms(cell, trained):
    """Return the geometric means over sequences of |dL/ds_t| / |dL/ds_T| by lag."""
    model = new_model(cell, trained)
    X, y = make_adding_problem(SEQUENCES, length=LENGTH, random_state=1)
    found = [[np.linalg.norm(state_gradient(model, x, t, lag)) for lag in LAGS] for x, t in zip(X, y, strict=True)]
    logs = np.log(np.maximum(found, 1e-300))
    return np.exp((logs - logs[:, :1]).mean(axis=0))


def main():
    figure, panels = new_figure(5, 5.4, rows=2, sharex=True, sharey=True)
    for axes, trained, title in zip(panels, (False, True), ("before training", f"after {EPOCHS} epochs"), strict=True):
        for cell, colour in COLOURS.items():
            means = norms(cell.lower(), trained)
            print(f"{title}: {cell} at lag {LAGS[-1]}: {means[-1]:.2g}")
            axes.semilogy(LAGS, means, color=colour, linewidth=2, label=cell)
        axes.set(title=title, ylabel="|dL/ds| relative to lag 0")
        axes.grid(axis="y", color="#888888", alpha=0.25)
    panels[1].set_xlabel("lag (steps before the last)")
    panels[0].legend(frameon=False)
    save_svg(figure, Path(__file__).with_suffix(".svg"), "Norm of the gradient by lag for Elman, GRU and LSTM cells")


if __name__ == "__main__":
    main()
