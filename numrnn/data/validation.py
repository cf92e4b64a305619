"""The checks of X that every estimator and transformer of sequences begins with."""

import warnings

import numpy as np
from sklearn.utils.validation import validate_data

from numrnn.data.conversion import to_sequences
from numrnn.data.names import check_one_order, names_of, places_of
from numrnn.data.readers.fields import listed
from numrnn.data.sequences import Sequences
from numrnn.data.shards.sequences import ShardedSequences
from numrnn.data.symbols.checks import check_symbols

__all__ = ["check_n_inputs", "check_names", "check_names_of_step", "validate_sequences"]


def validate_sequences(estimator, X, *, dtype, reset, name="X", n_symbols=None, read=to_sequences):
    """Return X as `Sequences`, and its form, checked against what the estimator was fitted on.

    What `sklearn.utils.validation.validate_data` is for tables. With ``reset=True`` it sets on `estimator`:
    ``n_inputs_`` (D), ``n_features_in_`` (D, but the number of columns where X is a table of numbers, as scikit-learn
    wants it), ``_on_table`` (whether X is one), and ``feature_names_in_`` where X has names of columns: a data frame or
    a list of them with names of type str, or `Sequences` with names.

    Parameters
    ----------
    estimator : estimator instance
    X : sequences in any form, see `numrnn.data.conversion.to_sequences`
    dtype : dtype or tuple of dtypes
    reset : bool
        True in `fit` and in the first `partial_fit`.
    name : str, default="X"
        What errors call X.
    n_symbols : int, "auto" or None, default=None
        Where not None, X holds symbols, see `numrnn.data.symbols.checks.check_symbols`, and D is 1.
    read : callable, default=to_sequences
        What makes sequences of X, with the arguments of `to_sequences`.

    Returns
    -------
    sequences : Sequences
    form : {"list", "sequences", "array", "table"}

    Raises
    ------
    ValueError
        Naming the first sequence at fault.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from numrnn.data.validation import validate_sequences
    >>> estimator = BaseEstimator()
    >>> validate_sequences(estimator, np.zeros((5, 7, 3)), dtype=np.float32, reset=True)
    (Sequences(5 sequences of 7 steps, 3 columns, float32), 'array')
    >>> estimator.n_inputs_
    3
    """
    X = check_names(estimator, X, name=name, reset=reset)
    sequences, form = read(X, dtype=dtype, name=name, allow_symbols=n_symbols is not None)
    if n_symbols is not None:
        sequences = check_symbols(sequences, n_symbols, name=name)
    n_inputs = sequences.shape[2] if len(sequences.shape) == 3 else 1
    if reset:
        estimator.n_inputs_ = n_inputs
        # Symbols that happen to be of one length are no table of features, unless its columns have names.
        estimator._on_table = form == "table" and (n_symbols is None or hasattr(X, "columns"))
        estimator.n_features_in_ = int(sequences.lengths[0]) if estimator._on_table else n_inputs
    else:
        check_n_inputs(estimator, sequences, form, name=name)
    return sequences, form


def check_n_inputs(estimator, sequences, form, *, name="X"):
    """Raise a ValueError if sequences do not fit an estimator that was fitted on others.

    Parameters
    ----------
    estimator : estimator instance
        With what `validate_sequences` set on it.
    sequences : Sequences
    form : {"list", "sequences", "array", "table"}
    name : str, default="X"
        What errors call the sequences.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from numrnn.data.validation import check_n_inputs, validate_sequences
    >>> estimator = BaseEstimator()
    >>> X, form = validate_sequences(estimator, np.zeros((5, 7, 3)), dtype=np.float32, reset=True)
    >>> check_n_inputs(estimator, X, form)
    """
    n_inputs, n_features = estimator.n_inputs_, estimator.n_features_in_
    expecting = f"but {type(estimator).__name__} is expecting {n_features} features as input"
    first = int(sequences.lengths[0]), *sequences.shape[2:]
    if form == "table" and estimator._on_table:
        if first[0] != n_features:
            raise ValueError(f"{name} has {first[0]} features, {expecting}")
    elif len(first) == 2 and first[1] != n_inputs:
        found = f"{name} has {first[1]} features, {expecting}"
        expecting_steps = f"{name}[0] has shape {first}, expected (steps, {n_inputs})"
        raise ValueError(f"{found}: {expecting_steps}{_hint(sequences, form, n_inputs, name)}")


