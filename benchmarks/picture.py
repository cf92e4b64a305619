"""Draw the speed of training over the history of the project from benchmarks/results, for the documentation."""

import json
from collections import defaultdict
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt

RESULTS = Path(__file__).with_name("results")
BENCHMARK = "history.Fit.track_fraction_of_peak"
COLOURS = {"elman": "#0072b2", "gru": "#d55e00", "lstm": "#009e73"}


def series():
    """Return {(cell, units): [(date, fraction)]} of all commits with results."""
    found = defaultdict(list)
    for path in RESULTS.glob("*/*.json"):
        results = json.loads(path.read_text())
        if path.name == "machine.json" or BENCHMARK not in results.get("results", {}):
            continue
        row = dict(zip(results["result_columns"], results["results"][BENCHMARK], strict=False))
        date = datetime.fromtimestamp(results["date"] / 1000, UTC)
        for (cell, units), value in zip(product(*row["params"]), row["result"] or [], strict=False):
            if isinstance(value, float):
                found[cell.strip("'"), int(units)].append((date, value))
    return {key: sorted(values) for key, values in found.items()}


def draw():
    """Draw a line for each cell and number of units; commits are equally spaced, because their dates are not."""
    found = series()
    dates = sorted({date for values in found.values() for date, _ in values})
    figure, axes = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
    for (cell, units), values in sorted(found.items()):
        style = "-" if units == max(units for _, units in found) else "--"
        x = [dates.index(date) for date, _ in values]
        axes.plot(
            x, [value for _, value in values], style, marker="o", ms=4, color=COLOURS[cell], label=f"{cell}, {units}"
        )
    axes.set(
        xlabel="commits, from the first to the latest", ylabel="speed of fit, as a fraction of sgemm", ylim=(0, None)
    )
    axes.legend(title="cell, units", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    draw()
    plt.show()
