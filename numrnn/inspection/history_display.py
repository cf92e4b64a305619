"""Draw what fits recorded after each epoch."""

from typing import Any

import numpy as np

from numrnn.inspection.arguments import check_filled
from numrnn.inspection.axes import axes_of, by_name, legend, next_colour, tidy
from numrnn.io.messages import InputError, InputTypeError, shown

__all__ = ["TrainingHistoryDisplay"]

LABELS = {
    "loss": "loss",
    "validation_score": "validation score",
    "learning_rate": "learning rate",
    "gradient_norm": "norm of the gradient",
    "seconds": "seconds per epoch",
}
LOGARITHMIC = {"loss", "validation_loss", "learning_rate", "gradient_norm"}
VALIDATION = "validation"
SPREAD = 5  # values of which the largest is at least so many times the smallest are drawn on a logarithmic scale


class TrainingHistoryDisplay:
    """Draw the training history of one or several fits.

    Use `from_estimator` to create a display. All parameters are stored as attributes.

    Parameters
    ----------
    histories : dict of str to dict
        `history_` of each fit, by the name of the curve.
    metric : str, default="loss"
        Key of the histories. "loss" also draws "validation_loss", dashed.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    lines_ : list of matplotlib Line2D
        Curves of the last `plot`.

    See Also
    --------
    GradientFlowDisplay : Draw how far gradients flow back through time.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import TrainingHistoryDisplay
    >>> X = np.random.default_rng(0).normal(size=(32, 5, 2))
    >>> y = X.sum(axis=(1, 2))
    >>> models = {cell: RNNRegressor((4,), cell=cell, max_iter=3, random_state=0).fit(X, y)
    ...           for cell in ("gru", "lstm")}
    >>> display = TrainingHistoryDisplay.from_estimator(models)
    >>> [line.get_label() for line in display.lines_]
    ['gru', 'lstm']
    """

    def __init__(self, histories: dict[str, dict[str, np.ndarray]], *, metric: str = "loss"):
        self.histories = histories
        self.metric = metric

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, metric: str = "loss", name: str | None = None, ax: Any = None
    ) -> "TrainingHistoryDisplay":
        """Draw the history of fitted estimators.

        Parameters
        ----------
        estimator : fitted estimator, or dict of str to fitted estimator
            One estimator, or several by the names of their curves.
        metric : str, default="loss"
            Key of `history_`: "loss" (with "validation_loss", dashed), "validation_score", "learning_rate",
            "gradient_norm", "seconds", or the name of a score in `scoring`.
        name : str, optional
            Name of the curve of a single estimator; the default is the name of its class.
        ax : matplotlib Axes, optional
            Axes to draw in; those of another display add a curve to it. By default, a new figure is created.

        Returns
        -------
        display : TrainingHistoryDisplay
            Display with the attributes `ax_`, `figure_` and `lines_`.

        Raises
        ------
        ValueError, TypeError
            If an estimator has no history, or no such metric.
        """
        histories = {}
        for key, model in by_name(estimator, name).items():
            history = getattr(model, "history_", None)
            if not isinstance(history, dict):
                raise InputTypeError("estimator", (), f"={shown(model)}: must be a fitted estimator of numrnn")
            histories[key] = history
        return cls(histories, metric=metric).plot(ax=ax)

    def plot(self, ax: Any = None) -> "TrainingHistoryDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : TrainingHistoryDisplay
            The display itself.
        """
        check_filled("histories", self.histories)
        for name, history in self.histories.items():
            _check_metric(self.metric, name, history)
        self.ax_ = axes_of(ax, self, (6.2, 3.6))
        self.figure_ = self.ax_.figure
        self.lines_ = []
        for name, history in self.histories.items():
            colour = next_colour(self.ax_)
            options = {"color": colour, "linewidth": 1.8}
            self._draw(history, self.metric, label=name, **options)
            if self.metric == "loss" and np.isfinite(history.get("validation_loss", [np.nan])).any():
                self._draw(history, "validation_loss", label="_", linestyle="--", **options)
        dashed = any(line.get_linestyle() == "--" for line in self.ax_.get_lines())
        if dashed and VALIDATION not in self.ax_.get_legend_handles_labels()[1]:
            self.ax_.plot([], [], color="0.4", linewidth=1.8, linestyle="--", label=VALIDATION)
        values = np.concatenate([line.get_ydata() for line in self.ax_.get_lines()])
        values = values[np.isfinite(values)]
        if self.metric in LOGARITHMIC and values.min() > 0 and values.max() >= SPREAD * values.min():
            self.ax_.set_yscale("log")
        self.ax_.set(xlabel="epoch", ylabel=LABELS.get(self.metric, self.metric.replace("_", " ")))
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        tidy(self.ax_)
        if len(self.ax_.get_legend_handles_labels()[1]) > 1:
            legend(self.ax_)
        return self

    def _draw(self, history, metric, **options):
        self.lines_ += self.ax_.plot(history["epoch"], history[metric], **options)


def _check_metric(metric, name, history):
    """Raise an error unless the history called `name` has finite values of a metric."""
    if not isinstance(history, dict):
        problem = f"={shown(history)}: must be the `history_` of a fitted estimator"
        raise InputTypeError("histories", (repr(name),), problem)
    known = [each for each, values in history.items() if each != "epoch" and np.isfinite(values).any()]
    if not known:
        problem = f"={shown(metric)}: the history of {shown(name)} is empty, since the estimator has not been trained"
        raise InputError("metric", (), problem, "; call fit")
    if not isinstance(metric, str) or metric not in known:
        problem = f"={shown(metric)}: must be one of {', '.join(map(repr, known))} of the history of {shown(name)}"
        raise InputError("metric", (), problem)
