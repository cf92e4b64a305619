"""Reject containers that are not sequences and values that are not numbers; errors state what to pass instead."""

from collections.abc import Iterator, Mapping, Set
from numbers import Real

import numpy as np
from scipy.sparse import issparse

from numrnn.io.messages import InputError, InputTypeError, place_of

__all__ = ["check_column", "check_container", "check_targets", "numbers_of_frame", "numbers_of_objects"]

_EXPECTED = "expected a list of arrays of shape (steps, inputs), an array of shape (N, T, D), or Sequences"


def check_container(X, name, expected=_EXPECTED):
    """Raise a TypeError, with advice, if X is certainly not a list, an array or a data frame.

    Parameters
    ----------
    X : object
    name : str
        Name of X in error messages.
    expected : str
        Description of valid X for the error message.
    """
    if type(X) in (np.ndarray, list):
        return
    way_out = _way_out(X, name)
    if way_out is not None:
        raise InputTypeError(name, (), f"is {_described(X)}, {expected}", way_out)


def _described(X):
    return "None" if X is None else f"of type {type(X).__module__}.{type(X).__qualname__}".replace("builtins.", "")


def _way_out(X, name):
    """Return what to pass instead of X, as the end of a sentence, or None if the container is acceptable."""
    if issparse(X):
        return f": sparse data must be dense; pass {name}.toarray()"
    if isinstance(X, Mapping):
        return f": pass list({name}.values())"
    if isinstance(X, Iterator):
        return f": it can be read only once; pass list({name})"
    if hasattr(X, "batch_sizes"):
        return ": unpack it with torch.nn.utils.rnn.pad_packed_sequence and pass Sequences.from_padded(padded, lengths)"
    if getattr(X, "is_nested", False):
        return f": pass [x.numpy() for x in {name}.unbind()]"
    if hasattr(X, "columns") and getattr(getattr(X, "index", None), "nlevels", 1) > 1:
        return f" (its index has more than one level): pass [x for _, x in {name}.groupby(level=0)]"
    if _is_nested_frame(X):
        return f" (its cells hold series): pass [numpy.column_stack(row) for row in {name}.to_numpy()]"
    known = hasattr(X, "__len__") and hasattr(X, "__getitem__") or hasattr(X, "__array__")
    if not known or isinstance(X, (Set, str, bytes, bytearray, memoryview)):
        return ""
    return None


def _is_nested_frame(X):
    if not hasattr(X, "columns") or not len(X) or not len(X.columns) or not hasattr(X, "iloc"):
        return False
    cell = X.iloc[0, 0]
    return hasattr(cell, "__len__") and not isinstance(cell, (str, bytes))


def numbers_of_frame(frame, name, index=()):
    """Return a data frame as an array of numbers.

    A ValueError names the first column of dates, durations, str (even of digits) or decimals.
    """
    check_distinct(frame, name, index)
    for column in frame.columns:
        check_column(frame[column].to_numpy(), name, column, index)
    return numbers_of_objects(np.asarray(frame), name, index)


def check_column(values, name, column, index=()):
    """Raise a ValueError if a column of a data frame, or of a table in the file `name`, does not hold numbers."""
    kind = getattr(values.dtype, "kind", "O")
    where = f", column {column!r:.80}"
    if kind not in "biufO":
        raise InputError(name, index, f"{where} holds {values.dtype}, expected numbers", _cast(kind))
    for i, value in enumerate(values.tolist() if kind == "O" else ()):
        if not _is_number(value):
            found = f"{value!r:.100} ({type(value).__name__}) in row {i}"
            raise InputError(name, index, f"{where} holds {found}, expected numbers")


def _cast(kind):
    return {
        "M": ": to convert dates, subtract a fixed date and divide by numpy.timedelta64(1, 's')",
        "m": ": to convert durations, divide by numpy.timedelta64(1, 's')",
    }.get(kind, "")


def numbers_of_objects(array, name, index=()):
    """Return an array of objects as float64, and any other array unchanged.

    None and pandas' NA become NaN. A ValueError or TypeError names the first object that is not a number, such as a
    date, a duration, a str (even of digits) or a decimal.
    """
    if array.dtype.kind != "O":
        return array
    numbers = np.empty(array.shape)
    flat = numbers.reshape(-1)
    for i, value in enumerate(array.flat):
        if not _is_number(value):
            raise _no_number(value, name, (*index, *map(int, np.unravel_index(i, array.shape))))
        flat[i] = np.nan if _is_missing(value) else _as_float(value)
    return numbers


def _is_number(value):
    # NumPy's durations are registered as integers.
    return isinstance(value, (Real, np.bool_)) and not isinstance(value, np.timedelta64) or _is_missing(value)


def _is_missing(value):
    return value is None or type(value).__name__ == "NAType"


def _as_float(number):
    try:
        return float(number)
    except OverflowError:  # an integer of more than 308 digits
        return np.inf


def _no_number(value, name, index):
    found = f"is {value!r:.100} ({type(value).__name__}), expected a number"
    try:
        float(value)
    except TypeError as error:  # with the words that scikit-learn's estimator checks expect
        return InputTypeError(name, index, f"{found}: {error!s:.100}")
    except ValueError:
        pass
    return InputError(name, index, found)


def check_targets(y, name, index=()):
    """Raise an error that names the first target that is missing, or differs in type from the first target."""
    check_container(y, name, "expected a list or an array with a target for each sequence")
    if not isinstance(y, (list, tuple)):
        y = np.asarray(y)
        y = y.tolist() if y.dtype.kind == "O" and y.ndim == 1 else []
    first = None
    for i, value in enumerate(y):
        if issparse(value):
            way_out = f": pass {place_of(name, (*index, i))}.toarray()"
            raise InputTypeError(name, (*index, i), "is a sparse array, expected a target", way_out)
        if _is_missing(value) or isinstance(value, float) and value != value:
            problem = f"is {value!r}: Input {name} contains NaN; leave out sequences without a target"
            raise InputError(name, (*index, i), problem)
        first = value if first is None else first
        if isinstance(value, str) != isinstance(first, str):
            found = f"is {value!r:.100}, but the first label is {first!r:.100}"
            problem = f"{found}: labels must not mix str and other types; convert them"
            raise InputError(name, (*index, i), problem)


def check_distinct(X, name, index=()):
    """Raise a ValueError that names the first repeated column of a data frame; other objects have no columns."""
    columns = list(X.columns) if hasattr(X, "columns") else []
    if len(set(columns)) < len(columns):
        twice = next(column for i, column in enumerate(columns) if column in columns[:i])
        raise InputError(name, index, f"has the column {twice!r:.80} twice; rename one of the two")
