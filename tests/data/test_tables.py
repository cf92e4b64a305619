"""Test tables: how they are written, the types of their columns, and the errors about their faults."""

import csv
import datetime
import decimal
import gzip
import io
import json
import re

import numpy as np
import pandas
import pytest

import numrnn
from numrnn.cli import main
from numrnn.data import open_shards
from numrnn.data.readers.target_column import TargetColumn
from numrnn.data.readers.text import read_text

TABLE = "unit,a,b,y\n1,1.5,2,0\n1,2.5,3,0\n2,3.5,4,1\n"
VALUES, LABELS = [[1.5, 2], [2.5, 3], [3.5, 4]], [0, 1]
OPTIONS = ("--sequence", "unit", "--target", "y")
SMALL = ("--hidden-layer-sizes", "4", "--max-iter", "2", "--quiet")
TEXTS = "id,text,label\n" + "".join(f"t{i},{('bad', 'good')[i % 2]} film {i},{i % 2}\n" for i in range(30))
COLUMNS = ("--text", "text", "--target", "label")


def shard(path, *options):
    """Write a file's shards and return what they hold."""
    folder = path.parent / "shards"
    assert main(["shard", str(path), "--output", str(folder), *OPTIONS, *options]) == 0
    return open_shards(folder)


def error_of(capsys, *words):
    assert main([str(word) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("numrnn: error: ") and error.count("\n") == 1 and len(error) <= 520, error
    return error


WRITTEN = {
    "semicolons.csv": (TABLE.replace(",", ";"), ()),
    "bars.csv": (TABLE.replace(",", "|"), ()),
    "tabs.csv": (TABLE.replace(",", "\t"), ()),
    "tabs.tsv": (TABLE.replace(",", "\t"), ()),
    "bars.tsv": (TABLE.replace(",", "|"), ("--delimiter", "|")),
    "colons.csv": (TABLE.replace(",", ":"), ("--delimiter", ":")),
    "excel.csv": ("\ufeffsep=;\r\n" + TABLE.replace(",", ";").replace("\n", "\r\n"), ()),
    "UPPER.CSV": (TABLE, ()),
    "blank lines.csv": ("\n\n" + TABLE.replace("1,2.5", "\n1,2.5") + "\n  \n,,,\n", ()),
    "empty cells around.csv": (",,,\n" + TABLE + ",,,\n,,,\n", ()),
    "latin.csv": (TABLE.replace("y", "ÿ"), ("--encoding", "latin-1", "--target", "ÿ")),
    "utf16.csv": (TABLE, ("--encoding", "utf-16")),
    "numbers.csv": (TABLE.split("\n", 1)[1], ("--no-header", "--sequence", "1", "--target", "4")),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_tables_are_written_in_many_ways(name, tmp_path, capsys):
    text, options = WRITTEN[name]
    content = text.encode({"latin.csv": "latin-1", "utf16.csv": "utf-16"}.get(name, "utf-8"))
    (tmp_path / name).write_bytes(content)
    found = shard(tmp_path / name, *options)
    assert found.X.load().values.tolist() == VALUES and found.y.tolist() == LABELS
    assert found.X.names == (None if "--no-header" in options else ("a", "b"))


def test_compressed_tables_and_standard_input(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    assert shard(tmp_path / "a.csv.gz").X.load().values.tolist() == VALUES
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TABLE.encode())))
    assert main(["shard", "-", "--output", str(tmp_path / "stdin"), *OPTIONS]) == 0
    assert open_shards(tmp_path / "stdin").X.load().values.tolist() == VALUES
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(TABLE.encode() * 1000)[:60])
    assert "not a readable .gz file" in error_of(
        capsys, "shard", tmp_path / "b.csv.gz", "--output", tmp_path / "x", *OPTIONS
    )


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "utf8", "utf_8", "U8", "utf-8-sig"])
def test_a_mark_of_utf_8_is_no_text(encoding, tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffanna\n".encode())
    assert read_text(tmp_path / "a.txt", encoding) == "anna\n"
    (tmp_path / "a.csv").write_bytes(("\ufeff" + TABLE).encode())
    assert shard(tmp_path / "a.csv", "--encoding", encoding).X.names == ("a", "b")
    (tmp_path / "b.txt").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="another encoding, such as latin-1 or utf-16, pass --encoding"):
        read_text(tmp_path / "b.txt", encoding)


def test_delimiters_are_told_by_the_wanted_columns(tmp_path):
    (tmp_path / "a.csv").write_text("unit,a;b;c;d;e,y\n1,2,0\n")
    assert shard(tmp_path / "a.csv").X.names == ("a;b;c;d;e",)


