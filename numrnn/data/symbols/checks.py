"""Check sequences of symbols and convert them to the smallest sufficient unsigned integer type."""

import numpy as np

from numrnn.data.sequences import Sequences
from numrnn.io.messages import InputError

__all__ = ["check_symbols", "count_symbols", "why_no_symbols"]

LARGEST = 2**31 - 2  # largest symbol with n_symbols="auto"; each symbol needs weights

_EXPECTED = "expected symbols: a 1-D array of integers"
_CONVERT = "; convert text with numrnn.data.Vocabulary"


def check_symbols(sequences, n_symbols, *, name="X", is_one=False):
    """Return sequences of symbols in the smallest sufficient unsigned integer type, without a copy if possible.

    Parameters
    ----------
    sequences : Sequences or DeviceSequences
        The result of `numrnn.data.conversion.to_sequences` with ``allow_symbols=True``.
    n_symbols : int or "auto"
        Symbols are integers from 0 to n_symbols - 1; "auto" means the largest symbol plus one.
    name : str, default="X"
        Name of the sequences in error messages.
    is_one : bool, default=False
        Whether `name` refers to a single sequence, and not to a list.

    Raises
    ------
    ValueError
        If a sequence holds values that are not symbols. The message names the sequence.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import Sequences
    >>> from numrnn.data.symbols.checks import check_symbols
    >>> check_symbols(Sequences.from_list([np.array([0, 2]), np.array([1])]), 3).values
    array([0, 2, 1], dtype=uint8)
    """
    if not sequences.in_memory:  # symbols are checked when they are read
        return sequences.as_symbols(_last(sequences.largest() if n_symbols == "auto" else None, n_symbols))
    values = sequences.values
    if values.ndim != 1 or values.dtype.kind not in "iu":
        expected = "must hold symbols, 1-D arrays of integers"
        raise InputError(name, (), f"{expected}, got {values.ndim}-D arrays of {values.dtype}")
    # For arrays on a GPU, only these two numbers are copied to the host.
    smallest, largest = int(values.min()), int(values.max())
    last = _last(largest if n_symbols == "auto" else None, n_symbols)
    if smallest < 0 or largest > last:
        step = int((values < 0 if smallest < 0 else values > last).argmax())
        i = int(np.searchsorted(sequences.offsets, step, side="right")) - 1
        found = f"has the symbol {int(values[step])} in step {step - sequences.offsets[i]}"
        raise InputError(name, () if is_one else (i,), f"{found}, expected 0 to {last} (n_symbols={last + 1})")
    narrow = np.min_scalar_type(last)
    if values.dtype == narrow:
        return sequences
    if hasattr(sequences, "as_symbols"):  # on a GPU
        return sequences.as_symbols(last)
    return Sequences(values.astype(narrow), sequences.offsets)


def _last(largest, n_symbols):
    return n_symbols - 1 if largest is None else min(max(0, int(largest)), LARGEST)


def count_symbols(sequences, n_symbols):
    """Return `n_symbols` or, if it is "auto", the largest symbol of checked sequences plus one."""
    if n_symbols != "auto":
        return int(n_symbols)
    return int(sequences.last_symbol) + 1


def why_no_symbols(X, name, allow_empty=False):
    """Return the error about the first sequence of X that is not a 1-D array of integers, or None."""
    if isinstance(X, (str, bytes)):
        return InputError(name, (), f"is text, {_EXPECTED}", _CONVERT)
    rows = X.to_numpy() if hasattr(X, "to_numpy") else X
    for i, item in enumerate(rows if np.iterable(rows) else ()):
        problem, hint = _problem_of(item, name, allow_empty)
        if problem is not None:
            return InputError(name, (i,), problem, hint)
    return None


def _problem_of(item, name, allow_empty):
    """Return the problem of a sequence of symbols, or None, and a hint."""
    if isinstance(item, (str, bytes)):
        return f"is text, {_EXPECTED}", _CONVERT
    try:
        array = np.asarray(item)
    except ValueError:
        return f"has steps that differ in length, {_EXPECTED}", ""
    if array.size == 0:
        return None if allow_empty else "is empty: a sequence needs at least one step", ""
    if array.dtype.kind in "US":
        return f"is text, {_EXPECTED}", _CONVERT
    if array.ndim == 0:
        return f"is a single value, {_EXPECTED}", f"; if {name} is a single sequence, pass [{name}]"
    if array.ndim > 1:
        return f"has shape {array.shape}, {_EXPECTED}", ""
    return None if array.dtype.kind in "iu" else f"holds {array.dtype}, {_EXPECTED}", ""
