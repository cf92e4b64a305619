"""Tables with a row for each step, from ``.csv`` and ``.parquet`` files, some rows at a time."""

import csv
from itertools import islice
from typing import NamedTuple

import numpy as np

from numrnn.data.fields import check_widths, listed
from numrnn.data.sequences import Sequences
from numrnn.messages import shown

__all__ = ["Columns", "read_table"]

ROWS = 1 << 16  # at a time


class Columns(NamedTuple):
    """What the columns of a table are; all others are inputs.

    Attributes
    ----------
    sequence : str
        Tells sequences apart: rows that follow one another with the same value are steps of one sequence.
    target, weight : str or None
    per_step : bool
        Whether target and weight are of each step; else they are the same in all rows of a sequence.
    """

    sequence: str
    target: str | None = None
    weight: str | None = None
    per_step: bool = False


def read_table(path, columns):
    """Read a table, some rows at a time.

    Parameters
    ----------
    path : path-like
        A ``.csv`` file with a header line, or a ``.parquet`` file, which needs pyarrow.
    columns : Columns

    Yields
    ------
    X : Sequences
        Values float64.
    y, sample_weight : ndarray of shape (N,), Sequences, or None

    Raises
    ------
    ValueError
        If a column is missing or holds no numbers, a sequence is in two places, or its target changes; naming the file.
    ImportError
        If pyarrow is missing.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numrnn.data.tables import Columns, read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "two.csv")
    ...     _ = path.write_text("patient,pulse,label\\n7,60,a\\n7,61.5,a\\n9,70,b\\n")
    ...     for X, y, _ in read_table(path, Columns("patient", "label")):
    ...         print(X.to_padded().tolist(), y)
    [[[60.0], [61.5]]] ['a']
    [[[70.0]]] ['b']
    """
    seen, found, held = set(), {}, None
    for table in _parquet(path) if path.suffix == ".parquet" else _csv(path):
        _check_names(path, table, columns)
        table = table if held is None else {name: np.concatenate([held[name], table[name]]) for name in table}
        names = table[columns.sequence]
        starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]]))
        # The last sequence may go on in the next rows.
        done, held = int(starts[-1]), {name: column[starts[-1] :] for name, column in table.items()}
        if done:
            yield _sequences(
                path, {name: column[:done] for name, column in table.items()}, starts, columns, seen, found
            )
    if held is None:
        raise ValueError(f"{path}: there are no rows")
    yield _sequences(path, held, np.array([0, len(held[columns.sequence])]), columns, seen, found)


def _sequences(path, table, offsets, columns, seen, found):
    names = table[columns.sequence][offsets[:-1]]
    for name in names.tolist():
        if name in seen:
            raise ValueError(
                f"{path}: the rows of sequence {name!r:.80} are in two places, they must follow one another"
            )
        seen.add(name)
    kept = [name for name in table if name not in columns[:3]]
    inputs = [_numbers(path, name, table[name], table[columns.sequence]) for name in kept]
    X = Sequences(np.stack(inputs, axis=1), offsets)
    y = None if columns.target is None else _labels(path, columns.target, table[columns.target], found)
    weights = None
    if columns.weight is not None:
        weights = _numbers(path, columns.weight, table[columns.weight], table[columns.sequence])
    parts = (columns.target, y), (columns.weight, weights)
    return X, *(_rows(path, X, rows, name, names, columns.per_step) for name, rows in parts)


def _rows(path, X, rows, column, names, per_step):
    if rows is None:
        return None
    if per_step:
        return Sequences(rows, X.offsets)
    first = rows[X.offsets[:-1]]
    changed = np.flatnonzero(rows != np.repeat(first, X.lengths))
    if changed.size:
        i = int(np.searchsorted(X.offsets, changed[0], side="right")) - 1
        raise ValueError(
            f"{path}: {shown(column)} changes within sequence {str(names[i])!r:.80}, from {first[i]!s:.80} to "
            f"{rows[changed[0]]!s:.80}: is there one for each step?"
        )
    return first


