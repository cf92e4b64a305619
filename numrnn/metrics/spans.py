"""Measure labels of steps that mark spans, such as names in a text."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from numrnn.data.conversion import sequence_weights_or_none
from numrnn.data.sources import TargetsLike
from numrnn.io.messages import InputError, shown
from numrnn.metrics.steps import read_steps

__all__ = ["span_f1"]

OUTSIDE, BEGINS, INSIDE = range(3)


def span_f1(
    y_true: TargetsLike,
    y_pred: TargetsLike,
    *,
    sample_weight: ArrayLike | None = None,
    zero_division: float = 0.0,
) -> float:
    """Compute the F1 score of spans that labels in BIO notation mark.

    "B-x" begins a span of type x, the labels "I-x" that follow belong to it, and "O" is outside of all spans. A
    predicted span is correct if its first step, its last step and its type are those of a true span. Precision and
    recall count the spans of all sequences and types together (micro-average).

    Parameters
    ----------
    y_true : list of arrays of shape (T_i,), array of shape (N, T), or Sequences
        Labels "O", "B-x" and "I-x" with any types x; "B" and "I" alone mark spans without a type.
    y_pred : like y_true
        Predicted labels, as many per sequence as in y_true.
    sample_weight : array-like of shape (N,), default=None
        Weights of the sequences, by which their spans are counted.
    zero_division : float, default=0.0
        Result if neither y_true nor y_pred has a span.

    Returns
    -------
    f1 : float
        2 x correct spans / (true spans + predicted spans), from 0 to 1.

    Raises
    ------
    ValueError
        If a label has another form, or lengths or weights do not match. The message names the argument.

    Notes
    -----
    A span begins with "B-x" only: "I-x" after "O", at the beginning of a sequence or after a span of another type
    belongs to no span. This is the strict mode of seqeval for the scheme IOB2. The script conlleval of CoNLL-2000 lets
    such a label begin a span; both agree on labels in which every span begins with "B".

    References
    ----------
    Tjong Kim Sang, Buchholz: Introduction to the CoNLL-2000 shared task: chunking. CoNLL 2000.

    Ramshaw, Marcus: Text chunking using transformation-based learning. Workshop on Very Large Corpora 1995.

    Examples
    --------
    >>> from numrnn.metrics import span_f1
    >>> y_true = [["B-person", "I-person", "O", "B-place"], ["O", "B-place"]]
    >>> y_pred = [["B-person", "I-person", "O", "B-person"], ["O", "B-place"]]
    >>> round(span_f1(y_true, y_pred), 4)
    0.6667
    """
    y_true, y_pred = read_steps(y_true, y_pred, "y_pred")
    weights = sequence_weights_or_none(sample_weight, len(y_true))
    if sample_weight is not None and weights is None:
        problem = "must have one weight per sequence, since a span may have several steps; pass an array of shape (N,)"
        raise InputError("sample_weight", (), problem)
    types = {}
    true, predicted = _spans(y_true, "y_true", types), _spans(y_pred, "y_pred", types)
    _, of_true, of_predicted = np.intersect1d(true.starts, predicted.starts, assume_unique=True, return_indices=True)
    same = true.ends[of_true] == predicted.ends[of_predicted]
    same &= true.types[of_true] == predicted.types[of_predicted]
    correct = true.starts[of_true][same]
    correct, n_true, n_predicted = (
        _count(starts, y_true.offsets, weights) for starts in (correct, true.starts, predicted.starts)
    )
    return 2 * correct / (n_true + n_predicted) if n_true + n_predicted else float(zero_division)


class _Spans(NamedTuple):
    """Hold spans in the concatenated steps of all sequences."""

    starts: np.ndarray
    ends: np.ndarray  # index after the last step of each span
    types: np.ndarray


def _spans(sequences, name, types):
    """Return the spans that labels mark; `types` numbers the types and receives new ones."""
    labels, codes = np.unique(sequences.values, return_inverse=True)
    parsed = np.array([_parsed(label, name, types) for label in labels.tolist()], np.int64).reshape(-1, 2)
    parts, numbers = parsed[codes.reshape(-1)].T
    continues = (parts == INSIDE) & (numbers == np.append(-1, numbers[:-1])) & (np.append(0, parts[:-1]) != OUTSIDE)
    continues[sequences.offsets[:-1][sequences.lengths > 0]] = False
    breaks = np.append(np.flatnonzero(~continues), len(parts))
    starts = np.flatnonzero(parts == BEGINS)
    return _Spans(starts, breaks[np.searchsorted(breaks, starts, side="right")], numbers[starts])


def _parsed(label, name, types):
    part, _, kind = label.partition("-") if isinstance(label, str) else ("", "", "")
    if label == "O":
        return OUTSIDE, -1
    if part not in ("B", "I"):
        problem = f"holds the label {shown(label)}: must be 'O', or begin with 'B-' or 'I-'; convert labels to BIO"
        raise InputError(name, (), problem)
    return BEGINS if part == "B" else INSIDE, types.setdefault(kind, len(types))


def _count(starts, offsets, weights):
    if weights is None:
        return len(starts)
    return float(weights[np.searchsorted(offsets, starts, side="right") - 1].sum())