COLUMNS_WANTED = [
    (("--inputs", "b,a"), ("b", "a")),
    (("--inputs", "b"), ("b",)),
    (("--drop", "b"), ("a",)),
    (("--drop", "b", "--id", "unit"), ("a",)),
]


@pytest.mark.parametrize(("options", "names"), COLUMNS_WANTED)
def test_inputs_are_chosen(options, names, tmp_path):
    (tmp_path / "a.csv").write_text(TABLE)
    X = shard(tmp_path / "a.csv", *options).X
    assert X.names == names
    assert X.load().values.tolist() == [[row["ab".index(name)] for name in names] for row in VALUES]
    assert X.id_name == ("unit" if "--id" in options else None)
    assert (None if X.ids is None else X[[1]].ids.tolist()) == (["2"] if "--id" in options else None)


MISTAKES = [
    (TABLE.replace("1,2.5,3,0", ",,,"), (), "line 3, column 'unit' is empty"),
    (TABLE.replace("1,2.5,3,0", ",,,\n,,,\n"), (), "line 3, column 'unit' is empty"),
    (",,,\n,,,\n", (), "a.csv: all cells are empty"),
    (TABLE, ("--inputs", "c"), "a.csv: there is no column 'c'; the columns are unit, a, b, y"),
    (TABLE, ("--drop", "c"), "a.csv: there is no column 'c'"),
    (TABLE, ("--inputs", "y"), "column 'y' cannot be an input"),
    (TABLE, ("--inputs", "a,a"), "--inputs names column 'a' twice"),
    (TABLE, ("--inputs", "a", "--drop", "b"), "cannot be combined"),
    (TABLE, ("--delimiter", "ab"), "expected one character, or tab, got 'ab'"),
    (TABLE, ("--encoding", "klingon"), "--encoding='klingon': must be the name of a text encoding"),
    (TABLE, ("--encoding", "ascii", "--id", "é"), "there is no column 'é'"),
    (TABLE.replace("y", "é"), ("--encoding", "ascii"), "not ASCII: ordinal not in range(128) at byte 9, in line 1"),
    (TABLE.replace(",", ";").replace("2.5", "2,5"), (), "line 3, column 'a' is '2,5', expected a number"),
    (TABLE.replace("2.5", "1_000"), (), "line 3, column 'a' is '1_000', expected a number"),
    (TABLE.replace("2.5", "True"), (), "line 3, column 'a' is 'True', expected a number"),
    (TABLE.replace("2.5", "2020-01-01"), (), "line 3, column 'a' is '2020-01-01', expected a number"),
    (TABLE.replace("1,2.5", ",2.5"), (), "line 3, column 'unit' is empty"),
    ("," + TABLE.replace("\n", "\n0,").removesuffix("0,"), (), "column 1 has no name, like an index that pandas wrote"),
    (TABLE.replace("unit,a", "unit,b"), (), "column 'b' occurs twice"),
    (TABLE + '3,"4,5,1\n', (), "line 5: unexpected end of data; look for a missing quote"),
    ("1;5,2;5\n", ("--no-header", "--sequence", "1"), "may be separated by any of ',', ';'; pass --delimiter"),
]


@pytest.mark.parametrize(("text", "options", "message"), MISTAKES)
def test_mistakes_name_line_and_column(text, options, message, tmp_path, capsys):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    error = error_of(capsys, "shard", tmp_path / "a.csv", "--output", tmp_path / "x", *OPTIONS, *options)
    assert message in error and not (tmp_path / "x").exists()


NO_NUMBERS = {
    "datetime": (pandas.to_datetime(["2020", "2021"]), "to convert dates, subtract a fixed date"),
    "zone": (pandas.date_range("2020", periods=2, tz="UTC"), "to convert dates, subtract a fixed date"),
    "date": ([datetime.date(2020, 1, 1)] * 2, "to convert dates, subtract a fixed date"),
    "time": ([datetime.time(1)] * 2, "holds datetime.time"),
    "duration": (pandas.to_timedelta([1, 2]), "to convert durations, divide"),
    "period": (pandas.period_range("2020", periods=2, freq="M"), "period"),
    "decimal": ([decimal.Decimal("1.5")] * 2, r"Decimal\('1.5'\)"),
    "digits": (["1", "2"], r"'1' \(str\)"),
    "categories": (pandas.Categorical(["1", "2"]), r"'1' \(str\)"),
    "bytes": ([b"1", b"2"], "bytes"),
}


