"""Convert sequences from every accepted form to `Sequences`, and back.

A *form* is "list" (a list, tuple or 1-D object array of arrays or data frames), "sequences", "array" (N, T, D), or
"table": a 2-D array, data frame or nested list (N, T) of univariate sequences of equal length.
"""

import numpy as np
from sklearn.utils import check_array

from numrnn.data.array_checks import BY_DEVICE, NUMBERS, TARGETS, check_kind, check_plain, stack
from numrnn.data.containers import check_container, check_targets, numbers_of_frame, numbers_of_objects
from numrnn.data.sequences import Sequences
from numrnn.data.shards.sequences import ShardedSequences
from numrnn.data.symbols.checks import why_no_symbols
from numrnn.io.messages import InputError, short_errors, shown
from numrnn.kernels.cpu.processor import all_finite
from numrnn.kernels.jit import read_only

__all__ = [
    "check_same_lengths", "check_same_number", "from_steps", "list_items", "sequence_weights_or_none", "step_weights",
    "steps_to_sequences",
    "targets_to_sequences", "to_sequences", "values_of_numbers",
]  # fmt: skip

# Number of rows that NumPy searches for NaN at a time: their mask fits in the processor's cache.
BLOCK = 1 << 14
PIECE = 1 << 24  # numbers that are searched at a time by the compiled search, which needs no mask
NO_SEQUENCES = "is empty: Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is required"
COMPILED = (np.dtype(np.float32), np.dtype(np.float64))


def to_sequences(X, *, dtype, name="X", allow_symbols=False, allow_empty=False):
    """Return X as checked `Sequences`, and the form of X.

    Parameters
    ----------
    X : list of arrays of shape (T_i, D) or (T_i,), array of shape (N, T, D) or (N, T), or Sequences
        Sequences; without the axis D, there is one input per step (D = 1).
    dtype : dtype or tuple of dtypes
        Dtype of the values. If it is a tuple, they keep the dtype of X if the tuple contains it, and otherwise get the
        first dtype of the tuple.
    name : str, default="X"
        Name of X in errors.
    allow_symbols : bool, default=False
        Whether X holds symbols: integers without the axis D. The values then have shape (sum of T_i,) and their own
        dtype.
    allow_empty : bool, default=False
        Whether sequences of symbols may be empty; at least one sequence must have a symbol.

    Returns
    -------
    sequences : Sequences
        Sequences with C-contiguous values of shape (sum of T_i, D), which are not copied if X has such values.
    form : {"list", "sequences", "array", "table"}

    Raises
    ------
    ValueError
        If a sequence is empty, is not finite, has a different number of inputs, or is not an array of numbers (or
        symbols). The message names the sequence.
    TypeError
        If X is sparse or on a GPU.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn.data.conversion import to_sequences
    >>> to_sequences([np.zeros((4, 3)), np.ones((2, 3))], dtype=np.float32)
    (Sequences(2 sequences of 2 to 4 steps, 3 columns, float32), 'list')
    """
    accepted = [np.dtype(d) for d in (dtype if isinstance(dtype, tuple) else (dtype,))]
    if allow_symbols:
        return _read_symbols(X, name, allow_empty)
    ready = _ready_array(X)
    if ready is not None and ready.dtype in accepted and _is_finite(ready):
        n_sequences, n_steps, n_inputs = ready.shape
        offsets = np.arange(0, n_sequences * n_steps + 1, n_steps, dtype=np.int64)
        values = ready.reshape(n_sequences * n_steps, n_inputs)
        return Sequences._from_known(values, offsets), "list" if type(X) is list else "array"
    return _read(X, lambda found, ndim: found if found in accepted else accepted[0], name)


def _read_symbols(X, name, allow_empty):
    def choose_dtype(found, ndim):
        if ndim != 1 or found.kind not in "iu":
            expected = "must hold symbols, 1-D arrays of integers of one type"
            raise InputError(name, (), f"{expected}, but their common dtype is {found}; convert them")
        return found

    if allow_empty and isinstance(X, (list, tuple)):  # an empty list has no dtype of its own
        some = next((np.asarray(x) for x in X if len(x)), np.zeros(0))
        X = [x if len(x) else np.zeros(0, some.dtype) for x in X]
    try:
        return _read(X, choose_dtype, name, least=int(not allow_empty))
    except ValueError as error:
        why = why_no_symbols(X, name, allow_empty)
        if why is None:
            raise
        raise why from error


