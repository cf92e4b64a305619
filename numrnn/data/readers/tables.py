"""Read sequences and targets from tables with one row per step, block by block."""

from typing import NamedTuple

import numpy as np

from numrnn.data.containers import check_column
from numrnn.data.readers.csv_files import STDIN, suffix_of
from numrnn.data.readers.faults import Faults, checked_fault
from numrnn.data.readers.table_blocks import NO_VALUE, Columns, blocks_of
from numrnn.data.readers.target_column import DECIMAL_COMMA, TargetColumn, is_number
from numrnn.data.sequences import Sequences

__all__ = ["Columns", "Rows", "Wanted", "read_step_table"]

# If --na has one of these, it also covers cells without a value in .parquet files.
NULLS = {"", "NA", "N/A", "nan", "NaN", "None", "none", "null", "NULL", "<NA>"}


class Rows(NamedTuple):
    """Hold some sequences of a table, with targets, weights and identifiers if the table has them.

    Attributes
    ----------
    X : Sequences
        Sequences in float64, with the names of the columns.
    y, sample_weight : ndarray of shape (N,), Sequences, or None
        Targets from delimited text are str as written.
    ids : ndarray of shape (N,), or None
    """

    X: Sequences
    y: np.ndarray | Sequences | None
    sample_weight: np.ndarray | Sequences | None
    ids: np.ndarray | None


class Wanted(NamedTuple):
    """State conditions on the cells of a table.

    Attributes
    ----------
    largest : float
        Largest absolute value of an input that can be stored.
    targets : {"f"} or None
        "f" requires targets that are finite numbers. With None, `TargetColumn` decides when all targets have been read.
    repeated : set of str or None
        Names of sequences whose rows are in two places; their rows are skipped, and newly found names are added to the
        set. With None, rows in two places raise an error.
    """

    largest: float = np.inf
    targets: str | None = None
    repeated: set | None = None


def read_step_table(path, columns, form=None, *, seen=None, faults=None, target=None, wanted=None):
    r"""Read the sequences of a table block by block.

    Parameters
    ----------
    path : path-like
        Delimited text, or a ``.parquet`` file, which needs pyarrow; ``-`` is standard input.
    columns : Columns
    form : TableFormat
    seen : dict, optional
        Dict from the name of each sequence in earlier tables to its file. The sequences of this table are added.
    faults : Faults, optional
        Object that handles rows that cannot be read. If it is tolerant, sequences with such rows are skipped.
    target : TargetColumn, optional
        Object that receives all targets in order to decide their type.
    wanted : Wanted, optional

    Yields
    ------
    rows : Rows

    Raises
    ------
    ValueError
        If a column is missing or does not hold numbers, a sequence is in two places, or its target changes. The message
        names the file.
    ImportError
        If pyarrow is missing.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numrnn.data.readers.tables import Columns, read_step_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "two.csv")
    ...     _ = path.write_text("patient,pulse,label\n7,60,a\n7,61.5,a\n9,70,b\n")
    ...     for rows in read_step_table(path, Columns("patient", "label")):
    ...         print(rows.X.to_padded().tolist(), rows.X.names, rows.y)
    [[[60.0], [61.5]]] ('pulse',) ['a']
    [[[70.0]]] ('pulse',) ['b']
    """
    seen, faults = {} if seen is None else seen, Faults() if faults is None else faults
    held, any_rows = None, False
    name = "standard input" if str(path) == STDIN else path
    read = _Reader(name, columns, seen, faults, target, wanted or Wanted())
    read.typed = suffix_of(path) == ".parquet"
    for block in blocks_of(path, columns, form, tolerant=faults.tolerant):
        block, any_rows = block if held is None else held.joined(block), True
        names = read.names_of_sequences(block)
        starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]]))
        # The last sequence may continue in the next block.
        done = int(starts[-1])
        held = block.part(done, len(names))
        if done:
            yield from read.rows(block.part(0, done), names[starts[:-1]], starts)
    if not any_rows:
        raise ValueError(f"{read.path}: the table has names of columns, but no rows")
    names = read.names_of_sequences(held)
    yield from read.rows(held, names[:1], np.array([0, len(names)]))


