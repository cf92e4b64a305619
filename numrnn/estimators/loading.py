"""Load estimators from model files."""

from os import PathLike
from typing import Any

import numpy as np

from numrnn import solvers
from numrnn.data.symbols.stored_vocabulary import completed_parameters
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.classifier import RNNClassifier
from numrnn.estimators.language_model.estimator import RNNLanguageModel
from numrnn.estimators.model_checks import check_consistency
from numrnn.estimators.parameter_table import values_before
from numrnn.estimators.regressor import RNNRegressor
from numrnn.estimators.seq2seq.estimator import RNNSeq2Seq
from numrnn.io import decode, read_model
from numrnn.io.messages import shown
from numrnn.network.architecture import PairArchitecture, architecture_of
from numrnn.training import TrainingState, check_state, counters_of, records_of

BLOCK = 1 << 16  # numbers that are checked at a time; they fit in the processor's cache
_ESTIMATORS = {kind.__name__: kind for kind in (RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq)}
_SOLVERS = (solvers.SGD, solvers.Adam, solvers.AdamW, solvers.RMSprop, solvers.LBFGS)
_OF_PARAMETERS = {kind.__name__: kind for kind in _SOLVERS} | {
    "Vocabulary": lambda **params: Vocabulary(**completed_parameters(params))
}
# Fitted attributes that older files lack, with values that keep their behaviour. For constructor parameters,
# `parameter_table` has such values.
_UNSCALED = {"target_mean_": None, "target_scale_": None}
_OLDER_LEARNT = {"RNNLanguageModel": {"end_symbol_": None}, "RNNRegressor": _UNSCALED, "RNNSeq2Seq": _UNSCALED}


def load(path: str | PathLike) -> Any:
    """Load an estimator that was written by its `save` method.

    Parameters
    ----------
    path : str or path-like
        A safetensors file.

    Returns
    -------
    estimator : RNNClassifier, RNNRegressor, RNNLanguageModel or RNNSeq2Seq
        The estimator. Its predictions are bitwise identical to those of the saved estimator. `partial_fit` continues
        with the next epoch, but with a new solver state, since the file does not store the old one.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, was not written by numrnn, has an unknown format version, or contradicts itself. The
        message names the file and the contradiction.

    See Also
    --------
    RNNClassifier.save : Write a model file.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import numrnn
    >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
    >>> model = numrnn.RNNRegressor((4,), max_iter=2, random_state=0).fit(X, X.sum(axis=(1, 2)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/model.safetensors")
    ...     same = numrnn.load(f"{folder}/model.safetensors")
    >>> bool((same.predict(X) == model.predict(X)).all())
    True
    """
    tensors, header = read_model(path)
    try:
        return _restore(tensors, header)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    except (LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path} has a damaged numrnn header ({shown(error)}); save the model again") from error


def _restore(tensors, header):
    kind = header["class"]
    if kind not in _ESTIMATORS:
        raise ValueError(f"unknown class {shown(kind)}; this version of numrnn has {', '.join(_ESTIMATORS)}")
    params = {name: decode(value, _OF_PARAMETERS) for name, value in header["params"].items()}
    estimator = _ESTIMATORS[kind](**values_before(kind) | params)
    estimator._validate_params()
    estimator._options().check()
    architecture = architecture_of(decode(header["architecture"]))
    # Files of the first versions have no vocabulary, because classifiers did not read texts yet.
    learnt = {"vocabulary_": None} | _OLDER_LEARNT.get(kind, {}) | header["learnt"]
    _check_learnt(set(learnt), set(estimator._learnt))
    learnt = {name: _learnt(value) for name, value in learnt.items()}
    parts = architecture if isinstance(architecture, PairArchitecture) else [architecture]
    n_layers = sum(len(part.hidden_layer_sizes) for part in parts)
    if n_layers > len(tensors):
        raise ValueError(f"hidden_layer_sizes names {n_layers} layers, but the file holds only {len(tensors)} arrays")
    check_consistency(kind, architecture, learnt)
    theta = _flat(tensors, architecture)
    state = TrainingState(theta=theta, history=_history(header), **counters_of(decode(header["training"])))
    check_state(state)
    vars(estimator).update(learnt, _architecture=architecture, _state=state)
    estimator._keep_history()
    return estimator


def _learnt(value):
    if isinstance(value, dict) and set(value) == {"vocabulary"}:
        return Vocabulary.from_dict(value["vocabulary"])
    return decode(value)


def _history(header):
    columns = decode(header["history"])
    return records_of(columns)


def _check_learnt(found, known):
    missing = known - found - {"feature_names_in_", "target_names_in_"}  # defined only after a fit to data frames
    if missing or found - known:
        raise ValueError(
            f"the learned attributes in its header are {shown(sorted(found))}, expected {sorted(known)}: the file is "
            "damaged or was changed by hand"
        )


def _flat(tensors, architecture):
    """Return the arrays as one flat vector, which is allocated only after their shapes were checked."""
    layout = architecture.layout()
    if set(layout.shapes) != set(tensors):
        needed = shown(list(layout.shapes))
        raise ValueError(f"it holds the arrays {shown(sorted(tensors))}, but its architecture needs {needed}")
    for name, shape in layout.shapes.items():
        array = tensors[name]
        if array.shape != shape or array.dtype != architecture.dtype:
            raise ValueError(
                f"array {name!r} has shape {array.shape} and dtype {array.dtype}, but its architecture needs "
                f"{shape} and {architecture.dtype}"
            )
    theta = np.empty(layout.size, dtype=architecture.dtype)
    for name, view in layout.views(theta).items():
        view[...] = tensors[name]
        if not all(np.isfinite(block).all() for block in np.array_split(view, 1 + view.size // BLOCK)):
            raise ValueError(f"array {shown(name)} contains NaN or infinity")
    return theta
