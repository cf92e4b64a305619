"""Supplement scikit-learn's model selection for sequences.

`train_test_split`, `cross_val_score`, `cross_validate`, `GridSearchCV` and `Pipeline` of scikit-learn accept lists of
arrays and `Sequences`, with targets per sequence or per step. This module adds predictions per step by
cross-validation, folds stratified by the labels of steps, and scorers over steps.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import clone, is_classifier
from sklearn.model_selection import BaseCrossValidator, check_cv
from sklearn.utils import _safe_indexing, check_random_state, indexable
from sklearn.utils.parallel import Parallel, delayed

from numrnn.data.conversion import list_items, steps_to_sequences
from numrnn.data.sequences import Sequences
from numrnn.data.sources import SequencesLike, TargetsLike
from numrnn.io.messages import InputError, shown
from numrnn.metrics.scorers import make_step_scorer

__all__ = ["StratifiedStepKFold", "cross_val_predict", "make_step_scorer"]


def cross_val_predict(
    estimator: Any,
    X: SequencesLike,
    y: TargetsLike | None = None,
    *,
    groups: ArrayLike | None = None,
    cv: Any = None,
    n_jobs: int | None = None,
    params: Mapping[str, Any] | None = None,
    method: str = "predict",
    verbose: int = 0,
) -> Any:
    """Predict every sequence with an estimator that was fitted without this sequence.

    In contrast to :func:`sklearn.model_selection.cross_val_predict`, this function supports predictions per step for
    sequences of any lengths.

    Parameters
    ----------
    estimator : estimator with `fit` and `method`
        Estimator or pipeline; it is cloned for every fold.
    X : list of arrays of shape (T_i, D), array of shape (N, T, D) or (N, T), or Sequences
        Sequences to predict.
    y : array-like of shape (N,) or (N, K), or targets of steps in any form, default=None
        Targets.
    groups : array-like of shape (N,), default=None
        Groups that are passed to the splitter.
    cv : int, splitter or iterable of (train, test), default=None
        Folds, as in scikit-learn. The default is 5 folds, which are stratified if y has one class per sequence. For
        classes per step, see `StratifiedStepKFold`.
    n_jobs : int, default=None
        Number of folds to run in parallel.
    params : dict, default=None
        Keyword arguments of `fit`. Arguments with one item per sequence, such as `sample_weight`, are split like X.
    method : {"predict", "predict_proba", "predict_log_proba", "decision_function"}, default="predict"
        Method of the estimator to call.
    verbose : int, default=0
        Verbosity of joblib.

    Returns
    -------
    predictions : ndarray with N rows, or, if per step, in the same form as X
        Predictions in the order of X. If a class does not occur in the training part of a fold, its probability in that
        fold is 0; its log-probability or decision value is the most negative finite float.

    Raises
    ------
    ValueError
        If a sequence is in no test fold or in more than one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from numrnn.model_selection import cross_val_predict
    >>> X = [np.zeros((n_steps, 2)) for n_steps in (3, 1, 4, 2)]
    >>> cross_val_predict(DummyClassifier(), X, ["a", "b", "a", "b"], cv=2, method="predict_proba")
    array([[0.5, 0.5],
           [0.5, 0.5],
           [0.5, 0.5],
           [0.5, 0.5]])
    """
    X, y, groups = indexable(X, y, groups)
    n_sequences = X.shape[0] if hasattr(X, "shape") else len(X)
    labels = None if _is_per_step(y) else y
    splits = list(check_cv(cv, labels, classifier=is_classifier(estimator)).split(X, y, groups))
    tests = np.concatenate([test for _, test in splits])
    if not np.array_equal(np.sort(tests), np.arange(n_sequences)):
        problem = "must put every sequence into the test set of exactly one fold; pass another splitter, such as KFold"
        raise InputError("cv", (), problem)
    folds = Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(_fit_and_predict)(clone(estimator), X, y, train, test, params or {}, method) for train, test in splits
    )
    return _in_order(_with_all_classes(folds, method), tests)


def _fit_and_predict(estimator, X, y, train, test, params, method):
    n_sequences = len(train) + len(test)
    fit_params = {
        key: _safe_indexing(value, train) if _has_rows(value, n_sequences) else value for key, value in params.items()
    }
    estimator.fit(_safe_indexing(X, train), None if y is None else _safe_indexing(y, train), **fit_params)
    predictions = getattr(estimator, method)(_safe_indexing(X, test))
    return predictions, None if method == "predict" else getattr(estimator, "classes_", None)


def _has_rows(value, n_rows):
    return hasattr(value, "__len__") and not isinstance(value, (str, dict)) and len(value) == n_rows


def _is_per_step(y):
    return isinstance(y, Sequences) or (y is not None and list_items(y, "y") is not None)


def _with_all_classes(folds, method):
    predictions, classes_of_folds = zip(*folds, strict=True)
    if any(not isinstance(classes, np.ndarray) for classes in classes_of_folds):
        return predictions
    classes = np.unique(np.concatenate(classes_of_folds))

    def widen(columns, seen):
        if len(seen) == len(classes) or columns.ndim < 2 or columns.shape[-1] != len(seen):
            return columns
        missing = 0 if method == "predict_proba" else np.finfo(columns.dtype).min
        wide = np.full((*columns.shape[:-1], len(classes)), missing, columns.dtype)
        wide[..., np.searchsorted(classes, seen)] = columns
        return wide

    return [_apply(widen, fold, seen) for fold, seen in zip(predictions, classes_of_folds, strict=True)]


def _apply(function, fold, seen):
    if isinstance(fold, Sequences):
        return Sequences(function(fold.values, seen), fold.offsets)
    return [function(x, seen) for x in fold] if isinstance(fold, list) else function(fold, seen)


def _in_order(predictions, tests):
    order = np.argsort(tests)
    if not isinstance(predictions[0], (list, Sequences)):
        return np.concatenate(predictions)[order]
    items = [item for fold in predictions for item in fold]
    if isinstance(predictions[0], list):
        return [items[i] for i in order]
    return Sequences.from_list(items)[order]


class StratifiedStepKFold(BaseCrossValidator):
    """Split sequences into folds that have about the same share of the steps of every class.

    This splitter is for targets per step; `sklearn.model_selection.StratifiedKFold` needs one class per sequence.
    Sequences are assigned to folds in order of decreasing length. Each sequence is assigned to the fold that has the
    fewest steps of the sequence's classes so far.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to assign sequences of equal length in random order.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffle.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn.model_selection import StratifiedStepKFold
    >>> y = [["a", "a"], ["b"], ["a", "a"], ["b"]]
    >>> for train, test in StratifiedStepKFold(n_splits=2).split(y, y):
    ...     print(train, test)
    [2 3] [0 1]
    [0 1] [2 3]
    """

    def __init__(self, n_splits: int = 5, *, shuffle: bool = False, random_state: int | RandomState | None = None):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object
            Ignored.

        Returns
        -------
        n_splits : int
            Number of folds.

        Examples
        --------
        >>> from numrnn.model_selection import StratifiedStepKFold
        >>> StratifiedStepKFold(n_splits=3).get_n_splits()
        3
        """
        return self.n_splits

    def _iter_test_indices(self, X=None, y=None, groups=None):
        fold_of = self._folds(steps_to_sequences(y))
        for fold in range(self.n_splits):
            yield np.flatnonzero(fold_of == fold)

    def _folds(self, y):
        if not 2 <= self.n_splits <= len(y):
            problem = f"={shown(self.n_splits)}: must be from 2 to the number of sequences, {len(y)}"
            raise InputError("n_splits", (), problem)
        if y.values.ndim != 1 or (y.values.dtype.kind == "f" and np.any(y.values % 1)):
            raise InputError("y", (), f"must have one class per step, got {y}")
        order = np.arange(len(y))
        if self.shuffle:
            check_random_state(self.random_state).shuffle(order)
        order = order[np.argsort(-y.lengths[order], kind="stable")]
        shares = _class_shares(y)
        fold_of = np.empty(len(y), np.int64)
        in_fold = np.zeros((self.n_splits, shares.shape[1]))
        n_in_fold = np.zeros(self.n_splits, np.int64)
        for i in order:
            # Choosing the fold with the smallest scalar product increases the sum of squared shares over all folds the
            # least.
            fold = np.lexsort((n_in_fold, in_fold @ shares[i]))[0]
            fold_of[i] = fold
            in_fold[fold] += shares[i]
            n_in_fold[fold] += 1
        return fold_of


def _class_shares(y):
    classes, labels = np.unique(y.values, return_inverse=True)
    cell = np.repeat(np.arange(len(y)), y.lengths) * len(classes) + labels
    counts = np.bincount(cell, minlength=len(y) * len(classes)).reshape(len(y), len(classes))
    return counts / counts.sum(axis=0)
