"""Draw hidden states over the steps of a sequence."""

from typing import Any

import numpy as np

from numrnn.inspection.arguments import check_names
from numrnn.inspection.axes import SIGNED, axes_of
from numrnn.inspection.states import hidden_states
from numrnn.inspection.step_ticks import label_steps, labels_of

__all__ = ["HiddenStateDisplay"]


class HiddenStateDisplay:
    """Draw the hidden states of a layer over the steps of one sequence.

    Use `from_estimator` to create a display. All parameters are stored as attributes.

    Parameters
    ----------
    states : ndarray of shape (T, H)
        Hidden states.
    labels : list of str, optional
        Labels of the steps, such as the characters of a text.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the image: one row per unit, one column per step.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    image_ : matplotlib QuadMesh
        The image.

    See Also
    --------
    hidden_states : Compute the states.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import HiddenStateDisplay
    >>> X = np.random.default_rng(0).normal(size=(8, 30, 2))
    >>> model = RNNRegressor((8,), max_iter=2, random_state=0).fit(X, X.sum(axis=(1, 2)))
    >>> HiddenStateDisplay.from_estimator(model, X[0]).states.shape
    (30, 8)
    """

    def __init__(self, states: np.ndarray, *, labels: list[str] | None = None):
        self.states = states
        self.labels = labels

    @classmethod
    def from_estimator(cls, estimator: Any, x: Any, *, layer: int = -1, ax: Any = None) -> "HiddenStateDisplay":
        """Draw the hidden states of an estimator for one sequence.

        Parameters
        ----------
        estimator : RNNClassifier or RNNRegressor
            Fitted estimator.
        x : array-like of shape (T, D) or (T,), str, or list of tokens
            One sequence.
        layer : int, default=-1
            Number of the layer, starting at 0; -1 is the last layer.
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : HiddenStateDisplay
            Display with the attributes `ax_`, `figure_` and `image_`.
        """
        states = hidden_states(estimator, [x], layer=layer)[0]
        return cls(states, labels=labels_of(x, estimator, len(states))).plot(ax=ax)

    def plot(self, ax: Any = None) -> "HiddenStateDisplay":
        """Draw the states.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : HiddenStateDisplay
            The display itself.
        """
        if self.labels is not None:
            check_names("labels", self.labels, len(self.states))
        self.ax_ = axes_of(ax, self, (6.5, 3.4))
        self.figure_ = self.ax_.figure
        largest = np.abs(self.states).max() or 1.0
        self.image_ = self.ax_.pcolormesh(self.states.T, cmap=SIGNED, vmin=-largest, vmax=largest, rasterized=True)
        bar = self.figure_.colorbar(self.image_, ax=self.ax_, pad=0.02)
        bar.set_label("hidden state $s_t$")
        bar.outline.set_visible(False)
        label_steps(self.ax_, len(self.states), self.labels)
        units = self.states.shape[1]
        rows = np.arange(0, units, max(1, -(-units // 8)))
        self.ax_.set_yticks(rows + 0.5, rows)
        self.ax_.invert_yaxis()
        self.ax_.set_ylabel("unit")
        return self