def _read(X, choose_dtype, name, least=1):
    if not isinstance(X, Sequences | ShardedSequences):
        check_container(X, name)
    items = None if isinstance(X, Sequences) else list_items(X, name)
    if items is not None:
        values, lengths = stack(items, name=name, kinds=NUMBERS, choose_dtype=choose_dtype)
        offsets = np.zeros(len(lengths) + 1, np.int64)
        lengths.cumsum(out=offsets[1:])
        sequences, form = Sequences._from_known(values, offsets), "list"
    elif isinstance(X, ShardedSequences):
        _check_lengths(X, name)
        return X.checked(choose_dtype, name), "sequences"  # values are checked when they are read
    elif isinstance(X, Sequences):
        sequences, form = _cast(X, choose_dtype, name), "sequences"
    else:
        check_plain(X, name, BY_DEVICE)
        array = _checked_array(X, name)
        form = "table" if array.ndim == 2 else "array"
        sequences = _cast(Sequences.from_array(array), choose_dtype, name)
    return _checked(sequences, name, lambda: _column_names(X, form), least), form


def _column_names(X, form):
    """Return the names of the columns of X, or None; the columns of the form "table" are steps."""
    if form == "list":
        X = next((x for x in X if hasattr(x, "columns")), None)
    return getattr(X, "names", None) if form == "sequences" else list(X.columns) if hasattr(X, "columns") else None


def targets_to_sequences(y, X_sequences, *, name="y"):
    """Return targets (or weights) per step as `Sequences`, after a check that they have the lengths of X.

    A ValueError names the first sequence of y that is not finite, or whose length differs from that of its sequence of
    X.

    Parameters
    ----------
    y : list of arrays of shape (T_i,) or (T_i, K), array of shape (N, T) or (N, T, K), or Sequences
        Numbers or labels; the result has their dtype.
    X_sequences : Sequences
    name : str, default="y"
        Name of y in errors.
    """
    targets = steps_to_sequences(y, name=name)
    check_same_lengths(targets, X_sequences, name)
    return targets


def check_same_lengths(targets, X_sequences, name):
    """Raise an InputError that names the first sequence of targets whose length differs from its sequence of X."""
    check_same_number(len(X_sequences), len(targets), name)
    wrong = np.flatnonzero(targets.lengths != X_sequences.lengths)
    if wrong.size:
        i = int(wrong[0])
        raise InputError(name, (i,), f"has {targets.lengths[i]} steps, but its sequence has {X_sequences.lengths[i]}")


def check_same_number(n_sequences, n_targets, name, unit=" sequences"):
    """Raise an InputError if the number of targets or weights, called `name`, is not the number of sequences of X."""
    if n_targets != n_sequences:
        suffix = name.removeprefix("sample_weight").removeprefix("y")
        found = f"has {n_targets}{unit}, but X{suffix} has {n_sequences} sequences"
        numbers = [n_sequences, n_targets]  # as in scikit-learn's message
        raise InputError(name, (), f"{found}: Found input variables with inconsistent numbers of samples: {numbers}")


def step_weights(sample_weight, y):
    """Return the weight of each step of `Sequences`, given weights of sequences or of steps in any form."""
    weights = sequence_weights_or_none(sample_weight, len(y))
    if weights is None:
        return targets_to_sequences(sample_weight, y, name="sample_weight").values
    return np.repeat(weights, y.lengths)


def sequence_weights_or_none(sample_weight, n_sequences):
    """Return weights of sequences as an array (N,), but None if there are no weights or they are weights of steps."""
    name = "sample_weight"
    if sample_weight is None or isinstance(sample_weight, Sequences):
        return None
    if list_items(sample_weight, name) is not None or np.ndim(sample_weight) == 2:
        return None
    check_plain(sample_weight, name)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_sequences,):
        expected = f"must have one weight per sequence, {n_sequences} in all, or one per step"
        raise InputError(name, (), f"{expected}, got an array of shape {weights.shape}")
    return weights


