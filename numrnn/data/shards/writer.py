"""Write directories of shards in the format of `numrnn.data.shards.format`."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from numrnn.data.array_checks import (
    NUMBERS,
    TARGETS,
    check_kind,
    check_one_order,
    check_plain,
    names_of,
    places_of,
    stack,
)
from numrnn.data.byte_sizes import n_bytes
from numrnn.data.containers import check_container, numbers_of_frame, numbers_of_objects
from numrnn.data.conversion import check_same_lengths, values_of_numbers
from numrnn.data.sequences import Sequences
from numrnn.data.shards.format import FORMAT, INDEX, VERSION, checksum_of_file, checksum_of_index
from numrnn.data.sources import SequencesLike, TargetsLike, WeightsLike, check_names_of_targets, names_of_targets
from numrnn.io import replace_file, replacing
from numrnn.io.messages import InputError

__all__ = ["ShardWriter"]

LABELS = TARGETS.replace("O", "")
ROWS = ("targets", "weights", "ids")  # optional files of a shard


class ShardWriter:
    """Write sequences to a directory of shards in one or several calls.

    The files are written to a temporary directory beside it, which `close` renames. Hence the directory does not exist
    after an error, or before `close`.

    Parameters
    ----------
    directory : str or path-like
        Directory to create; it must not exist.
    shard_size : int or str, default="256MB"
        Approximate size of the steps in a shard; sequences are never split.
    dtype : dtype, default=None
        Dtype in which numbers (not symbols) are stored. The default is the dtype of the first sequences written.

    Attributes
    ----------
    id_name : str
        Name of the column of identifiers in predictions; initially "id".

    Raises
    ------
    FileExistsError
        If the directory exists.
    ValueError
        If the size is invalid.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from numrnn.data import ShardWriter
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ShardWriter(f"{folder}/data", dtype="float32") as writer:
    ...         for label in ("a", "b"):
    ...             writer.write([np.zeros((2, 3)), np.ones((4, 3))], [label, label])
    ...     sorted(os.listdir(f"{folder}/data"))
    ['00000.lengths.npy', '00000.targets.npy', '00000.values.npy', 'index.json']
    """

    def __init__(self, directory: str | PathLike, *, shard_size: int | str = "256MB", dtype: DTypeLike | None = None):
        self._size = n_bytes(shard_size, "shard_size")
        self.directory = Path(directory)
        if self.directory.exists():
            raise FileExistsError(f"{self.directory}: the directory already exists; choose another name")
        self._asked = None if dtype is None else np.dtype(dtype)
        if self._asked is not None:
            check_kind(self._asked, "dtype", NUMBERS)
        self._dtype, self._columns, self._per, self._row = None, None, None, None  # set by the first call of `write`
        self._names, self._target_names, self._steps, self.id_name = None, None, None, "id"
        self._shard, self._index = None, []
        self.folder = self.directory.with_name(f"{self.directory.name}.partial-{os.getpid()}")
        self.folder.mkdir(parents=True)

    def write(
        self,
        X: SequencesLike,
        y: TargetsLike | None = None,
        sample_weight: WeightsLike | None = None,
        *,
        ids: Sequence[str] | None = None,
    ) -> None:
        """Write sequences with their targets.

        Parameters
        ----------
        X : list of arrays of shape (T_i, D) or (T_i,), array of shape (N, T, D), or Sequences
            Sequences. Integers without the axis D are symbols. Named columns are put into the order of the columns
            written first. The same holds for the columns of a data frame (N, T), which are steps.
        y : array-like of shape (N,) or (N, K), or Sequences, optional
            Targets per sequence, or per step (`Sequences`).
        sample_weight : array-like of shape (N,), or Sequences, optional
            Weights per sequence or per step.
        ids : array-like of shape (N,), optional
            Identifiers of the sequences, str or numbers, which ``numrnn predict`` writes with the predictions.

        Raises
        ------
        ValueError
            If there are no sequences, if a sequence is empty or does not hold numbers, or if X does not match y or the
            data written before. The message names a column that is missing or new.
        """
        X = self._read(X)
        given = {"y": y, "sample_weight": sample_weight, "ids": ids}
        for name, rows in given.items():
            check_plain(rows, name)
        check_names_of_targets(y, self._target_names, "y", when="in what was written before")
        per = [_per(rows, name, X) for name, rows in given.items()]
        rows = [_flat(rows, name, NUMBERS if name == "sample_weight" else LABELS) for name, rows in given.items()]
        self._check(X, per, rows[0])
        self._target_names = names_of_targets(y, "y") if self._target_names is None else self._target_names
        first = 0
        while first < len(X):
            if self._shard is None:
                self._shard = _Shard(self.folder / f"{len(self._index):05d}", self._dtype, self._columns)
            room = max(1, (self._size - self._shard.size) // self._shard.step_bytes)
            end = int(np.searchsorted(X.offsets, X.offsets[first] + room, side="right")) - 1
            if end > first or not self._shard.size:
                end = max(end, first + 1)
                self._shard.add(X, first, end, rows, self._per)
                first = end
            if first < len(X):
                self._end_shard()

    def close(self) -> None:
        """Write the index, and rename the directory to its final name.

        Raises
        ------
        ValueError
            If nothing was written.
        """
        try:
            self._finish()
        except BaseException:
            self.discard()
            raise

    def _finish(self):
        self._end_shard()
        if not self._index:
            raise ValueError(f"{self.directory}: there are no sequences to write; a data set needs at least one")
        totals = {name: sum(entry[name] for entry in self._index) for name in ("sequences", "steps")}
        content = {"format": FORMAT, "version": VERSION, "dtype": self._dtype.str}
        content |= {"columns": self._columns[0] if self._columns else None, "targets": self._per[0]}
        content |= {} if self._names is None else {"names": list(self._names)}
        content |= {} if self._per[2] is None else {"ids": self.id_name}
        content |= {"weights": self._per[1], **totals, "shards": self._index}
        content["checksum"] = checksum_of_index(content)
        replace_file(self.folder / INDEX, json.dumps(content, indent=1).encode())
        os.rename(self.folder, self.directory)

    def convert_targets(self, convert: Callable[[np.ndarray], np.ndarray]) -> None:
        """Convert all targets that were written.

        Parameters
        ----------
        convert : callable
            Function that receives the array of targets of a shard and returns the array to replace it.
        """
        self._end_shard()
        for entry in self._index if self._per and self._per[0] else ():
            path = self.folder / f"{entry['name']}.targets.npy"
            targets = convert(np.load(path))
            with replacing(path) as file:
                np.save(file, targets, allow_pickle=False)
            entry["bytes"]["targets"], entry["sha256"]["targets"] = os.path.getsize(path), checksum_of_file(path)

    def discard(self) -> None:
        """Remove everything that was written."""
        if self._shard is not None:
            with suppress(OSError):  # an error of a full disk, say, was reported before
                self._shard.discard()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_error):
        if kind is None:
            self.close()
        else:
            self.discard()

    def _read(self, X):
        """Return X as `Sequences` with the columns (for a data frame (N, T), the steps) in the order of the first X."""
        steps = names_of(X.columns) if hasattr(X, "columns") else None
        read = _sequences(X)
        if steps is None:
            return self._ordered(read)
        self._steps = steps if self._steps is None else self._steps
        same = set(steps) == set(self._steps)  # if not, their length differs; the steps keep their order
        places = places_of(self._steps, steps, "X") if same else None
        return read if places is None else Sequences.from_array(read.values.reshape(len(read), -1)[:, places])

    def _ordered(self, X):
        if X.names is None or self._names is None:
            return X
        places = places_of(self._names, X.names, "X")
        return X if places is None else Sequences(X.values[:, places], X.offsets, self._names)

    def _check(self, X, per, y):
        values = X.values
        check_kind(values.dtype, "X", NUMBERS, (0,))
        empty = np.flatnonzero(X.lengths == 0)
        if empty.size:
            raise InputError("X", (int(empty[0]),), "is empty: a sequence needs at least one step")
        if 0 in values.shape[1:]:
            raise InputError("X", (0,), "has no columns: a step needs at least one number")
        symbols = values.ndim == 1 and values.dtype.kind in "iu"
        columns = values.shape[1:] if values.ndim == 2 or symbols else (1,)
        dtype = values.dtype if symbols or self._asked is None else self._asked
        if self._dtype is None:
            self._dtype, self._columns, self._per = dtype, columns, per
        if (columns, per) != (self._columns, self._per) or not np.can_cast(dtype, self._dtype):
            before = _described(self._dtype, self._columns, self._per)
            found = f"has {_described(dtype, columns, per)}, but what was written before has {before}"
            raise InputError("X", (), f"{found}; write data of one kind to a directory")
        row = None if y is None else y.shape[1:]
        if self._row is None:
            self._row = row
        if row != self._row:
            problem = f"has rows of shape {row}, but those written before have shape {self._row}"
            raise InputError("y", (), f"{problem}; write targets of one shape to a directory")
        self._names = X.names if self._names is None else self._names
        self._check_range(X)

    def _check_range(self, X):
        """Raise an error for numbers that would be stored as infinity."""
        values = X.values
        if np.can_cast(values.dtype, self._dtype) or values.dtype.kind != "f" or self._dtype.kind != "f":
            return
        largest = np.finfo(self._dtype).max
        large = np.isfinite(values) & (np.abs(values) > largest)
        if large.any():
            row, *column = np.argwhere(large)[0].tolist()
            i = int(np.searchsorted(X.offsets, row, side="right")) - 1
            column = f", column {(X.names or range(column[0] + 1))[column[0]]!r:.80}" if column else ""
            found = f"has {values[large][0]} in step {row - X.offsets[i]}{column}"
            raise InputError("X", (i,), f"{found}: too large a number for {self._dtype}; store it as float64")

    def _end_shard(self):
        if self._shard is not None:
            self._index.append(self._shard.close(self._per))
            self._shard = None


class _Shard:
    """Write one shard; its steps are written to their file immediately, its other arrays in `close`."""

    def __init__(self, path, dtype, columns):
        self._path, self._dtype, self._columns = path, dtype, columns
        self.step_bytes = dtype.itemsize * int(np.prod(columns, dtype=np.int64))
        self.size, self._steps, self._lengths, self._rows = 0, 0, [], ([], [], [])
        self._open = ExitStack()
        self.file = self._open.enter_context(replacing(f"{path}.values.npy"))
        self._write_header()

    def _write_header(self):
        # NumPy reserves space in the header for a larger number of steps.
        shape = (self._steps, *self._columns)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self.file, header)

    def add(self, X, first, end, rows, per):
        steps = slice(X.offsets[first], X.offsets[end])
        values = np.ascontiguousarray(X.values[steps], dtype=self._dtype)
        self.file.write(values.reshape(-1).view(np.uint8))
        self.size, self._steps = self.size + values.nbytes, self._steps + len(values)
        self._lengths.append(X.lengths[first:end])
        for kept, all_rows, of in zip(self._rows, rows, per, strict=True):
            if all_rows is not None:
                kept.append(np.array(all_rows[steps if of == "step" else slice(first, end)]))

    def close(self, per):
        """Complete the files and return the entry of the shard in the index."""
        with self._open:
            self.file.seek(0)
            self._write_header()
        lengths = np.concatenate(self._lengths)
        arrays = {"lengths": lengths} | {
            name: np.concatenate(rows) for name, rows, of in zip(ROWS, self._rows, per, strict=True) if of is not None
        }
        for name, array in arrays.items():
            with replacing(f"{self._path}.{name}.npy") as file:
                np.save(file, array, allow_pickle=False)
        files = {name: f"{self._path}.{name}.npy" for name in ("values", *arrays)}
        entry = {"name": self._path.name, "sequences": len(lengths), "steps": self._steps}
        entry["bytes"] = {name: os.path.getsize(file) for name, file in files.items()}
        return entry | {"sha256": {name: checksum_of_file(file) for name, file in files.items()}}

    def discard(self) -> None:
        """Close the file of values."""
        self._open.close()


def _sequences(X):
    if isinstance(X, Sequences):
        return _of_numbers(X)
    check_container(X, "X")
    check_plain(X, "X")
    if hasattr(X, "columns"):
        return Sequences.from_array(numbers_of_frame(X, "X"))
    if getattr(X, "ndim", 1) > 1:
        return _of_numbers(Sequences.from_array(X))
    items = list(X)
    made = Sequences.from_concatenated(*stack(items, name="X", kinds=NUMBERS))
    made.names = names_of(check_one_order(items, "X") or ())
    return made


def _of_numbers(X):
    values = values_of_numbers(X, "X")
    return X if values is X.values else Sequences(values, X.offsets, X.names)


def _per(rows, name, X):
    """Return "sequence" or "step", to which each row belongs; None if `rows` is None."""
    if rows is None:
        return None
    if isinstance(rows, Sequences):
        check_same_lengths(rows, X, name)
        return "step"
    if np.ndim(rows) == 0 or len(rows) != len(X):
        raise InputError(name, (), f"must have one row per sequence ({len(X)}), got shape {np.shape(rows)}")
    return "sequence"


def _flat(rows, name, kinds):
    """Return rows as an array that can be stored without pickle, or None if `rows` is None."""
    if rows is None:
        return None
    array = rows.values if isinstance(rows, Sequences) else np.asarray(rows)
    if kinds == NUMBERS:
        array = numbers_of_objects(array, name)
    elif array.dtype == object and all(isinstance(label, str) for label in array.flat):
        array = array.astype(str)  # for example, labels from pandas
    check_kind(array.dtype, name, kinds)
    return array


def _described(dtype, columns, per):
    width = f"{columns[0]} column{'s' * (columns[0] != 1)} of {dtype}" if columns else f"symbols, {dtype}"
    return f"{width}, " + ", ".join(
        f"{'no ' if of is None else ''}{name}{'' if of is None else ' per ' + of}"
        for name, of in zip(ROWS, per, strict=True)
        if of or name != "ids"
    )
