"""Convert y of any form to a flat array with one row per sequence or step."""

import sys
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from numrnn.data.array_checks import TARGETS, check_kind, check_plain
from numrnn.data.containers import check_targets, numbers_of_objects
from numrnn.data.conversion import check_same_number, list_items, targets_to_sequences
from numrnn.data.sequences import Sequences
from numrnn.io.messages import InputError, shown
from numrnn.network.architecture import values_on_host


def flat_targets(y, data, output, *, device="cpu", name="y"):
    """Return y with one row per sequence or per step, after a check against X.

    Parameters
    ----------
    y : array-like of shape (N,) or (N, K), or one target per step in any form
        With ``device="cuda"``, arrays on the GPU are copied to the host.
    data : Sequences
        X.
    output : {"sequence", "step"}
    device : {"cpu", "cuda"}, default="cpu"
    name : str
        Name of y in error messages.

    Returns
    -------
    flat : ndarray of shape (n,) or (n, K)
        Numbers or labels.
    """
    check_given(y, name)
    y = values_on_host(y, device, name)
    if output == "step":
        return targets_to_sequences(y, data, name=name).values
    if _is_per_step(y, data):
        raise InputError(name, (), "has one target per step, expected one per sequence", "; set output='step'")
    flat = _one_per_sequence(y, name)
    check_same_number(len(data), len(flat), name, " targets")
    return flat


def check_given(y, name):
    """Raise an error if y is None, with the message that scikit-learn's checks of estimators expect."""
    if y is None:
        raise InputError(name, (), f"=None: this estimator requires y to be passed, but the target {name} is None")


def _one_per_sequence(y, name):
    check_targets(y, name)
    for column in getattr(y, "columns", ()):
        if y[column].dtype.kind in "mM":
            found = f": column {column!r:.80} holds dates or durations, expected numbers or labels"
            raise InputError(name, (), found, "; convert them, for example by .astype(str)")
    try:
        flat = check_array(y, ensure_2d=False, dtype=None, input_name=name)
    except ValueError as error:
        raise InputError(name, _place_of_infinity(y), f": {error}") from error
    check_kind(flat.dtype, name, TARGETS)
    return flat


def _place_of_infinity(y):
    """Return the index of the first non-finite element of y; () if all are finite or y does not hold floats."""
    try:
        values = np.asarray(y)
    except ValueError:
        return ()
    wrong = np.argwhere(~np.isfinite(values)) if values.dtype.kind == "f" else ()
    return tuple(wrong[0].tolist()) if len(wrong) else ()


def _is_per_step(y, data):
    """Return whether y is certainly per step: `Sequences`, or arrays with the lengths of X, if these differ."""
    if isinstance(y, Sequences):
        return True
    if not isinstance(y, (list, tuple)) or len(y) != len(data) or not all(np.ndim(item) == 1 for item in y):
        return False
    lengths = data.lengths
    return lengths.min() < lengths.max() and [len(item) for item in y] == lengths.tolist()


MISSING = object()  # value of `classes` if it was not passed to `partial_fit`


def learn_labels(flat, classes, offsets=None):
    """Return the head, the number of outputs and the labels that follow from y.

    Parameters
    ----------
    flat : ndarray of shape (n,) or (n, K)
        y; K > 1 columns of zeros and ones are multi-label.
    classes : array-like or None
        All labels, if y may lack some of them; `MISSING` if they were not passed to `partial_fit`.
    offsets : ndarray of shape (N + 1,) or None
        Offsets of the sequences, if y is per step.

    Returns
    -------
    head : {"softmax", "sigmoid"}
    n_outputs : int
    labels : ndarray of shape (n_outputs,)
        Sorted labels, or the numbers of the columns of multi-label y.
    """
    _check_one_type(flat, "y", offsets)
    _check_are_labels(flat, offsets)
    if type_of_target(flat) == "multilabel-indicator":
        return "sigmoid", flat.shape[1], np.arange(flat.shape[1])
    column = _column(flat, "y")
    if classes is MISSING:
        raise InputError("classes", (), "must be passed on the first call to partial_fit.")
    labels = np.unique(column) if classes is None else distinct(classes, "classes")
    if len(labels) < 2:
        raise InputError("y", (), f"must hold at least 2 classes, got one class: {shown(labels.tolist()[0])}")
    return "softmax", len(labels), labels


def _index_of(i, shape, offsets=None):
    """Return the index of element i of flat targets in the user's y: sequence, step (if y is per step), column."""
    row, *column = map(int, np.unravel_index(i, shape))
    if offsets is None:
        return row, *column
    sequence = int(np.searchsorted(offsets, row, side="right")) - 1
    return sequence, row - int(offsets[sequence]), *column


def _check_are_labels(flat, offsets):
    try:
        check_classification_targets(flat)
    except ValueError as error:
        i = next((i for i, label in enumerate(flat.ravel()) if not isinstance(label, (str, Integral, Real))), None)
        if i is None:
            raise
        found = f"is {shown(flat.ravel()[i])} ({type(flat.ravel()[i]).__name__})"
        raise InputError(
            "y", _index_of(i, flat.shape, offsets), f"{found}: y must hold labels (strings or integers)"
        ) from error