def _check_names(path, table, columns):
    for name in columns[:3]:
        if name is not None and name not in table:
            raise ValueError(f"{path}: there is no column {shown(name)}, only {listed(table)}")
    if len(table) == len({name for name in columns[:3] if name is not None}):
        raise ValueError(f"{path}: there are no columns left to be inputs")


def _csv(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = _lines(path, file)
        header = next(lines, None)
        if not header or len(set(header)) < len(header):
            raise ValueError(f"{path}: line 1 must be the columns' names, each another one, got {listed(header or [])}")
        first = 2
        while rows := list(islice(lines, ROWS)):
            wrong = next((n for n, row in enumerate(rows) if len(row) != len(header)), None)
            if wrong is not None:
                raise ValueError(
                    f"{path}: row {first + wrong} has {len(rows[wrong])} columns, line 1 has {len(header)}"
                )
            table = dict(zip(header, zip(*rows, strict=True), strict=True))
            for name, column in table.items():
                check_widths(column, name, lambda i, first=first: f"{path}: row {first + i}")
            first += len(rows)
            yield {name: np.array(column) for name, column in table.items()}


def _lines(path, file):
    try:
        yield from csv.reader(file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not a readable .csv file in UTF-8 ({error})") from error


def _parquet(path):
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ImportError(f"{path}: to read it, pip install numrnn[parquet]") from error
    try:
        for batch in ParquetFile(path).iter_batches(ROWS):
            yield {name: _column(path, name, batch.column(name)) for name in batch.schema.names}
    except (ArrowException, OSError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the system; what is damaged has none
        raise ValueError(f"{path}: not a readable .parquet file ({error})") from error


def _column(path, name, column):
    if column.null_count:
        raise ValueError(f"{path}: column {shown(name)} has rows without a value")
    if column.type.num_fields:
        raise ValueError(f"{path}: column {shown(name)} holds {column.type}, expected one value a row")
    array = column.to_numpy(zero_copy_only=False)
    if array.dtype.kind != "O":
        return array
    check_widths([text for text in array if isinstance(text, str)], name, lambda i: path)
    return array.astype(str)


def _numbers(path, name, column, sequences):
    try:
        return column.astype(np.float64)
    except (ValueError, TypeError) as error:
        i = next((i for i, text in enumerate(column.tolist()) if not _is_number(text)), 0)
        where = f"{path}: sequence {str(sequences[i])!r:.80}: column {name!r:.80}"
        raise ValueError(f"{where} is an input or a weight and holds no number, but {str(column[i])!r:.80}") from error


def _is_number(text):
    try:
        float(text)
    except (ValueError, TypeError):
        return False
    return True


def _labels(path, name, column, found):
    """Texts as integers or other numbers, where all of them are. `found` tells what earlier rows held: rows that are
    numbers and rows that are not become texts of one array, where a number must look as it was written.
    """
    if (column == "").any() if column.dtype.kind == "U" else (column != column).any():  # NaN alone is not itself
        raise ValueError(f"{path}: column {shown(name)} has rows without a value")
    if column.dtype.kind != "U":
        return column
    labels = column
    for dtype in (np.float64, np.int64):
        try:
            labels = column.astype(dtype)
        except (ValueError, OverflowError):
            break
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise ValueError(f"{path}: column {shown(name)} has rows without a value, but NaN")
    if labels.dtype.kind == "U":
        found.setdefault("text", next(text for text in column.tolist() if not _is_number(text)))
    elif "number" not in found:
        other = np.arange(len(column)) if labels.dtype.kind == "f" else np.flatnonzero(labels.astype(str) != column)
        found.update({"number": str(column[other[0]])} if other.size else {})
    if len(found) == 2:
        raise ValueError(
            f"{path}: column {shown(name)} has rows with numbers, such as {found['number']!r:.80}, and rows with "
            f"texts, such as {found['text']!r:.80}: if they are labels, write none as a number"
        )
    return labels
