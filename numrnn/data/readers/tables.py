"""Sequences and targets of tables with a row for each step, some rows at a time."""

from typing import NamedTuple

import numpy as np

from numrnn.data.containers import check_column
from numrnn.data.readers.csv_files import STDIN, suffix_of
from numrnn.data.readers.faults import Faults
from numrnn.data.readers.table_blocks import Columns, blocks_of
from numrnn.data.readers.target_column import DECIMAL_COMMA, is_number
from numrnn.data.sequences import Sequences

__all__ = ["Columns", "Rows", "read_table"]


class Rows(NamedTuple):
    """Sequences, with targets, weights and identifiers where the table has them.

    Attributes
    ----------
    X : Sequences
        Values float64, with the names of the columns.
    y, sample_weight : ndarray of shape (N,), Sequences, or None
        Targets from delimited text are texts, as they are written.
    ids : ndarray of shape (N,), or None
    """

    X: Sequences
    y: np.ndarray | Sequences | None
    sample_weight: np.ndarray | Sequences | None
    ids: np.ndarray | None


def read_table(path, columns, form=None, *, seen=None, faults=None, target=None):
    """Read a table, some rows at a time.

    Parameters
    ----------
    path : path-like
        Delimited text, or a ``.parquet`` file, which needs pyarrow; ``-`` is standard input.
    columns : Columns
    form : TableFormat
    seen : dict, optional
        The sequences of tables that were read before, by name, and their files; this one's are added.
    faults : Faults, optional
        What is done with rows that cannot be read; their whole sequences are left out.
    target : TargetColumn, optional
        Looks at all targets.

    Yields
    ------
    rows : Rows

    Raises
    ------
    ValueError
        If a column is missing or holds no numbers, a sequence is in two places, or its target changes; naming the file.
    ImportError
        If pyarrow is missing.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numrnn.data.readers.tables import Columns, read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "two.csv")
    ...     _ = path.write_text("patient,pulse,label\\n7,60,a\\n7,61.5,a\\n9,70,b\\n")
    ...     for rows in read_table(path, Columns("patient", "label")):
    ...         print(rows.X.to_padded().tolist(), rows.X.names, rows.y)
    [[[60.0], [61.5]]] ('pulse',) ['a']
    [[[70.0]]] ('pulse',) ['b']
    """
    seen, faults = {} if seen is None else seen, Faults() if faults is None else faults
    held, any_rows = None, False
    read = _Reader("standard input" if str(path) == STDIN else path, columns, seen, faults, target)
    read.typed = suffix_of(path) == ".parquet"
    for block in blocks_of(path, columns, form, tolerant=faults.tolerant):
        block, any_rows = block if held is None else held.joined(block), True
        names = read.names_of_sequences(block)
        starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]]))
        # The last sequence may go on in the next rows.
        done = int(starts[-1])
        held = block.part(done, len(names))
        if done:
            yield from read.rows(block.part(0, done), starts)
    if not any_rows:
        raise ValueError(f"{read.path}: there are no rows")
    yield from read.rows(held, np.array([0, len(held.lines)]))


