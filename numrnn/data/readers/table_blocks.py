"""Read tables with one row per step in blocks of rows, as one array per column."""

import os
from collections import Counter
from itertools import islice
from typing import NamedTuple

import numpy as np

from numrnn.data.readers.csv_files import STDIN, TableFormat, check_widths, listed, open_bytes, open_table, suffix_of
from numrnn.data.readers.faults import checked_fault
from numrnn.io.messages import shown

__all__ = ["NO_VALUE", "Block", "Columns", "blocks_of"]

ROWS = 1 << 16  # largest number of rows of a block
NO_VALUE = object()  # key in `Block.columns` of the mask of rows in which the target of a .parquet file has no value
LONGEST = 1 << 17  # largest number of characters of a cell; an unclosed quote turns the rest of a file into one cell


class Columns(NamedTuple):
    """Describe the columns of a table that have a special meaning; by default, all other columns are inputs.

    Attributes
    ----------
    sequence : str
        Column that identifies sequences: consecutive rows with the same value are steps of one sequence.
    target, weight : str or None
    per_step : bool
        Whether target and weight belong to each step; otherwise they are constant within a sequence.
    id : str or None
        Column of identifiers, constant within a sequence; they are returned with the sequences.
    inputs : tuple of str or None
        Columns that are inputs; None means all columns that have no other meaning.
    drop : tuple of str
        Columns to ignore.
    na : tuple of str
        Cells that mark a missing target; sequences with a missing target are skipped.
    """

    sequence: str
    target: str | None = None
    weight: str | None = None
    per_step: bool = False
    id: str | None = None
    inputs: tuple | None = None
    drop: tuple = ()
    na: tuple = ()

    def known(self):
        """Return the columns for sequence, target, weight and id."""
        return [name for name in dict.fromkeys((self.sequence, self.target, self.weight, self.id)) if name is not None]

    def inputs_of(self, names, path, header=True):
        """Return the names of the input columns, given all columns, in the order of the table or of `inputs`.

        Raises a ValueError if a column is missing or repeated, or if no column is left to be an input.
        """
        for name in dict.fromkeys((*self.known(), *(self.inputs or ()), *self.drop)):
            if name not in names:
                raise ValueError(f"{path}: there is no column {shown(name)[:100]}; the columns are {listed(names)}")
        both = [name for name in (self.inputs or ()) if name in self.known()]
        if both:
            way = "remove it from --inputs, or from the other option that names it"
            raise ValueError(f"{path}: column {both[0]!r:.80} cannot be an input and something else; {way}")
        others = [name for name in names if name not in {*self.known(), *self.drop}]
        inputs = others if self.inputs is None else list(self.inputs)
        if not inputs:
            raise ValueError(f"{path}: no columns are left to be inputs; drop fewer columns")
        again = [name for name, times in Counter(inputs).items() if times > 1]
        if self.inputs is not None and again:
            raise ValueError(f"{path}: --inputs names column {again[0]!r:.80} twice; name it once")
        twice = [name for name, times in Counter(names).items() if times > 1 and name in {*inputs, *self.known()}]
        if twice:
            way = "rename one of the two"
            raise ValueError(f"{path}: column {twice[0]!r:.80} occurs twice among {listed(names)}; {way}")
        if header and "" in inputs:
            raise ValueError(
                f"{path}: column {names.index('') + 1} has no name, like an index that pandas wrote; name it, or leave "
                "it out with --drop ''"
            )
        return inputs


class Block(NamedTuple):
    """Hold some rows of a table.

    Attributes
    ----------
    columns : dict of str to ndarray
        The columns that are needed; in delimited text, their cells are str as written.
    lines : ndarray of int64
        Number of the line in which each row begins; in a ``.parquet`` file, number of the row, from 1.
    torn : ndarray of bool
        Whether each row has more or fewer cells than there are columns, so that its cells may be in wrong columns.
    faults : dict of int to str
        Reason, by index of the row in the block, for each row that cannot be read.
    inputs : list of str
    names : tuple of str or None
        Names of the inputs, if the table has names of columns.
    rows : list of list of str, or None
        All cells of each row of delimited text, if faults are recorded.
    """

    columns: dict
    lines: np.ndarray
    torn: np.ndarray
    faults: dict
    inputs: list
    names: tuple | None
    rows: list | None = None

    def joined(self, other):
        """Return the rows of this block, followed by those of another one, as one block."""
        columns = {name: np.concatenate([column, other.columns[name]]) for name, column in self.columns.items()}
        faults = self.faults | {len(self.lines) + i: reason for i, reason in other.faults.items()}
        lines, torn = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("lines", "torn"))
        rows = self.rows and self.rows + other.rows
        return self._replace(columns=columns, lines=lines, torn=torn, faults=faults, rows=rows)

    def part(self, start, stop):
        """Return the rows from `start` up to, but not including, `stop` as a block."""
        columns = {name: column[start:stop] for name, column in self.columns.items()}
        faults = {i - start: reason for i, reason in self.faults.items() if start <= i < stop}
        rows = self.rows and self.rows[start:stop]
        lines, torn = self.lines[start:stop], self.torn[start:stop]
        return self._replace(columns=columns, lines=lines, torn=torn, faults=faults, rows=rows)

    def cells(self, i):
        """Return the cells of a row."""
        if self.rows:
            return self.rows[i]
        return [str(column[i]) for name, column in self.columns.items() if name is not NO_VALUE]