def steps_to_sequences(y, *, name="y"):
    """Return y, one value or K values per step in any form, as `Sequences`.

    A ValueError is raised if y has no axis of steps; a ValueError that names the sequence, if a sequence is not finite
    or holds neither numbers nor labels.

    Parameters
    ----------
    y : list of arrays of shape (T_i,) or (T_i, K), array of shape (N, T) or (N, T, K), or Sequences
    name : str, default="y"
        Name of y in error messages.
    """
    items = None if isinstance(y, Sequences) else list_items(y, name)
    if items is not None:
        steps = Sequences.from_concatenated(*stack(items, name=name, kinds=TARGETS))
    elif isinstance(y, Sequences):
        steps = y
    else:
        check_plain(y, name)
        array = np.asarray(y)
        for i, row in enumerate(array if array.dtype.kind == "O" and array.ndim == 2 else ()):
            check_targets(row, name, (i,))
        if array.ndim not in (2, 3):
            way_out = (
                ": pass a list of arrays of shape (steps,) or (steps, columns), Sequences, or an array of shape (N, T) "
                "or (N, T, K)"
            )
            problem = f"has shape {array.shape}, but every step of a sequence needs a value"
            raise InputError(name, (), problem, way_out)
        steps = Sequences.from_array(np.ascontiguousarray(array))
    check_kind(steps.values.dtype, name, TARGETS, (0,))
    _check_finite(steps, name)
    return steps


def from_steps(values, offsets, form):
    """Return results per step, as views of `values`, in the form of X.

    Parameters
    ----------
    values : ndarray of shape (sum of T_i,) or (sum of T_i, K)
    offsets : ndarray of shape (N + 1,)
    form : {"list", "sequences", "array", "table"}
    """
    steps = Sequences(values, offsets)
    if form == "sequences":
        return steps
    if form == "list":
        return steps.to_list()
    return values.reshape(len(steps), -1, *values.shape[1:])


def list_items(X, name):
    """Return the items of X if X is a list of sequences; None if X is an array-like or a list of numbers."""
    if not isinstance(X, (list, tuple)) and not (getattr(X, "ndim", None) == 1 and X.dtype == object):
        return None
    items = list(X)
    if not items:
        raise InputError(name, (), NO_SEQUENCES)
    first = items[0]
    if np.isscalar(first) or getattr(first, "ndim", None) == 0:
        return None
    return None if _is_nested_table(items) else items


def _ready_array(X):
    """Return X, or the only sequence in a list X, as an array (N, T, D) if it needs no conversion; otherwise None.

    This shortcut exists because the general checks take longer than the prediction of a few short sequences.
    """
    if type(X) is list and len(X) == 1 and type(X[0]) is np.ndarray:
        X = X[0][None]
    return X if type(X) is np.ndarray and X.ndim == 3 and X.size and X.flags.c_contiguous else None


def _is_nested_table(items):
    # As in scikit-learn, nested lists of numbers are a 2-D array. If their lengths differ, they are univariate
    # sequences.
    rows = all(isinstance(x, (list, tuple)) for x in items) and len(set(map(len, items))) == 1
    return rows and (not items[0] or np.isscalar(items[0][0]))


def _checked_array(X, name):
    if type(X) is np.ndarray and X.dtype.kind in "fiu" and X.ndim in (2, 3) and X.size:
        return X  # check_array would return the same array, but takes 30 us
    if hasattr(X, "columns"):
        X = numbers_of_frame(X, name)
    X = _numbers_in(X, name)
    with short_errors():
        array = check_array(X, allow_nd=True, ensure_all_finite=False, input_name=name)
    if array.ndim > 3:
        problem = f"must have the shape (N, T, D) or (N, T): Found array with dim {array.ndim}"
        raise InputError(name, (), problem)
    return array


