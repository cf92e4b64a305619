"""Read directories of shards: data sets larger than memory in plain ``.npy`` files with an index.

Version 1 of the format, which NumPy alone can read, consists of:

- ``00000.values.npy`` (``00001`` and so on): concatenated steps of sequences, (steps, D) numbers or (steps,) symbols;
- ``00000.lengths.npy``: numbers of steps of its sequences, int64; a sequence is never split between shards;
- ``00000.targets.npy``, ``00000.weights.npy`` (optional, for all shards or none): one row per sequence or step;
- ``00000.ids.npy`` (optional, for all shards or none): identifiers of the sequences;
- ``index.json``: the names of the shards with their numbers of sequences, steps and bytes, common properties, and
  totals. It is written last: a directory without it is incomplete. Optional entries are the ``names`` of the columns,
  the name of the ``ids``, the SHA-256 of each file (``sha256`` of a shard) and of the index (``checksum``);
- ``test`` (optional): a directory of shards with the test set.
"""

import hashlib
import io
import json
import re
from collections import Counter
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numrnn.data.array_checks import NUMBERS, checked_lengths
from numrnn.data.byte_sizes import n_bytes
from numrnn.data.sequences import Sequences
from numrnn.data.shards.sequences import Shard, ShardedSequences
from numrnn.io.array_files import read_array, read_header
from numrnn.io.damage import readable

__all__ = [
    "FORMAT",
    "INDEX",
    "Shards",
    "VERSION",
    "changed_files",
    "checksum_of_file",
    "checksum_of_index",
    "open_shards",
]

FORMAT, VERSION, INDEX = "numrnn shards", 1, "index.json"
ENTRIES = (
    "format", "version", "dtype", "columns", "names", "targets", "weights", "ids", "sequences", "steps", "shards",
    "checksum",
)  # fmt: skip
RESTORE = "restore it, or write the data set again"
PLAIN_NAME = re.compile(r"[^/\\\0.][^/\\\0]*")


class Shards(NamedTuple):
    """Hold the content of a directory of shards.

    Attributes
    ----------
    X : ShardedSequences
        Sequences whose steps stay in their files.
    y : ndarray of shape (N,) or (N, K), Sequences or None
        Targets in memory, one per sequence or per step.
    sample_weight : ndarray of shape (N,), Sequences or None
        Weights in memory, one per sequence or per step.
    """

    X: ShardedSequences
    y: np.ndarray | Sequences | None
    sample_weight: np.ndarray | Sequences | None


def open_shards(directory: str | PathLike, *, buffer: int | str = "512MB") -> tuple[Any, Any]:
    """Open a directory of shards that `ShardWriter` or ``numrnn shard`` wrote.

    Parameters
    ----------
    directory : str or path-like
        Directory of shards.
    buffer : int or str, default="512MB"
        Size of a window. `fit` reads and shuffles together as many shards as fit into a window, but at least one. Two
        windows are in memory at a time: `fit` trains on one while it reads the other.

    Returns
    -------
    shards : Shards
        ``X, y, sample_weight``. X can be passed to `fit`, `partial_fit`, `predict`, `score` and the other methods of
        `RNNClassifier` and `RNNRegressor`. It can be split like `Sequences`, which reads no steps.

    Raises
    ------
    FileNotFoundError
        If there is no such directory.
    ValueError
        If `directory` is not a directory of shards, is incomplete, or has an unknown format version. The message names
        the file that is missing, is truncated or contradicts other files.

    Notes
    -----
    Memory holds lengths and positions (16 bytes per sequence, 24 for a subset), targets, weights and, while data are
    read, windows. Steps are checked for NaN and infinity whenever they are read; the error names file, sequence and
    step. If the index has checksums, they are compared with the index, lengths, targets and weights. Only ``numrnn info
    --verify`` compares the checksums of steps.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from numrnn import RNNClassifier
    >>> from numrnn.data import ShardWriter, open_shards
    >>> random = np.random.default_rng(0)
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ShardWriter(f"{folder.name}/walks", shard_size="2KB") as writer:
    ...     for label in (0, 1):
    ...         X = [random.normal(label - 0.5, size=(steps, 2)).cumsum(axis=0) for steps in range(2, 12)]
    ...         writer.write(X, np.full(len(X), label))
    >>> X, y, _ = open_shards(f"{folder.name}/walks")
    >>> X
    ShardedSequences(20 sequences of 2 to 11 steps, 2 columns, float64, in 2 files)
    >>> model = RNNClassifier((8,), max_iter=20, learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> model.score(X, y)
    1.0
    """
    buffer, folder = n_bytes(buffer, "buffer"), Path(directory)
    index = _read_index(folder)
    steps, shards, first, first_step = [], [], 0, 0
    for entry in index["shards"]:
        lengths = _array(folder, entry, "lengths")
        path, at = _values_file(folder, entry, index)
        steps.append(_checked_lengths(folder / f"{entry['name']}.lengths.npy", lengths, entry))
        shards.append(Shard(path, at, first, first_step))
        first, first_step = first + entry["sequences"], first_step + entry["steps"]
    columns = () if index["columns"] is None else (index["columns"],)
    names = tuple(index["names"]) if index.get("names") else None
    X = ShardedSequences(shards, np.concatenate(steps), columns, index["dtype"], buffer, names)
    if index.get("ids") is not None:
        X.ids, X.id_name = _rows(folder, index | {"ids": "sequence"}, "ids", X), index["ids"]
    return Shards(X, *(_rows(folder, index, name, X) for name in ("targets", "weights")))