class _Reader:
    """What is the same for all rows of a table."""

    def __init__(self, path, columns, seen, faults, target):
        self.path, self.columns, self.typed = path, columns, False
        self._seen, self._faults, self._target = seen, faults, target

    def names_of_sequences(self, block):
        """Return the column of sequences; a row that is broken belongs to its neighbour."""
        name = self.columns.sequence
        names = block.columns[name]
        missing = names == "" if names.dtype.kind == "U" else names != names
        for i in np.flatnonzero(missing).tolist():
            self._note(block, i, f"column {name!r:.80} is empty")
        for i in sorted(block.faults):
            if i and (missing[i] or names[i] not in (names[i - 1], *names[i + 1 : i + 2])):
                names[i] = names[i - 1]
        return names

    def rows(self, block, offsets):
        """Yield the sequences of a block, unless none is left."""
        columns = self.columns
        self._check_places(block, offsets[:-1])
        values = np.stack([self._numbers(block, name) for name in block.inputs], axis=1)
        weights = None if columns.weight is None else self._numbers(block, columns.weight)
        y = None if columns.target is None else self._targets(block)
        kept = self._kept(block, offsets)
        X = Sequences(values, offsets, block.names)[kept]
        if not len(X):
            return
        of = np.repeat(kept, np.diff(offsets))
        lines, ids = block.lines[of], None if columns.id is None else block.columns[columns.id][of]
        y, weights = (None if rows is None else rows[of] for rows in (y, weights))
        names = block.columns[columns.sequence][of][X.offsets[:-1]]
        y = self._of_sequences(X, y, columns.target, names, columns.per_step)
        weights = self._of_sequences(X, weights, columns.weight, names, columns.per_step)
        ids = self._of_sequences(X, ids, columns.id, names, False)
        if y is not None and self._target is not None:
            self._look_at(y, lines if columns.per_step else lines[X.offsets[:-1]])
        yield Rows(X, y, weights, ids)

    def _check_places(self, block, starts):
        names, lines = block.columns[self.columns.sequence][starts], block.lines[starts]
        for name, line in zip(map(_written, names.tolist()), lines.tolist(), strict=True):
            other = self._seen.get(name)
            if other is not None:
                where = f"{self.path}: line {line}: the rows of sequence {name!r:.80} are in two places"
                elsewhere = "" if other is self.path else f", the others in {other}"
                raise ValueError(
                    f"{where}{elsewhere}: they must follow one another in one file; different sequences need "
                    "different names"
                )
            self._seen[name] = self.path

    def _note(self, block, i, reason):
        if not self._faults.tolerant:
            self._faults.add(self.path, int(block.lines[i]), reason, ())
        block.faults.setdefault(i, reason)

    def _numbers(self, block, name):
        column = block.columns[name]
        if self.typed:
            values = column.astype(object) if column.dtype.kind == "U" else column
            check_column(values, f"{self.path}, column {name!r:.80}")
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

    def _targets(self, block):
        name, column = self.columns.target, block.columns[self.columns.target]
        if self.typed:
            if column.dtype.kind != "U":
                check_column(column, f"{self.path}, column {name!r:.80}")
            missing = (column == "") if column.dtype.kind == "U" else column != column  # NaN alone is not itself
        else:
            column = np.char.strip(column)
            missing = column == ""
        missing &= "" not in self.columns.na
        for i in np.flatnonzero(missing).tolist():
            self._note(block, i, f"column {name!r:.80} is empty")
        return column

    def _kept(self, block, offsets):
        """Return whether each sequence is kept: none of its rows is broken, and it has a target."""
        kept = np.ones(len(offsets) - 1, bool)
        if self.columns.na and self.columns.target is not None:
            cells = block.columns[self.columns.target]
            absent = np.isin(np.char.strip(cells.astype(str)), self.columns.na)
            kept[np.searchsorted(offsets, np.flatnonzero(absent), side="right") - 1] = False
            self._faults.absent += int((~kept).sum())
        for i, reason in sorted(block.faults.items()):
            kept[np.searchsorted(offsets, i, side="right") - 1] = False
            self._faults.add(self.path, int(block.lines[i]), reason, block.cells(i))
        return kept

    def _of_sequences(self, X, rows, column, names, per_step):
        """Return one value for each sequence, or `Sequences` of one for each step."""
        if rows is None:
            return None
        if per_step:
            return Sequences(rows, X.offsets)
        first = rows[X.offsets[:-1]]
        changed = np.flatnonzero(rows != np.repeat(first, X.lengths))
        if changed.size:
            i = int(np.searchsorted(X.offsets, changed[0], side="right")) - 1
            raise ValueError(
                f"{self.path}: {column!r:.80} changes within sequence {str(names[i])!r:.80}, from {first[i]!s:.80} to "
                f"{rows[changed[0]]!s:.80}: is there one for each step?"
            )
        return first

    def _look_at(self, y, lines):
        values = y.values if isinstance(y, Sequences) else y
        if self.typed:
            self._target.look_at_typed(values)
        else:
            self._target.look_at(values.tolist(), lambda i: f"{self.path}: line {lines[i]}")


def _written(name):
    """Return the name of a sequence, the same in files with types and without."""
    return str(int(name) if isinstance(name, float) and name.is_integer() else name).strip()


def _no_number(cell):
    if not cell.strip():
        return "is empty, expected a number"
    hint = "; decimals need a point" if DECIMAL_COMMA.fullmatch(cell.strip()) else ""
    return f"is {cell!r:.80}, expected a number: an input or a weight{hint}"