def _numbers_in(X, name):
    """Return X with arrays of objects converted to numbers; raise an error for str."""
    if not isinstance(X, (list, tuple)) and getattr(getattr(X, "dtype", None), "kind", "") not in list("OUSc"):
        return X
    try:
        array = np.asarray(X)
    except ValueError:  # rows of several lengths, for which scikit-learn raises an error later
        return X
    if array.dtype.kind == "c":
        raise InputError(name, (), f"has dtype {array.dtype}: Complex data not supported, expected real numbers")
    if array.dtype.kind in "US" and array.size:
        found = f"holds strings, such as {array.flat[0].item()!r:.80}, expected numbers"
        way_out = "; to read characters or words, set vocabulary=numrnn.data.Vocabulary() of an estimator"
        raise InputError(name, (), found, way_out)
    return numbers_of_objects(array, name) if array.dtype.kind == "O" and array.ndim > 1 else X


def values_of_numbers(sequences, name):
    """Return the values of `Sequences`, with objects converted by `numrnn.data.containers.numbers_of_objects`."""
    if sequences.values.dtype.kind != "O" or not len(sequences):
        return sequences.values
    return np.concatenate([numbers_of_objects(x, name, (i,)) for i, x in enumerate(sequences)])


def _cast(sequences, choose_dtype, name):
    values = values_of_numbers(sequences, name)
    check_kind(values.dtype, name, NUMBERS, (0,))
    with np.errstate(over="ignore", invalid="ignore"):
        cast = np.ascontiguousarray(values, dtype=choose_dtype(values.dtype, values.ndim))
    return sequences if cast is sequences.values else Sequences(cast, sequences.offsets)


def _check_lengths(sequences, name, least=1):
    if len(sequences) == 0:
        raise InputError(name, (), NO_SEQUENCES)
    empty = np.flatnonzero(sequences.lengths < least)
    if not least and not sequences.offsets[-1]:
        raise InputError(name, (), "has no symbols: at least one sequence must have one")
    if empty.size:
        raise InputError(name, (int(empty[0]),), "is empty: a sequence needs at least one step")


def _checked(sequences, name, names, least):
    _check_lengths(sequences, name, least)
    values = sequences.values
    if values.ndim == 2 and values.shape[1] == 0:
        raise InputError(name, (0,), f"has shape {sequences[0].shape}: a step needs at least one input")
    _check_finite(sequences, name, names)
    return sequences if values.ndim == 2 or values.dtype.kind != "f" else Sequences(values[:, None], sequences.offsets)


def _check_finite(sequences, name, names=lambda: None):
    values = sequences.values
    if values.dtype.kind != "f":
        return
    if _is_finite(values):
        return
    for start in range(0, len(values), BLOCK):
        rows = np.flatnonzero(~np.isfinite(values[start : start + BLOCK].reshape(-1, values[0].size)).all(axis=1))
        if rows.size:
            raise _not_finite(sequences, start + rows[0], name, names())


def _is_finite(values):
    if values.dtype in COMPILED and values.flags.c_contiguous:
        flat = read_only(values).reshape(-1)
        # This may read a memory map of a large file; between two pieces, Python handles signals such as Ctrl-C.
        return all(all_finite(flat[start : start + PIECE]) for start in range(0, len(flat), PIECE))
    return bool(np.isfinite(values).all())


def _not_finite(sequences, row, name, names):
    i = int(np.searchsorted(sequences.offsets, row, side="right")) - 1
    steps = sequences.values[row]
    found = "NaN" if np.isnan(steps).any() else f"infinity or a value too large for {shown(steps.dtype)}"
    padded = np.isnan(sequences.values[row : sequences.offsets[i + 1]]).all()
    hint = f"; if it is padding, pass Sequences.from_padded({name})" if padded else "; replace or remove such values"
    step = row - sequences.offsets[i]
    bad = ~np.isfinite(steps)
    column = None if bad.all() else int(bad.argmax())
    if names is not None and (column is not None or bad.size == 1):
        column = repr(names[column or (step if len(names) > 1 else 0)])
    where = "" if column is None else f", column {column!s:.80}"
    return InputError(name, (i,), f"contains {found} in step {step}{where}", hint)
