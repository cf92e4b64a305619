"""Compare whole sequences and texts, also those of different lengths."""

import numpy as np
from numpy.typing import ArrayLike

from numrnn.data.array_checks import check_plain
from numrnn.data.conversion import sequence_weights_or_none
from numrnn.data.sources import TargetsLike
from numrnn.io.messages import InputError, InputTypeError, shown

__all__ = ["edit_distance", "exact_match"]


def edit_distance(
    y_true: TargetsLike, y_pred: TargetsLike, *, normalize: bool = False, sample_weight: ArrayLike | None = None
) -> float:
    """Compute the mean edit distance (Levenshtein distance) between sequences.

    The distance of two sequences is the smallest number of insertions, deletions and substitutions of symbols that make
    one of the other.

    Parameters
    ----------
    y_true : list of str, list of arrays of shape (L_i,), array of shape (N, L), or Sequences
        Texts, whose symbols are characters, or sequences of symbols, labels or tokens. They may be empty.
    y_pred : like y_true
        Predicted sequences, of any lengths.
    normalize : bool, default=False
        Whether to divide the sum of all distances by the sum of the lengths of y_true: the error rate of characters,
        words or phonemes, which may exceed 1. By default, the sum is divided by the number of sequences.
    sample_weight : array-like of shape (N,), default=None
        Weights of the sequences in both sums.

    Returns
    -------
    distance : float
        Mean number of edits per sequence, or per symbol of y_true with ``normalize=True``.

    Raises
    ------
    ValueError, TypeError
        If an argument holds no sequences, their numbers differ, or with ``normalize=True`` all of y_true are empty. The
        message names the argument and the sequence.

    References
    ----------
    Wagner, Fischer: The string-to-string correction problem. Journal of the ACM 21(1), 1974.

    Examples
    --------
    >>> from numrnn.metrics import edit_distance
    >>> edit_distance(["kitten", "one"], ["sitting", "one"])
    1.5
    >>> round(edit_distance(["kitten", "one"], ["sitting", "one"], normalize=True), 4)
    0.3333
    """
    pairs, weights = _read(y_true, y_pred, sample_weight)
    for i, pair in enumerate(pairs):
        for name, symbols in zip(("y_true", "y_pred"), pair, strict=True):
            if symbols.ndim != 1:
                problem = f"has shape {symbols.shape}: must have one symbol per step; vectors have no edit distance"
                raise InputError(name, (i,), problem)
    distances = weights @ np.array([_levenshtein(*pair) for pair in pairs])
    total = weights @ np.array([len(true) for true, _ in pairs]) if normalize else weights.sum()
    if not total:
        raise InputError("y_true", (), "has no symbol: must have one to normalize by; pass normalize=False")
    return float(distances / total)


def exact_match(y_true: TargetsLike, y_pred: TargetsLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Compute the fraction of sequences that are predicted correctly in every step.

    Parameters
    ----------
    y_true : list of str, list of arrays of shape (L_i,) or (L_i, K), array of shape (N, L) or (N, L, K), or Sequences
        Texts, or sequences of symbols, labels, tokens or multi-label indicators. They may be empty.
    y_pred : like y_true
        Predicted sequences, of any lengths.
    sample_weight : array-like of shape (N,), default=None
        Weights of the sequences.

    Returns
    -------
    fraction : float
        Weighted fraction, from 0 to 1.

    Raises
    ------
    ValueError, TypeError
        If an argument holds no sequences, or their numbers differ. The message names the argument and the sequence.

    See Also
    --------
    step_accuracy : Compute the fraction of steps that are predicted correctly.

    Examples
    --------
    >>> from numrnn.metrics import exact_match
    >>> exact_match(["one", "two"], ["one", "tow"])
    0.5
    """
    pairs, weights = _read(y_true, y_pred, sample_weight)
    return float(np.average([np.array_equal(*pair) for pair in pairs], weights=weights))


def _read(y_true, y_pred, sample_weight):
    """Return the pairs of arrays that are compared, and their weights."""
    true, predicted = _arrays(y_true, "y_true"), _arrays(y_pred, "y_pred")
    if len(true) != len(predicted):
        raise InputError("y_pred", (), f"has {len(predicted)} sequences, but y_true has {len(true)}; pass as many")
    weights = np.ones(len(true)) if sample_weight is None else sequence_weights_or_none(sample_weight, len(true))
    if weights is None:
        raise InputError("sample_weight", (), f"must have one weight per sequence, {len(true)} in all; pass an array")
    if not weights.sum() > 0:
        raise InputError("sample_weight", (), f"has the sum {weights.sum()}: must be above 0; weigh some of y_true")
    pairs = list(zip(true, predicted, strict=True))
    for i, (left, right) in enumerate(pairs):
        kinds = {symbols.dtype.kind in "US" for symbols in (left, right) if len(symbols) and symbols.dtype.kind != "O"}
        if len(kinds) > 1:
            found = f"has symbols of dtype {right.dtype}, but y_true[{i}] of {left.dtype}"
            raise InputTypeError("y_pred", (i,), f"{found}: they never agree; pass symbols of the same type")
    return pairs, weights


def _arrays(y, name):
    """Return sequences as a list of arrays; a text is an array of its characters."""
    check_plain(y, name)
    if isinstance(y, (str, bytes)) or not hasattr(y, "__len__") or getattr(y, "ndim", 1) == 0:
        raise InputTypeError(name, (), f"={shown(y)}: must be a list of texts or of sequences; pass a list")
    if not len(y):
        raise InputError(name, (), "is empty: must have at least one text or sequence; pass some")
    return [_array(item, name, i) for i, item in enumerate(y.to_numpy() if hasattr(y, "to_numpy") else y)]


def _array(item, name, i):
    if isinstance(item, str):
        return np.array(list(item), dtype="U1")
    array = np.asarray(item)
    if array.ndim not in (1, 2):
        problem = f"={shown(item)}: must be a text, or an array of one symbol per step; pass sequences"
        raise InputTypeError(name, (i,), problem)
    return array


def _levenshtein(left, right):
    """Return the edit distance of two arrays, a row of the dynamic program at a time."""
    if np.array_equal(left, right):
        return 0
    longer, shorter = (left, right) if len(left) >= len(right) else (right, left)
    columns = np.arange(len(longer) + 1)
    row = columns
    for symbol in shorter:
        edited = np.append(row[0] + 1, np.minimum(row[:-1] + (longer != symbol), row[1:] + 1))
        row = np.minimum.accumulate(edited - columns) + columns  # insertions, from left to right
    return int(row[-1])
