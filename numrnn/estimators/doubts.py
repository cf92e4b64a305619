"""Warn of fits whose data or result suggest a mistake."""

import warnings

import numpy as np

from numrnn.data.moments import Moments

MOST_STEPS = 1 << 20  # largest number of steps from which means and deviations are computed
BLOCK = 1 << 13  # numbers that are counted or summed at a time, since copies must stay small
LARGE, SMALL = 10.0, 0.05  # bounds beyond which means and deviations are far from 0 and 1
TINY = 1e-3  # deviation of an input beside which others drown it
MOVED = 3.0  # factor or number of deviations by which validation inputs must differ to cause a warning
FEW_UPDATES = 100  # fewer updates cause no warning: a network may not have learned anything yet
SCALER = "put a SequenceScaler before the estimator in a pipeline, or standardise the inputs otherwise"


def warn_of_inputs(data, held, stacklevel):
    """Warn if inputs are far from zero mean and unit variance, or validation inputs far from the training inputs.

    `held` are the validation sequences, or None. A held-out part of X has the scale of X and is not compared.
    """
    moments = _moments(data)
    if moments is None:
        return
    mean, deviation = moments
    level, spread = np.abs(mean), _spread(deviation)
    far = np.max([level, deviation, (level > 1) * level / spread, LARGE * TINY / spread], axis=0)
    place = int(np.argmax(far))
    size = np.sqrt(np.mean(mean**2 + deviation**2))
    if far[place] > LARGE or 0 < size < SMALL:
        found = f"input {place} of X has mean {mean[place]:.3g} and standard deviation {deviation[place]:.3g}"
        warnings.warn(
            f"{found}: networks learn best from inputs near zero mean and unit variance; {SCALER}",
            stacklevel=stacklevel + 1,
        )
    if held is not None and getattr(held, "values", None) is not data.values:
        _warn_of_validation_inputs(moments, _moments(held), stacklevel + 1)


def _spread(deviation):
    """Return deviations with infinity for constant inputs, whose scale cannot be wrong."""
    return np.where(deviation > 0, deviation, np.inf)


def _warn_of_validation_inputs(moments, moments_val, stacklevel):
    """Warn if the scale of the validation inputs suggests that only the training inputs were standardised."""
    if moments_val is None:
        return
    (mean, deviation), (mean_val, deviation_val) = moments, moments_val
    unit = np.maximum(deviation, 1e-3 * np.abs(mean) + np.finfo(float).tiny)
    far = np.max([np.abs(mean_val - mean) / unit, deviation_val / unit, deviation / _spread(deviation_val)], axis=0)
    place = int(np.argmax(far))
    if far[place] > MOVED:
        warnings.warn(
            f"X_val: input {place} has mean {mean_val[place]:.3g} and standard deviation {deviation_val[place]:.3g}, "
            f"but in X they are {mean[place]:.3g} and {deviation[place]:.3g}; a pipeline transforms only X: set its "
            'transform_input=["X_val"] (with metadata routing), or transform X_val yourself',
            stacklevel=stacklevel + 1,
        )


def warn_of_no_success(loss, targets, head, updates, stacklevel):
    """Warn if the training loss, without its L2 term, is no better than that of a constant prediction."""
    constant = loss_of_constant(targets, head)
    if updates < FEW_UPDATES or not loss >= constant > 0:
        return
    warnings.warn(
        f"the training loss is {loss:.4g} at the end, no better than the {constant:.4g} of a constant prediction: the "
        "network has learned nothing; lower learning_rate_init, try cell='gru', standardise the inputs with a "
        "SequenceScaler, or raise max_iter",
        stacklevel=stacklevel + 1,
    )


def loss_of_constant(targets, head):
    """Return the smallest loss that is possible with the same outputs for all targets."""
    values, weights = targets
    if head == "softmax":
        shares = _counts(values, weights)
        shares = shares[shares > 0] / shares.sum()
        return float(-(shares * np.log(shares)).sum())
    mean = values.mean(axis=0, dtype=np.float64) if weights is None else np.average(values, axis=0, weights=weights)
    if head == "identity":
        return float(np.average((values - mean) ** 2, axis=0, weights=weights).mean())
    shares = np.clip(mean, 1e-300, 1 - 2.0**-53)
    return float(-(shares * np.log(shares) + (1 - shares) * np.log1p(-shares)).mean())


def _counts(values, weights):
    """Return the sum of weights of each class; counting in blocks limits the size of the copies in `bincount`."""
    counts = np.zeros(int(values.max()) + 1)
    for first in range(0, len(values), BLOCK):
        block = slice(first, first + BLOCK)
        part = np.bincount(values[block], None if weights is None else weights[block], len(counts))
        counts += part
    return counts


def _moments(data):
    """Return mean and deviation of each input in the first steps; None for symbols or data not in host memory."""
    if not data.in_memory or data.on_card or getattr(data, "values", None) is None or data.values.dtype.kind != "f":
        return None
    steps = data.values[:MOST_STEPS].reshape(-1, data.values.shape[-1] if data.values.ndim > 1 else 1)
    moments, rows = Moments(), max(1, BLOCK // steps.shape[1])
    for start in range(0, len(steps), rows):
        moments = moments.merged(Moments.of(steps[start : start + rows]))
    return moments.mean, np.sqrt(moments.var)
