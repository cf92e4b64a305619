"""Concatenate arrays and check them; every error names the array or column that is invalid."""

import numpy as np
from scipy.sparse import issparse

from numrnn.data.containers import check_distinct, check_targets, numbers_of_frame, numbers_of_objects
from numrnn.data.readers.csv_files import listed
from numrnn.io.messages import InputError, InputTypeError, place_of, shown

__all__ = [
    "NUMBERS",
    "TARGETS",
    "check_distinct",
    "check_kind",
    "check_list_plain",
    "check_one_order",
    "check_plain",
    "check_same_order",
    "names_of",
    "places_of",
    "stack",
]

NUMBERS = "biuf"
TARGETS = "biufUSO"
PLAIN = (str, bytes, int, float, complex, np.generic)  # types that can be neither a masked array nor an array on a GPU
DEPTH = 8  # levels of nested lists that are searched
BY_DEVICE = ", or set device='cuda' of an estimator"  # end of the error about an array on a GPU


def stack(items, *, name, kinds, choose_dtype=None):
    """Concatenate arrays.

    Parameters
    ----------
    items : list of array-likes of shape (T_i, D) or (T_i,)
    name : str
        Name of the list in error messages.
    kinds : {NUMBERS, TARGETS}
        Accepted kinds of dtype (`numpy.dtype.kind`).
    choose_dtype : callable (dtype, ndim) -> dtype, default=None
        Function that receives the common dtype and the number of dimensions of the arrays and returns the dtype to
        which to cast them. None means no cast.

    Returns
    -------
    values : C-contiguous ndarray of shape (sum of T_i, D) or (sum of T_i,)
        A view if there is only one array and it needs no cast.
    lengths : ndarray of shape (N,), int64

    Raises
    ------
    ValueError, TypeError
        If the number of columns or dimensions of an array differs from the first one, or its dtype is not accepted. The
        message names the array.
    """
    check_one_order(items, name)
    arrays = [
        x if type(x) is np.ndarray and x.dtype.kind != "O" else _as_array(x, name, i, kinds)
        for i, x in enumerate(items)
    ]
    _check_shapes(arrays, name)
    dtypes = {x.dtype for x in arrays}
    _check_dtypes(arrays if len(dtypes) > 1 else arrays[:1], name, kinds)
    dtype = np.result_type(*dtypes) if arrays else np.dtype(np.float64)
    if choose_dtype is not None:
        dtype = choose_dtype(dtype, arrays[0].ndim)
    lengths = np.fromiter(map(len, arrays), np.int64, len(arrays))
    with np.errstate(over="ignore", invalid="ignore"):
        return _concatenate(arrays, dtype, lengths.sum()), lengths


def check_kind(dtype, name, kinds, index=()):
    """Raise a ValueError that names item `index` of the argument `name` if the kind of `dtype` is not in `kinds`."""
    if dtype.kind == "c":
        raise InputError(name, index, f"has dtype {dtype}: Complex data not supported")
    if dtype.kind not in kinds:
        expected = "numbers" if kinds == NUMBERS else "numbers or labels"
        raise InputError(name, index, f"has dtype {dtype}, expected {expected}")


def check_plain(array, name, hint="", index=()):
    """Raise an error if an array, or an array in a nested list, is masked or on a GPU.

    Parameters
    ----------
    array : object
    name : str
        Name, for error messages, of the argument that is or contains the array.
    hint : str
        End of the message about an array on a GPU: an alternative to copying the array.
    index : tuple of int
        Index of the array within the argument.

    Raises
    ------
    TypeError
        If an array is on a GPU (CuPy, PyTorch), since it would have to be copied to the host.
    ValueError
        If an array has masked values, since NumPy would read the values under the mask.
    """
    if type(array) in (list, tuple):
        _check_plain_items(array, name, index, hint, DEPTH)
    elif type(array) is not np.ndarray:
        _check_plain_array(array, name, index, hint)


def check_list_plain(values, name):
    """Apply `check_plain` to an argument; its error about an array on a GPU also suggests ``device="cuda"``."""
    check_plain(values, name, BY_DEVICE)


def _check_plain_items(items, name, index, hint, depth):
    kinds = {kind for kind in set(map(type, items)) if not issubclass(kind, PLAIN)}
    if not kinds or not depth:
        return
    for i, item in enumerate(items):
        if type(item) in kinds:
            if isinstance(item, (list, tuple)):
                _check_plain_items(item, name, (*index, i), hint, depth - 1)
            else:
                _check_plain_array(item, name, (*index, i), hint)


