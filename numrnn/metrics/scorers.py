"""Make scorers of metrics, and give names to those of this package."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sklearn.metrics
from sklearn.utils.metadata_routing import MetadataRequest

from numrnn.data.conversion import step_weights, steps_to_sequences
from numrnn.io.messages import InputError, shown
from numrnn.metrics.edits import edit_distance, exact_match
from numrnn.metrics.spans import span_f1
from numrnn.metrics.steps import sequence_log_loss, step_accuracy, step_log_loss

__all__ = ["check_metric", "get_scorer", "get_scorer_names", "make_step_scorer"]

_OF_PROBABILITIES = (step_log_loss, sequence_log_loss)
_OF_SEQUENCES = (*_OF_PROBABILITIES, step_accuracy, span_f1, edit_distance, exact_match)
_NAMES = {
    "exact_match": (exact_match, {}),
    "neg_edit_distance": (edit_distance, {"greater_is_better": False}),
    "neg_sequence_log_loss": (sequence_log_loss, {"greater_is_better": False, "response_method": "predict_proba"}),
    "neg_step_log_loss": (step_log_loss, {"greater_is_better": False, "response_method": "predict_proba"}),
    "span_f1": (span_f1, {}),
    "step_accuracy": (step_accuracy, {}),
}


def make_step_scorer(
    metric: Callable[..., float], *, greater_is_better: bool = True, response_method: str = "predict", **options: Any
) -> Callable[..., float]:
    """Make a scorer of predictions per step from a metric of scikit-learn or of `numrnn.metrics`.

    In contrast to `sklearn.metrics.make_scorer`, the steps of all sequences are concatenated before they are passed to
    the metric. The metrics of `numrnn.metrics` receive the sequences themselves.

    Parameters
    ----------
    metric : callable (y_true, y_pred, ...) -> float
        Metric such as `sklearn.metrics.f1_score` or `numrnn.metrics.span_f1`.
    greater_is_better : bool, default=True
        Whether the metric is a score. The scorer of a loss returns its negative.
    response_method : {"predict", "predict_proba", "predict_log_proba"}, default="predict"
        Method that returns `y_pred`. For two classes, the metric receives the column of the second, as in scikit-learn.
    **options : keyword arguments
        Further arguments of the metric.

    Returns
    -------
    scorer : callable (estimator, X, y, sample_weight=None) -> float
        Scorer for `scoring=` of scikit-learn's tools. `sample_weight` has one weight per sequence, or per step in any
        form. With metadata routing, request it with ``scorer.set_score_request(sample_weight=True)``. The scorer raises
        an error if `metric` is `sklearn.metrics.log_loss` and y is multi-label, since scikit-learn would take the rows
        of y for one-hot classes; use `numrnn.metrics.step_log_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from sklearn.metrics import f1_score
    >>> from numrnn.model_selection import make_step_scorer
    >>> class Sign(BaseEstimator):
    ...     def predict(self, X):
    ...         return [x[:, 0] > 0 for x in X]
    >>> scorer = make_step_scorer(f1_score)
    >>> scorer(Sign(), [np.array([[1.0], [-2.0]]), np.array([[3.0]])], [[True, False], [True]])
    1.0
    """
    return _StepScorer(metric, 1 if greater_is_better else -1, response_method, options)


def get_scorer(scoring: str | Callable[..., float]) -> Callable[..., float]:
    """Return a scorer by its name in numrnn or in scikit-learn.

    Parameters
    ----------
    scoring : str or callable
        Name in `get_scorer_names` or in `sklearn.metrics.get_scorer_names`. A callable is returned as it is.

    Returns
    -------
    scorer : callable (estimator, X, y, sample_weight=None) -> float
        Scorer for `scoring=` of scikit-learn's tools; greater is better.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> from numrnn import RNNClassifier
    >>> from numrnn.metrics import get_scorer
    >>> X = [np.random.default_rng(i).normal(size=(i + 2, 1)) for i in range(6)]
    >>> y = [(x[:, 0] > 0).astype(int) for x in X]
    >>> model = RNNClassifier((4,), output="step", max_iter=2, random_state=0)
    >>> cross_val_score(model, X, y, cv=3, scoring=get_scorer("step_accuracy")).shape
    (3,)
    """
    if isinstance(scoring, str) and scoring in _NAMES:
        metric, options = _NAMES[scoring]
        return make_step_scorer(metric, **options)
    if callable(scoring):
        return scoring
    if not isinstance(scoring, str) or scoring not in sklearn.metrics.get_scorer_names():
        expected = "must be a name in sklearn.metrics.get_scorer_names() or numrnn.metrics.get_scorer_names()"
        raise InputError("scoring", (), f"={shown(scoring)}: {expected}", "; or pass a callable")
    return sklearn.metrics.get_scorer(scoring)


def get_scorer_names() -> list[str]:
    """Return the names of the scorers that numrnn adds to those of scikit-learn.

    Returns
    -------
    names : list of str
        Names for `get_scorer`, and for the parameter `scoring` of numrnn's estimators.

    Examples
    --------
    >>> from numrnn.metrics import get_scorer_names
    >>> get_scorer_names()[:3]
    ['exact_match', 'neg_edit_distance', 'neg_sequence_log_loss']
    """
    return sorted(_NAMES)


def check_metric(metric, n_columns, name="metric"):
    """Raise an error if scikit-learn's log loss would read multi-label targets, which have several columns.

    It would take their rows for one-hot classes. `name` is the name in errors of the argument with the metric.
    """
    while isinstance(metric, partial):
        metric = metric.func
    if n_columns > 1 and metric is sklearn.metrics.log_loss:
        expected = (
            "must not be scikit-learn's log_loss for multi-label targets, whose rows it takes for one-hot classes"
        )
        raise InputError(name, (), f": {expected}; use numrnn.metrics.step_log_loss, or its name 'neg_step_log_loss'")


class _StepScorer:
    def __init__(self, metric, sign, response_method, options):
        self.metric = metric
        self.sign = sign
        self.response_method = response_method
        self.options = options
        self._request = MetadataRequest(owner=repr(self))

    def __repr__(self):
        options = "".join(f", {key}={shown(value)}" for key, value in self.options.items())
        sign = "" if self.sign > 0 else ", greater_is_better=False"
        name = getattr(self.metric, "__name__", repr(self.metric))
        return f"make_step_scorer({name}{sign}, response_method={shown(self.response_method)}{options})"

    def set_score_request(self, *, sample_weight):
        """Set whether the scorer requests `sample_weight` (True, False, None, or the name of the metadata)."""
        self._request.score.add_request(param="sample_weight", alias=sample_weight)
        return self

    def get_metadata_routing(self):
        """Return the metadata that the scorer requests from scikit-learn."""
        return self._request

    def __call__(self, estimator, X, y, sample_weight=None):
        options = dict(self.options)
        predictions = getattr(estimator, self.response_method)(X)
        if any(self.metric is metric for metric in _OF_SEQUENCES):
            if sample_weight is not None:
                options["sample_weight"] = sample_weight
            if self.metric in _OF_PROBABILITIES:
                y = steps_to_sequences(y, name="y")
                if y.values.ndim == 1 or y.values.shape[1] == 1:
                    options.setdefault("labels", getattr(estimator, "classes_", None))
            return self.sign * self.metric(y, predictions, **options)
        y_true, y_pred = steps_to_sequences(y, name="y"), steps_to_sequences(predictions, name="predictions")
        if not np.array_equal(y_true.lengths, y_pred.lengths):
            found = f"got {len(y_true)} sequences for {len(y_pred)} predictions"
            if len(y_true) == len(y_pred):
                i = int(np.argmax(y_true.lengths != y_pred.lengths))
                found = f"but y[{i}] has {y_true.lengths[i]} and its prediction has {y_pred.lengths[i]}"
            raise InputError("y", (), f"must have as many steps per sequence as the predictions, {found}")
        check_metric(self.metric, y_true.values.size // max(1, len(y_true.values)))
        if sample_weight is not None:
            options["sample_weight"] = step_weights(sample_weight, y_true)
        return self.sign * self.metric(y_true.values, self._columns(estimator, y_true, y_pred), **options)

    def _columns(self, estimator, y_true, y_pred):
        columns = y_pred.values
        of_two_classes = len(getattr(estimator, "classes_", ())) == 2 and y_true.values.ndim == 1
        return columns[:, 1] if of_two_classes and columns.ndim == 2 else columns
