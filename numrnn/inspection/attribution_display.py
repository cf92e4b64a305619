"""Draw the influence of inputs over the steps of a sequence, or over a text."""

from typing import Any

import numpy as np

from numrnn.inspection.arguments import check_names
from numrnn.inspection.attributions import attribute
from numrnn.inspection.axes import COLOURS, SIGNED, axes_of, tidy
from numrnn.inspection.step_ticks import label_steps, labels_of
from numrnn.io.messages import InputError

__all__ = ["AttributionDisplay"]

WIDTH = 60  # characters of a line of text
SHADE = 0.6  # share of the colour map that text uses, so that black letters stay readable


class AttributionDisplay:
    """Draw the influence of each input at each step of one sequence on an output.

    Several inputs are drawn as an image, one input as bars, and the symbols of a text on a background whose colour
    shows their influence. Use `from_estimator` to create a display. All parameters are stored as attributes.

    Parameters
    ----------
    attributions : ndarray of shape (T, D) or (T,)
        Result of `attribute` for one sequence.
    labels : list of str, optional
        Characters or tokens of a text, one per step.
    input_names : sequence of str, optional
        Names of the inputs.
    quantity : str, default="influence"
        Name of the values. With another name, the display also draws other values of steps, such as the surprisal of
        the symbols of a text.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the image, the bars or the text.
    figure_ : matplotlib Figure
        Figure that contains the axes.

    See Also
    --------
    attribute : Compute the influences.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import AttributionDisplay
    >>> X = np.random.default_rng(0).normal(size=(8, 30, 2))
    >>> model = RNNRegressor((8,), max_iter=2, random_state=0).fit(X, X.sum(axis=(1, 2)))
    >>> AttributionDisplay.from_estimator(model, X[0], method="integrated").attributions.shape
    (30, 2)
    """

    def __init__(
        self,
        attributions: np.ndarray,
        *,
        labels: list[str] | None = None,
        input_names: Any = None,
        quantity: str = "influence",
    ):
        self.attributions = attributions
        self.labels = labels
        self.input_names = input_names
        self.quantity = quantity

    @classmethod
    def from_estimator(
        cls, estimator: Any, x: Any, *, input_names: Any = None, ax: Any = None, **options: Any
    ) -> "AttributionDisplay":
        """Draw the influences on an output of an estimator for one sequence.

        Parameters
        ----------
        estimator : RNNClassifier or RNNRegressor
            Fitted estimator.
        x : array-like of shape (T, D) or (T,), str, or list of tokens
            One sequence.
        input_names : sequence of str, optional
            Names of the inputs; the default is the names of the columns in `fit`.
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.
        **options
            Arguments of `attribute`: target, method, baseline, n_steps, output.

        Returns
        -------
        display : AttributionDisplay
            Display with the attributes `ax_` and `figure_`.
        """
        values = attribute(estimator, [x], **options)[0]
        names = getattr(estimator, "feature_names_in_", None) if input_names is None else input_names
        return cls(values, labels=labels_of(x, estimator, len(values)), input_names=names).plot(ax=ax)

    def plot(self, ax: Any = None) -> "AttributionDisplay":
        """Draw the influences.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : AttributionDisplay
            The display itself.
        """
        values = self._checked()
        if self.labels is not None:
            lines = _lines(self.labels)
            self.ax_ = axes_of(ax, self, (6.5, 0.55 + 0.3 * len(lines)))
            self._draw_text(values, lines)
        elif values.ndim == 2:
            self.ax_ = axes_of(ax, self, (6.5, min(4.0, 1.6 + 0.22 * values.shape[1])))
            self._draw_image(values)
        else:
            self.ax_ = axes_of(ax, self, (6.5, 2.6))
            self._draw_bars(values)
        self.figure_ = self.ax_.figure
        return self

    def _checked(self):
        """Return the values of shape (T,), or (T, D) with D > 1, after a check of labels and names."""
        values = np.asarray(self.attributions)
        if values.ndim == 2 and self.input_names is not None:
            check_names("input_names", self.input_names, values.shape[1])
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        expected = "(T,) or (T, D)" if self.labels is None else "(T,), one number for each label"
        if values.ndim not in (1, 2) or (values.ndim == 2 and self.labels is not None):
            raise InputError("attributions", (), f"has shape {values.shape}: must have shape {expected}")
        if self.labels is not None:
            check_names("labels", self.labels, len(values))
        return values

    def _draw_image(self, values):
        largest = np.abs(values).max() or 1.0
        image = self.ax_.pcolormesh(values.T, cmap=SIGNED, vmin=-largest, vmax=largest, rasterized=True)
        self._label_bar(self.ax_.figure.colorbar(image, ax=self.ax_, pad=0.02))
        label_steps(self.ax_, len(values))
        D = values.shape[1]
        names = [f"input {d}" for d in range(D)] if self.input_names is None else list(self.input_names)
        rows = np.arange(0, D, max(1, -(-D // 16)))
        self.ax_.set_yticks(rows + 0.5, [names[d] for d in rows])
        self.ax_.tick_params(axis="y", length=0)
        self.ax_.invert_yaxis()

    def _draw_bars(self, values):
        colours = np.where(values < 0, COLOURS[0], COLOURS[1])
        self.ax_.bar(np.arange(len(values)) + 0.5, values, width=1.0, color=colours)
        self.ax_.axhline(0, color="0.3", linewidth=0.8)
        label_steps(self.ax_, len(values))
        self.ax_.set(ylabel=self.quantity, xlim=(0, len(values)))
        tidy(self.ax_, grid="y")

    def _draw_text(self, values, lines):
        import matplotlib

        largest = np.abs(values).max() or 1.0
        norm = matplotlib.colors.Normalize(-largest / SHADE, largest / SHADE)
        shades = matplotlib.cm.ScalarMappable(norm, SIGNED)
        for row, line in enumerate(lines):
            for step, column, width in line:
                background = matplotlib.patches.Rectangle(
                    (column, row), width, 0.86, facecolor=shades.to_rgba(values[step]), edgecolor="none"
                )
                self.ax_.add_patch(background)
                self.ax_.text(
                    *(column + width / 2, row + 0.45, self.labels[step]), ha="center", va="center", family="monospace",
                    fontsize=10, parse_math=False,
                )  # fmt: skip
        self.ax_.set(xlim=(0, WIDTH), ylim=(len(lines), 0))
        self.ax_.set_axis_off()
        bar = self.ax_.figure.colorbar(shades, ax=self.ax_, pad=0.02, fraction=0.04, aspect=12)
        bar.ax.set_ylim(-largest if values.min() < 0 else 0, largest)
        self._label_bar(bar)

    def _label_bar(self, bar):
        bar.set_label(self.quantity)
        bar.outline.set_visible(False)
        bar.ax.locator_params(axis="y", nbins=3)


def _lines(labels):
    """Return lines of (step, column, width): lines break after tokens, or after words of characters."""
    of_tokens = any(len(label) > 1 for label in labels)
    lines, column = [[]], 0
    for first, end in _words(labels, of_tokens):
        widths = [max(1, len(label)) for label in labels[first:end]]
        if column + sum(widths) > WIDTH and lines[-1]:
            lines.append([])
            column = 0
        for step, width in zip(range(first, end), widths, strict=True):
            lines[-1].append((step, column, width))
            column += width
        column += of_tokens
    return lines


def _words(labels, of_tokens):
    """Yield the first step and the end of each part of a text that stays in one line."""
    first = 0
    for end, label in enumerate(labels, 1):
        if of_tokens or label == " " or end == len(labels) or end - first == WIDTH:
            yield first, end
            first = end
