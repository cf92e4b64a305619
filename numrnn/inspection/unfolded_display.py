"""Draw a recurrent network, folded and unfolded in time."""

from typing import Any

from numrnn.inspection.arguments import check_count
from numrnn.inspection.axes import COLOURS, axes_of
from numrnn.inspection.fitted import read_estimator

__all__ = ["UnfoldedDisplay"]

RADIUS = 0.3
STATE, INPUT, OUTPUT = COLOURS[0], COLOURS[2], COLOURS[1]


class UnfoldedDisplay:
    """Draw a recurrent network as in a textbook: folded on the left, unfolded over three steps on the right.

    Inputs x_t enter by U, hidden states s_t are passed on by W, and outputs h_t are read by V. Use `from_estimator` to
    create a display of a fitted network. All parameters are stored as attributes.

    Parameters
    ----------
    n_layers : int, default=1
        Number of layers.
    bidirectional : bool, default=False
        Whether each layer also reads in reverse, by weights W'.
    per_step : bool, default=True
        Whether there is an output per step, or only one after the last step.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the drawing.
    figure_ : matplotlib Figure
        Figure that contains the axes.

    References
    ----------
    - I. Goodfellow, Y. Bengio, A. Courville: Deep learning. MIT Press 2016, chapter 10.

    Examples
    --------
    >>> from numrnn.inspection import UnfoldedDisplay
    >>> display = UnfoldedDisplay(n_layers=2).plot()
    >>> "$s_{t-1}^{(2)}$" in [text.get_text() for text in display.ax_.texts]
    True
    """

    def __init__(self, n_layers: int = 1, *, bidirectional: bool = False, per_step: bool = True):
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.per_step = per_step

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> "UnfoldedDisplay":
        """Draw the network of a fitted estimator.

        Parameters
        ----------
        estimator : RNNClassifier or RNNRegressor
            Fitted estimator.
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : UnfoldedDisplay
            Display with the attributes `ax_` and `figure_`.
        """
        architecture = read_estimator(estimator).architecture
        display = cls(
            len(architecture.hidden_layer_sizes),
            bidirectional=architecture.bidirectional,
            per_step=architecture.output == "step",
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> "UnfoldedDisplay":
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : UnfoldedDisplay
            The display itself.
        """
        check_count("n_layers", self.n_layers)
        height = self.n_layers + 1.0
        self.ax_ = axes_of(ax, self, (7.6, 0.91 * (height + 0.9)))
        self.figure_ = self.ax_.figure
        self._draw_column(0.0, "", folded=True)
        self.ax_.annotate("", (1.95, height / 2), (1.05, height / 2), arrowprops={"arrowstyle": "simple", "fc": "0.55",
                                                                                  "ec": "none"})  # fmt: skip
        self.ax_.text(1.5, height / 2 + 0.22, "unfold", ha="center", color="0.3", fontsize=10)
        steps = {3.4: "t-1", 4.9: "t", 6.4: "t+1"}
        for x, step in steps.items():
            last = x == max(steps)
            self._draw_column(x, f"_{{{step}}}", has_output=self.per_step or last)
        self._draw_rows([2.3, *steps, 7.5])
        self.ax_.set(xlim=(-1.35, 7.6), ylim=(-0.45, height + 0.45), aspect="equal")
        self.ax_.set_axis_off()
        return self

    def _draw_column(self, x, step, folded=False, has_output=True):
        """Draw input, states and output of a step, one above the other."""
        top = self.n_layers + 1
        self._draw_node(x, 0, f"$x{step}$", INPUT)
        for layer in range(1, top):
            self._draw_node(x, layer, f"$s{step}{self._mark(layer)}$", STATE)
            self._draw_arrow((x, layer - 1), (x, layer), f"$U{self._mark(layer)}$")
            if folded:
                self._draw_loop(x, layer)
        if has_output:
            self._draw_node(x, top, f"$h{step}$", OUTPUT)
            self._draw_arrow((x, top - 1), (x, top), "$V$")

    def _draw_rows(self, places):
        """Draw arrows from the states of each step to the next."""
        for layer in range(1, self.n_layers + 1):
            pairs = list(zip(places[:-1], places[1:], strict=True))
            for number, (left, right) in enumerate(pairs):
                label = f"$W{self._mark(layer)}$"
                open_left, open_right = number == 0, number == len(pairs) - 1
                ends = (left if open_left else left + RADIUS), (right if open_right else right - RADIUS)
                shift = 0.07 if self.bidirectional else 0.0
                self._draw_line(ends[0], ends[1], layer + shift)
                if self.bidirectional:
                    self._draw_line(ends[1], ends[0], layer - shift)
                    below = label.replace("W", "W'")
                    self.ax_.text(sum(ends) / 2, layer - 0.13, below, ha="center", va="top", fontsize=11)
                self.ax_.text(sum(ends) / 2, layer + 0.13, label, ha="center", va="bottom", fontsize=11)

    def _mark(self, layer):
        return f"^{{({layer})}}" if self.n_layers > 1 else ""

    def _draw_node(self, x, y, text, colour):
        from matplotlib.patches import Circle

        node = Circle((x, y), RADIUS, facecolor=colour, edgecolor=colour, alpha=0.18, linewidth=0)
        self.ax_.add_patch(node)
        self.ax_.add_patch(Circle((x, y), RADIUS, facecolor="none", edgecolor=colour, linewidth=1.4))
        self.ax_.text(x, y, text, ha="center", va="center", fontsize=11)

    def _draw_arrow(self, low, high, label):
        (x, y), (_, end) = low, high
        self.ax_.annotate("", (x, end - RADIUS), (x, y + RADIUS), arrowprops=_ARROW)
        self.ax_.text(x + 0.09, (y + end) / 2, label, va="center", fontsize=11)

    def _draw_line(self, start, end, y):
        self.ax_.annotate("", (end, y), (start, y), arrowprops=_ARROW)

    def _draw_loop(self, x, y):
        """Draw the arrow from a folded state to itself."""
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        near, far, side, height = x - 0.22, x - 0.95, 0.2, 0.5
        curve = [(near, y + side), (far, y + height), (far, y - height), (near, y - side)]
        path = Path(curve, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
        self.ax_.add_patch(FancyArrowPatch(path=path, **_ARROW))
        reverse = f", W'{self._mark(y)}" if self.bidirectional else ""
        self.ax_.text(x - 0.82, y, f"$W{self._mark(y)}{reverse}$", ha="right", va="center", fontsize=11)


_ARROW = {"arrowstyle": "-|>", "color": "0.25", "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11}