def warn_if_ambiguous(flat, data):
    """Warn if multi-label targets (n, K) of sequences may have been meant as labels per step or one-hot classes."""
    n, K = flat.shape
    doubts = []
    if (data.lengths == K).all():
        doubts.append(f"Each sequence of X has {K} steps: for one label per step set output='step'.")
    if n > K and (np.asarray(flat).sum(axis=1) == 1).all():  # a few multi-label rows may each have one label by chance
        doubts.append("Each row has exactly one 1: for one class per sequence pass y.argmax(axis=1).")
    if not doubts:
        return
    labels = f"{K} labels of which any number may apply to a sequence"
    taken = f"y of shape {flat.shape} is treated as multi-label, with {labels}"
    warnings.warn(f"{taken}. {' '.join(doubts)}", stacklevel=2)


def encode_labels(flat, labels, name, *, allow_unseen=False):
    """Return the labels y (n,) as int64 indices of classes; `name` is the name of y in error messages.

    With `allow_unseen`, labels that are not among the classes have the index -1.
    """
    column = _column(flat, name)
    codes = _codes(column, labels)
    unseen = column[codes < 0].tolist()
    if unseen and not allow_unseen:
        unseen = sorted({repr(label): label for label in unseen}.values(), key=repr)
        problem = f"contains previously unseen labels: {shown(unseen)}; expected labels from {shown(labels.tolist())}"
        raise InputError(name, (), problem)
    return codes


def _codes(column, labels):
    """Return the index of each label among the sorted classes, -1 for others.

    Labels are compared as Python compares them: 1.5 is not 1, "abc" not "ab", but True is 1.
    """
    kinds = {column.dtype.kind, labels.dtype.kind}
    if not any(kinds <= alike for alike in ({"b", "i"}, {"b", "u"}, {"b", "f"}, {"U"})):  # others would be cast
        known = {label: i for i, label in enumerate(labels.tolist())}
        return np.array([_code(known, label) for label in column.tolist()], np.int64)
    codes = np.minimum(np.searchsorted(labels, column), len(labels) - 1)
    return np.where(labels[codes] == column, codes, -1).astype(np.int64)


def _code(known, label):
    try:
        return known.get(label, -1)
    except TypeError:  # labels that cannot be hashed
        return -1


def encode_indicators(flat, n_outputs, dtype, name):
    """Return multi-label y (n, K) in the network's dtype; `name` is the name of y in error messages."""
    if flat.ndim != 2 or flat.shape[1] != n_outputs or not np.isin(flat, (0, 1)).all():
        expected = f"must hold zeros and ones in {n_outputs} columns, one for each label"
        raise InputError(name, (), f"{expected}, got {shown(flat.tolist())} of shape {flat.shape}")
    return np.ascontiguousarray(flat, dtype=dtype)


def distinct(labels, name):
    """Return the distinct labels in sorted order; there must be at least two labels, all of one type."""
    check_plain(labels, name)
    labels = np.asarray(labels)
    _check_one_type(labels, name)
    if labels.ndim != 1 or labels.dtype.kind == "f" and np.isnan(labels).any():
        raise InputError(name, (), f"={shown(labels)}: must be a list of labels, none of them NaN")
    try:
        found = np.unique(labels)
    except TypeError as error:  # labels of different types cannot be compared
        raise InputError(
            name, (), f"={shown(labels)}: must be labels of one type, all strings or all numbers"
        ) from error
    if len(found) < 2:
        raise InputError(name, (), f"={shown(labels.tolist())}: must hold at least 2 labels")
    return found


def _check_one_type(labels, name, offsets=None):
    if labels.dtype != object:
        return
    are_text = np.array([isinstance(label, str) for label in labels.flat])
    if are_text.any() and not are_text.all():
        i = int(are_text.argmin())
        index = _index_of(i, labels.shape, offsets)
        expected = f"{name} must hold labels of one type, got strings and other types"
        raise InputError(name, index, f"is {shown(labels.flat[i])}: {expected}", "; convert all labels to str")


def _column(flat, name):
    """Return labels as an array of shape (n,); several columns of labels raise an error."""
    if flat.ndim == 2 and flat.shape[1] > 1:
        expected = "must be a single column of labels, or multi-label: zeros and ones"
        hint = "; if these are labels per step, set output='step'"
        raise InputError(name, (), f"{expected}; got shape {flat.shape}", hint)
    return column_or_1d(flat, warn=True)


LARGEST = sys.float_info.max  # largest finite float64