def changed_files(directory):
    """Return the files that are missing or do not match their checksums, and the number of files compared.

    Raises a ValueError if the index is damaged or has no checksums.
    """
    folder = Path(directory)
    files = {
        folder / f"{entry['name']}.{name}.npy": checksum
        for entry in _read_index(folder)["shards"]
        for name, checksum in entry.get("sha256", {}).items()
    }
    if not files:
        raise ValueError(f"{folder / INDEX}: the index has no checksums; write the data set again to add them")
    changed = [path for path, checksum in files.items() if not path.is_file() or checksum_of_file(path) != checksum]
    return changed, len(files)


def _read_index(folder):
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such directory")
    path = folder / INDEX
    if not path.is_file():
        way = "it is not a directory of shards, or it is incomplete; write it again with numrnn shard or ShardWriter"
        raise ValueError(f"{folder}: has no file {INDEX}: {way}")
    with readable(path, "index of shards"):
        index = json.loads(path.read_text(encoding="utf-8"))
        found = index["format"], index["version"]
        if found != (FORMAT, VERSION):
            expected = f"expected {FORMAT}, version {VERSION}, got {found[0]!s:.50}, version {found[1]!s:.50}"
            raise ValueError(f"{expected}; upgrade numrnn, or write the data set again")
        _check_index(index)
    return index


def _check_index(index):
    """Raise an error of any type if an entry is missing, has a wrong type, or contradicts other entries."""
    unknown = set(index) - set(ENTRIES)
    if unknown:
        raise ValueError(f"it has the unknown entry {min(unknown)!r:.50}")
    if "checksum" in index and index["checksum"] != checksum_of_index(index):
        way = "remove the entry 'checksum' if the file was edited on purpose"
        raise ValueError(f"its checksum does not match its content; {way}")
    if type(index["dtype"]) is not str:
        raise ValueError(f"dtype={index['dtype']!r:.50}: must be a string such as '<f4'")
    kind, columns, arrays = np.dtype(index["dtype"]).kind, index["columns"], ["values", "lengths"]
    if kind not in NUMBERS:
        raise ValueError(f"dtype={index['dtype']!r:.50}: must be a type of numbers, such as '<f4'")
    if not (columns is None or (type(columns) is int and columns > 0)):
        raise ValueError(f"columns={columns!r:.50}: must be null (a step is a symbol) or a positive integer")
    for name in ("targets", "weights"):
        if index[name] not in (None, "sequence", "step"):
            raise ValueError(f"{name}={index[name]!r:.50}: must be null, 'sequence' or 'step'")
        arrays += [name] * (index[name] is not None)
    names, ids = index.get("names"), index.get("ids")
    arrays += ["ids"] * (ids is not None)
    if not (ids is None or type(ids) is str):
        raise ValueError(f"ids={ids!r:.50}: must be null or a string")
    if names is not None and not (type(names) is list and all(type(name) is str for name in names)):
        raise ValueError(f"names={names!r:.50}: must be a list of strings")
    if names is not None and len(names) != columns:
        raise ValueError(f"it has {len(names)} names of columns, but columns={columns!r:.50}")
    for shard in index["shards"]:
        _check_shard(shard, arrays)
    _check_totals(index)