@pytest.mark.parametrize("name", NO_NUMBERS)
@pytest.mark.parametrize("column", ["a", "y", "w"])
def test_what_is_no_number_is_not_cast(name, column, tmp_path, capsys):
    """Check that values that are not numbers are not cast; dates were once stored as 1.7e15."""
    values, message = NO_NUMBERS[name]
    table = {"unit": [1, 2], "a": [0.5, 1], "y": [0, 1], "w": [1.0, 2]} | {column: values}
    pandas.DataFrame(table).to_parquet(tmp_path / "a.parquet")
    words = ["shard", tmp_path / "a.parquet", "--output", tmp_path / "x", *OPTIONS, "--weight", "w"]
    if column == "y" and name in ("digits", "categories"):
        assert main([str(word) for word in words]) == 0
        assert open_shards(tmp_path / "x").y.tolist() == ["1", "2"]
        return
    error = error_of(capsys, *words)
    assert f"column '{column}'" in error and re.search(message, error), error


KINDS = [
    (["1", "2"], None, [1, 2]),
    (["1", "2.5"], None, [1.0, 2.5]),
    (["a", "b"], None, ["a", "b"]),
    (["007", "7"], None, ["007", "7"]),
    (["01", "1", "2"], None, ["01", "1", "2"]),
    (["+1", "-1"], None, ["+1", "-1"]),
    (["+1.5", "-1"], None, [1.5, -1.0]),
    (["12345678901234567890", "12345678901234567891"], None, ["12345678901234567890", "12345678901234567891"]),
    (["1", "a"], None, ["1", "a"]),
    (["1", "2", "a"], "classification", ["1", "2", "a"]),
    (["4.5", "3"], "classification", ["4.5", "3"]),
    (["1.0", "2.0"], "classification", [1, 2]),
    (["1e17", "2.0"], "classification", ["1e17", "2.0"]),
    (["007", "7"], "regression", [7.0, 7.0]),
    (["1_0", "2"], None, ["1_0", "2"]),
]
REFUSED = [
    (["1", "2", "n/a"], None, "line 4, column 'y' is 'n/a', but 2 of 3 cells are numbers; pass --na 'n/a' to leave"),
    (["0.5", "1.5", "nan"], None, "line 4, column 'y' is 'nan', expected a finite number; pass --na nan"),
    (["1", "2", "n/a"], "regression", "line 4, column 'y' is 'n/a', expected a finite number"),
    (["1,5", "2,5", "3"], None, "line 2, column 'y' is '1,5', but decimals need a point"),
    (["1", "", "3"], None, "line 3, column 'y' is empty"),
]


@pytest.mark.parametrize(("cells", "task", "expected"), KINDS)
def test_targets_are_decided_by_all_cells(cells, task, expected, tmp_path):
    found = TargetColumn("y", task).look_at(cells, str).convert(cells)
    assert found.tolist() == expected and found.dtype.kind in {int: "i", float: "f", str: "U"}[type(expected[0])]
    (tmp_path / "a.csv").write_text("unit,a,y\n" + "".join(f"{i},1,{cell}\n" for i, cell in enumerate(cells)))
    assert shard(tmp_path / "a.csv", *(() if task is None else ("--task", task))).y.tolist() == expected


