"""Check X at the beginning of the methods of estimators and transformers."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from numrnn.data.array_checks import check_one_order, check_same_order, names_of, places_of
from numrnn.data.containers import check_distinct
from numrnn.data.conversion import to_sequences
from numrnn.data.sequences import Sequences
from numrnn.data.shards.sequences import ShardedSequences
from numrnn.data.symbols.checks import check_symbols
from numrnn.io.messages import InputError

__all__ = ["Inputs", "check_inputs", "check_names", "check_names_of_step", "learn_inputs", "learn_names"]


class Inputs(NamedTuple):
    """Hold what a fit has learned about the form of its inputs X.

    Parameters
    ----------
    owner : str
        Class name of the estimator, for errors.
    n_inputs : int
        Number of inputs per step, D. It is 1 for symbols, and for a 2-D array of numbers, whose rows are univariate
        sequences.
    n_features : int
        Number of columns if X is a table of numbers, as scikit-learn requires; otherwise D.
    on_table : bool
        Whether X is a table, that is, a 2-D array or data frame of univariate sequences.
    names : ndarray of str, or None
        Names of the columns of a data frame, or of `Sequences` with names.
    """

    owner: str
    n_inputs: int
    n_features: int
    on_table: bool
    names: np.ndarray | None = None

    @classmethod
    def of(cls, owner, attributes):
        """Return the description that consists of the fitted attributes of an estimator."""
        names = attributes.get("feature_names_in_")
        return cls(owner, attributes["n_inputs_"], attributes["n_features_in_"], attributes["_on_table"], names)

    def attributes(self):
        """Return this description as a dict of fitted attributes."""
        found = {"n_inputs_": self.n_inputs, "n_features_in_": self.n_features, "_on_table": self.on_table}
        return found if self.names is None else found | {"feature_names_in_": self.names}


def learn_inputs(X, owner, *, dtype, name="X", n_symbols=None, read=to_sequences):
    """Return X of a fit as `Sequences`, the form of X, and the description of X as `Inputs`.

    This is the counterpart of `sklearn.utils.validation.validate_data` for sequences. Errors name the first invalid
    sequence.

    Parameters
    ----------
    X : sequences in any form, see `numrnn.data.conversion.to_sequences`
    owner : str
        Class name of the estimator, for errors.
    dtype : dtype or tuple of dtypes
    name : str, default="X"
        Name of X in errors.
    n_symbols : int, "auto" or None, default=None
        If it is not None, X holds symbols (see `numrnn.data.symbols.checks.check_symbols`), and D is 1.
    read : callable, default=to_sequences
        Function that converts X to sequences, with the arguments of `to_sequences`.
    """
    names = learn_names(X, owner, name)
    sequences, form = _read(X, dtype, name, n_symbols, read)
    n_inputs = sequences.shape[2] if len(sequences.shape) == 3 else 1
    # Symbols in sequences of equal length are not a table of features if they have no names of columns.
    on_table = form == "table" and (n_symbols is None or hasattr(X, "columns"))
    n_features = int(sequences.lengths[0]) if on_table else n_inputs
    return sequences, form, Inputs(owner, n_inputs, n_features, on_table, names)


def check_inputs(X, inputs, *, dtype, name="X", n_symbols=None, read=to_sequences):
    """Return X as `Sequences` and the form of X, after a check that X fits the description of a fit.

    The arguments other than `inputs` are those of `learn_inputs`. Errors name the first invalid sequence.
    """
    sequences, form = _read(check_names(X, inputs, name=name), dtype, name, n_symbols, read)
    n_inputs, n_features = inputs.n_inputs, inputs.n_features
    expecting = f"but {inputs.owner} is expecting {n_features} features as input"
    first = int(sequences.lengths[0]), *sequences.shape[2:]
    if form == "table" and inputs.on_table:
        if first[0] != n_features:
            raise InputError(name, (), f"has {first[0]} features, {expecting}")
    elif len(first) == 2 and first[1] != n_inputs:
        steps = f": {name}[0] has shape {first}, expected (steps, {n_inputs}){_hint(sequences, form, n_inputs, name)}"
        raise InputError(name, (), f"has {first[1]} features, {expecting}", steps)
    return sequences, form


def _read(X, dtype, name, n_symbols, read):
    sequences, form = read(X, dtype=dtype, name=name, allow_symbols=n_symbols is not None)
    return (sequences if n_symbols is None else check_symbols(sequences, n_symbols, name=name)), form


def _hint(sequences, form, n_inputs, name):
    if form == "table":
        return f". A 2-D array holds univariate sequences, one per row. If it is a single sequence, pass [{name}]"
    if not np.all(sequences.lengths == n_inputs):
        return ""
    transposed = f"{name}.transpose(0, 2, 1)" if form == "array" else f"[x.T for x in {name}]"
    hint = f". {name} looks transposed, (columns, steps) instead of (steps, columns): pass {transposed}"
    return hint if sequences.shape[2] > 1 else f"{hint}; if it is a single sequence, pass [{name}]"


def check_names(X, inputs, *, name="X"):
    """Compare the names of the columns of X with the names in the fit, and return X.

    As in scikit-learn, data frames whose columns have another order raise an error; the columns of shards are put into
    the order of the fit. Errors name the column that is missing, new or misplaced, and the directory of shards.
    """
    known, names = inputs.names, _own_names(X)
    if names is None:
        if known is not None or not _is_nameless(X):
            _names_of_frame(X, inputs.owner, name, known, reset=False)
        return X
    if known is None:
        warnings.warn(f"{name} has names of columns, but {inputs.owner} was fitted without them", stacklevel=2)
        return X
    if isinstance(X, ShardedSequences):
        same = places_of(known, names, X.directory) is None
        return X if same else X.of_columns(tuple(known), X.directory)
    check_same_order(known, names, name)
    return X


def check_names_of_step(x, names):
    """Raise a ValueError if a step, a pandas Series or data frame, has other inputs than `names`, or another order."""
    columns = getattr(x, "columns", getattr(x, "index", ()) if hasattr(x, "iloc") else ())
    found = None if names is None else names_of(columns)
    if found is not None:
        check_same_order(names, found, "x", "the inputs")


def learn_names(X, owner, name):
    """Return the names of the columns of X, or None; `owner` is the estimator's class name, for error messages."""
    names = _own_names(X)
    return _names_of_frame(X, owner, name, None, reset=True) if names is None else np.array(names, dtype=object)


def _own_names(X):
    return getattr(X, "names", None) if isinstance(X, Sequences) else None


def _names_of_frame(X, owner, name, known, reset):
    """Compare names by scikit-learn's function, which raises its own messages and requires an estimator."""
    check_distinct(X, name)
    stand_in = type(owner, (BaseEstimator,), {})()
    if known is not None:
        stand_in.feature_names_in_ = known
    validate_data(stand_in, X=_named_frame(X, name), reset=reset, skip_check_array=True, ensure_2d=False)
    return getattr(stand_in, "feature_names_in_", None)


def _is_nameless(X):
    # scikit-learn's search for names takes longer than the prediction of a short sequence.
    first = X[0] if type(X) is list and X else X
    return type(first) is np.ndarray or type(X) is Sequences


def _named_frame(X, name):
    """Return the object that has the names of columns: X, or the first data frame in a list of data frames."""
    if not isinstance(X, (list, tuple)) or not len(X) or check_one_order(X, name) is None:
        return X
    return next(x for x in X if hasattr(x, "columns"))
