"""Read rows of delimited text from ``.csv`` and ``.tsv`` files, compressed or not, and from standard input."""

import codecs
import csv
import gzip
import io
import re
import sys
import zlib
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from numrnn.io.messages import InputError, shown

__all__ = [
    "STDIN",
    "TableFormat",
    "check_widths",
    "codec_of",
    "is_stdin",
    "listed",
    "open_bytes",
    "open_table",
    "suffix_of",
    "told_fault",
]

STDIN = "-"  # file name that stands for standard input
DELIMITERS = ",;\t|"
LARGEST_FIELD = 2**31 - 1  # largest value that csv.field_size_limit accepts on every platform


class TableFormat(NamedTuple):
    """Describe the format of a table.

    Attributes
    ----------
    delimiter : str or None
        Delimiter of cells. None means a tab in ``.tsv`` files; in other files, the delimiter is inferred from the first
        line.
    encoding : str
    header : bool
        Whether the first line holds the names of the columns. If not, the names are 1, 2, 3 and so on.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    header: bool = True


class Table(NamedTuple):
    """Hold the names of columns, without surrounding blanks, and an iterator of pairs (line, row)."""

    names: list[str]
    rows: object


def is_stdin(path):
    """Return whether a path stands for standard input."""
    return str(path) == STDIN


def suffix_of(path):
    """Return the suffix of a file name in lower case, without ``.gz``; the suffix of standard input is ``.csv``."""
    name = Path(".csv.gz" if is_stdin(path) else path).name.lower().removesuffix(".gz")
    return f".{name.rpartition('.')[2]}" if "." in name else ""


@contextmanager
def open_bytes(path):
    """Open a file, or standard input, for reading bytes; ``.gz`` files are decompressed.

    Raises a FileNotFoundError, or a ValueError if a ``.gz`` file is damaged.
    """
    if is_stdin(path):
        yield sys.stdin.buffer
        return
    try:
        with gzip.open(path) if str(path).lower().endswith(".gz") else open(path, "rb") as file:
            yield file
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{path}: is a directory, expected a file") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a readable .gz file ({error})") from error


@contextmanager
def open_table(path, form=None, wanted=(), longest=LARGEST_FIELD):
    """Open a table for reading row by row.

    Parameters
    ----------
    path : str or path-like
    form : TableFormat, optional
    wanted : sequence of str
        Names of expected columns. If the delimiter is inferred, it is the one that separates most of them.
    longest : int
        Largest number of characters of a cell.

    Yields
    ------
    table : Table

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty or damaged, or does not have the encoding. The message names the line.
    """
    form = form or TableFormat()
    limit, name = csv.field_size_limit(longest), "standard input" if is_stdin(path) else path
    try:
        with open_bytes(path) as raw, told_fault(path, form.encoding):
            file = _decoded(raw, form.encoding)
            try:
                yield _table(file, name, form, suffix_of(path), wanted)
            finally:
                file.detach()
    finally:
        csv.field_size_limit(limit)


def _decoded(raw, encoding):
    return io.TextIOWrapper(raw, encoding=codec_of(encoding), newline="")


def codec_of(encoding):
    """Return the codec for reading files of an encoding; for UTF-8, the codec that skips a byte order mark.

    Raises a ValueError if there is no such encoding.
    """
    try:
        "".encode(encoding)  # fails for codecs that do not encode text
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        problem = f"={shown(encoding)}: must be the name of a text encoding, such as latin-1"
        raise InputError("encoding", (), problem) from error
    return "utf-8-sig" if name == "utf-8" else name


@contextmanager
def told_fault(path, encoding):
    """Add the position in the file to errors of the decoder."""
    try:
        yield
    except UnicodeError as error:
        name = "standard input" if is_stdin(path) else path
        place = error.reason if is_stdin(path) else _first_fault(path, encoding)
        other = "latin-1 or utf-16" if codec_of(encoding) == "utf-8-sig" else "utf-8"
        raise ValueError(
            f"{name}: not {encoding.upper()}: {place}; if it has another encoding, such as {other}, pass --encoding"
        ) from error


def _first_fault(path, encoding):
    """Return the position of the first invalid byte of a file; the error of a decoder gives it only within a block."""
    with open_bytes(path) as file:
        content = file.read()
    try:
        content.decode(encoding)
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line = content.count(b"\n", 0, start) + 1
        return f"{getattr(error, 'reason', error)} at byte {start}, in line {line}"
    return "it has changed while it was read"


def _table(file, name, form, suffix, wanted):
    first, skipped = "\n", -1
    while first and not first.strip(" \r\n"):
        first, skipped = file.readline(), skipped + 1
    delimiter = form.delimiter or ("\t" if suffix == ".tsv" else None)
    told = re.fullmatch(r"sep=(.)\r?\n", first)  # a line such as "sep=;", with which tables for Excel may begin
    if told:
        first, skipped, delimiter = file.readline(), skipped + 1, delimiter or told[1]
    if not first:
        raise ValueError(f"{name}: the file is empty")
    delimiter = delimiter or _sniffed(first, name, form.header, wanted)
    rows = _rows(csv.reader(chain([first], file), delimiter=delimiter, strict=True), name, skipped, form.header)
    line, row = next(rows, (0, None))
    if row is None:
        raise ValueError(f"{name}: all cells are empty")
    if form.header:
        return Table(list(map(str.strip, row)), rows)
    return Table([str(n) for n in range(1, len(row) + 1)], chain([(line, row)], rows))


def _sniffed(first, name, header, wanted):
    """Return the delimiter that splits a line into the most wanted columns; in a tie, into the most columns."""
    found = {}
    for delimiter in DELIMITERS:
        cells = next(csv.reader([first], delimiter=delimiter))
        if len(cells) > 1:
            found[delimiter] = (len(set(wanted) & set(map(str.strip, cells))) if header else 0, len(cells))
    if len(found) > 1 and not header:
        raise ValueError(
            f"{name}: the first line may be separated by any of {listed(map(repr, found))}; pass --delimiter"
        )
    return max(found, key=found.get, default=",")


def _rows(reader, name, skipped, begins=False):
    """Yield rows, each with the number of the line in which it begins.

    Empty lines are skipped. Rows of empty cells, which spreadsheets write, are skipped at the end of the table and,
    with `begins`, at its beginning.
    """
    start, empty = skipped + 1, []
    try:
        for row in reader:
            if any(row):
                if len(row) > 1 or row[0].strip():
                    yield from empty
                    yield start, row
                    empty, begins = [], False
            elif row and not begins:
                empty.append((start, row))
            start = skipped + reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{name}: line {start}: {error}; look for a missing quote, or one too many") from error


# Largest number of characters of a cell with a name, a label or a number: in a NumPy array of str, every item takes as
# much memory as the longest one.
LONGEST = 1000
SHOWN = 200  # largest number of characters of a list of names in a message


def check_widths(fields, name, place):
    """Raise a ValueError if a cell of a column is too long for a name, a label or a number.

    Such a cell is often the rest of a file after an unclosed quote. `place` returns the position of cell i as a str.
    """
    if max(map(len, fields), default=0) > LONGEST:
        i, n = next((i, len(field)) for i, field in enumerate(fields) if len(field) > LONGEST)
        raise ValueError(
            f"{place(i)}: column {name!r:.80} has a cell of {n} characters, expected at most {LONGEST}; look for a "
            "missing quote"
        )


def listed(names):
    """Return the names of columns, joined by commas and shortened, for a message."""
    text = ", ".join(names)
    return text if len(text) <= SHOWN else text[:SHOWN] + " ..."
