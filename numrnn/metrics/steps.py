"""Measure predictions of steps: accuracy and negative log-likelihood."""

import numpy as np
from numpy.typing import ArrayLike

from numrnn.data.conversion import sequence_weights_or_none, step_weights, steps_to_sequences
from numrnn.data.sources import TargetsLike, WeightsLike
from numrnn.io.messages import InputError, InputTypeError, shown

__all__ = ["read_steps", "sequence_log_loss", "step_accuracy", "step_log_loss"]


def step_accuracy(y_true: TargetsLike, y_pred: TargetsLike, *, sample_weight: WeightsLike | None = None) -> float:
    """Compute the fraction of steps that are predicted correctly.

    Parameters
    ----------
    y_true : list of arrays of shape (T_i,) or (T_i, K), array of shape (N, T) or (N, T, K), or Sequences
        Labels of steps; zeros and ones in K columns are multi-label.
    y_pred : like y_true
        Predicted labels, as many per sequence as in y_true. A multi-label prediction is correct if all K labels are.
    sample_weight : array-like of shape (N,), or one weight per step in any form of y_true, default=None
        Weights of the sequences or steps. None weighs all steps equally.

    Returns
    -------
    accuracy : float
        Weighted fraction, from 0 to 1.

    Raises
    ------
    ValueError, TypeError
        If an argument does not hold one label per step, or lengths or weights do not match. The message names the
        argument and the sequence.

    See Also
    --------
    exact_match : Compute the fraction of whole sequences that are predicted correctly.

    Examples
    --------
    >>> from numrnn.metrics import step_accuracy
    >>> step_accuracy([[0, 1, 1], [2]], [[0, 1, 0], [2]])
    0.75
    """
    y_true, y_pred = read_steps(y_true, y_pred, "y_pred")
    right = y_true.values == y_pred.values
    right = right.all(axis=1) if right.ndim == 2 else right
    return _mean(right, None if sample_weight is None else step_weights(sample_weight, y_true))


def step_log_loss(
    y_true: TargetsLike,
    y_prob: TargetsLike,
    *,
    labels: ArrayLike | None = None,
    sample_weight: WeightsLike | None = None,
) -> float:
    """Compute the mean negative log-likelihood of a step, in nats.

    The loss of a step is -log(predicted probability of its label). The loss of a multi-label step is the sum, not the
    mean, of the binary cross-entropies of its labels, as is usual for polyphonic music.

    Parameters
    ----------
    y_true : list of arrays of shape (T_i,) or (T_i, K), array of shape (N, T) or (N, T, K), or Sequences
        Labels of steps; zeros and ones in K > 1 columns are multi-label.
    y_prob : list of arrays of shape (T_i, K), array of shape (N, T, K), or Sequences
        Probabilities of the K labels, as `predict_proba` returns them, in floating-point numbers. For two labels,
        those of the second one, of shape (T_i,), suffice.
    labels : array-like of shape (K,), default=None
        Labels of the columns of y_prob in sorted order, such as `classes_` of a classifier. None means the distinct
        labels of y_true. It must be None for multi-label y_true.
    sample_weight : array-like of shape (N,), or one weight per step in any form of y_true, default=None
        Weights of the sequences or steps. None weighs all steps equally.

    Returns
    -------
    loss : float
        Weighted mean over all steps.

    Raises
    ------
    ValueError, TypeError
        If y_prob does not hold probabilities, a label is unknown, or shapes, lengths or weights do not match. The
        message names the argument and the sequence.

    See Also
    --------
    sequence_log_loss : Sum the losses of the steps of each sequence.

    Notes
    -----
    As in `sklearn.metrics.log_loss`, probabilities are clipped to [eps, 1 - eps] with the eps of their dtype. For one
    label per step, the result is that of `sklearn.metrics.log_loss` over the steps of all sequences. For multi-label
    steps it is not: scikit-learn takes their rows for one-hot classes. The multi-label result is K times the loss of
    `RNNClassifier`, which is the mean over the labels.

    References
    ----------
    Boulanger-Lewandowski, Bengio, Vincent: Modeling temporal dependencies in high-dimensional sequences: application to
    polyphonic music generation and transcription. ICML 2012 (section 6: log-likelihood per time step).

    Examples
    --------
    >>> from numrnn.metrics import step_log_loss
    >>> y_prob = [[[0.5, 0.5], [0.25, 0.75]], [[1.0, 0.0]]]
    >>> round(step_log_loss([[0, 1], [0]], y_prob), 4)
    0.3269
    >>> round(step_log_loss([[[1, 1], [0, 1]]], [[[0.5, 0.5], [0.5, 0.5]]]), 4)  # two labels: 2 log 2
    1.3863
    """
    y_true, losses = _losses(y_true, y_prob, labels)
    return _mean(losses, None if sample_weight is None else step_weights(sample_weight, y_true))


def sequence_log_loss(
    y_true: TargetsLike,
    y_prob: TargetsLike,
    *,
    labels: ArrayLike | None = None,
    sample_weight: WeightsLike | None = None,
) -> float:
    """Compute the mean negative log-likelihood of a sequence, in nats.

    The loss of a sequence is the sum of the losses of its steps, see `step_log_loss`.

    Parameters
    ----------
    y_true, y_prob, labels : as in `step_log_loss`
        Labels and probabilities.
    sample_weight : array-like of shape (N,), or one weight per step in any form of y_true, default=None
        Weights. Those of sequences weigh the mean over sequences; those of steps are factors of the losses of steps.

    Returns
    -------
    loss : float
        Mean over all sequences.

    Raises
    ------
    ValueError, TypeError
        As in `step_log_loss`.

    See Also
    --------
    step_log_loss : Average over steps.

    Examples
    --------
    >>> from numrnn.metrics import sequence_log_loss
    >>> y_prob = [[[0.5, 0.5], [0.25, 0.75]], [[1.0, 0.0]]]
    >>> round(sequence_log_loss([[0, 1], [0]], y_prob), 4)
    0.4904
    """
    y_true, losses = _losses(y_true, y_prob, labels)
    of_sequences = sequence_weights_or_none(sample_weight, len(y_true))
    if sample_weight is not None and of_sequences is None:
        losses = losses * step_weights(sample_weight, y_true)
    owners = np.repeat(np.arange(len(y_true)), y_true.lengths)
    return _mean(np.bincount(owners, weights=losses, minlength=len(y_true)), of_sequences)