@pytest.mark.parametrize(("cells", "task", "message"), REFUSED)
def test_columns_of_numbers_and_others_are_refused(cells, task, message, tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("unit,a,y\n" + "".join(f'{i},1,"{cell}"\n' for i, cell in enumerate(cells)))
    task = () if task is None else ("--task", task)
    assert message in error_of(capsys, "shard", path, "--output", tmp_path / "x", *OPTIONS, *task)
    path.write_text("text,y\n" + "".join(f'good,"{cell}"\n' for cell in cells))
    words = ("fit", path, "--text", "text", "--target", "y", "--output", tmp_path / "x", *task)
    assert message in error_of(capsys, *words)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
def test_the_task_of_shards_is_that_of_their_fit(suffix, tmp_path):
    """Check the task of shards; whole floats once stayed floats, which `fit` takes for regression."""
    y = np.repeat(np.arange(15.0), 2)
    frame = pandas.DataFrame({"unit": y, "a": np.arange(30.0), "y": y})
    path = tmp_path / f"a.{suffix}"
    if suffix == "npz":
        part = {"values": frame[["a"]].to_numpy(), "lengths": [2] * 15, "y": y[::2]}
        np.savez(path, **part, **{f"{name}_test": array for name, array in part.items()})
    else:
        frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    for task, kind in (("classification", "RNNClassifier"), ("regression", "RNNRegressor")):
        words = ["shard", str(path), *OPTIONS, "--task", task, "--output", str(tmp_path / task)]
        assert main(words) == main(["fit", words[-1], "--output", str(tmp_path / kind), *SMALL]) == 0
        assert json.loads((tmp_path / kind / "report.json").read_text())["model"]["class"] == kind


def test_targets_without_a_value_are_left_out(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(TABLE + "3,1,1,NA\n4,1,1,?\n")
    assert shard(tmp_path / "a.csv", "--na", "NA,?").y.tolist() == LABELS
    assert "left out because they have no target: 2" in capsys.readouterr().err


SOME_LABELS = [[1, 2, None], ["a", "b", None], [0.5, 1.5, None], pandas.Categorical(["a", "b", None])]


@pytest.mark.parametrize("labels", SOME_LABELS, ids=["integers", "texts", "numbers", "categories"])
@pytest.mark.parametrize("na", ["", "NA", "nan", "None"])
def test_targets_without_a_value_are_left_out_of_parquet(labels, na, tmp_path, capsys):
    labels = pandas.Series(labels, dtype="Int64" if labels[0] == 1 else None)
    pandas.DataFrame({"unit": [1, 2, 3], "a": [1.0, 2, 3], "y": labels}).to_parquet(tmp_path / "a.parquet")
    error = error_of(capsys, "shard", tmp_path / "a.parquet", "--output", tmp_path / "x", *OPTIONS)
    assert "line 3, column 'y' is empty; pass --na '' to leave" in error
    found = shard(tmp_path / "a.parquet", "--na", na).y
    assert found.tolist() == labels[:2].tolist() and found.dtype.kind in "ifU"
    assert "left out because they have no target: 1" in capsys.readouterr().err


def test_a_sequence_is_in_one_file(tmp_path, capsys):
    """Check the error about a sequence in two files, which once became two sequences."""
    for name, text in (("a", "unit,x\n1,1\n2,2\n"), ("b", "unit,x\n2,3\n3,3\n"), ("c", "unit,x\n1,1\n2,2\n1,3\n")):
        (tmp_path / f"{name}.csv").write_text(text)
    words = ("--output", tmp_path / "x", "--sequence", "unit")
    error = error_of(capsys, "shard", tmp_path / "a.csv", tmp_path / "b.csv", *words)
    assert f"b.csv: line 2: the rows of sequence '2' are in two places, here and in {tmp_path}/a.csv" in error
    assert "c.csv: line 4: the rows of sequence '1' are in two places:" in error_of(
        capsys, "shard", tmp_path / "c.csv", *words
    )
    pandas.DataFrame({"unit": [2.0], "x": [1.0]}).to_parquet(tmp_path / "d.parquet")
    assert "sequence '2'" in error_of(capsys, "shard", tmp_path / "a.csv", tmp_path / "d.parquet", *words)


def left_out(path):
    """Return the rows that ``skipped.csv`` names, by their lines."""
    rows = list(csv.DictReader(path.read_text().splitlines()))
    return {int(row["line"]): row["row"] for row in rows}


def test_sequences_that_cannot_be_read_are_left_out(tmp_path, capsys):
    lines = ["unit,a,y", "1,1,0", "1,x,0", "1,3,0", "2,5,1", "2,6", "3,7,1", "3,8,1", ",9,1", "4,1,1", "5,2,1"]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    found = shard(tmp_path / "a.csv", "--skip-bad")
    assert found.X.load().values.tolist() == [[2.0]] and found.y.tolist() == [1]
    assert "4 sequences left out, 9 rows: line 3 (column 'a' is 'x'" in capsys.readouterr().err
    assert left_out(tmp_path / "shards" / "skipped.csv") == dict(enumerate(lines[1:-1], 2))
    (tmp_path / "a.csv").write_text("unit,a,y\n1,x,0\n")
    words = ("--output", tmp_path / "x", *OPTIONS, "--skip-bad")
    assert "no sequences are left to write: 1 sequence left out, 1 row: line 2" in error_of(
        capsys, "shard", tmp_path / "a.csv", *words
    )


LEFT_OUT = {
    "one row of many": ("1,1,0\n" * 50 + "1,x,0\n" + "1,1,0\n" * 49 + "2,1,1\n", (), [1], range(2, 102)),
    "targets that are no numbers": ("1,1,1\n2,1,2\n3,1,n/a\n3,2,n/a\n4,1,4\n", (), [1, 2, 4], (4, 5)),
    "of a regression": ("1,1,a\n2,1,b\n3,1,3\n", ("--task", "regression"), [3.0], (2, 3)),
    "targets that change": ("1,1,0\n1,2,1\n1,3,0\n2,1,1\n", (), [1], (2, 3, 4)),
    "two places": ("1,1,0\n2,1,1\n1,2,0\n3,1,1\n", (), [1, 1], (2, 4)),
    "a name between two": ("A,1,0\nA,2,0\n,0,0\nB,3,1\nB,4,1\nC,5,1\n", (), [1], range(2, 7)),
    "a name within one": ("A,1,0\n,2,0\nA,0,0\nB,3,1\n", (), [1], (2, 3, 4)),
    "names at both ends": (",1,0\nA,2,0\nB,0,1\nC,1,0\n,3,1\n", (), [1], (2, 3, 5, 6)),
    "a torn row between two": ("A,1,0\nZ;0,0\nB,3,1\nC,5,1\n", (), [1], (2, 3, 4)),
    "too large a number": ("1,1e39,0\n2,1,1\n3,1e400,1\n", (), [1], (2, 4)),
}


@pytest.mark.parametrize("name", LEFT_OUT)
@pytest.mark.parametrize("n_rows", [2, 1 << 16])
def test_sequences_are_left_out_whole_and_all_rows_are_listed(name, n_rows, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("numrnn.data.readers.table_blocks.ROWS", n_rows)
    text, options, targets, lines = LEFT_OUT[name]
    (tmp_path / "a.csv").write_text("unit,a,y\n" + text)
    found = shard(tmp_path / "a.csv", "--skip-bad", *options)
    assert found.y.tolist() == targets
    expected = text.splitlines()
    assert left_out(tmp_path / "shards" / "skipped.csv") == {line: expected[line - 2] for line in lines}
    assert f"left out, {len(lines)} row" in capsys.readouterr().err
    words = ("shard", tmp_path / "a.csv", "--output", tmp_path / "x", *OPTIONS, *options)
    assert re.search(r"a.csv: line \d+", error_of(capsys, *words))


@pytest.mark.parametrize("name", ["one row of many", "a name between two", "too large a number", "two places"])
def test_sequences_of_standard_input_are_left_out(name, tmp_path, monkeypatch, capsys):
    text, _, targets, lines = LEFT_OUT[name]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"unit,a,y\n{text}".encode())))
    words = ("shard", "-", "--output", tmp_path / "x", *OPTIONS, "--skip-bad")
    if name == "two places":
        assert "--skip-bad needs files, not standard input" in error_of(capsys, *words)
        return
    assert main([*map(str, words)]) == 0
    assert open_shards(tmp_path / "x").y.tolist() == targets
    assert list(left_out(tmp_path / "x" / "skipped.csv")) == list(lines)