def _check_shard(shard, arrays):
    if not PLAIN_NAME.fullmatch(shard["name"]):
        raise ValueError(f"shard {shard['name']!r:.50}: must be the name of a file in the directory")
    numbers = shard["sequences"], shard["steps"], *(shard["bytes"][name] for name in arrays)
    if not all(type(number) is int and number > 0 for number in numbers):
        raise ValueError(f"shard {shard['name']!r:.50}: sequences, steps and bytes must be positive integers")
    checksums = shard.get("sha256", dict.fromkeys(arrays, ""))
    if not isinstance(checksums, dict) or set(checksums) != set(arrays):
        raise ValueError(f"shard {shard['name']!r:.50}: sha256 must have the entries {', '.join(arrays)}")


def _check_totals(index):
    names = [shard["name"] for shard in index["shards"]]
    if not names:
        raise ValueError("shards=[]: must name at least one shard")
    most, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise ValueError(f"it names shard {most!r:.50} {times} times, expected once")
    for name in ("sequences", "steps"):
        total = sum(shard[name] for shard in index["shards"])
        if type(index[name]) is not int or total != index[name]:
            raise ValueError(f"{name}={index[name]!r:.50}: must be the total of its shards, {total}")


def _values_file(folder, entry, index):
    """Return the path of a file of steps, and the offset in bytes at which the steps begin."""
    path, size = _sized(folder, entry, "values")
    with readable(path, ".npy file"), open(path, "rb") as file:
        dtype, shape, fortran_order = read_header(file, size)
        at = file.tell()
    expected = (entry["steps"],) if index["columns"] is None else (entry["steps"], index["columns"])
    one_order = len(shape) == 1 or 1 in shape or not fortran_order
    if shape != expected or dtype != np.dtype(index["dtype"]) or not one_order:
        raise ValueError(
            f"{path}: expected {index['dtype']} of shape {expected} in C order, got {dtype.str} of shape {shape}"
        )
    return str(path.resolve()), at


def _array(folder, entry, name):
    """Read a whole array and compare it with its checksum."""
    path, size = _sized(folder, entry, name)
    content = path.read_bytes()
    checksum = entry.get("sha256", {}).get(name)
    if checksum is not None and hashlib.sha256(content).hexdigest() != checksum:
        raise ValueError(f"{path}: its checksum differs from the one in {INDEX}: it was changed; {RESTORE}")
    with readable(path, ".npy file"):
        return read_array(io.BytesIO(content), size)


def _sized(folder, entry, name):
    """Return path and size of a file, after a check that the file exists and has the size in the index."""
    path = folder / f"{entry['name']}.{name}.npy"
    if not path.is_file():
        raise ValueError(f"{path}: the file is missing from the data set; {RESTORE}")
    size, expected = path.stat().st_size, entry["bytes"][name]
    if size != expected:
        found = f"it has {size} bytes, but {expected} according to {INDEX}"
        raise ValueError(f"{path}: {found}: it was truncated or changed; {RESTORE}")
    return path, size


def _checked_lengths(path, lengths, entry):
    if lengths.dtype.kind not in "iu" or lengths.shape != (entry["sequences"],):
        expected = f"integers of shape ({entry['sequences']},)"
        raise ValueError(f"{path}: expected {expected}, got {lengths.dtype} of shape {lengths.shape}")
    return checked_lengths(lengths, entry["steps"], f"{path}: lengths", least=1)


def _rows(folder, index, name, X):
    """Return targets, weights or ids of all shards, or None if the data set has none."""
    per = index[name]
    if per is None:
        return None
    parts = []
    for entry in index["shards"]:
        part = _array(folder, entry, name)
        expected = entry["steps" if per == "step" else "sequences"]
        first = parts[0] if parts else part
        if part.shape[:1] != (expected,) or part.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"{folder / entry['name']}.{name}.npy: expected shape {(expected, *first.shape[1:])}, got {part.shape}"
            )
        parts.append(part)
    with readable(folder, f"directory of shards: {name}"):
        joined = np.concatenate(parts)
    return Sequences(joined, X.offsets) if per == "step" else joined


def checksum_of_index(index):
    """Return the checksum of all entries of an index except "checksum"; spaces and order do not matter."""
    entries = {name: entry for name, entry in index.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(entries, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def checksum_of_file(path):
    """Return the SHA-256 checksum of a file, which is read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