def read_steps(y_true, y_pred, name):
    """Return two arguments with one value per step as `Sequences`, after a check that they match.

    A single column counts as one value: targets (T, 1) are (T,). `name` is the name of `y_pred` in errors. If it is not
    "y_pred", the argument holds probabilities and may have more columns than `y_true`.
    """
    y_true, y_pred = steps_to_sequences(y_true, name="y_true"), steps_to_sequences(y_pred, name=name)
    if len(y_true) != len(y_pred):
        raise InputError(name, (), f"has {len(y_pred)} sequences, but y_true has {len(y_true)}; pass as many")
    wrong = np.flatnonzero(y_true.lengths != y_pred.lengths)
    if wrong.size:
        i = int(wrong[0])
        problem = f"has {y_pred.lengths[i]} steps, but y_true[{i}] has {y_true.lengths[i]}; pass one value per step"
        raise InputError(name, (i,), problem)
    if name == "y_pred":
        y_true, y_pred = _without_single_column(y_true), _without_single_column(y_pred)
        if y_true.values.shape != y_pred.values.shape:
            found = f"{_columns(y_pred)} per step, but y_true has {_columns(y_true)}"
            raise InputError(name, (), f"has {found}; pass predictions of the same form")
        if (y_true.values.dtype.kind in "US") != (y_pred.values.dtype.kind in "US") and not _has_objects(
            y_true, y_pred
        ):
            found = f"has dtype {y_pred.values.dtype}, but y_true has {y_true.values.dtype}"
            raise InputTypeError(name, (), f"{found}: labels never agree; pass labels of the same type")
    return y_true, y_pred


def _has_objects(*sequences):
    return any(each.values.dtype.kind == "O" for each in sequences)


def _without_single_column(sequences):
    if sequences.values.ndim == 2 and sequences.values.shape[1] == 1:
        return type(sequences)(sequences.values[:, 0], sequences.offsets)
    return sequences


def _columns(sequences):
    return "one value" if sequences.values.ndim == 1 else f"{sequences.values.shape[1]} values"


def _losses(y_true, y_prob, labels):
    """Return y_true as `Sequences`, and the loss of each step in float64."""
    y_true, y_prob = read_steps(y_true, y_prob, "y_prob")
    y_true, p = _without_single_column(y_true), y_prob.values
    if p.dtype.kind != "f":
        problem = f"has dtype {p.dtype}: must hold probabilities in floating-point numbers; pass those of predict_proba"
        raise InputTypeError("y_prob", (), problem)
    outside = ((p < 0) | (p > 1)).reshape(len(p), -1).any(axis=1)
    if outside.any():
        i = int(np.searchsorted(y_prob.offsets, outside.argmax(), side="right")) - 1
        expected = "must hold probabilities from 0 to 1; pass those of predict_proba"
        raise InputError("y_prob", (i,), f"has a number outside of [0, 1]: {expected}")
    eps = float(np.finfo(p.dtype).eps)
    p = np.clip(p.astype(np.float64), eps, 1 - eps)
    if y_true.values.ndim == 2:
        return y_true, _of_several_labels(y_true, p, labels)
    return y_true, _of_one_label(y_true, p, labels)


def _of_several_labels(y_true, p, labels):
    if labels is not None:
        raise InputError("labels", (), f"={shown(labels)}: must be None for multi-label y_true; leave it out")
    if p.shape != y_true.values.shape:
        found = f"one probability for each of {y_true.values.shape[1]} labels per step, got {p.shape[1:] or 'one'}"
        raise InputError("y_prob", (), f"must have {found}; pass those of predict_proba")
    if y_true.values.dtype.kind not in "biuf" or not np.isin(y_true.values, (0, 1)).all():
        raise InputError("y_true", (), "must hold zeros and ones if steps have several labels; pass indicators")
    return -np.where(y_true.values == 1, np.log(p), np.log1p(-p)).sum(axis=1)


def _of_one_label(y_true, p, labels):
    values = y_true.values
    classes = np.unique(values if labels is None else np.asarray(labels))
    p = np.column_stack([1 - p, p]) if p.ndim == 1 else p
    if p.shape[1] != len(classes):
        found = f"must have one column for each of {len(classes)} labels, got {p.shape[1]}"
        raise InputError("y_prob", (), f"{found}; pass labels=classes_ if y_true lacks some of them")
    codes = np.minimum(np.searchsorted(classes, values), len(classes) - 1)
    unknown = np.flatnonzero(classes[codes] != values)
    if unknown.size:
        i = int(np.searchsorted(y_true.offsets, unknown[0], side="right")) - 1
        found = f"holds the label {shown(values[unknown[0]])}: must be one of labels={shown(classes.tolist())}"
        raise InputError("y_true", (i,), f"{found}; leave such sequences out")
    return -np.log(p[np.arange(len(p)), codes])


def _mean(values, weights):
    if weights is not None and not weights.sum() > 0:
        raise InputError("sample_weight", (), f"has the sum {weights.sum()}: must be above 0; weigh some of y_true")
    return float(np.average(values, weights=weights))
