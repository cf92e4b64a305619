"""Read sequences from files when they are needed."""

import copy
import os
from contextlib import closing
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from numrnn.data.array_checks import NUMBERS, check_kind, places_of
from numrnn.data.sequences import Sequences
from numrnn.data.shards.read_ahead import read_ahead
from numrnn.io.messages import shown
from numrnn.kernels.cpu.processor import all_finite
from numrnn.kernels.jit import read_only

__all__ = ["Shard", "ShardedSequences", "ValueOfFileError"]

BLOCK = 1 << 26  # bytes that are read at a time for predictions and searches, which need no shuffling
PIECE = 1 << 23  # bytes per call of the operating system; between calls, a thread checks whether it should stop
# Bytes of the file's buffer: gaps between runs of up to about this size are cheaper to read than to skip.
BUFFERED = 1 << 18


class ValueOfFileError(ValueError):
    """Report an invalid value of a step in a file."""


class Shard(NamedTuple):
    """Describe a file of steps by its path, and by the numbers of its first sequence and step in the data set."""

    path: str
    at: int  # offset in bytes at which the steps begin
    first: int
    first_step: int


class ShardedSequences(Sequences):
    """Represent sequences in the files of a directory; only sequences in use are in memory.

    `open_shards` creates them. They behave like `Sequences`, except that the attribute ``values`` raises an error:
    ``X[i]`` reads a sequence, while ``X[ids]`` and slices return a subset without reading steps.

    Attributes
    ----------
    offsets : ndarray of shape (N + 1,), int64
        Offsets that the sequences would have if they were concatenated.
    lengths : ndarray of shape (N,), int64
        Numbers of steps.
    dtype : dtype
        Dtype to which steps are converted when they are read.
    buffer : int
        Size in bytes of a window, that is, of the sequences that are in memory at the same time and shuffled together.
    names : tuple of str or None
        Names of the columns, if the index has them.
    ids : ndarray of shape (N,), or None
        Identifiers of the sequences, if the directory has them.
    id_name : str or None
        Name of the column of identifiers.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from numrnn.data import ShardWriter, open_shards
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ShardWriter(f"{folder.name}/data") as writer:
    ...     writer.write([np.zeros((2, 3)), np.ones((4, 3))])
    >>> X = open_shards(f"{folder.name}/data").X
    >>> X
    ShardedSequences(2 sequences of 2 to 4 steps, 3 columns, float64, in 1 file)
    >>> X[1].shape, X[[1]].load().values.shape
    ((4, 3), (4, 3))
    """

    lengths = None  # overrides the property of `Sequences`, so that instances can store lengths
    ids = id_name = None

    in_memory = False

    def __init__(self, shards, lengths, columns, dtype, buffer, names=None):
        self.names, self._places, self._stored_columns = names, None, columns
        self._shards, self._columns, self._stored = shards, columns, np.dtype(dtype)
        self._ends = np.array([shard.first_step for shard in shards[1:]] + [int(lengths.sum())])
        self.dtype, self.buffer = self._stored, buffer
        self.lengths, self.offsets = lengths, np.concatenate([[0], np.cumsum(lengths)])
        # Index in the data set of the first step of each sequence: for the sequences of this subset, and for all
        # sequences.
        self._rows = self._all_rows = self.offsets[:-1]
        self._last_symbol, self._changes = None, []

    @property
    def values(self):
        raise AttributeError("the steps of shards are not in memory; read a sequence with X[i], or all with X.load()")

    @property
    def shape(self):
        """Return ``(N, None, D)``, or ``(N, None)`` if a step is a symbol."""
        return (len(self), None, *self._columns)

    @property
    def n_shards(self):
        """Return the number of files."""
        return len(self._shards)

    @property
    def step_bytes(self):
        """Return the size of a step in memory, in bytes."""
        return self.dtype.itemsize * int(np.prod(self._columns, dtype=np.int64))

    def choose(self, ids):
        return self[ids]

    @property
    def last_symbol(self):
        """Return the largest symbol that may occur; `as_symbols` must have been called."""
        return self._last_symbol

    def load(self):
        """Read all sequences into memory.

        Returns
        -------
        sequences : Sequences
            Sequences in memory.
        """
        return self._load(None)

    def _load(self, stopped):
        values, _ = self.gather(np.arange(len(self)), stopped=stopped)
        loaded = Sequences._from_known(values, self.offsets)
        loaded.names = self.names
        return loaded

    def gather(self, ids, out=None, stopped=None):
        """Read the steps of some sequences, in the order of the files.

        Parameters
        ----------
        ids : ndarray, int64
            Indices of the sequences.
        out : ndarray of shape (steps, D) or (steps,), default=None
            C-contiguous buffer with the dtype of the sequences, large enough for the steps. None allocates memory.
        stopped : threading.Event, default=None
            Event; once it is set, reading stops.

        Returns
        -------
        values : ndarray of shape (steps, D) or (steps,)
            Concatenated sequences in the order of `ids`.
        starts : ndarray of the shape of `ids`, int64
            The sequence ``ids[j]`` begins at ``values[starts[j]]``.

        Raises
        ------
        OSError, ValueError
            If a file cannot be read, or holds values that are not finite or are not symbols. The message names the
            file.
        """
        rows, lengths = self._rows[ids], self.lengths[ids]
        starts = np.cumsum(lengths) - lengths
        values = np.empty((int(lengths.sum()), *self._columns), self.dtype) if out is None else out
        shards = np.searchsorted(self._ends, rows, side="right")
        # A run consists of sequences that are consecutive both in their file and in the result.
        first = np.ones(len(ids), bool)
        first[1:] = (rows[1:] != rows[:-1] + lengths[:-1]) | (shards[1:] != shards[:-1])
        first = np.flatnonzero(first)
        steps = np.add.reduceat(lengths, first) if len(first) else lengths
        runs = np.stack([rows[first], starts[first], steps])[:, np.argsort(rows[first])]
        cuts = np.searchsorted(runs[0], [shard.first_step for shard in self._shards] + [self._ends[-1]])
        for n in np.flatnonzero(np.diff(cuts)):
            of_shard = runs[:, cuts[n] : cuts[n + 1]].T.tolist()
            self._read(self._shards[n], of_shard, values, stopped)
        return values, starts

    def _read(self, shard, runs, values, stopped):
        """Read runs from a file, convert them and check them.

        A run is a tuple (index of the first step in the data set, index in `values`, number of steps).
        """
        columns = int(np.prod(self._stored_columns, dtype=np.int64))
        row = self._stored.itemsize * columns
        piece, as_stored = max(1, PIECE // row), self._stored == self.dtype and self._places is None
        raw = None if as_stored else np.empty((piece, *self._stored_columns), self._stored)
        try:
            with open(shard.path, "rb", buffering=BUFFERED) as file:
                for step, start, count in runs:
                    file.seek(shard.at + (step - shard.first_step) * row)
                    for done in range(0, count, piece):
                        to = values[start + done : start + min(count, done + piece)]
                        found = to if raw is None else raw[: len(to)]
                        if file.readinto(found.reshape(-1).view(np.uint8)) < found.nbytes:
                            raise OSError("the file ends before its last step; restore it, or write the data set again")
                        self._take_over(found, to, shard, step + done)
                        if stopped is not None and stopped.is_set():
                            return
        except OSError as error:
            raise OSError(f"{shard.path}: {error.strerror or error}") from error

    def _take_over(self, found, to, shard, step):
        """Convert and check steps that were read; `step` is the index of the first of them in the data set."""
        if self._last_symbol is not None and (found.min() < 0 or found.max() > self._last_symbol):
            at = int(np.argmax((found < 0) | (found > self._last_symbol)))
            raise ValueOfFileError(
                f"{self._place(shard, step + at)} is {found[at]}, expected a symbol from 0 to {self._last_symbol}"
            )
        if self._places is not None:
            found = found[:, self._places]
        with np.errstate(over="ignore", invalid="ignore"):
            for dtype, operation, operand in self._changes:
                found = found.astype(dtype, copy=False)
                operation(found, operand, out=found, casting="same_kind")
            if found is not to:
                to[...] = found
        if to.dtype.kind == "f" and not _is_finite(to):
            at = int(np.argmin(np.isfinite(to.reshape(len(to), -1)).all(axis=1)))
            what = "NaN" if np.isnan(to[at]).any() else f"infinity or a value too large for {shown(to.dtype)}"
            raise ValueOfFileError(f"{self._place(shard, step + at)} contains {what}")

    def _place(self, shard, step):
        i = int(np.searchsorted(self._all_rows, step, side="right")) - 1
        return f"{shard.path}: sequence {i - shard.first} of this file ({i} of all), step {step - self._all_rows[i]},"

    def sample(self, blocks, steps):
        """Read the first `steps` steps of at most `blocks` sequences, which are spread evenly over the data set."""
        ids = np.unique(np.linspace(0, len(self) - 1, blocks).astype(np.int64))
        heads = self._chosen(ids)
        heads.lengths = np.minimum(heads.lengths, steps)
        return heads.gather(np.arange(len(ids)))[0]

    def windows(self, random):
        """Shuffle the files, and group them into windows of as many files as fit into the buffer.

        Returns a list of ndarrays: the indices of the sequences of each window in ascending order. Files are never
        split; a file larger than `buffer` is a window of its own.
        """
        shard = np.searchsorted(self._ends, self._rows, side="right")
        by_shard = np.argsort(shard, kind="stable")
        sizes = np.bincount(shard, self.lengths, len(self._shards)) * self.step_bytes
        ends = np.cumsum(np.bincount(shard, minlength=len(self._shards)))
        windows, size = [], self.buffer
        for n in random.permutation(len(self._shards)):
            ids = by_shard[ends[n - 1] if n else 0 : ends[n]]
            if not len(ids):
                continue
            if size + sizes[n] > self.buffer:
                windows.append([])
                size = 0
            windows[-1].append(ids)
            size += sizes[n]
        return [np.sort(np.concatenate(parts)) for parts in windows]

    def blocks(self):
        """Yield the sequences in order, in blocks of as many sequences as fit into BLOCK bytes, but at least one.

        Yields
        ------
        first : int
            Index of the first sequence of the block.
        sequences : Sequences
            Sequences of the block, in memory.
        """
        most, firsts = max(1, min(BLOCK, self.buffer) // self.step_bytes), [0]
        while firsts[-1] < len(self):
            end = np.searchsorted(self.offsets, self.offsets[firsts[-1]] + most, side="right") - 1
            firsts.append(max(firsts[-1] + 1, int(end)))
        loads = (self[first:end]._load for first, end in pairwise(firsts))
        with closing(read_ahead(loads)) as blocks:
            yield from zip(firsts, blocks, strict=False)

    def converted(self, dtype):
        """Return the same sequences, to be converted to `dtype` when read; 1-D floats become one column."""
        converted = copy.copy(self)
        converted.dtype = np.dtype(dtype)
        if not self._columns and converted.dtype.kind == "f":
            converted._columns = converted._stored_columns = (1,)
        return converted

    def of_columns(self, names, where):
        """Return the same sequences with a subset of their columns, in the given order.

        Parameters
        ----------
        names : sequence of str
            Names of columns that exist.
        where : str
            Name of the sequences in error messages.
        """
        kept = [name for name in self.names if name in set(names)]
        places = places_of(names, kept, where)
        if places is None and len(kept) == len(self.names):
            return self
        here = np.array([self.names.index(name) for name in names])
        chosen = copy.copy(self)
        chosen.names, chosen._columns = tuple(names), (len(here),)
        chosen._places = here if self._places is None else self._places[here]
        chosen._changes = [(dtype, operation, operand[here]) for dtype, operation, operand in self._changes]
        return chosen

    def changed(self, operation, operand):
        """Return the same sequences, to be changed by a NumPy function such as `np.subtract` when they are read."""
        changed = copy.copy(self)
        changed._changes = [*self._changes, (self.dtype, operation, operand)]
        return changed

    def as_symbols(self, last):
        """Return the same sequences as symbols from 0 to `last`, in the smallest sufficient unsigned integer type."""
        symbols = self.converted(np.min_scalar_type(last))
        symbols._last_symbol = last
        return symbols

    def largest(self):
        """Read all values and return the largest value."""
        return max(int(block.values.max()) for _, block in self.blocks())

    def checked(self, choose_dtype, name):
        """Return the same sequences with the dtype that `choose_dtype` returns for (dtype, ndim)."""
        check_kind(self._stored, name, NUMBERS, (0,))
        return self.converted(choose_dtype(self._stored, 1 + len(self._columns)))

    @property
    def directory(self):
        """Return the directory of the files."""
        return os.path.dirname(self._shards[0].path)

    def _chosen(self, ids):
        chosen = copy.copy(self)
        chosen._rows, chosen.lengths = self._rows[ids], self.lengths[ids]
        chosen.offsets = np.concatenate([[0], np.cumsum(chosen.lengths)])
        chosen.ids = None if self.ids is None else self.ids[ids]
        return chosen

    def _span(self, start, stop):
        return self._chosen(slice(start, stop))

    def _take(self, ids):
        return self._chosen(ids)

    def __getitem__(self, key):
        if isinstance(key, (slice, tuple)) or np.ndim(key):
            return super().__getitem__(key)
        return super().__getitem__([key]).load().values

    def __iter__(self):
        for _, block in self.blocks():
            yield from block

    def __eq__(self, other):
        if not isinstance(other, Sequences):
            return NotImplemented
        same = np.array_equal(self.offsets, other.offsets) and self.shape == other.shape
        return same and all(map(np.array_equal, self, other))

    __hash__ = None

    def __array__(self, dtype=None, copy=None):
        raise ValueError("shards are not an array, since their steps are not in memory; read them all with X.load()")

    def __repr__(self):
        lengths, columns = self.lengths, f", {self._columns[0]} columns" if self._columns else ""
        span = " to ".join(map(str, sorted({lengths.min(initial=lengths.max(initial=0)), lengths.max(initial=0)})))
        files = f"in {len(self._shards)} file{'s' if len(self._shards) > 1 else ''}"
        return f"ShardedSequences({len(self)} sequences of {span} steps{columns}, {self.dtype}, {files})"


def _is_finite(values):
    if values.dtype in (np.float32, np.float64):
        return all_finite(read_only(values).reshape(-1))
    return bool(np.isfinite(values).all())
