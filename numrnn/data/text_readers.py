"""Texts from files: one a row of a CSV table, one a line, or one a file."""

import csv
import math
import re
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numrnn.data.fields import check_widths, listed
from numrnn.messages import shown

__all__ = ["TextLines", "TextTable", "read_lines", "read_table", "read_text"]

LARGEST_FIELD = 2**31 - 1  # what csv.field_size_limit takes on every platform
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


class TextTable(NamedTuple):
    """Texts, their targets where they were asked for, and where in which file each stands: path, columns, lines."""

    X: list[str]
    y: np.ndarray | None
    path: Path
    column: str
    lines: list[int]
    target: str | None = None

    def take(self, ids):
        """The rows `ids`."""
        X, lines = [self.X[i] for i in ids], [self.lines[i] for i in ids]
        return self._replace(X=X, y=None if self.y is None else self.y[ids], lines=lines)

    def place(self, i):
        """Where text i stands, in words."""
        return f"{self.path}: line {self.lines[i]}, column {shown(self.column)}"


class TextLines(NamedTuple):
    """Texts that are lines of a file, and where each stands; they have no targets."""

    X: list[str]
    path: Path
    lines: list[int]
    y: None = None

    def take(self, ids):
        """The lines `ids`."""
        return self._replace(X=[self.X[i] for i in ids], lines=[self.lines[i] for i in ids])

    def place(self, i):
        """Where text i stands, in words."""
        return f"{self.path}: line {self.lines[i]}"


def read_table(path, text, target=None, *, kind=None):
    """Read a column of texts, and one of targets, from a CSV file in UTF-8 whose first line names the columns.

    Fields that hold commas, quotes or line breaks are quoted, as spreadsheets and pandas write them. Blank lines are
    passed over.

    Parameters
    ----------
    path : str or path-like
    text : str
        Name of the column of texts.
    target : str, default=None
        Name of the column of targets. None = there are none.
    kind : {"i", "f", "U"}, default=None
        What targets are: integers, floats or labels. None = integers where all of them are, else floats where all are
        numbers, else labels.

    Returns
    -------
    table : TextTable

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        Naming the line and the column at fault: a column that is not there, an empty text, a target that is missing or
        of another kind.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from numrnn.data.text_readers import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "reviews.csv")
    ...     _ = file.write_text('text,label\\n"Good, very good",1\\nbad,0\\n', encoding="utf-8")
    ...     table = read_table(file, "text", "label")
    >>> table.X, table.y
    (['Good, very good', 'bad'], array([1, 0]))
    """
    path = Path(path)
    names = [text] if target is None else [text, target]
    with _reads(path), open(path, encoding="utf-8-sig", newline="") as file:
        rows, lines = _columns(csv.reader(file, strict=True), path, names)
    if not rows:
        raise ValueError(f"{path}: no rows below the names of the columns")
    table = TextTable([row[0] for row in rows], None, path, text, lines, target)
    return table if target is None else table._replace(y=_targets([row[1] for row in rows], table, target, kind))


def read_text(path):
    """Read a text from a file in UTF-8; line breaks of any kind become ``"\\n"``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, or not UTF-8.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from numrnn.data.text_readers import read_text
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "book.txt").write_bytes("Anna said:\\r\\n".encode("utf-8"))
    ...     read_text(Path(folder, "book.txt"))
    'Anna said:\\n'
    """
    path = Path(path)
    with _reads(path):
        text = path.read_text(encoding="utf-8-sig")
    if not text:
        raise ValueError(f"{path}: the file is empty")
    return text


def read_lines(path):
    """Read the lines of a file in UTF-8, each a text; empty lines are left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If no line holds a character, or the file is not UTF-8.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from numrnn.data.text_readers import read_lines
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "names.txt").write_text("anna\\n\\notto\\n", encoding="utf-8")
    ...     read = read_lines(Path(folder, "names.txt"))
    >>> read.X, read.lines
    (['anna', 'otto'], [1, 3])
    """
    lines = [(line, number) for number, line in enumerate(read_text(path).split("\n"), 1) if line]
    if not lines:
        raise ValueError(f"{path}: all lines are empty")
    return TextLines([line for line, _ in lines], Path(path), [number for _, number in lines])


@contextmanager
def _reads(path):
    limit = csv.field_size_limit(LARGEST_FIELD)
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8: {_first_fault(path)}") from error
    finally:
        csv.field_size_limit(limit)


def _first_fault(path):
    """Where a file stops being UTF-8: the decoder of a file read in blocks counts from the beginning of one."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"{error.reason} at byte {error.start}, in line {line}"
    return "it has changed while it was read"


def _columns(reader, path, names):
    """The fields of the columns `names` of each row, and the line that each row begins in."""
    rows, lines, start = [], [], 1
    try:
        header = next(reader, None)
        if header is None:
            raise ValueError(f"{path}: the file is empty")
        for name in names:
            if header.count(name) != 1:
                found = "more than one" if name in header else "no"
                raise ValueError(f"{path}: {found} column {shown(name)}; line 1 has {listed(map(repr, header))}")
        places = [header.index(name) for name in names]
        start = reader.line_num + 1
        for row in reader:
            if row:
                if len(row) != len(header):
                    raise ValueError(
                        f"{path}: line {start} has {len(row)} fields, line 1 names {len(header)} columns: "
                        f"{listed(map(repr, header))}"
                    )
                for name, place in zip(names, places, strict=True):
                    if not row[place].strip():
                        raise ValueError(f"{path}: line {start}, column {shown(name)} is empty")
                rows.append([row[place] for place in places])
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}: line {start}: {error}") from error
    return rows, lines


def _targets(fields, table, name, kind):
    fields = [field.strip() for field in fields]
    if kind is None:
        # NaN and infinity make no column one of labels: they are faults in one of numbers.
        kind = "i" if all(map(INTEGER.fullmatch, fields)) else "f" if all(map(_reads_as_number, fields)) else "U"
    if kind not in NUMBERS:
        check_widths(fields, name, lambda i: f"{table.path}: line {table.lines[i]}")
        return np.array(fields)
    fits, expected = NUMBERS[kind]
    for field, line in zip(fields, table.lines, strict=True):
        if not fits(field):
            raise ValueError(f"{table.path}: line {line}, column {shown(name)} is {shown(field)}, expected {expected}")
    return np.array(list(map(int, fields)), np.int64) if kind == "i" else np.array(list(map(float, fields)))


def _reads_as_number(field):
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field


def _is_number(field):
    return _reads_as_number(field) and math.isfinite(float(field))


# kind of targets -> what tells them, and what they are called
NUMBERS = {"i": (INTEGER.fullmatch, "an integer"), "f": (_is_number, "a finite number")}