class _Reader:
    """Convert blocks of one table to sequences."""

    def __init__(self, path, columns, seen, faults, target, wanted):
        self.path, self.columns, self.typed = path, columns, False
        self._seen, self._faults, self._target, self._wanted = seen, faults, target, wanted

    def names_of_sequences(self, block):
        """Return the name of each row's sequence.

        A row whose name is empty, or may be a cell of another column, is assigned to the sequence of a neighbouring
        row. If its two neighbours belong to different sequences, it may belong to either; hence both are skipped.
        """
        column = self.columns.sequence
        names = block.columns[column].copy()
        missing = names == "" if names.dtype.kind == "U" else names != names
        for i in np.flatnonzero(missing).tolist():
            self._note(block, i, f"column {column!r:.80} is empty")
        unsure = missing | block.torn
        known = np.flatnonzero(~unsure)
        if not known.size:
            return names
        guessed = np.zeros(len(names), bool)
        for i in np.flatnonzero(unsure).tolist():
            after = known[np.searchsorted(known, i) :][:1]
            neighbours = [names[j] for j in (i - 1, *after) if j >= 0]
            if missing[i] or names[i] not in neighbours:
                names[i], guessed[i] = neighbours[0], True
        begins = np.flatnonzero(guessed[:-1] & (names[1:] != names[:-1])) + 1
        for i in begins.tolist():
            self._note(block, i, f"may begin in line {block.lines[i - 1]}, which cannot be read")
        return names

    def rows(self, block, names, offsets):
        """Yield, as `Rows`, the sequences of a block that have no faults; `names` holds the names of all its sequences.

        Sequences with a missing target are left out as well.
        """
        columns = self.columns
        self._check_places(block, names, offsets[:-1])
        inputs = [self._numbers(block, name) for name in block.inputs]
        for name, numbers in zip(block.inputs, inputs, strict=True):
            self._check_range(block, name, numbers)
        values = np.stack(inputs, axis=1)
        weights = None if columns.weight is None else self._numbers(block, columns.weight)
        absent = self._absent(block, offsets)
        y = None if columns.target is None else self._targets(block, np.repeat(absent, np.diff(offsets)))
        ids = None if columns.id is None else block.columns[columns.id]
        of = {columns.target: y, columns.weight: weights, columns.id: ids}
        for name in (columns.id,) if columns.per_step else of:
            if of[name] is not None:
                self._check_same(block, name, of[name], names, offsets, absent)
        kept = self._kept(block, offsets, absent)
        X = Sequences(values, offsets, block.names)[kept]
        if not len(X):
            return
        of_rows = np.repeat(kept, np.diff(offsets))
        lines = block.lines[of_rows]
        y, weights, ids = (None if rows is None else rows[of_rows] for rows in (y, weights, ids))
        y, weights = (_of_sequences(X, rows, columns.per_step) for rows in (y, weights))
        if y is not None and self._target is not None:
            self._look_at(y, lines if columns.per_step else lines[X.offsets[:-1]])
        yield Rows(X, y, weights, _of_sequences(X, ids, False))

    def _check_places(self, block, names, starts):
        repeated = self._wanted.repeated
        for name, i in zip(map(_written, names.tolist()), starts.tolist(), strict=True):
            other = self._seen.get(name)
            if other is not None or repeated and name in repeated:
                elsewhere = "" if other in (None, self.path) else f", here and in {other}"
                reason = (
                    f"the rows of sequence {name!r:.80} are in two places{elsewhere}: they must follow one another in "
                    "one file; different sequences need different names"
                )
                if repeated is None:
                    way = "; --skip-bad needs files, not standard input, since it reads them twice"
                    way = way if self._faults.tolerant else ""
                    raise ValueError(f"{self.path}: line {block.lines[i]}: {reason}{way}")
                repeated.add(name)
                self._note(block, i, reason)
            self._seen.setdefault(name, self.path)

    def _note(self, block, i, reason):
        block.faults.setdefault(i, checked_fault(self.path, block.lines[i], reason, self._faults.tolerant))

    def _numbers(self, block, name):
        column = block.columns[name]
        if self.typed:
            values = column.astype(object) if column.dtype.kind == "U" else column
            check_column(values, str(self.path), name)
            return values.astype(np.float64)
        if not (column.view(np.uint32) == ord("_")).any():
            try:
                return column.astype(np.float64)
            except ValueError:
                pass
        numbers = np.zeros(len(column))
        for i, cell in enumerate(column.tolist()):
            if is_number(cell):
                numbers[i] = float(cell)
            elif i not in block.faults:
                self._note(block, i, f"column {name!r:.80} {_no_number(cell)}")
        return numbers

    def _check_range(self, block, name, numbers):
        """Record a fault for each finite number that would be stored as infinity."""
        with np.errstate(invalid="ignore"):
            large = np.abs(numbers) > self._wanted.largest if self._wanted.largest < np.inf else np.isinf(numbers)
        for i in np.flatnonzero(large).tolist():
            cell = str(block.columns[name][i])
            if "inf" not in cell.lower():
                way_out = "; pass --dtype float64 to store it" if np.isfinite(numbers[i]) else ""
                self._note(block, i, f"column {name!r:.80} is {cell!r:.80}, too large a number{way_out}")

    def _absent(self, block, offsets):
        """Return the mask of sequences that have a missing target."""
        absent = np.zeros(len(offsets) - 1, bool)
        if not self.columns.na or self.columns.target is None:
            return absent
        column = block.columns[self.columns.target]
        rows = np.isin(np.char.strip(column.astype(str)), self.columns.na)
        if NO_VALUE in block.columns:
            none = not NULLS.isdisjoint(self.columns.na)
            rows = np.where(block.columns[NO_VALUE], none, rows)
        absent[np.searchsorted(offsets, np.flatnonzero(rows), side="right") - 1] = True
        return absent

    def _targets(self, block, absent):
        name, column = self.columns.target, block.columns[self.columns.target]
        if self.typed:
            if column.dtype.kind != "U":
                check_column(column, str(self.path), name)
            missing = (column == "") if column.dtype.kind == "U" else column != column  # only NaN differs from itself
            missing |= block.columns.get(NO_VALUE, False)
        else:
            column = np.char.strip(column)
            missing = column == ""
        for i in np.flatnonzero(missing & ~absent).tolist():
            self._note(block, i, f"column {name!r:.80} is empty; pass --na '' to leave such rows out")
        if self._wanted.targets is not None and column.dtype.kind == "U":
            for i in np.flatnonzero(~(missing | absent)).tolist():
                fault = TargetColumn.fault_of(str(column[i]), self._wanted.targets)
                if fault is not None:
                    self._note(block, i, f"column {name!r:.80} {fault}")
        return column

    def _check_same(self, block, column, rows, names, offsets, absent):
        """Record a fault if a column with one value per sequence changes within a sequence."""
        lengths = np.diff(offsets)
        changed = (rows != np.repeat(rows[offsets[:-1]], lengths)) & ~np.repeat(absent, lengths)
        broken = set(np.searchsorted(offsets, list(block.faults), side="right") - 1)
        for i in np.flatnonzero(changed).tolist():
            of = int(np.searchsorted(offsets, i, side="right")) - 1
            if of not in broken:
                broken.add(of)
                way = "" if column == self.columns.id else "; pass --step-targets if each step has its own"
                change = f"from {rows[offsets[of]]!s:.80} to {rows[i]!s:.80}{way}"
                name = f"column {column!r:.80} changes within sequence {str(names[of])!r:.80}"
                self._note(block, i, f"{name}, {change}")

    def _kept(self, block, offsets, absent):
        """Return the mask of sequences with a target and without faults; record the rows of sequences with faults."""
        broken = np.zeros(len(offsets) - 1, bool)
        broken[np.searchsorted(offsets, sorted(block.faults), side="right") - 1] = True
        for k in np.flatnonzero(broken).tolist():
            rows = range(offsets[k], offsets[k + 1])
            listed = [(block.lines[i], block.faults.get(i), block.cells(i)) for i in rows]
            self._faults.add_sequence(self.path, listed)
        self._faults.absent += int((absent & ~broken).sum())
        return ~(broken | absent)

    def _look_at(self, y, lines):
        values = y.values if isinstance(y, Sequences) else y
        if self.typed:
            self._target.look_at_typed(values)
        else:
            self._target.look_at(values.tolist(), lambda i: f"{self.path}: line {lines[i]}")


def _of_sequences(X, rows, per_step):
    """Return values of rows as one value per sequence or, if they are per step, as `Sequences`."""
    if rows is None:
        return None
    return Sequences(rows, X.offsets) if per_step else rows[X.offsets[:-1]]


def _written(name):
    """Return the name of a sequence as a str that is the same for text and typed files."""
    return str(int(name) if isinstance(name, float) and name.is_integer() else name).strip()


def _no_number(cell):
    if not cell.strip():
        return "is empty, expected a number"
    hint = "; decimals need a point" if DECIMAL_COMMA.fullmatch(cell.strip()) else ""
    return f"is {cell!r:.80}, expected a number, since it is an input or a weight{hint}"
