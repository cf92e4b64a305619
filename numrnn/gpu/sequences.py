"""Sequences that users have on the card: arrays of CuPy, PyTorch, Numba, or whatever has `__cuda_array_interface__`."""

import numpy as np

from numrnn.data.forms import to_sequences
from numrnn.data.stacking import NUMBERS, check_kind, check_list_on_host
from numrnn.gpu.device import arrays, from_card, memory_named, on_card, to_host

PIECE = 1 << 24  # numbers that are looked at together: the mask takes a byte of each


class DeviceSequences:
    """Sequences of any lengths, one after another in one array on the card; as `numrnn.Sequences` for those who train.

    Parameters
    ----------
    values : device array of shape (steps, D)
    starts, lengths : ndarray of shape (N,), int64
        Of the host: the first step of each sequence, and the number of its steps.

    Attributes
    ----------
    values, lengths
        As given.
    offsets : ndarray of shape (N + 1,), int64
        As if the sequences lay one after another.
    """

    def __init__(self, values, starts, lengths):
        self.values, self.lengths, self._starts = values, lengths, starts
        self.offsets = np.concatenate([[0], np.cumsum(lengths)])

    def gather(self, ids, out=None):
        """As `Sequences.gather`: where the steps of some sequences lie."""
        return self.values, self._starts[ids]

    copy_to_host = staticmethod(to_host)  # by which `fingerprint` looks at parts of the values

    @property
    def shape(self):
        """``(N, None, D)``."""
        return len(self), None, self.values.shape[1]

    def __len__(self):
        return len(self.lengths)

    def __getitem__(self, ids):
        return DeviceSequences(self.values, self._starts[ids], self.lengths[ids])

    def __repr__(self):
        return f"DeviceSequences({len(self)} sequences, {self.values.shape[1]} columns, {self.values.dtype})"


def reader_of(device, X):
    """The function that makes sequences of X for a device: `to_device_sequences`, or `to_sequences`."""
    if device == "cpu":
        return to_sequences
    items = X if isinstance(X, (list, tuple)) else [X]
    return to_device_sequences if any(map(on_card, items)) else to_sequences


def values_on_host(values, device, name):
    """Return targets or weights on the host: what lies on a card is copied from there, for an estimator of the card.

    Parameters
    ----------
    values : array-like, device array, or list of device arrays
    device : {"cpu", "cuda"}
        Of the estimator.
    name : str
        What errors call the values.

    Raises
    ------
    TypeError
        If they lie on a card, and the estimator computes on a CPU.
    """
    if device == "cpu":
        check_list_on_host(values, name)
    return to_host(values)


def to_device_sequences(X, *, dtype, name="X", allow_symbols=False):
    """Return arrays on the card as `DeviceSequences`, checked there, and the form they came in.

    Parameters
    ----------
    X : device array of shape (N, T, D) or (N, T), or list of device arrays of shape (T_i, D) or (T_i,)
    dtype : dtype
        What the values are cast to, on the card.
    name : str, default="X"
        What errors call X.
    allow_symbols : bool, default=False
        Not for symbols, which are read from the host.

    Returns
    -------
    sequences : DeviceSequences
        One array is read where it lies if it is C-contiguous and of this dtype, so it must not change meanwhile. Arrays
        of a list are copied into one, on the card.
    form : {"list", "array", "table"}
        As of `numrnn.data.forms.to_sequences`.

    Raises
    ------
    ValueError, TypeError
        Naming the first sequence that is empty, not finite, of another number of inputs, or not on the card.
    """
    if allow_symbols:
        raise TypeError(f"{name} is on the GPU, but symbols are read from the host: pass cupy.asnumpy({name})")
    with memory_named():
        form, (values, lengths) = _joined(X, name) if isinstance(X, (list, tuple)) else _whole(X, name)
        check_kind(values.dtype, name, NUMBERS)
        with np.errstate(over="ignore", invalid="ignore"):
            values = arrays().ascontiguousarray(values, dtype=dtype)
        sequences = DeviceSequences(values, np.cumsum(lengths) - lengths, lengths)
        _check_finite(sequences, name)
    return sequences, form


def _whole(X, name):
    """Form, values (steps, D) and lengths of one array."""
    X = from_card(X)
    if X.ndim not in (2, 3):
        raise ValueError(f"{name} has shape {X.shape}, expected (N, T, D) or (N, T) of an array on the GPU")
    if X.size == 0:
        raise ValueError(f"{name} has shape {X.shape}: it needs at least one sequence, step and input")
    N, T = X.shape[:2]
    return "table" if X.ndim == 2 else "array", (X.reshape(N * T, -1), np.full(N, T, np.int64))


def _joined(X, name):
    """Form, values (steps, D) and lengths of a list of arrays."""
    items = []
    for i, x in enumerate(X):
        if not on_card(x):
            raise TypeError(f"{name}[{i}] is on the host, but {name} has arrays on the GPU: expected all of them there")
        x = from_card(x)
        x = x[:, None] if x.ndim == 1 else x
        if x.ndim != 2 or x.size == 0:
            raise ValueError(f"{name}[{i}] has shape {x.shape}, expected (steps, inputs) with at least one of each")
        if items and x.shape[1] != items[0].shape[1]:
            raise ValueError(f"{name}[{i}] has {x.shape[1]} columns, but {name}[0] has {items[0].shape[1]}")
        items.append(x)
    lengths = np.array([len(x) for x in items], np.int64)
    return "list", (items[0] if len(items) == 1 else arrays().concatenate(items), lengths)


def _check_finite(sequences, name):
    xp, values = arrays(), sequences.values
    rows = max(1, PIECE // values.shape[1])
    for start in range(0, len(values), rows):
        finite = xp.isfinite(values[start : start + rows])
        if not finite.all():
            row = start + int(finite.all(axis=1).argmin())
            i = int(np.searchsorted(sequences.offsets, row, side="right")) - 1
            found = "NaN" if np.isnan(to_host(values[row])).any() else f"infinity or too large for {values.dtype!r}"
            raise ValueError(f"Input {name} contains {found}: {name}[{i}], step {row - sequences.offsets[i]}")
