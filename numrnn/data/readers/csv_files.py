"""Rows of delimited text and their fields: ``.csv`` and ``.tsv`` files, compressed ones, standard input."""

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

from numrnn.io.messages import shown

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

STDIN = "-"  # in place of a file's name
DELIMITERS = ",;\t|"
LARGEST_FIELD = 2**31 - 1  # what csv.field_size_limit takes on every platform


class TableFormat(NamedTuple):
    """How a table is written.

    Attributes
    ----------
    delimiter : str or None
        Between cells; None: tab in a ``.tsv`` file, else what the first line tells.
    encoding : str
    header : bool
        Whether the first line has the names of the columns; else they are called 1, 2, 3 and so on.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    header: bool = True


class Table(NamedTuple):
    """Names of the columns without blanks around them, and pairs of lines and the rows that begin in them; empty
    lines are left out.
    """

    names: list[str]
    rows: object


def is_stdin(path):
    """Return whether a path stands for standard input."""
    return str(path) == STDIN


def suffix_of(path):
    """Return the suffix of a file's name in small letters, without ``.gz``; that of standard input is ``.csv``.

    Examples
    --------
    >>> from numrnn.data.readers.csv_files import suffix_of
    >>> suffix_of("reviews.CSV.gz"), suffix_of("-"), suffix_of("book")
    ('.csv', '.csv', '')
    """
    name = Path(".csv.gz" if is_stdin(path) else path).name.lower().removesuffix(".gz")
    return f".{name.rpartition('.')[2]}" if "." in name else ""


@contextmanager
def open_bytes(path):
    """Open a file, or standard input, for its bytes; those of a ``.gz`` file are decompressed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a ``.gz`` file is damaged.
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
        raise IsADirectoryError(f"{path}: it is a directory, expected a file") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a readable .gz file ({error})") from error


@contextmanager
def open_table(path, form=None, wanted=(), longest=LARGEST_FIELD):
    """Open a table to read it row by row.

    Parameters
    ----------
    path : str or path-like
    form : TableFormat, optional
    wanted : sequence of str
        Columns that there should be, by which the delimiter is told.
    longest : int
        Characters of a cell.

    Yields
    ------
    table : Table

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, damaged or in another encoding; naming the line.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numrnn.data.readers.csv_files import open_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "two.csv")
    ...     _ = path.write_text('text;label\\n"good; very good";1\\n')
    ...     with open_table(path) as table:
    ...         table.names, list(table.rows)
    (['text', 'label'], [(2, ['good; very good', '1'])])
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
    """Return the name of the codec to read files with: that of UTF-8, by any of its names, leaves out a mark at the
    beginning.

    Raises
    ------
    ValueError
        If there is no such encoding.

    Examples
    --------
    >>> from numrnn.data.readers.csv_files import codec_of
    >>> codec_of("UTF8"), codec_of("latin-1")
    ('utf-8-sig', 'iso8859-1')
    """
    try:
        "".encode(encoding)  # other codecs are not of texts
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        raise ValueError(f"encoding={shown(encoding)}: must be the name of an encoding, such as latin-1") from error
    return "utf-8-sig" if name == "utf-8" else name


@contextmanager
def told_fault(path, encoding):
    """Let an error of the decoder say where in the file it is."""
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
    """Return where a file stops being text: a decoder of blocks counts from the beginning of a block."""
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
    told = re.fullmatch(r"sep=(.)\r?\n", first)  # what Excel begins files with
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
    """Return the delimiter that gives the wanted columns, or else the most."""
    found = {}
    for delimiter in DELIMITERS:
        cells = next(csv.reader([first], delimiter=delimiter))
        if len(cells) > 1:
            found[delimiter] = (len(set(wanted) & set(map(str.strip, cells))) if header else 0, len(cells))
    if len(found) > 1 and not header:
        raise ValueError(f"{name}: the first line could be separated by {listed(map(repr, found))}: pass --delimiter")
    return max(found, key=found.get, default=",")


def _rows(reader, name, skipped, begins=False):
    """Yield the rows and the lines in which they begin.

    Empty lines are left out, and rows of empty cells that nothing but such rows follows, or precedes if `begins`, as
    spreadsheets write them.
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
        raise ValueError(f"{name}: line {start}: {error}: is a quote missing or one too many?") from error


LONGEST = 1000  # characters: an array of texts takes the widest one's bytes for each
SHOWN = 200  # characters of names in a message


def check_widths(fields, name, place):
    """Refuse a column with a field that is too long for a name, a label or a number.

    Parameters
    ----------
    fields : sequence of str
    name : str
        Of the column.
    place : callable
        Takes the number of a field, returns where it stands.

    Raises
    ------
    ValueError
        If a field is longer than `LONGEST`, such as the rest of a file behind a quote that is not closed.

    Examples
    --------
    >>> from numrnn.data.readers.csv_files import check_widths
    >>> check_widths(["a", "b" * 2000], "label", lambda i: f"line {i + 2}")
    Traceback (most recent call last):
    ValueError: line 3: column 'label' has 2000 characters, expected at most 1000: is a quote missing?
    """
    if max(map(len, fields), default=0) > LONGEST:
        i, n = next((i, len(field)) for i, field in enumerate(fields) if len(field) > LONGEST)
        raise ValueError(
            f"{place(i)}: column {name!r:.80} has {n} characters, expected at most {LONGEST}: is a quote missing?"
        )


def listed(names):
    """Return the names of columns for a message, as many as there is room for."""
    text = ", ".join(names)
    return text if len(text) <= SHOWN else text[:SHOWN] + " ..."