def test_sequences_of_two_files_are_left_out(tmp_path, capsys):
    (tmp_path / "b.csv").write_text("unit,a,y\n1,1,0\n2,2,1\n")
    (tmp_path / "a.csv").write_text("unit,a,y\n2,3,1\n3,3,1\n")
    words = ["shard", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--output", str(tmp_path / "shards")]
    assert main([*words, *OPTIONS, "--skip-bad"]) == 0
    found = open_shards(tmp_path / "shards")
    assert found.X.load().values.tolist() == [[3.0], [1.0]] and found.y.tolist() == [1, 0]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Return a folder with a model of texts; one row in four of its file cannot be read."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "a.csv").write_text(TEXTS + "x1,😀😀,1\nx2,fine\nx3,,0\nx4,good,\n")
    words = ["fit", str(folder / "a.csv"), *COLUMNS, "--id", "id", "--output", str(folder / "model"), *SMALL]
    assert main(words) == 2
    assert main([*words, "--skip-bad"]) == 0
    return folder


def test_texts_that_cannot_be_read_are_left_out(reader, capsys):
    rows = list(csv.DictReader((reader / "model" / "skipped.csv").read_text().splitlines()))
    assert sorted(row["line"] for row in rows) == ["32", "33", "34", "35"]
    report = json.loads((reader / "model" / "report.json").read_text())
    assert report["data"]["train"].startswith("27 texts")
    data, output = str(reader / "a.csv"), str(reader / "p.csv")
    assert main(["score", str(reader / "model"), data]) == 2
    assert main(["score", str(reader / "model"), data, "--skip-bad"]) == 0
    assert "(30 sequences)" in capsys.readouterr().out
    assert main(["predict", str(reader / "model"), data, "--skip-bad", "--output", output]) == 0
    rows = list(csv.DictReader((reader / "p.csv").read_text().splitlines()))
    assert [(row["id"], row["sequence"]) for row in rows[-2:]] == [("t29", "29"), ("x4", "33")] and len(rows) == 31
    assert left_out(reader / "p.skipped.csv") == {32: "x1,😀😀,1", 33: "x2,fine", 34: "x3,,0"}
    assert main(["predict", str(reader / "model"), data, "--skip-bad", "--output", str(reader / "P.CSV")]) == 0
    assert (reader / "P.CSV").read_text() == (reader / "p.csv").read_text()


def test_a_list_of_what_was_left_out_is_of_the_last_run(reader, tmp_path):
    (tmp_path / "good.csv").write_text(TEXTS)
    words = ["fit", str(tmp_path / "good.csv"), *COLUMNS, "--output", str(tmp_path / "model"), *SMALL, "--skip-bad"]
    (tmp_path / "model").mkdir()
    for text, stays in (((reader / "model" / "skipped.csv").read_text(), False), ("mine\n", True)):
        (tmp_path / "model" / "skipped.csv").write_text(text)
        assert main(words) == 0
        assert (tmp_path / "model" / "skipped.csv").exists() == stays


def test_rows_that_are_all_left_out_are_told(reader, tmp_path, capsys):
    (tmp_path / "a.csv").write_text("id,text,label\ne1,😀😀,1\ne2,😀,0\n")
    error = error_of(capsys, "predict", reader / "model", tmp_path / "a.csv", "--skip-bad")
    assert "a.csv: no rows are left: 2 rows left out: line 2 (column 'text' holds no token), line 3" in error


def test_a_table_to_predict_needs_no_identifiers(reader, tmp_path, capsys):
    (tmp_path / "a.csv").write_text("text\ngood film\n")
    assert main(["predict", str(reader / "model"), str(tmp_path / "a.csv")]) == 0
    assert capsys.readouterr().out.startswith("sequence,prediction\n0,")
    error = error_of(capsys, "predict", reader / "model", tmp_path / "a.csv", "--id", "name")
    assert "no column 'name'; line 1 names the columns 'text'" in error and "--delimiter" not in error
    (tmp_path / "a.csv").write_text("text:id\ngood film:1\n")
    assert "pass the character between them as --delimiter" in error_of(
        capsys, "predict", reader / "model", tmp_path / "a.csv"
    )
    assert "--na" in error_of(capsys, "predict", reader / "model", tmp_path / "a.csv", "--na", "x")


def test_rows_of_empty_cells_are_rows_of_texts(reader, tmp_path, capsys):
    (tmp_path / "a.csv").write_text("id,text,label\n,,\n\na,good film,1\n,,\n")
    assert "line 2, column 'text' is empty" in error_of(capsys, "predict", reader / "model", tmp_path / "a.csv")
    assert main(["predict", str(reader / "model"), str(tmp_path / "a.csv"), "--skip-bad"]) == 0
    assert "a,1," in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "options", "columns"),
    [
        (TEXTS.replace(",", ";"), (), ()),
        (TEXTS.replace(",", ":"), ("--delimiter", ":"), ()),
        (TEXTS, ("--encoding", "utf-16"), ()),
        (TEXTS.split("\n", 1)[1], ("--no-header", "--text", "2"), (("--target", "3"), ("--id", "1"))),
    ],
)
def test_texts_are_written_in_many_ways(text, options, columns, reader, tmp_path, capsys):
    (tmp_path / "a.csv").write_bytes(text.encode("utf-16" if "utf-16" in options else "utf-8"))
    (tmp_path / "b.csv").write_text(TEXTS)
    outputs = []
    target, name = columns or ((), ())
    for words in ((tmp_path / "a.csv", *options), (tmp_path / "b.csv",)):
        of_score, of_predict = (target, name) if "a.csv" in str(words[0]) else ((), ())
        assert main(["score", str(reader / "model"), *map(str, words), *of_score, "--json"]) == 0
        assert main(["predict", str(reader / "model"), *map(str, words), *of_predict]) == 0
        outputs.append(capsys.readouterr().out.replace("1,sequence", "id,sequence"))
    assert outputs[0] == outputs[1]