def _check_plain_array(array, name, index, hint):
    where = place_of(name, index)
    if hasattr(array, "__cuda_array_interface__"):
        way_out = f": pass cupy.asnumpy({where}){hint}"
        raise InputTypeError(name, index, "is an array on a GPU, expected one on the host", way_out)
    if not isinstance(array, np.ma.MaskedArray) or not np.ma.is_masked(array):
        return
    mask = np.ma.getmaskarray(array)
    if not mask.ndim:
        raise InputError(name, index, "is masked; fill or remove masked values")
    first = np.argwhere(mask)[0].tolist()
    found = f"is a masked array: {np.count_nonzero(mask)} of its values are masked, the first at index {first}"
    raise InputError(name, index, f"{found}; fill or remove them", f", for example with {where}.filled(...)")


def _as_array(item, name, i, kinds):
    check_plain(item, name, BY_DEVICE, (i,))
    if issparse(item):
        raise InputTypeError(name, (i,), "is sparse, but must be dense", f": pass {name}[{i}].toarray()")
    if hasattr(item, "columns") and kinds == NUMBERS:
        return numbers_of_frame(item, name, (i,))
    try:
        array = np.asarray(item)
    except (TypeError, ValueError) as error:
        reason = "its steps differ in length" if isinstance(item, (list, tuple)) else error
        problem = f"must be an array of numbers of shape (steps, inputs): {reason}"
        raise InputError(name, (i,), problem) from error
    return numbers_of_objects(array, name, (i,)) if kinds == NUMBERS and array.ndim else array


def _check_shapes(arrays, name):
    if arrays and arrays[0].ndim == 2 and len({x.shape[1:] for x in arrays}) == 1:
        return
    for i, x in enumerate(arrays):
        if x.ndim == 0:
            raise InputError(name, (i,), f"is {shown(x.item())}, expected an array of shape (steps, columns)")
        if x.ndim not in (1, 2):
            raise InputError(name, (i,), f"has shape {x.shape}, expected an array of shape (steps, columns)")
        if x.shape[1:] != arrays[0].shape[1:]:
            raise _unequal(arrays, i, name)


def _unequal(arrays, i, name):
    first, other = arrays[0].shape, arrays[i].shape
    if 0 in first:
        return InputError(name, (0,), f"is empty, of shape {first}")
    found = f"{'is empty, of' if 0 in other else 'has'} shape {other}, but the first array has shape {first}"
    why = "all sequences must have the same number of columns (inputs or targets of a step)"
    if len(first) == len(other) and len({x.shape[0] for x in arrays}) == 1:
        why = "the sequences look transposed, (columns, steps) instead of (steps, columns)"
        return InputError(name, (i,), f"{found}: {why}", f"; pass [x.T for x in {name}]")
    return InputError(name, (i,), f"{found}: {why}")


def _check_dtypes(arrays, name, kinds):
    for i, x in enumerate(arrays):
        check_kind(x.dtype, name, kinds, (i,))
        if x.dtype.kind == "O":
            check_targets(x, name, (i,))
        if (x.dtype.kind in NUMBERS) != (arrays[0].dtype.kind in NUMBERS):
            either = ": pass either numbers or labels, not both"
            raise InputError(name, (i,), f"has dtype {x.dtype}, but the first array has {arrays[0].dtype}{either}")


def _concatenate(arrays, dtype, n_steps):
    if len(arrays) == 1:
        return np.ascontiguousarray(arrays[0], dtype=dtype)
    out = np.empty((n_steps, *(arrays[0].shape[1:] if arrays else ())), dtype)
    return np.concatenate(arrays, out=out, casting="unsafe") if arrays else out


def checked_offsets(offsets, values):
    """Return a read-only int64 copy of offsets, after checking that they lie within the steps of values."""
    check_plain(offsets, "offsets")
    offsets = np.asarray(offsets)
    if values.ndim not in (1, 2):
        raise InputError("values", (), f"must have the shape (steps, columns) or (steps,), got {values.shape}")
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or len(offsets) == 0:
        found = f"got {offsets.dtype} of shape {offsets.shape}"
        raise InputError("offsets", (), f"must be integers of shape (N + 1,), {found}")
    if offsets[0] != 0 or offsets[-1] != len(values):
        problem = f"must go from 0 to the number of steps, {len(values)}, got {offsets[0]} to {offsets[-1]}"
        raise InputError("offsets", (), problem)
    falls = np.flatnonzero(offsets[1:] < offsets[:-1])  # a comparison, since a difference could overflow
    if falls.size:
        i = int(falls[0])
        problem = f"must not decrease, but sequence {i} goes from {offsets[i]} to {offsets[i + 1]}"
        raise InputError("offsets", (), problem)
    offsets = offsets.astype(np.int64)
    offsets.flags.writeable = False
    return offsets


