"""Test the rule by which commits are compared, and what the documentation shows of committed results."""

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS, FIGURES = ROOT / "benchmarks", ROOT / "docs" / "figures"


@pytest.fixture
def verdict():
    """Return the rule of compare.sh."""
    return runpy.run_path(str(BENCHMARKS / "compare.py"))["verdict"]


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([1.13, 1.12, 1.15, 1.11, 1.14, 1.13, 1.12], "slower"),
        ([1.13, 1.12, 1.15, 1.11, 1.14, 1.13, 0.98], "slower"),
        ([1.13, 1.12, 1.15, 1.11, 1.14, 1.00, 0.98], ""),  # two pairs of processes disagree
        ([1.04, 1.03, 1.04, 1.05, 1.03, 1.04, 1.04], ""),  # not above the factor
        ([0.99, 1.01, 1.00, 1.02, 0.98, 1.00, 1.30], ""),
        ([0.88, 0.90, 0.87, 0.89, 0.88, 0.91, 0.90], "faster"),
    ],
)
def test_the_rule_for_slower_commits(verdict, ratios, expected):
    assert verdict(ratios) == expected


def test_a_side_answers_with_seconds(monkeypatch):
    """Check that a benchmark of a commit is run at least once, and that its seconds are those of one call."""
    side = runpy.run_path(str(BENCHMARKS / "compare_side.py"))
    calls = []
    assert side["seconds"](lambda: calls.append(sum(range(100_000)))) * len(calls) >= side["SECONDS"]


def test_the_table_of_the_literature_is_made_from_the_results(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from literature.table import ROWS, table

    text = table()
    assert text == (ROOT / "docs" / "benchmarks" / "literature.csv").read_text(encoding="utf-8")
    results = {path.stem.removesuffix("_pytorch") for path in (BENCHMARKS / "literature" / "results").glob("*.json")}
    assert results <= set(ROWS)
    assert {line.rsplit(",", 1)[-1] for line in text.splitlines()[1:]} == results


def test_the_figure_of_the_history_is_drawn_from_results_of_asv(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FIGURES)
    script = runpy.run_path(str(FIGURES / "speed_history.py"))
    (tmp_path / "machine").mkdir()
    for date, values in ((2, [0.5, 0.75]), (1, [0.25, None])):
        columns = {"results": {script["BENCHMARK"]: [values, [["'gru'"], ["32", "128"]]]}}
        results = columns | {"date": date, "result_columns": ["result", "params"]}
        (tmp_path / "machine" / f"{date}.json").write_text(json.dumps(results))
    found = script["read_results"](tmp_path)
    assert found == {("gru", 32): [(1, 0.25), (2, 0.5)], ("gru", 128): [(2, 0.75)]}
    script["draw"](found, tmp_path / "history.svg")
    assert "GRU, 128 units" in (tmp_path / "history.svg").read_text()
