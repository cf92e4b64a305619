"""Draw how far gradients flow back through time."""

from typing import Any

from sklearn.utils import Bunch

from numrnn.data.sources import SequencesLike, TargetsLike
from numrnn.inspection.arguments import check_filled
from numrnn.inspection.axes import axes_of, by_name, legend, next_colour, tidy
from numrnn.inspection.gradient_norms import FRACTION, gradient_flow

__all__ = ["GradientFlowDisplay"]

SMALLEST = 1e-12  # smallest relative norm that is drawn


class GradientFlowDisplay:
    r"""Draw the norm of :math:`\partial L / \partial s_t` by lag, relative to the largest norm.

    A marker shows the horizon, the largest lag at which the norm is at least 1 % (the dotted line) of the largest. Use
    `from_estimator` to create a display. All parameters are stored as attributes.

    Parameters
    ----------
    flows : dict of str to Bunch
        Results of `gradient_flow`, by the name of the curve.

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
    gradient_flow : Compute the norms.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import GradientFlowDisplay
    >>> X = np.random.default_rng(0).normal(size=(8, 30, 2))
    >>> y = X.sum(axis=(1, 2))
    >>> models = {cell: RNNRegressor((8,), cell=cell, random_state=0).initialize(X, y) for cell in ("elman", "lstm")}
    >>> display = GradientFlowDisplay.from_estimator(models, X, y)
    >>> display.ax_.get_yscale()
    'log'
    """

    def __init__(self, flows: dict[str, Bunch]):
        self.flows = flows

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: SequencesLike,
        y: TargetsLike,
        *,
        layer: int = -1,
        name: str | None = None,
        ax: Any = None,
    ) -> "GradientFlowDisplay":
        """Draw the gradient flow of fitted or initialised estimators.

        Parameters
        ----------
        estimator : estimator, or dict of str to estimator
            One estimator, or several by the names of their curves.
        X, y, layer : as in `gradient_flow`
            Sequences, targets and number of the layer.
        name : str, optional
            Name of the curve of a single estimator; the default is the name of its class.
        ax : matplotlib Axes, optional
            Axes to draw in; those of another display add a curve to it. By default, a new figure is created.

        Returns
        -------
        display : GradientFlowDisplay
            Display with the attributes `ax_`, `figure_` and `lines_`.
        """
        flows = {key: gradient_flow(model, X, y, layer=layer) for key, model in by_name(estimator, name).items()}
        return cls(flows).plot(ax=ax)

    def plot(self, ax: Any = None) -> "GradientFlowDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : GradientFlowDisplay
            The display itself.
        """
        check_filled("flows", self.flows)
        self.ax_ = axes_of(ax, self, (6.6, 3.6))
        self.figure_ = self.ax_.figure
        self.lines_ = []
        for name, flow in self.flows.items():
            relative, colour = flow.norms / flow.norms.max(), next_colour(self.ax_)
            label = f"{name} (horizon {flow.horizon})"
            self.lines_ += self.ax_.plot(relative.clip(SMALLEST), color=colour, linewidth=1.8, label=label)
            self.ax_.plot(
                [flow.horizon], relative[[flow.horizon]], "o", color=colour, markersize=6, markeredgecolor="w"
            )
        self.ax_.set(
            yscale="log",
            ylim=(0.5 * min(FRACTION, *self._smallest()), 1.6),
            xlabel="lag: steps before the last one",
            ylabel=r"norm of $\partial L / \partial s_t$, relative",
        )
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        tidy(self.ax_)
        if FRACTION not in [line.get_ydata()[0] for line in self.ax_.get_lines()]:
            self.ax_.axhline(FRACTION, color="0.5", linewidth=0.8, linestyle=":")
        legend(self.ax_)
        return self

    def _smallest(self):
        """Return the smallest value of each curve."""
        return [line.get_ydata().min() for line in self.ax_.get_lines() if len(line.get_ydata()) > 1]