def flat_weights(sample_weight, data, output, *, device="cpu", name="sample_weight"):
    """Return one weight per target.

    Parameters
    ----------
    sample_weight : None, array-like of shape (N,), or one weight per step in any form of y
        Weights per step need ``output="step"``. With ``output="step"``, a weight per sequence applies to all its steps.
        With ``device="cuda"``, arrays on the GPU are copied to the host.
    data : Sequences
        X.
    output : {"sequence", "step"}
    device : {"cpu", "cuda"}, default="cpu"
    name : str
        Name of the argument in error messages.

    Returns
    -------
    weights : ndarray of shape (n,), float64, or None
        n is the number of sequences, or of steps with ``output="step"``.
    """
    if sample_weight is None:
        return None
    sample_weight = values_on_host(sample_weight, device, name)
    ragged = isinstance(sample_weight, Sequences) or list_items(sample_weight, name) is not None
    if not ragged:
        sample_weight = np.asarray(sample_weight)
    per_step = ragged or sample_weight.ndim > 1
    if per_step and output == "sequence":
        expected = "must be a 1D array-like of one weight per sequence"
        raise InputError(name, (), f"{expected}, got weights per step", "; weights per step need output='step'")
    if per_step:
        weights = _numbers(targets_to_sequences(sample_weight, data, name=name).values, name)
        if weights.ndim != 1:
            raise InputError(name, (), f"must have one weight per step, got {weights.shape[1]} weights per step")
    else:
        weights = _numbers(sample_weight, name)
        if weights.shape != (len(data),):
            expected = f"must have shape ({len(data)},), one weight per sequence"
            raise InputError(name, (), f"{expected}, got {weights.shape}")
    wrong = ~np.isfinite(weights) | (weights < 0)
    if wrong.any():
        place = int(wrong.argmax())
        index = _index_of(place, weights.shape, data.offsets if per_step else None)
        raise InputError(name, index, f"is {weights[place]}: weights must be finite and non-negative")
    if not weights.any():
        raise InputError(name, (), "must contain at least one non-zero number, but all weights are zero")
    return weights if per_step or output == "sequence" else np.repeat(weights, data.lengths)


def after_washout(weights, data, washout, suffix):
    """Return weights of steps (1 for None), 0 in the washout of each sequence; `suffix` completes names in errors."""
    short = data.lengths <= washout
    if short.any():
        i = int(short.argmax())
        problem = f"has {data.lengths[i]} steps, but must have more than washout={washout}"
        raise InputError("X" + suffix, (i,), problem, "; lower washout, or leave the sequence out")
    kept = np.where(steps_of(data) < washout, 0.0, 1.0 if weights is None else weights)
    if not kept.any():
        problem = f"must have a non-zero weight after the washout of {washout} steps, but all are zero"
        raise InputError("sample_weight" + suffix, (), problem)
    return kept


def steps_of(data):
    """Return the number of each step within its sequence, from 0."""
    return np.arange(data.offsets[-1]) - np.repeat(data.offsets[:-1], data.lengths)


def class_weights(class_weight, classes, codes, weights):
    """Return the weight of each class, an ndarray of shape (K,), float64.

    Parameters
    ----------
    class_weight : dict or "balanced"
        Parameter of the estimator. Classes that the dict does not name have weight 1.
    classes : ndarray of shape (K,)
    codes : ndarray of shape (n,), int64
        Index of the class of each target.
    weights : ndarray of shape (n,) or None
        Sample weights, with which "balanced" counts the targets.
    """
    if isinstance(class_weight, dict):
        for label, weight in class_weight.items():
            if not (isinstance(weight, Real) and 0 <= weight <= LARGEST):
                problem = f"must be a finite, non-negative number, got {shown(weight)}"
                raise InputError("class_weight", (shown(label),), problem)
        unknown = [label for label in class_weight if label not in classes.tolist()]
        if unknown and len(class_weight) - len(unknown) < len(classes):
            problem = (
                f"={shown(class_weight[unknown[0]])}: y has no such class; its classes are {shown(classes.tolist())}"
            )
            raise InputError("class_weight", (shown(unknown[0]),), problem)
        return np.array([float(class_weight.get(label, 1)) for label in classes.tolist()])
    counts = np.bincount(codes, weights=weights, minlength=len(classes)).astype(np.float64)
    present = counts > 0
    balanced = np.zeros(len(classes))
    balanced[present] = counts.sum() / (present.sum() * counts[present])
    return balanced


def weigh_classes(weights, class_weights, codes, suffix=""):
    """Return sample weights x class weights (None if both are None); messages name the arguments with `suffix`."""
    if class_weights is None:
        return weights
    products = class_weights[codes] if weights is None else weights * class_weights[codes]
    if not products.any():
        times = "" if weights is None else f" after multiplication by sample_weight{suffix}"
        problem = f": all targets in y{suffix} have weight zero{times}; give at least one a positive weight"
        raise InputError("class_weight", (), problem)
    return products


def _numbers(weights, name):
    try:
        # The conversion to float64 would accept strings such as "2".
        if weights.dtype.kind not in "biufO":
            raise TypeError(f"got dtype {weights.dtype}")
        return numbers_of_objects(weights, name).astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(name, (), f"must hold numbers: {error}") from error
