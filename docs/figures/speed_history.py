"""Draw docs/figures/speed_history.svg from benchmarks/results: ``python docs/figures/speed_history.py``."""

import json
from collections import defaultdict
from itertools import product
from pathlib import Path

from style import COLOURS, new_figure, save_svg

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "benchmarks" / "results"
BENCHMARK = "history.Fit.track_fraction_of_peak"


def read_results(folder=RESULTS):
    """Return {(cell, units): [(date, fraction)]} of all commits with results in asv's format."""
    found = defaultdict(list)
    for path in folder.glob("*/*.json"):
        results = json.loads(path.read_text(encoding="utf-8"))
        values = results.get("results", {}).get(BENCHMARK)
        if values:
            row = dict(zip(results["result_columns"], values, strict=False))
            for (cell, units), value in zip(product(*row["params"]), row["result"] or [], strict=False):
                if isinstance(value, float):
                    found[cell.strip("'"), int(units)].append((results["date"], value))
    return {key: sorted(values) for key, values in found.items()}


def draw(found, path):
    """Draw a line for each cell and number of units; commits are equally spaced, because their dates are not."""
    dates = sorted({date for values in found.values() for date, _ in values})
    most = max(units for _, units in found)
    figure, axes = new_figure(6, 3.4)
    for name, colour in COLOURS.items():
        for (cell, units), values in sorted(found.items()):
            if cell == name.lower():
                x, y = [dates.index(date) for date, _ in values], [value for _, value in values]
                style = {"linestyle": "-" if units == most else "--", "marker": "o", "markersize": 4, "color": colour}
                axes.plot(x, y, **style, label=f"{name}, {units} units")
    axes.set(xlabel="commits, from the earliest to the latest", ylabel="speed of fit / speed of sgemm", ylim=(0, None))
    axes.set_xticks([])
    axes.grid(axis="y", color="#888888", alpha=0.25)
    figure.legend(frameon=False, loc="outside right center")
    save_svg(figure, path, "Speed of training over the history of numrnn")


if __name__ == "__main__":
    draw(read_results(), HERE / "speed_history.svg")
