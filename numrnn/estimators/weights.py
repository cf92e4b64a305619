"""Weights of sequences, steps and classes as one float64 vector, the w of the objective."""

import sys
from numbers import Real

import numpy as np

from numrnn.data.forms import list_items, targets_to_sequences
from numrnn.data.sequences import Sequences
from numrnn.gpu.sequences import values_on_host
from numrnn.messages import shown

LARGEST = sys.float_info.max  # number that is finite


def flat_weights(sample_weight, data, output, *, device="cpu", name="sample_weight"):
    """Return one weight for each target.

    Parameters
    ----------
    sample_weight : None, array-like of shape (N,), or one weight per step in any form of y
        Weights per step need ``output="step"``; there a weight per sequence counts for each of its steps. With
        ``device="cuda"`` arrays on the card, too, which are copied to the host.
    data : Sequences
        X.
    output : {"sequence", "step"}
    device : {"cpu", "cuda"}, default="cpu"
    name : str
        What errors call it.

    Returns
    -------
    weights : ndarray of shape (n,), float64, or None
        n is the number of sequences, or of steps for ``output="step"``.
    """
    if sample_weight is None:
        return None
    sample_weight = values_on_host(sample_weight, device, name)
    ragged = isinstance(sample_weight, Sequences) or list_items(sample_weight, name) is not None
    if not ragged:
        sample_weight = np.asarray(sample_weight)
    per_step = ragged or sample_weight.ndim > 1
    if per_step and output == "sequence":
        raise ValueError(f"{name} must be a 1D array-like of one weight per sequence, got weights per step")
    if per_step:
        weights = _numbers(targets_to_sequences(sample_weight, data, name=name).values, name)
        if weights.ndim != 1:
            raise ValueError(f"{name} must have one weight per step, got {weights.shape[1]}")
    else:
        weights = _numbers(sample_weight, name)
        if weights.shape != (len(data),):
            raise ValueError(f"{name} must have shape ({len(data)},), one weight per sequence, got {weights.shape}")
        if output == "step":
            weights = np.repeat(weights, data.lengths)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"{name} must be finite and not negative")
    if not weights.any():
        raise ValueError(f"{name} must contain at least one non-zero number; all weights are zero")
    return weights


def class_weights(class_weight, classes, codes, weights):
    """Return the weight of each class.

    Parameters
    ----------
    class_weight : dict or "balanced"
        A class that the dict does not name has weight 1.
    classes : ndarray of shape (K,)
    codes : ndarray of shape (n,), int64
        The class of each target, by its index.
    weights : ndarray of shape (n,) or None
        "balanced" counts targets by their weights: weight 0 is absent, weight 2 is twice there.

    Returns
    -------
    class_weights : ndarray of shape (K,), float64
    """
    if isinstance(class_weight, dict):
        for label, weight in class_weight.items():
            if not (isinstance(weight, Real) and 0 <= weight <= LARGEST):
                raise ValueError(
                    f"class_weight[{shown(label)}] must be a finite number, not negative, got {shown(weight)}"
                )
        unknown = [label for label in class_weight if label not in classes.tolist()]
        if unknown and len(class_weight) - len(unknown) < len(classes):
            raise ValueError(
                f"class_weight[{shown(unknown[0])}]: y has no such class, its classes are {shown(classes.tolist())}"
            )
        return np.array([float(class_weight.get(label, 1)) for label in classes.tolist()])
    counts = np.bincount(codes, weights=weights, minlength=len(classes)).astype(np.float64)
    present = counts > 0
    balanced = np.zeros(len(classes))
    balanced[present] = counts.sum() / (present.sum() * counts[present])
    return balanced


def weigh_classes(weights, class_weights, codes, suffix=""):
    """Return sample weights x class weights, or None where both are None; `suffix` is what errors add to names."""
    if class_weights is None:
        return weights
    products = class_weights[codes] if weights is None else weights * class_weights[codes]
    if not products.any():
        raise ValueError(
            f"class_weight: the weights of all targets are zero, for those of X{suffix} and y{suffix}"
            + ("" if weights is None else f" times sample_weight{suffix}")
        )
    return products


def _numbers(weights, name):
    try:
        # Strings such as "2" would pass the cast.
        if weights.dtype.kind not in "biufO":
            raise TypeError(f"got dtype {weights.dtype}")
        return weights.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must hold numbers: {error}") from error