def checked_lengths(lengths, n_steps, name="lengths", least=0):
    """Return lengths as int64, after checking that they add up to `n_steps` without overflow.

    Raises a ValueError if lengths are not integers, if one of them is less than `least` or greater than `n_steps`, or
    if their sum differs from `n_steps`.
    """
    lengths = checked_each(lengths, n_steps, name, least)
    ends = np.cumsum(lengths)  # each length is at most n_steps, so a sum exceeds n_steps before any overflows
    if (ends > n_steps).any() or (ends[-1] if ends.size else 0) != n_steps:
        raise InputError(name, (), f"must add up to the {n_steps} steps of values, got {sum(lengths.tolist())}")
    return lengths


def checked_each(lengths, most, name, least):
    """Return lengths as int64, after checking that each length is from `least` to `most`."""
    check_plain(lengths, name)
    lengths = np.asarray(lengths)
    if lengths.size == 0:
        return np.zeros(0, np.int64)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        found = f"got {lengths.dtype} of shape {lengths.shape}"
        raise InputError(name, (), f"must be integers of shape (N,), {found}")
    limits = (lengths < least, f"at least {least}"), (lengths > most, f"at most {most}, the number of steps")
    for wrong, expected in limits:
        if wrong.any():
            i = int(wrong.argmax())
            raise InputError(name, (i,), f"={lengths[i]}: must be {expected}")
    return lengths.astype(np.int64)


def names_of(columns):
    """Return the names of columns as a tuple; None if there are no columns or a name is not a str."""
    names = tuple(columns)
    return tuple(map(str, names)) if names and all(isinstance(name, str) for name in names) else None


def check_one_order(items, name):
    """Return the columns that all data frames in `items` share, or None if there are no data frames.

    Raises a ValueError that names the first data frame that has a column twice, or whose columns differ from those of
    the first data frame in name or order. Arrays have no names and are not compared.
    """
    frames = [(i, list(x.columns)) for i, x in enumerate(items) if type(x) is not np.ndarray and hasattr(x, "columns")]
    for i, columns in frames:
        first, expected = frames[0]
        if i == first:
            check_distinct(items[i], name, (i,))
        if columns != expected:
            found = f"[{listed(map(repr, columns))}], but {name}[{first}] has [{listed(map(repr, expected))}]"
            raise InputError(name, (i,), f"has the columns {found}")
    return frames[0][1] if frames else None


def places_of(expected, found, where):
    """Return the positions of the expected columns in `found`, or None if both have the same order.

    Parameters
    ----------
    expected, found : sequence of str
    where : str
        Name of the file or parameter that has the columns `found`, for error messages.

    Raises
    ------
    ValueError
        If a column is missing, new or repeated. The message names the column.

    Examples
    --------
    >>> from numrnn.data.array_checks import places_of
    >>> places_of(["pulse", "temperature"], ["temperature", "pulse"], "may.csv")
    array([1, 0])
    """
    expected, found = list(expected), list(found)
    if expected == found:
        return None
    place = {name: i for i, name in enumerate(found)}
    missing, new = [name for name in expected if name not in place], sorted(set(found) - set(expected))
    faults = [f"column {missing[0]!r:.80} is missing{_more(missing)}"] if missing else []
    faults += [f"column {new[0]!r:.80} is new{_more(new)}"] if new else []
    if not faults and len(expected) != len(found):
        twice = next(name for i, name in enumerate(found) if place[name] != i)
        faults = [f"column {twice!r:.80} occurs twice"]
    if faults:
        problem = f": {', '.join(faults)}; expected the columns {listed(map(repr, expected))}"
        raise InputError(str(where), (), problem)
    return np.array([place[name] for name in expected])


def check_same_order(known, found, where, what="the columns", when="during fit"):
    """Raise a ValueError if columns differ from the known columns in name or order.

    Parameters
    ----------
    known, found : sequence of str
    where, what, when : str
        Parts of error messages: the source of the columns (see `places_of`), what they are, and when their order was
        learned.
    """
    if places_of(known, found, where) is not None:
        expected, found = (listed(map(repr, order)) for order in (known, found))
        raise InputError(str(where), (), f": {what} must have the same order as {when}, {expected}; got {found}")


def _more(names):
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
