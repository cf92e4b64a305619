"""Estimators back from their files."""

import numpy as np

from numrnn import solvers
from numrnn.data.vocabulary import Vocabulary
from numrnn.estimators.architecture import architecture_of
from numrnn.estimators.classifier import RNNClassifier
from numrnn.estimators.fitting import check_parameters, store_history
from numrnn.estimators.language_model import RNNLanguageModel
from numrnn.estimators.regressor import RNNRegressor
from numrnn.estimators.seq2seq import RNNSeq2Seq
from numrnn.io import decode, read_model
from numrnn.training import EpochRecord, TrainingState

_ESTIMATORS = {kind.__name__: kind for kind in (RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq)}
_SOLVERS = (solvers.SGD, solvers.Adam, solvers.AdamW, solvers.RMSprop, solvers.LBFGS)
_OF_PARAMETERS = {kind.__name__: kind for kind in (*_SOLVERS, Vocabulary)}


def load(path):
    """Load an estimator that was written by its `save` method.

    Parameters
    ----------
    path : str or path-like
        A safetensors file.

    Returns
    -------
    estimator : RNNClassifier, RNNRegressor, RNNLanguageModel or RNNSeq2Seq
        Its predictions are those of the estimator that was saved, bit for bit. `partial_fit` goes on with the next
        epoch; the solver's running means start anew, as they are not in the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file was cut off, is not numrnn's, or was written by a version whose format this one does not know.

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
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} has a damaged numrnn header ({error!r})") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _restore(tensors, header):
    if header["class"] not in _ESTIMATORS:
        raise ValueError(f"unknown class {header['class']!r}; this version has {', '.join(_ESTIMATORS)}")
    params = {name: decode(value, _OF_PARAMETERS) for name, value in header["params"].items()}
    estimator = _ESTIMATORS[header["class"]](**params)
    estimator._validate_params()
    check_parameters(estimator)
    estimator._architecture = architecture_of(decode(header["architecture"]))
    learnt = {"vocabulary_": None} | header["learnt"]  # files from before classifiers read texts have none
    _check_learnt(set(learnt), set(estimator._learnt))
    for name, value in learnt.items():
        setattr(estimator, name, _learnt(value))
    columns = decode(header["history"])
    history = [EpochRecord(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
    theta = _flat(tensors, estimator._architecture)
    estimator._state = TrainingState(theta=theta, history=history, **decode(header["training"]))
    store_history(estimator)
    return estimator


def _learnt(value):
    if isinstance(value, dict) and set(value) == {"vocabulary"}:
        return Vocabulary.from_dict(value["vocabulary"])
    return decode(value)


def _check_learnt(found, known):
    missing = known - found - {"feature_names_in_"}  # only data frames have names
    if missing or found - known:
        raise ValueError(
            f"what its header says fit learnt is {sorted(found)}, expected {sorted(known)}: damaged or changed by hand"
        )


def _flat(tensors, architecture):
    layout = architecture.layout()
    theta = np.empty(layout.size, dtype=architecture.dtype)
    views = layout.views(theta)
    if set(views) != set(tensors):
        raise ValueError(f"it holds the arrays {sorted(tensors)}, its architecture needs {sorted(views)}")
    for name, view in views.items():
        if tensors[name].shape != view.shape or tensors[name].dtype != view.dtype:
            raise ValueError(
                f"array {name!r} has shape {tensors[name].shape} and dtype {tensors[name].dtype}, its architecture "
                f"needs {view.shape} and {view.dtype}"
            )
        view[...] = tensors[name]
    return theta
