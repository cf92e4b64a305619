"""Draw how often gates are closed or open."""

from typing import Any

from sklearn.utils import Bunch

from numrnn.data.sources import SequencesLike
from numrnn.inspection.arguments import check_filled
from numrnn.inspection.axes import COLOURS, axes_of, legend, tidy
from numrnn.inspection.states import gate_saturation

__all__ = ["GateDisplay"]

NAMES = {"r": "reset $r$", "z": "update $z$", "i": "input $i$", "f": "forget $f$", "o": "output $o$"}
MARKERS = ("o", "s", "^")


class GateDisplay:
    """Draw the saturation of gates: each point is a unit, its coordinates are how often its gate is closed and open.

    Units on the lower right are almost always closed, those on the upper left almost always open. Use `from_estimator`
    to create a display. All parameters are stored as attributes.

    Parameters
    ----------
    saturation : dict of str to Bunch
        Result of `gate_saturation`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points.
    figure_ : matplotlib Figure
        Figure that contains the axes.

    See Also
    --------
    gate_saturation : Compute the fractions.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import GateDisplay
    >>> X = np.random.default_rng(0).normal(size=(8, 30, 2))
    >>> model = RNNRegressor((8,), cell="lstm", max_iter=2, random_state=0).fit(X, X.sum(axis=(1, 2)))
    >>> sorted(GateDisplay.from_estimator(model, X).saturation)
    ['f', 'i', 'o']
    """

    def __init__(self, saturation: dict[str, Bunch]):
        self.saturation = saturation

    @classmethod
    def from_estimator(cls, estimator: Any, X: SequencesLike, *, layer: int = -1, ax: Any = None) -> "GateDisplay":
        """Draw the saturation of an estimator's gates.

        Parameters
        ----------
        estimator, X, layer : as in `gate_saturation`
            Fitted estimator, sequences and number of the layer.
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : GateDisplay
            Display with the attributes `ax_` and `figure_`.
        """
        return cls(gate_saturation(estimator, X, layer=layer)).plot(ax=ax)

    def plot(self, ax: Any = None) -> "GateDisplay":
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : GateDisplay
            The display itself.
        """
        check_filled("saturation", self.saturation)
        self.ax_ = axes_of(ax, self, (5.4, 4.2))
        self.figure_ = self.ax_.figure
        self.ax_.plot([0, 1], [1, 0], color="0.6", linewidth=0.8, zorder=1)
        for (name, each), colour, marker in zip(self.saturation.items(), COLOURS, MARKERS, strict=False):
            self.ax_.scatter(
                each.closed, each.open, color=colour, marker=marker, s=34, alpha=0.75, linewidths=0,
                label=NAMES.get(name, name), clip_on=False, zorder=2,
            )  # fmt: skip
        most = max(max(each.closed.max(), each.open.max()) for each in self.saturation.values())
        limit = min(1.0, max(0.1, 1.1 * most))
        self.ax_.set_box_aspect(1)
        self.ax_.set(
            xlim=(0, limit),
            ylim=(0, limit),
            xlabel="fraction of steps with the gate closed (< 0.1)",
            ylabel="fraction of steps with the gate open (> 0.9)",
        )
        tidy(self.ax_)
        legend(self.ax_, title="gate")
        return self
