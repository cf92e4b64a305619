"""Draw docs/figures/speed.svg from docs/benchmarks/speed.csv: ``python docs/figures/speed.py``."""

import csv
from pathlib import Path

from style import COLOURS, new_figure, save_svg

HERE = Path(__file__).parent
TABLE = HERE.parent / "benchmarks" / "speed.csv"


def draw(rows, path):
    """Draw the ratios of the rows of the table by the number of units."""
    figure, axes = new_figure(5, 3.2)
    units = [int(row["units"]) for row in rows]
    axes.axhline(1, color="#888888", linewidth=1, linestyle="--")
    axes.text(28, 1.08, "as fast as PyTorch", va="bottom", fontsize=10)
    for cell, colour in COLOURS.items():
        axes.loglog(units, [float(row[cell]) for row in rows], marker="o", linewidth=2, color=colour, label=cell)
    axes.set(xlabel="hidden units", ylabel="times as fast as PyTorch", ylim=(0.6, 80), xlim=(25, 1150))
    axes.set_xticks(units, [str(count) for count in units])
    axes.set_yticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axes.minorticks_off()
    axes.grid(axis="y", color="#888888", alpha=0.25)
    axes.legend(frameon=False, loc="upper right")
    save_svg(figure, path, "Training steps of numrnn beside PyTorch by number of hidden units")


def read_table():
    """Return the rows of the table as dicts."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    draw(read_table(), HERE / "speed.svg")
