"""Compute the scores of the parameter `scoring` on validation data after each epoch."""

import copy
from dataclasses import replace
from functools import wraps

from numrnn.data.conversion import sequence_weights_or_none, step_weights, steps_to_sequences
from numrnn.data.sequences import Sequences
from numrnn.estimators.targets import steps_of
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.metrics.scorers import check_metric, get_scorer
from numrnn.training import FIELDS

LIBRARIES = ("sklearn", "numrnn")  # libraries whose scorers know nothing of the washout
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
        if estimator._architecture.head == "sigmoid":
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
        library = type(scorer).__module__.partition(".")[0]
        weights = {} if self._weights is None or library not in LIBRARIES else {"sample_weight": self._weights}
        if library in LIBRARIES and getattr(estimator, "output", None) == "step":
            steps, is_flat = steps_to_sequences(y, name="y"), library == "sklearn"
            weights = {key: _weights_of(value, steps, estimator.washout, is_flat) for key, value in weights.items()}
            estimator, y = _OfSteps(estimator, is_flat), _after_washout(steps, estimator.washout, is_flat)
        try:
            score = scorer(estimator, X, y, **weights)
        except (AttributeError, ValueError) as error:
            problem = f"cannot be computed on the validation data: {error}"
            raise InputError("scoring", (name,), f": {problem}", "; choose another score") from error
        try:
            return float(score)
        except (TypeError, ValueError) as error:
            raise InputTypeError("scoring", (name,), f"returned {shown(score)}: it must return a number") from error


def _after_washout(values, washout, is_flat):
    """Return the values of steps (`Sequences`) without the washout of each sequence, as one array if `is_flat`."""
    if not is_flat and not washout:
        return values
    kept = steps_of(values) >= washout
    if is_flat:
        return values.values[kept]
    return Sequences.from_concatenated(values.values[kept], values.lengths - washout)


def _weights_of(weights, steps, washout, is_flat):
    if not is_flat and (not washout or sequence_weights_or_none(weights, len(steps)) is not None):
        return weights  # weights of sequences hold for all of their steps
    return _after_washout(Sequences(step_weights(weights, steps), steps.offsets), washout, is_flat)


class _OfSteps:
    """Represent an estimator whose predictions are those of the steps after the washout."""

    def __init__(self, estimator, is_flat):
        self._estimator, self._is_flat = estimator, is_flat

    def __getattr__(self, name):
        attribute = getattr(self._estimator, name)
        if not name.startswith("predict"):
            return attribute

        @wraps(attribute)
        def of_steps(X):
            return _after_washout(steps_to_sequences(attribute(X), name=name), self._estimator.washout, self._is_flat)

        return of_steps
