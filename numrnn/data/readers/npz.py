"""Read sequences and targets from ``.npz`` files and directories of shards."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from numrnn.data.array_checks import checked_lengths
from numrnn.data.sequences import Sequences
from numrnn.data.shards.format import open_shards
from numrnn.io.array_files import read_arrays

__all__ = ["DataFile", "Part", "read_npz", "read_shards"]

KEYS = ("values", "lengths", "y", "values_test", "lengths_test", "y_test")


class Part(NamedTuple):
    """Hold sequences, their targets and weights (if any), and the names of their source.

    Attributes
    ----------
    X : Sequences
    y, sample_weight : ndarray (per sequence), Sequences (per step), or None
    path : path-like or None
        Name of the data set.
    names : tuple of str
        Names of X and y in the data set.
    """

    X: Sequences
    y: np.ndarray | Sequences | None
    sample_weight: np.ndarray | Sequences | None = None
    path: Path | str | None = None
    names: tuple = ("values", "y")

    @property
    def target(self):
        """Return the name of y in the data set."""
        return self.names[1]

    def place(self, i, column=None):
        """Return a str that locates sequence i (all sequences if None), or its target, for messages."""
        name = self.names[0] if column is None else column
        if i is None:
            return f"{self.path}: {name}"
        per_step = column is None or hasattr(self.y, "offsets")
        return f"{self.path}: sequence {i} of {name}" if per_step else f"{self.path}: {name}[{i}]"


class DataFile(NamedTuple):
    """Hold the training set and, if there is one, the test set."""

    train: Part
    test: Part | None


def read_npz(path):
    """Read sequences of any lengths and their targets from an ``.npz`` file.

    The file has these arrays:

    - ``values``: the steps of all sequences, concatenated, of shape (sum of T_i, D), or (sum of T_i,) if a step is one
      number or one symbol;
    - ``lengths``: the number of steps of each sequence, integers of shape (N,);
    - ``y`` (optional): the targets, with one row per sequence (N rows) or one row per step (sum of T_i rows);
    - ``values_test``, ``lengths_test``, ``y_test`` (optional): the same for the test set.

    Parameters
    ----------
    path : str or path-like
        File that :func:`numpy.savez` wrote.

    Returns
    -------
    data : DataFile
        ``data.train`` and ``data.test`` (None if the file has no test set). Both have the attributes ``X``, a
        `Sequences`, and ``y``: an array of one target per sequence, `Sequences` of one target per step, or None.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or not an ``.npz`` file, has unknown arrays or two arrays of the same name, or has arrays
        that contradict each other.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    arrays = read_arrays(path, KEYS)
    train = _part(path, arrays, "")
    test = _part(path, arrays, "_test") if any(name.endswith("_test") for name in arrays) else None
    if test is not None and test.X.values.shape[1:] != train.X.values.shape[1:]:
        found = f"values_test has shape {test.X.values.shape}, but values has shape {train.X.values.shape}"
        raise ValueError(f"{path}: {found}; both need the same number of inputs")
    return DataFile(train, test)


def read_shards(directory):
    """Open a directory of shards, and its test set if it has one, as a `DataFile`; see `open_shards`."""
    test = Path(directory) / "test"
    folders = (directory, test) if test.is_dir() else (directory,)
    parts = [Part(*open_shards(folder), path=folder, names=("values", "targets")) for folder in folders]
    return DataFile(*parts, *[None] * (2 - len(parts)))


def _part(path, arrays, suffix):
    for name in ("values", "lengths"):
        if name + suffix not in arrays:
            raise ValueError(f"{path}: array {name + suffix!r} is missing; add it with numpy.savez")
    values, lengths, y = (arrays.get(name + suffix) for name in ("values", "lengths", "y"))
    _check_values(f"{path}: values{suffix}", values)
    if np.size(lengths) == 0:
        raise ValueError(f"{path}: lengths{suffix} is empty: there are no sequences")
    lengths = checked_lengths(lengths, len(values), f"{path}: lengths{suffix}", least=1)
    if values.ndim == 1 and values.dtype.kind == "f":
        values = values[:, None]
    X, names = Sequences.from_concatenated(values, lengths), (f"values{suffix}", f"y{suffix}")
    return Part(X, None if y is None else _targets(f"{path}: y{suffix}", y, X), None, path, names)


def _check_values(name, values):
    if values.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold numbers, got dtype {values.dtype}")
    if values.ndim not in (1, 2):
        raise ValueError(f"{name} must have the shape (steps, inputs) or (steps,), got {values.shape}")


def _targets(name, y, X):
    if y.ndim == 0 or len(y) not in (len(X), len(X.values)):
        raise ValueError(
            f"{name} must have one row per sequence ({len(X)}) or per step ({len(X.values)}), got shape {y.shape}"
        )
    return y if len(y) == len(X) else Sequences.from_concatenated(y, X.lengths)
