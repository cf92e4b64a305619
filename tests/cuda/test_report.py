"""Test the GPU report at sizes that suit the simulator: rows are measured, and the page is written."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
for folder in ("peers", "cuda"):
    sys.path.append(str(BENCHMARKS / folder))

import measure  # noqa: E402
import page  # noqa: E402
import parity  # noqa: E402
import report  # noqa: E402
from parity import CASES, Case  # noqa: E402
from sections import Plan, sections_of, watch  # noqa: E402

SMALL = Case("small", (2,), (3, 1, 3, 2), {"bidirectional": True}, {"output": "step"}, dropout=True)
SHORT = Case("short", (2,), (2, 1))
SYMBOLS = Case("symbols", (2,), (2, 1), {"n_inputs": None, "n_symbols": 3, "embedding_size": 2})
PLAN = Plan(
    cases=[SMALL, SYMBOLS], repeated=[SHORT], runs=2, shapes=[(3, 2, 2)], steps=2, repeats=1, torch=None, units=2,
    epochs=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text"
    path.write_text("abracadabra " * 40)
    return str(path)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        *(("parity", cell) for cell in PLAN.cells),
        *zip(["bits", "training", "events", "prediction"], ["elman", "gru", "lstm", "gru"], strict=True),
    ],
)
def test_rows_are_measured(monkeypatch, name, cell):
    monkeypatch.setattr(measure, "PAUSE", 0)
    monkeypatch.setattr(measure, "CHUNK", 0)
    monkeypatch.setattr(parity, "RUNS", 1)
    section = sections_of(PLAN)[name]
    for key in section.keys:
        if key[0] == cell:
            check(section, key)


def test_epochs_of_a_text_are_measured(monkeypatch, text):
    monkeypatch.setattr(measure, "PAUSE", 0)
    section = sections_of(PLAN._replace(text=text))["text"]
    check(section, section.keys[0])


def check(section, key):
    cells = page.cells_of(section, key)
    assert len(cells) + len(key) == len(section.header)
    assert all(met is not False for _, met in cells), cells


def test_what_a_sanitizer_watches_runs(monkeypatch):
    monkeypatch.setattr("checks.WATCHED", [SHORT])
    watch(PLAN._replace(cells=("elman",)))


def test_processes_measure_rows_and_the_page_has_them():
    sections = sections_of(Plan())
    rows = report.in_process("text", sections["text"], "LSTM 512", None)
    assert rows["text", ("LSTM 512", "TF32")] == [("no text: --text", None)] * 5
    slow = sections["text"]._replace(seconds=0.01)
    rows |= report.in_process("text", slow, "LSTM 2 x 700", None)
    written = report.written(sections, rows, "Today.")
    assert '"LSTM 512","TF32","no text: --text",' in written
    assert '"LSTM 2 x 700","TF32","FAILED: no end after 0.01 s",""' in written
    assert written.count(page.EMPTY) > 100
    assert "Nothing has been measured on a GPU yet" in report.written(sections, {}, None)
    assert page.EMPTY not in report.written(sections, {}, None)


def test_no_two_rows_are_the_same():
    assert len({case[:3] for case in CASES}) == len(CASES)
    for section in sections_of(Plan()).values():
        assert len(set(section.keys)) == len(section.keys)
