"""Labels of a classifier: which there are, and y as their numbers."""

import warnings

import numpy as np
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from numrnn.data.stacking import check_plain
from numrnn.messages import shown

MISSING = object()  # classes that the first `partial_fit` did not get


def learn_labels(flat, classes):
    """Return what follows from y: the head, its number of outputs, and the labels.

    Parameters
    ----------
    flat : ndarray of shape (n,) or (n, K)
        y; zeros and ones in K > 1 columns are multi-label.
    classes : array-like or None
        All labels, where y may lack some; `MISSING` where they should have been given.

    Returns
    -------
    head : {"softmax", "sigmoid"}
    n_outputs : int
    labels : ndarray of shape (n_outputs,)
        Sorted; numbers of the columns of multi-label y.
    """
    _check_one_type(flat, "y")
    check_classification_targets(flat)
    if type_of_target(flat) == "multilabel-indicator":
        return "sigmoid", flat.shape[1], np.arange(flat.shape[1])
    column = _column(flat, "y")
    if classes is MISSING:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    labels = np.unique(column) if classes is None else distinct(classes, "classes")
    if len(labels) < 2:
        raise ValueError(f"y must hold at least 2 classes, got one class: {shown(labels.tolist()[0])}")
    return "softmax", len(labels), labels


def warn_if_ambiguous(flat, data):
    """Warn if multi-label targets (n, K) of sequences may mean something else.

    Parameters
    ----------
    flat : ndarray of shape (n, K)
        Zeros and ones.
    data : Sequences
        X.
    """
    K = flat.shape[1]
    if (data.lengths == K).all():
        doubt = f"Each sequence of X has {K} steps: for one label per step set output='step'"
    elif (np.asarray(flat).sum(axis=1) == 1).all():
        doubt = "Each row has exactly one 1: for one class per sequence pass y.argmax(axis=1)"
    else:
        return
    taken = f"y of shape {flat.shape} is taken as {K} labels of each sequence, any number of which may apply"
    warnings.warn(f"{taken}. {doubt}", stacklevel=2)


def encode_labels(flat, labels, name):
    """Return y (n,) as numbers of its labels, int64; `name` is what errors call y."""
    encoder, column = LabelEncoder(), _column(flat, name)
    encoder.classes_ = labels
    try:
        return encoder.transform(column).astype(np.int64)
    except (ValueError, TypeError) as error:
        unseen = sorted(set(column.tolist()) - set(labels.tolist()), key=repr)
        raise ValueError(f"{name} contains previously unseen labels: {shown(unseen)}") from error


def encode_indicators(flat, n_outputs, dtype, name):
    """Return multi-label y (n, K) in the network's dtype; `name` is what errors call y."""
    if flat.ndim != 2 or flat.shape[1] != n_outputs or not np.isin(flat, (0, 1)).all():
        raise ValueError(
            f"{name} must hold zeros and ones, a column for each of {n_outputs} labels, got shape {flat.shape}"
        )
    return np.ascontiguousarray(flat, dtype=dtype)


def distinct(labels, name):
    """Return the labels that there are, sorted, checked to be two at least and of one type."""
    check_plain(labels, name)
    labels = np.asarray(labels)
    _check_one_type(labels, name)
    if labels.ndim != 1 or labels.dtype.kind == "f" and np.isnan(labels).any():
        raise ValueError(f"{name}={shown(labels)}: must be a list of labels, none of them NaN")
    try:
        found = np.unique(labels)
    except TypeError as error:  # of kinds that have no order
        raise ValueError(f"{name}={shown(labels)}: must be labels of one type") from error
    if len(found) < 2:
        raise ValueError(f"{name}={shown(labels.tolist())}: must hold at least 2 labels")
    return found


def _check_one_type(labels, name):
    if labels.dtype != object:
        return
    are_text = np.array([isinstance(label, str) for label in labels.flat])
    if are_text.any() and not are_text.all():
        i = int(are_text.argmin())
        raise ValueError(
            f"{name} must hold labels of one type, got text and others: {name}[{i}] is {shown(labels.flat[i])}"
        )


def _column(flat, name):
    """Return labels as (n,); K columns of labels have no meaning."""
    if flat.ndim == 2 and flat.shape[1] > 1:
        raise ValueError(
            f"{name} must have one label per target, or be multi-label: zeros and ones; got shape {flat.shape}. One "
            "label per step? Set output='step'"
        )
    return column_or_1d(flat, warn=True)
