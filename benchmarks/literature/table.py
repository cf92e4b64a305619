"""Write docs/benchmarks/literature.csv from the results: ``python -m literature.table`` in benchmarks/."""

import csv
import io
import statistics
from importlib import import_module
from pathlib import Path

from literature.protocol import RESULTS, read

TABLE = Path(__file__).parents[2] / "docs" / "benchmarks" / "literature.csv"
ROWS = {  # script: result, unit, source of the published figures
    "war_and_peace": ("War and Peace", "nats a character", "DeepOBS, Adam"),
    "chorales": ("JSB Chorales", "nats a frame", "Bai et al. 2018"),
    "tanks": ("Cascaded tanks", "RMSE, V", "nonlinear_baselines"),
    "reviews": ("Movie reviews", "accuracy", "tuned LSTM"),
    "mnist_1d": ("MNIST-1D", "accuracy", "Greydanus, Kobak 2024"),
    "plaid": ("PLAID", "accuracy", "tsml-eval"),
    "atis": ("ATIS slots", "span F1", "Goo et al. 2018"),
    "adding": ("Adding problem, 600 steps", "squared error", "Bai et al. 2018"),
}
HEAD = ("result", "published", "numrnn (lowest to highest)", "PyTorch", "seeds", "minutes", "script")


def lines_of(script):
    """Yield a row for each figure of a script that has results."""
    results, peer = (read(RESULTS / f"{name}.json") for name in (script, f"{script}_pytorch"))
    if not results["seeds"]:
        return
    published = import_module(f"literature.{script}").PUBLISHED
    (title, unit, source), runs = ROWS[script], list(results["seeds"].values())
    minutes = statistics.mean(run["minutes"] for run in runs)
    for figure, value in published.items():
        found = [run[figure] for run in runs]
        yield (
            f"{title} ({unit})" if figure == unit else f"{title}, {figure} ({unit})",
            f"{number(value)}, {source}",
            f"{number(statistics.mean(found))} ({number(min(found))} to {number(max(found))})",
            number(statistics.mean(run[figure] for run in peer["seeds"].values())) if peer["seeds"] else "",
            len(found),
            f"{minutes:.1f}",
            script,
        )


def number(value):
    """Return a value as text with three decimals, or with two digits if it is small."""
    return f"{value:.3f}" if value >= 0.01 else f"{value:.1e}"


def table():
    """Return the table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEAD, *(row for script in ROWS for row in lines_of(script))])
    return text.getvalue()


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
