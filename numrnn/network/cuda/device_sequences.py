"""Read sequences from a GPU: arrays of CuPy, PyTorch, Numba, or anything with `__cuda_array_interface__`."""

import numpy as np

from numrnn.data.array_checks import NUMBERS, check_kind
from numrnn.data.conversion import to_sequences
from numrnn.data.sources import SequenceSource
from numrnn.data.symbols.checks import check_symbols
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.network.cuda.device import arrays, check_device, from_card, memory_named, on_card, to_host, upload

PIECE = 1 << 24  # numbers that are checked together; the result of the check takes a byte for each


class DeviceSequences(SequenceSource):
    """Hold sequences of any lengths in one array on the GPU, as `numrnn.Sequences` does on the host.

    `values` is (steps, D), or (steps,) of symbols. `starts` and `lengths` (N,), int64 on the host, are the first step
    of each sequence and its number of steps. The attribute `offsets` (N + 1,) is the cumulative sum of the lengths.
    """

    on_card = True

    def __init__(self, values, starts, lengths):
        self.values, self.lengths, self._starts = values, lengths, starts
        self.offsets = np.concatenate([[0], np.cumsum(lengths)])

    def gather(self, ids, out=None):
        return self.values, self._starts[ids]

    copy_to_host = staticmethod(to_host)  # used by `fingerprint` to read parts of the values

    @property
    def shape(self):
        """Return ``(N, None, D)``, or ``(N, None)`` for symbols."""
        return len(self), None, *self.values.shape[1:]

    def as_symbols(self, last):
        """Return the sequences, whose values are symbols from 0 to `last`, in the narrowest integer type."""
        with memory_named():
            return DeviceSequences(self.values.astype(np.min_scalar_type(last)), self._starts, self.lengths)

    def __len__(self):
        return len(self.lengths)

    def choose(self, ids):
        return DeviceSequences(self.values, self._starts[ids], self.lengths[ids])

    def __repr__(self):
        columns = f"{self.shape[2]} columns" if len(self.shape) == 3 else "1 value a step"
        return f"DeviceSequences({len(self)} sequences, {columns}, {self.values.dtype})"


def reader_of(X):
    """Return the function that converts X: `to_device_sequences` if an array is on a GPU, else `to_sequences`."""
    if not any(map(on_card, _items(X))):
        return to_sequences
    check_device("cuda")
    return to_device_sequences


def _items(X):
    """Return the items of a list of arrays, or [X] if X is one array."""
    listed = isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype == object)
    return X if listed else [X]


def values_on_host(values):
    """Return targets or weights; arrays on a GPU are copied to the host."""
    if on_card(values):
        return to_host(values)
    return [to_host(value) for value in values] if any(map(on_card, _items(values))) else values


def to_device_sequences(X, *, dtype, name="X", allow_symbols=False):
    """Return arrays on the GPU as `DeviceSequences`, after a check on the GPU, and the form of X.

    X is an array (N, T, D) or (N, T), or a list of arrays (T_i, D) or (T_i,), whose numbers are cast to `dtype` on the
    GPU. With `allow_symbols`, X holds symbols: integers in an array (N, T) or a list of arrays (T_i,), which are not
    cast. A single array that is C-contiguous and has this dtype is not copied, so it must not change while the
    sequences are in use; the arrays of a list are copied into one array. The form is "list", "array" or "table", as in
    `numrnn.data.conversion.to_sequences`. Raises a ValueError or TypeError that names the first sequence that is empty,
    contains NaN or infinity, has another number of inputs, is not on the GPU, or does not consist of symbols; `name` is
    the name of X.
    """
    with memory_named(), np.errstate(over="ignore", invalid="ignore"):
        read = _whole if on_card(X) else _joined
        form, (values, lengths) = read(X, name, None if allow_symbols else dtype)
        sequences = DeviceSequences(values, np.cumsum(lengths) - lengths, lengths)
        if not allow_symbols:
            _check_finite(sequences, name)
    return sequences, form


def vectors_to_device_sequences(X, *, dtype, name="X"):
    """Return the rows of an array (N, D) on the GPU as sequences of one step; see `to_device_sequences`."""
    check_device("cuda")
    shape = from_card(X).shape
    if len(shape) != 2:
        raise InputError(name, (), f"has shape {shape}, expected an array of shape (N, D)")
    rows, _ = to_device_sequences(X, dtype=dtype, name=name)  # reads each number as a step
    N = len(rows)
    return DeviceSequences(rows.values.reshape(N, -1), np.arange(N), np.ones(N, np.int64))