def _hint(sequences, form, n_inputs, name):
    if form == "table":
        return f". A 2-D array is univariate sequences, one a row. One sequence? pass [{name}]"
    if not np.all(sequences.lengths == n_inputs):
        return ""
    transposed = f"{name}.transpose(0, 2, 1)" if form == "array" else f"[x.T for x in {name}]"
    hint = f". {name} looks transposed, (columns, steps) instead of (steps, columns): pass {transposed}"
    return hint if sequences.shape[2] > 1 else f"{hint}; one sequence? pass [{name}]"


def check_names(estimator, X, *, name="X", reset=False):
    """Compare the names of columns with those of the fit, and return X.

    What scikit-learn's `_check_feature_names` is for data frames: names in another order are an error. Columns of files
    are put into the order of the fit instead.

    Parameters
    ----------
    estimator : estimator instance
    X : sequences in any form
    name : str, default="X"
        What errors call X.
    reset : bool, default=False
        Whether to set ``feature_names_in_`` rather than to compare.

    Returns
    -------
    X : as given, or shards with their columns in the order of the fit

    Raises
    ------
    ValueError
        Naming a column that is missing, new or elsewhere, and the directory of shards.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from numrnn import Sequences
    >>> from numrnn.data.validation import check_names
    >>> estimator, values = BaseEstimator(), np.zeros((3, 2))
    >>> _ = check_names(estimator, Sequences(values, [0, 3], ["a", "b"]), reset=True)
    >>> estimator.feature_names_in_.tolist()
    ['a', 'b']
    >>> check_names(estimator, Sequences(values, [0, 3], ["b", "a"]))
    Traceback (most recent call last):
    ValueError: X: the columns must be in the order that they were in during fit: 'a', 'b'; they are 'b', 'a'
    """
    known = getattr(estimator, "feature_names_in_", None)
    names = getattr(X, "names", None) if isinstance(X, Sequences) else None
    if names is None:
        if reset or known is not None or not _is_nameless(X):
            # It looks for names alone, which takes longer than a prediction of a short sequence.
            validate_data(estimator, X=_named_frame(X, name), reset=reset, skip_check_array=True, ensure_2d=False)
        return X
    if reset:
        estimator.feature_names_in_ = np.array(names, dtype=object)
        return X
    if known is None:
        warnings.warn(
            f"{name} has names of columns, but {type(estimator).__name__} was fitted without them", stacklevel=2
        )
        return X
    where = X.directory if isinstance(X, ShardedSequences) else name
    if places_of(known, names, where) is None:
        return X
    if isinstance(X, ShardedSequences):
        return X.of_columns(tuple(known), where)
    raise ValueError(_other_order(f"{where}: the columns", known, names))


def check_names_of_step(estimator, x):
    """Raise a ValueError if one step, a series or a data frame of streams, has its inputs in another order.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> from numrnn.data.validation import check_names_of_step
    >>> check_names_of_step(BaseEstimator(), [0.5, 1.5])
    """
    known = getattr(estimator, "feature_names_in_", None)
    columns = getattr(x, "columns", getattr(x, "index", ()) if hasattr(x, "iloc") else ())
    names = None if known is None else names_of(columns)
    if names is not None and places_of(known, names, "x") is not None:
        raise ValueError(_other_order("x: the inputs", known, names))


def _other_order(what, known, names):
    expected, found = (listed(map(repr, order)) for order in (known, names))
    return f"{what} must be in the order that they were in during fit: {expected}; they are {found}"


def _is_nameless(X):
    first = X[0] if type(X) is list and X else X
    return type(first) is np.ndarray or type(X) is Sequences


def _named_frame(X, name):
    """Return what has the names of the columns: X, or the first of a list of data frames, which must agree."""
    if not isinstance(X, (list, tuple)) or not len(X) or check_one_order(X, name) is None:
        return X
    return next(x for x in X if hasattr(x, "columns"))
