"""Read texts from files: one text per row of a table, per line, or per file."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from numrnn.data.readers.csv_files import check_widths, codec_of, is_stdin, listed, open_bytes, open_table, told_fault
from numrnn.data.readers.faults import Faults
from numrnn.data.readers.target_column import TargetColumn
from numrnn.io.messages import shown

__all__ = ["TextLines", "TextTable", "read_lines", "read_text_table", "read_text"]


class TextTable(NamedTuple):
    """Hold texts of a table, their targets if requested, and their lines in the file.

    Attributes
    ----------
    X : list of str
    y : ndarray, list of str, or None
    path : Path or str
    column, target : str
        Names of the columns.
    lines, rows : list of int
        For each text, the number of the line in which it begins and the number of its row, from 0.
    ids : list of str or None
        Identifiers: the cells of the column `id_name`.
    whole : list of list of str, or None
        All cells of each row, if faults are recorded.
    """

    X: list[str]
    y: np.ndarray | list | None
    path: Path
    column: str
    lines: list[int]
    target: str | None = None
    rows: list[int] = ()
    ids: list[str] | None = None
    id_name: str | None = None
    whole: list[list[str]] | None = None

    def take(self, numbers):
        """Return the texts with the indices `numbers` as a table."""
        chosen = {name: getattr(self, name) for name in ("X", "y", "lines", "rows", "ids", "whole")}
        chosen = {name: rows and [rows[i] for i in numbers] for name, rows in chosen.items() if type(rows) is list}
        if isinstance(self.y, np.ndarray):
            chosen["y"] = self.y[numbers]
        return self._replace(**chosen)

    def place(self, i, column=None):
        """Return a str that locates text i (all texts if None), or another column in its row, for messages."""
        line = "" if i is None else f"line {self.lines[i]}, "
        return f"{self.path}: {line}column {shown(self.column if column is None else column)[:100]}"

    def cells(self, i):
        """Return the cells of the row of text i; only the text if cells are not recorded."""
        return [self.X[i]] if self.whole is None else self.whole[i]


class TextLines(NamedTuple):
    """Hold texts that are lines of a file, and the numbers of the lines; there are no targets."""

    X: list[str]
    path: Path
    lines: list[int]
    y: None = None

    def take(self, ids):
        """Return the texts with the indices `ids`."""
        return self._replace(X=[self.X[i] for i in ids], lines=[self.lines[i] for i in ids])

    def place(self, i, column=None):
        """Return a str that locates text i, or the file if i is None, for messages; `column` is ignored."""
        return str(self.path) if i is None else f"{self.path}: line {self.lines[i]}"


def read_text_table(
    path, text, target=None, *, kind=None, task=None, id=None, needs_id=True, form=None, na=(), faults=None
):
    """Read a column of texts, and a column of targets, from a table whose first line has the names of the columns.

    Cells that contain delimiters, quotes or line breaks must be quoted, as spreadsheets and pandas do. Blank lines are
    skipped.

    Parameters
    ----------
    path : str or path-like
        ``-`` is standard input.
    text : str
        Name of the column of texts.
    target : str, default=None
        Name of the column of targets, if any.
    kind : {"i", "f", "U", "text"}, default=None
        Type of the targets: integers, floats, labels, or str as written. With None, `TargetColumn` decides.
    task : {"classification", "regression"}, default=None
        Task that the user stated.
    id : str, default=None
        Name of a column of identifiers.
    needs_id : bool, default=True
        Whether a table without the column `id` is an error.
    form : TableFormat
    na : tuple of str
        Cells that mark a missing target; rows with a missing target are skipped.
    faults : Faults, default=None
        Object that handles rows that cannot be read. None raises an error at the first such row.

    Returns
    -------
    table : TextTable

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is missing, a text is empty, or a target is missing or has another type. The message names line and
        column.
    """
    faults, name = Faults() if faults is None else faults, "standard input" if is_stdin(path) else Path(path)
    columns = {"text": text, "target": target, "id": id}
    with open_table(path, form, [column for column in columns.values() if column is not None]) as table:
        if not needs_id and id not in table.names:
            id = columns["id"] = None
        places = {of: _place(table.names, column, name) for of, column in columns.items() if column is not None}
        found = _read(table, places, columns, name, na, faults)
    if not found["text"]:
        left_out = ": " + faults.summary() if len(faults) else ""
        raise ValueError(f"{name}: no rows after the header{left_out}")
    ids = found["id"] if id is not None else None
    whole = found["whole"] if faults.tolerant else None
    read = TextTable(found["text"], None, name, text, found["line"], target, found["row"], ids, id, whole)
    if target is None:
        return read
    if kind == "text":
        return read._replace(y=found["target"])
    return _with_targets(read, list(map(str.strip, found["target"])), kind, task, faults)


def read_text(path, encoding="utf-8"):
    """Read a text from a file; line breaks of any kind become a newline.

    Raises a FileNotFoundError, or a ValueError if the file is empty or has another encoding.
    """
    with open_bytes(path) as file, told_fault(path, encoding):
        text = file.read().decode(codec_of(encoding))
    if not text:
        raise ValueError(f"{'standard input' if is_stdin(path) else path}: the file is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path, encoding="utf-8"):
    """Read the lines of a file as texts; empty lines are skipped.

    Raises a FileNotFoundError, or a ValueError if all lines are empty or the file has another encoding.
    """
    lines = [(line, number) for number, line in enumerate(read_text(path, encoding).split("\n"), 1) if line]
    if not lines:
        raise ValueError(f"{path}: all lines are empty")
    return TextLines([line for line, _ in lines], path, [number for _, number in lines])


def _place(names, column, path):
    if names.count(column) != 1:
        found = "more than one" if column in names else "no"
        hint = "; pass the character between them as --delimiter" if len(names) == 1 and column in names[0] else ""
        known = listed(map(repr, names))
        hint = "; rename the others" if column in names else hint
        raise ValueError(
            f"{path}: there is {found} column {shown(column)[:100]}; line 1 names the columns {known}{hint}"
        )
    return names.index(column)


def _read(table, places, columns, path, na, faults):
    """Return lists of the wanted cells, lines and numbers of all rows that can be read."""
    found = {"text": [], "target": [], "id": [], "line": [], "row": [], "whole": []}
    for number, (line, row) in enumerate(table.rows):
        if len(row) != len(table.names):
            names = listed(map(repr, table.names))
            reason = f"has {len(row)} cells, but line 1 names {len(table.names)} columns: {names}"
            faults.add(path, line, reason, row)
            continue
        cells = {of: row[place] for of, place in places.items()}
        if "target" in cells and cells["target"].strip() in na:
            faults.absent += 1
            continue
        empty = next((of for of in ("text", "target") if of in cells and not cells[of].strip()), None)
        if empty is not None:
            faults.add(path, line, f"column {shown(columns[empty])[:100]} is empty", row)
            continue
        for of, cell in (cells | {"line": line, "row": number}).items():
            found[of].append(cell)
        if faults.tolerant:
            found["whole"].append(row)
    return found


def _with_targets(table, cells, kind, task, faults):
    name = table.target

    def place(i):
        return f"{table.path}: line {table.lines[i]}"

    if kind is None:
        column = TargetColumn(name, task).look_at(cells, place)
        try:
            kind = column.kind()
        except ValueError:
            if not faults.tolerant:
                raise
            table, cells = _without_faults(table, cells, "f", faults)
            kind = TargetColumn(name, task).look_at(cells, place).kind() if cells else "f"
    table, cells = _without_faults(table, cells, kind, faults)
    if kind == "U":
        check_widths(cells, name, place)
        return table._replace(y=np.array(cells))
    return table._replace(y=np.array(list(map({"i": int, "f": float}[kind], cells)), {"i": np.int64, "f": float}[kind]))


def _without_faults(table, cells, kind, faults):
    wrong = {i: fault for i, cell in enumerate(cells) if (fault := TargetColumn.fault_of(cell, kind)) is not None}
    for i, fault in wrong.items():
        faults.add(table.path, table.lines[i], f"column {shown(table.target)[:100]} {fault}", table.cells(i))
    kept = [i for i in range(len(cells)) if i not in wrong]
    return (table.take(kept), [cells[i] for i in kept]) if wrong else (table, cells)
