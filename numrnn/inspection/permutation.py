"""Measure how much a score depends on each input."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_is_fitted

from numrnn.data.conversion import from_steps, to_sequences
from numrnn.data.sources import SequencesLike, TargetsLike, WeightsLike
from numrnn.inspection.arguments import check_count
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.metrics.scorers import get_scorer

__all__ = ["permutation_importance"]

KEPT = (np.float64, np.float32)  # dtypes that are not converted


def permutation_importance(
    estimator: Any,
    X: SequencesLike,
    y: TargetsLike,
    *,
    scoring: str | Callable[..., float] | None = None,
    n_repeats: int = 5,
    random_state: int | np.random.RandomState | None = None,
    sample_weight: WeightsLike | None = None,
) -> Bunch:
    """Measure how much a score falls if the values of one input are permuted over all steps of all sequences.

    This is `sklearn.inspection.permutation_importance` [1]_ for sequences of any lengths. A permutation breaks both the
    relation between the input and y, and the order of the input's values in time.

    Parameters
    ----------
    estimator : estimator
        Fitted estimator or pipeline that accepts `Sequences`.
    X : list of (T_i, D) arrays, Sequences, or array of shape (N, T, D)
        Sequences of numbers, preferably some that were not used in `fit`.
    y : as in `fit`
        Targets.
    scoring : str or callable, optional
        Name in `numrnn.metrics.get_scorer_names` or of scikit-learn, or a function of estimator, X and y. None means
        the method `score` of the estimator.
    n_repeats : int, default=5
        Number of permutations of each input.
    random_state : int or RandomState, optional
        Seed of the permutations.
    sample_weight : as in `fit`, optional
        Weights that are passed to the scorer.

    Returns
    -------
    result : Bunch
        `importances` of shape (D, n_repeats): score of X minus the score with one permuted input; their means
        `importances_mean` and standard deviations `importances_std`, each of shape (D,).

    Raises
    ------
    ValueError, TypeError
        If X is invalid, `n_repeats` is not an integer of at least 1, or `estimator` is not an estimator.

    References
    ----------
    .. [1] Breiman: Random forests. Machine Learning 45, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import permutation_importance
    >>> X = np.random.default_rng(0).normal(size=(200, 6, 2))
    >>> model = RNNRegressor((8,), max_iter=20, random_state=0).fit(X, X[:, :, 1].mean(axis=1))
    >>> result = permutation_importance(model, X, X[:, :, 1].mean(axis=1), random_state=0)
    >>> int(result.importances_mean.argmax())
    1
    """
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise InputTypeError("estimator", (), f"={shown(estimator)}: must be a fitted estimator or pipeline")
    check_is_fitted(estimator)
    check_count("n_repeats", n_repeats)
    data, form = to_sequences(X, dtype=KEPT)
    if not data.in_memory:
        raise InputError("X", (), "is in shards: must be in memory; pass X[ids] of some sequences, or X.load()")
    scorer = _score if scoring is None else get_scorer(scoring)
    options = {} if sample_weight is None else {"sample_weight": sample_weight}
    random = check_random_state(random_state)

    def score(values):
        return scorer(estimator, _like(X, values, data.offsets, form), y, **options)

    full = score(data.values)
    importances = np.empty((data.values.shape[1], n_repeats))
    for column, row in enumerate(importances):
        for n in range(n_repeats):
            values = data.values.copy()
            values[:, column] = random.permutation(values[:, column])
            row[n] = full - score(values)
    return Bunch(
        importances_mean=importances.mean(axis=1), importances_std=importances.std(axis=1), importances=importances
    )


def _score(estimator, X, y, **options):
    return estimator.score(X, y, **options)


def _like(X, values, offsets, form):
    """Return other values (steps, D) in the form of X, with the names of its columns."""
    made = from_steps(values, offsets, form)
    if form == "sequences":
        made.names = X.names
    if form == "list" and hasattr(X[0], "iloc"):  # pandas
        return [type(x)(rows, columns=x.columns, index=x.index) for x, rows in zip(X, made, strict=True)]
    return made