def blocks_of(path, columns, form=None, *, tolerant=False):
    """Yield the rows of a table as blocks.

    Parameters
    ----------
    path : path-like
        A ``.parquet`` file, which needs pyarrow, or delimited text; ``-`` is standard input.
    columns : Columns
    form : TableFormat
    tolerant : bool
        Whether `Block.faults` records rows that cannot be read; otherwise they raise an error.
    """
    if suffix_of(path) == ".parquet":
        yield from _parquet(path, columns, tolerant)
        return
    form, name = form or TableFormat(), "standard input" if str(path) == STDIN else path
    with open_table(path, form, columns.known(), LONGEST) as table:
        inputs = columns.inputs_of(table.names, name, form.header)
        names, width = tuple(inputs) if form.header else None, len(table.names)
        places = {column: table.names.index(column) for column in [*columns.known(), *inputs]}
        while found := list(islice(table.rows, ROWS)):
            rows = list(found)
            lines, faults = np.array([line for line, _ in rows]), {}
            torn = np.array([len(row) != width for _, row in rows])
            for i, (line, row) in enumerate(rows):
                if len(row) != width:
                    reason = f"has {len(row)} cells, but the first line has {width}"
                    faults[i] = checked_fault(name, line, reason, tolerant)
                    rows[i] = line, (row + [""] * width)[:width]
            raw = [row for _, row in found] if tolerant else None
            cells = list(zip(*(row for _, row in rows), strict=True))
            for column, place in places.items():
                check_widths(cells[place], column, lambda i, lines=lines: f"{name}: line {lines[i]}")
            arrays = {column: np.array(cells[place]) for column, place in places.items()}
            yield Block(arrays, lines, torn, faults, inputs, names, raw)


def _parquet(path, columns, tolerant):
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ImportError(f"{path}: reading .parquet files needs pyarrow; pip install numrnn[parquet]") from error
    first = 1
    with open_bytes(path):  # errors of pyarrow do not name the file
        pass
    try:
        file = ParquetFile(path)
        inputs = columns.inputs_of(file.schema_arrow.names, path)
        needed = [*columns.known(), *inputs]
        for batch in file.iter_batches(ROWS, columns=needed):
            lines, faults = np.arange(first, first + len(batch)), {}
            arrays, target = {}, columns.target
            for name in needed:
                column = _plain(path, name, batch.column(name))
                if name == target and name not in (columns.sequence, columns.weight, columns.id):
                    arrays |= _targets(path, name, column, lines)
                else:
                    arrays[name] = _column(path, name, column, lines, faults, tolerant)
            first += len(batch)
            yield Block(arrays, lines, np.zeros(len(batch), bool), faults, inputs, tuple(inputs))
    except (ArrowException, OSError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error  # errors about content have none
        raise ValueError(f"{path}: not a readable .parquet file ({error!s:.200})") from error


def _plain(path, name, column):
    if hasattr(column, "dictionary_decode"):
        column = column.dictionary_decode()
    if column.type.num_fields or hasattr(column.type, "extension_name"):  # for example, periods of pandas
        raise ValueError(f"{path}: column {shown(name)[:100]} holds {column.type!s:.100}, expected one value per row")
    return column


def _targets(path, name, column, lines):
    """Return the column of targets, with zeros for missing targets, and the mask of missing targets."""
    empty = column.is_null().to_numpy(zero_copy_only=False)
    array = _column(path, name, column.drop_null(), lines[~empty], {}, tolerant=False)
    spread = np.zeros(len(column), array.dtype)
    spread[~empty] = array
    return {name: spread, NO_VALUE: empty}


def _column(path, name, column, lines, faults, tolerant):
    if column.null_count:
        for i in np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)).tolist():
            faults[i] = checked_fault(path, lines[i], f"column {name!r:.80} has no value", tolerant)
    array = column.to_numpy(zero_copy_only=False)
    texts = array.dtype.kind == "O" and all(isinstance(value, (str, type(None))) for value in array)
    if not texts:
        return array
    check_widths([text or "" for text in array], name, lambda i: f"{path}: line {lines[i]}")
    return np.array([text or "" for text in array], dtype=str)
