"""Compute the scores of the parameter `scoring` on validation data after each epoch."""

import copy
from dataclasses import replace
from functools import wraps

from numrnn.data.conversion import step_weights, steps_to_sequences
from numrnn.estimators.targets import steps_of
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.metrics.scorers import check_metric, get_scorer
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
    return get_scorer(scorer)


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
        if getattr(estimator._architecture, "head", None) == "sigmoid":
            for scorer in scorers.values():
                metric = getattr(scorer, "metric", getattr(scorer, "_score_func", None))
                check_metric(metric, estimator.n_outputs_, "scoring")

    def __call__(self, theta):
        """Return the scores of weights theta as a dict of floats by name."""
        now = copy.copy(self._estimator)
        now._state = replace(self._estimator._state, theta=theta)
        return {name: self._score(name, scorer, now) for name, scorer in self._scorers.items()}

    def _score(self, name, scorer, estimator):
        X, y = self._data
        of_scikit_learn = type(scorer).__module__.startswith("sklearn.")
        takes_weights = of_scikit_learn or type(scorer).__module__.startswith("numrnn.metrics.")
        weights = {} if self._weights is None or not takes_weights else {"sample_weight": self._weights}
        if of_scikit_learn and getattr(estimator, "output", None) == "step":
            steps = steps_to_sequences(y, name="y")
            kept = steps_of(steps) >= estimator.washout
            estimator, y = _OfSteps(estimator, kept), steps.values[kept]
            weights = {key: step_weights(value, steps)[kept] for key, value in weights.items()}
        score = scorer(estimator, X, y, **weights)
        try:
            return float(score)
        except (TypeError, ValueError) as error:
            raise InputTypeError("scoring", (name,), f"returned {shown(score)}: it must return a number") from error


class _OfSteps:
    """Represent an estimator whose predictions for the steps after the washout are one array."""

    def __init__(self, estimator, kept):
        self._estimator, self._kept = estimator, kept

    def __getattr__(self, name):
        attribute = getattr(self._estimator, name)
        if not name.startswith("predict"):
            return attribute

        @wraps(attribute)
        def of_steps(X):
            return steps_to_sequences(attribute(X), name=name).values[self._kept]

        return of_steps
