"""Compute the scores of the parameter `scoring` on validation data after each epoch."""

import copy
from dataclasses import replace
from functools import wraps

from sklearn.metrics import get_scorer

from numrnn.data.conversion import steps_to_sequences
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.training import FIELDS

_TAKEN = ("score", *FIELDS)


def resolve_scoring(scoring):
    """Convert the parameter `scoring`, in one of the forms that scikit-learn accepts, to a dict of scorers by name."""
    if scoring is None:
        return {}
    if isinstance(scoring, str):
        scoring = [scoring]
    elif callable(scoring):
        scoring = {"scorer": scoring}
    if not isinstance(scoring, dict):
        if not all(isinstance(name, str) for name in scoring) or len(set(scoring)) < len(scoring):
            raise InputError("scoring", (), f"={shown(scoring)}: must hold distinct names of scorers; or pass a dict")
        scoring = {name: name for name in scoring}
    return {name: _scorer(name, scorer) for name, scorer in scoring.items()}


def _scorer(name, scorer):
    if not isinstance(name, str) or name in _TAKEN:
        raise InputError("scoring", (), f": the name {shown(name)} must be a str other than {', '.join(_TAKEN)}")
    if callable(scorer):
        return scorer
    try:
        return get_scorer(scorer)
    except ValueError as error:
        raise InputError(
            "scoring", (), f"={shown(scorer)}: must be a name in sklearn.metrics.get_scorer_names()"
        ) from error


class ValidationScores:
    """Compute the scores of weights on validation data, which have the form in which the user passed them.

    Parameters
    ----------
    estimator : estimator
        Estimator with all fitted attributes; its weights are replaced by theta.
    scorers : dict of str to callable
    X, y, sample_weight : validation data
    """

    def __init__(self, estimator, scorers, X, y, sample_weight=None):
        self._estimator, self._scorers, self._data, self._weights = estimator, scorers, (X, y), sample_weight

    def __call__(self, theta):
        """Return the scores of weights theta as a dict of floats by name."""
        now = copy.copy(self._estimator)
        now._state = replace(self._estimator._state, theta=theta)
        return {name: self._score(name, scorer, now) for name, scorer in self._scorers.items()}

    def _score(self, name, scorer, estimator):
        X, y = self._data
        of_scikit_learn = type(scorer).__module__.startswith("sklearn.")
        weights = {} if self._weights is None or not of_scikit_learn else {"sample_weight": self._weights}
        if of_scikit_learn and getattr(estimator, "output", None) == "step":
            estimator, y = _OfSteps(estimator), steps_to_sequences(y, name="y").values
            weights = {key: steps_to_sequences(value, name=key).values for key, value in weights.items()}
        score = scorer(estimator, X, y, **weights)
        try:
            return float(score)
        except (TypeError, ValueError) as error:
            raise InputTypeError("scoring", (name,), f"returned {shown(score)}: it must return a number") from error


class _OfSteps:
    """Represent an estimator whose predictions for all steps are one array, as scikit-learn's metrics expect."""

    def __init__(self, estimator):
        self._estimator = estimator

    def __getattr__(self, name):
        attribute = getattr(self._estimator, name)
        if not name.startswith("predict"):
            return attribute

        @wraps(attribute)
        def of_steps(X):
            return steps_to_sequences(attribute(X), name=name).values

        return of_steps