def test_texts_from_standard_input(reader, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXTS.encode())))
    assert main(["predict", str(reader / "model"), "-"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 31


def test_identifiers_of_shards_are_written_beside_predictions(tmp_path, capsys):
    text = "unit,name,a,y\n" + "".join(f"{i},n{i},{i % 2},{i % 2}\n" * 2 for i in range(8))
    (tmp_path / "a.csv").write_text(text)
    shard(tmp_path / "a.csv", "--id", "name")
    data, model = str(tmp_path / "shards"), str(tmp_path / "model")
    assert main(["fit", data, "--output", model, *SMALL]) == 0
    capsys.readouterr()
    assert main(["predict", model, data]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["name"] for row in rows] == [f"n{i}" for i in range(8)] and rows[3]["sequence"] == "3"
    assert main(["predict", model, data, "--output", str(tmp_path / "p.npz")]) == 0
    assert np.load(tmp_path / "p.npz")["ids"].tolist() == [f"n{i}" for i in range(8)]
    assert main(["info", "--verify", data]) == 0


def test_whole_floats_get_a_hint(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"good {i},{i % 3}.0\n" for i in range(30)))
    words = ["fit", str(tmp_path / "a.csv"), *COLUMNS, "--output", str(tmp_path / "model"), *SMALL]
    assert main(words) == 0
    error = capsys.readouterr().err
    assert "3 distinct whole numbers written as floats" in error and "classes, pass --task classification" in error
    assert main([*words, "--task", "classification"]) == 0 and capsys.readouterr().err == ""


def test_pairs_of_texts(tmp_path, capsys):
    path, model = tmp_path / "pairs.csv", str(tmp_path / "model")
    path.write_text("source,target\n" + "".join(f"{i:02d},{chr(97 + i % 10)}{chr(97 + i // 10)}\n" for i in range(100)))
    words = ["fit", str(path), "--task", "sequence-to-sequence", "--text", "source", "--target", "target", "--quiet"]
    words += ["--output", model, "--hidden-layer-sizes", "16", "--max-iter", "60", "--learning-rate-init", "0.02"]
    assert main(words) == 0
    assert main(["score", model, str(path)]) == 0
    assert float(capsys.readouterr().out.split(": ")[1].split()[0]) > 0.9
    assert main(["predict", model, str(path)]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    pairs = list(csv.DictReader(path.read_text().splitlines()))
    known = numrnn.load(f"{model}/model.safetensors")
    assert [row["prediction"] for row in rows] == known.predict([pair["source"] for pair in pairs])
    assert json.loads((tmp_path / "model" / "report.json").read_text())["model"]["class"] == "RNNSeq2Seq"
    assert "--target is missing" in error_of(capsys, *words[:6], "--output", model)
    assert "--scale does not apply to" in error_of(capsys, *words, "--scale")


def test_pairs_of_texts_without_a_token_are_left_out(tmp_path, capsys):
    path, model = tmp_path / "pairs.csv", str(tmp_path / "model")
    path.write_text("source,target\n" + "word one,go\n" * 30 + "😀😀,go\nword,😀\n")
    words = ["fit", str(path), "--task", "sequence-to-sequence", "--text", "source", "--target", "target", *SMALL]
    words += ["--unit", "token", "--output", model]
    assert "pairs.csv: line 32, column 'source' holds no token" in error_of(capsys, *words)
    assert main([*words, "--skip-bad"]) == 0
    assert left_out(tmp_path / "model" / "skipped.csv") == {32: "😀😀,go", 33: "word,😀"}
    capsys.readouterr()
    for command, count in (("predict", "1 row left out"), ("score", "2 rows left out")):
        assert "line 32, column 'source' holds no token" in error_of(capsys, command, model, path)
        assert main([command, model, str(path), "--skip-bad"]) == 0
        assert count in capsys.readouterr().err


MISSING = {
    "shard": ("shard", "{}", "--output", "x"),
    "fit": ("fit", "{}", "--output", "x"),
    "fit texts": ("fit", "{}", "--output", "x", *COLUMNS),
    "predict": ("predict", "{reader}", "{}"),
    "score": ("score", "{reader}", "{}"),
}


@pytest.mark.parametrize("command", MISSING)
@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.npz", "A.CSV.gz"])
def test_files_that_are_missing_are_named(command, name, reader, tmp_path, monkeypatch, capsys):
    """Check that errors name the missing file.

    Once, `shard` blamed --output, `fit` reported that --text was missing, and `predict` told what the model reads.
    """
    monkeypatch.chdir(tmp_path)
    words = [word.format(name, reader=reader / "model") for word in MISSING[command]]
    assert error_of(capsys, *words) == f"numrnn: error: {name}: no such file\n"
    if name.endswith("csv") and command != "fit":
        (tmp_path / name).mkdir()
        assert error_of(capsys, *words) == f"numrnn: error: {name}: is a directory, expected a file\n"


ELSEWHERE = [
    ("fit", "x.npy", "a directory of shards or the name of a bundled data set; an .npy file is a single array"),
    ("fit", "x.parquet", "convert a table with one row per step to shards first: numrnn shard FILE --sequence COLUMN"),
    ("fit", "x.md", "a text file needs --task language-model"),
    ("fit", "x.csv", "with the texts; or convert a table with one row per step"),
    ("fit", "x.tsv", "--text is missing; pass --text COLUMN, the column of"),
    ("fit", "x.safetensors", "it is a model, not data"),
    ("fit", "x.xlsx", "expected an .npz file, a directory of shards or the name of a bundled data set"),
    ("shard", "x.npy", "expected an .npz, .csv, .tsv or .parquet file; an .npy file is a single array"),
    ("shard", "x.md", "expected an .npz, .csv, .tsv or .parquet file; for a text file, pass --task language-model"),
    ("info", "x.npy", "expected a model file, or the output directory of numrnn fit"),
]


@pytest.mark.parametrize(("command", "name", "message"), ELSEWHERE)
def test_files_of_another_kind_are_told_where_to_go(command, name, message, tmp_path, capsys):
    (tmp_path / name).write_text("a,b\n1,2\n")
    options = () if command == "info" else ("--output", tmp_path / "x")
    assert message in error_of(capsys, command, tmp_path / name, *options)


@pytest.mark.parametrize("name", ["x.npy", "x.md", "x.parquet"])
def test_models_are_told_what_they_read(name, reader, tmp_path, capsys):
    (tmp_path / name).write_text("a")
    for command in ("predict", "score"):
        assert "the model reads texts; pass a .csv" in error_of(capsys, command, reader / "model", tmp_path / name)
        assert "expected a model file" in error_of(capsys, command, tmp_path / name, tmp_path / name)


@pytest.mark.parametrize("rows", ["good film,1\nbad film,0\n", "good film,1\n" * 2])
def test_too_few_rows_to_stop_early_name_the_option(rows, tmp_path, capsys):
    (tmp_path / "a.csv").write_text("text,label\n" + rows)
    words = ["fit", str(tmp_path / "a.csv"), *COLUMNS, "--output", str(tmp_path / "model"), *SMALL]
    words += ["--test-fraction", "0", "--task", "classification" if "bad" in rows else "regression"]
    words += ["--validation-fraction", "0.2"]
    error = error_of(capsys, *words)
    wrong = "--early-stopping holds out" if "bad" in rows else "--validation-fraction=0.2: early stopping holds out"
    assert wrong in error and "--no-early-stopping trains on all" in error
    assert "X_val" not in error
    assert main([*words, "--no-early-stopping"]) == 0


def test_class_weights_name_labels_of_any_type(tmp_path, capsys):
    model = tmp_path / "model"
    for labels in (("0", "1"), ("007", "7"), ("a", "b c"), ("0.0", "1.0")):
        rows = "".join(f"good {i},{labels[i % 2]}\n" for i in range(12))
        (tmp_path / "a.csv").write_text("text,label\n" + rows)
        words = ("fit", tmp_path / "a.csv", *COLUMNS, "--output", model, *SMALL, "--task", "classification")
        weights = f"{labels[0]}=1, {labels[1]} = 2"
        assert main([*map(str, words), "--class-weight", weights]) == 0, capsys.readouterr().err
        assert numrnn.load(model / "model.safetensors").class_weight == dict(
            zip(numrnn.load(model / "model.safetensors").classes_.tolist(), (1.0, 2.0), strict=True)
        )
        capsys.readouterr()
        assert "there is no class 'x'" in error_of(capsys, *words, "--class-weight", "x=2")


def test_what_is_wrong_with_the_input_exits_with_2(tmp_path, monkeypatch, capsys):
    """Check the exit code and time of errors about the input.

    A low memory limit was once found only after all kernels were compiled, and NaN in shards was an internal error.
    """
    monkeypatch.setattr(numrnn, "warmup", lambda **_: pytest.fail("too late"))
    words = ("fit", "japanese_vowels", "--output", tmp_path / "x", *SMALL)
    for options in ((), ("--early-stopping",), ("--cell", "lstm", "--bptt-steps", "3")):
        assert "memory_limit is too low" in error_of(capsys, *words, *options, "--memory-limit", "1KB")
    assert not (tmp_path / "x").exists()
    monkeypatch.undo()
    (tmp_path / "a.csv").write_text(TABLE.replace("2.5", "nan"))
    shard(tmp_path / "a.csv")
    for options in ((), ("--scale",)):
        error = error_of(capsys, "fit", tmp_path / "shards", "--output", tmp_path / "x", *SMALL, *options)
        assert "00000.values.npy: sequence 0 of this file (0 of all), step 1, contains NaN" in error


def test_messages_are_short(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(",".join(f"column_{i}" for i in range(5000)) + "\n" + "1," * 4999 + "1\n")
    for words in (("fit", *COLUMNS), ("shard",), ("shard", "--inputs", "y" * 5000), ("shard", "--id", "s" * 5000)):
        error = error_of(capsys, words[0], tmp_path / "a.csv", *words[1:], "--output", tmp_path / "x")
        assert "column" in error