def _whole(X, name, dtype):
    """Return form, values and lengths of one array; values are (steps, D), or symbols (steps,) without a dtype."""
    X, symbols = from_card(X), dtype is None
    if symbols:
        _check_integers(X, name, (), 2, "an array (N, T) of integers, or a list of arrays (steps,)")
    elif X.ndim not in (2, 3):
        raise InputError(name, (), f"has shape {X.shape}, expected an array on the GPU of shape (N, T, D) or (N, T)")
    if X.size == 0:
        raise InputError(name, (), f"has shape {X.shape}, expected at least one sequence, step and input")
    N, T = X.shape[:2]
    values = _cast(X.reshape(N * T) if symbols else X.reshape(N * T, -1), name, (), dtype)
    return "table" if X.ndim == 2 else "array", (values, np.full(N, T, np.int64))


def _joined(X, name, dtype):
    """Return form, values and lengths of a list of arrays; values are (steps, D), or (steps,) without a dtype."""
    items = [_item(x, name, (i,), dtype) for i, x in enumerate(X)]
    first = items[0].shape
    for i, x in enumerate(items):
        if x.shape[1:] != first[1:]:
            why = "all sequences must have the same number of columns"
            raise InputError(name, (i,), f"has shape {x.shape}, but {name}[0] has {first}: {why}")
    lengths = np.array([len(x) for x in items], np.int64)
    values = items[0] if len(items) == 1 else arrays().concatenate(items)
    return "list", (values[:, None] if values.ndim == 1 and dtype is not None else values, lengths)


def _item(x, name, index, dtype):
    """Return an array after a check and a cast; `index` is its index in a list, or ()."""
    if not on_card(x):
        way_out = "; move it with cupy.asarray, or move the other arrays to the host"
        raise InputTypeError(name, index, "is on the host, but other arrays of the list are on the GPU", way_out)
    x = from_card(x)
    if dtype is None:
        _check_integers(x, name, index, 1, "a 1-D array of integers")
    if x.ndim not in (1, 2) or x.size == 0:
        expected = "(steps,) with at least one step" if dtype is None else "(steps, inputs) with at least one of each"
        raise InputError(name, index, f"has shape {x.shape}, expected {expected}")
    return _cast(x, name, index, dtype)


def _cast(values, name, index, dtype):
    """Return values as a C-contiguous array of a dtype, or of their own dtype if it is None."""
    if dtype is not None:
        check_kind(values.dtype, name, NUMBERS, index)
    return arrays().ascontiguousarray(values, dtype=dtype)


def _check_integers(array, name, index, ndim, expected):
    if array.ndim != ndim:
        raise InputError(name, index, f"has shape {array.shape}, expected symbols: {expected}")
    if array.dtype.kind not in "iu":
        raise InputError(name, index, f"has dtype {array.dtype}, expected symbols: {expected}")


def _check_finite(sequences, name):
    xp, values = arrays(), sequences.values
    rows = max(1, PIECE // values.shape[1])
    for start in range(0, len(values), rows):
        finite = xp.isfinite(values[start : start + rows])
        if not finite.all():
            row = start + int(finite.all(axis=1).argmin())
            i = int(np.searchsorted(sequences.offsets, row, side="right")) - 1
            large = f"infinity or a value too large for {shown(values.dtype)}"
            found = "NaN" if np.isnan(to_host(values[row])).any() else large
            raise InputError(name, (i,), f"contains {found} in step {row - sequences.offsets[i]}")


class CardSymbols:
    """Hold symbols on the GPU, with an interface like a NumPy array; slices and selections stay on the GPU."""

    def __init__(self, array):
        self.array, self.dtype, self.shape, self.itemsize = array, array.dtype, array.shape, array.itemsize

    def __len__(self):
        return len(self.array)

    def __getitem__(self, places):
        with memory_named():
            return CardSymbols(self.array[places if isinstance(places, slice) else upload(places)])

    def max(self):
        """Return the largest symbol."""
        return self.array.max()

    def copy_to_host(self):
        """Return the symbols as an array of the host."""
        return to_host(self.array)

    def in_sequences(self, offsets):
        """Return the symbols cut into sequences, as `Sequences` does on the host."""
        return DeviceSequences(self, offsets[:-1], offsets[1:] - offsets[:-1])


def symbols_on_card(X, n_symbols, *, name="X"):
    """Return symbols on the GPU as sequences of `CardSymbols`, after a check, and whether X is a single sequence.

    X is a device array (T,) or (N, T), or a list of device arrays (T_i,); see `read_symbols` for symbols on the host.
    """
    is_one = on_card(X) and from_card(X).ndim == 1
    with memory_named():
        if is_one:
            values = _item(X, name, (), None)
            read = DeviceSequences(values, np.zeros(1, np.int64), np.array([len(values)]))
        else:
            read, _ = to_device_sequences(X, dtype=None, name=name, allow_symbols=True)
        symbols = check_symbols(read, n_symbols, name=name, is_one=is_one)
    return CardSymbols(symbols.values).in_sequences(symbols.offsets), is_one
