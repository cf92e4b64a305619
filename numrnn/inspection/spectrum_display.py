"""Draw eigenvalues of W, singular values of the Jacobians of steps, and Lyapunov exponents."""

from typing import Any, Literal

import numpy as np

from numrnn.data.sources import SequencesLike
from numrnn.inspection.arguments import check_choice, check_filled
from numrnn.inspection.axes import COLOURS, axes_of, legend, tidy
from numrnn.inspection.dynamics import jacobian_singular_values, lyapunov_exponents, recurrent_eigenvalues
from numrnn.io.messages import InputError, shown

__all__ = ["SpectrumDisplay"]

MARKERS = ("o", "s", "^", "D")
KINDS = ("eigenvalues", "singular_values", "lyapunov")


class SpectrumDisplay:
    """Draw a spectrum of a recurrent layer.

    Use `from_estimator` to create a display. All parameters are stored as attributes.

    Parameters
    ----------
    values : dict of str to ndarray of shape (H,), ndarray of shape (steps, S), or ndarray of shape (S,)
        Eigenvalues by the part of W, singular values of the Jacobians of many steps, or Lyapunov exponents.
    kind : {"eigenvalues", "singular_values", "lyapunov"}, default="eigenvalues"
        What the values are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the values.
    figure_ : matplotlib Figure
        Figure that contains the axes.

    See Also
    --------
    recurrent_eigenvalues : Compute the eigenvalues.
    jacobian_singular_values : Compute the singular values.
    lyapunov_exponents : Estimate the exponents.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import SpectrumDisplay
    >>> X = np.random.default_rng(0).normal(size=(8, 30, 2))
    >>> model = RNNRegressor((8,), cell="elman", max_iter=2, random_state=0).fit(X, X.sum(axis=(1, 2)))
    >>> SpectrumDisplay.from_estimator(model).values["W"].shape
    (8,)
    >>> SpectrumDisplay.from_estimator(model, X, kind="lyapunov").values.shape
    (8,)
    """

    def __init__(self, values: Any, *, kind: str = "eigenvalues"):
        self.values = values
        self.kind = kind

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: SequencesLike | None = None,
        *,
        kind: Literal["eigenvalues", "singular_values", "lyapunov"] = "eigenvalues",
        layer: int = -1,
        ax: Any = None,
    ) -> "SpectrumDisplay":
        """Draw a spectrum of an estimator's layer.

        Parameters
        ----------
        estimator : RNNClassifier or RNNRegressor
            Fitted estimator.
        X : as in `fit`, optional
            Sequences; the eigenvalues do not need them.
        kind : {"eigenvalues", "singular_values", "lyapunov"}, default="eigenvalues"
            What to draw: eigenvalues of W with the unit circle; the singular values of the Jacobian of a step (median,
            and 5 % to 95 % of the steps); or Lyapunov exponents.
        layer : int, default=-1
            Number of the layer, starting at 0; -1 is the last layer.
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : SpectrumDisplay
            Display with the attributes `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If `kind` is unknown or needs X.
        """
        check_choice("kind", kind, KINDS)
        if kind == "eigenvalues":
            return cls(recurrent_eigenvalues(estimator, layer=layer), kind=kind).plot(ax=ax)
        if X is None:
            raise InputError("X", (), f"=None: must be sequences for kind={shown(kind)}")
        if kind == "singular_values":
            values = np.concatenate(list(jacobian_singular_values(estimator, X, layer=layer)))
        else:
            values = lyapunov_exponents(estimator, X, layer=layer)
        return cls(values, kind=kind).plot(ax=ax)

    def plot(self, ax: Any = None) -> "SpectrumDisplay":
        """Draw the spectrum.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw in. By default, a new figure is created.

        Returns
        -------
        display : SpectrumDisplay
            The display itself.
        """
        self._check()
        self.ax_ = axes_of(ax, self, (5.2, 4.2) if self.kind == "eigenvalues" else (5.5, 3.6))
        self.figure_ = self.ax_.figure
        {"eigenvalues": self._circle, "singular_values": self._band, "lyapunov": self._bars}[self.kind]()
        tidy(self.ax_)
        return self

    def _check(self):
        check_choice("kind", self.kind, KINDS)
        if self.kind == "eigenvalues":
            check_filled("values", self.values)
            return
        n_axes, shape = (2, "(steps, S)") if self.kind == "singular_values" else (1, "(S,)")
        if np.ndim(self.values) != n_axes:
            problem = f"has shape {np.shape(self.values)}: must have shape {shape} for kind={shown(self.kind)}"
            raise InputError("values", (), problem)

    def _circle(self):
        angle = np.linspace(0, 2 * np.pi, 200)
        self.ax_.plot(np.cos(angle), np.sin(angle), color="0.5", linewidth=0.8, zorder=1)
        for (name, each), colour, marker in zip(self.values.items(), COLOURS, MARKERS, strict=False):
            label = "$W$" if name == "W" else f"$W_{name}$"
            self.ax_.scatter(
                each.real, each.imag, color=colour, marker=marker, s=26, alpha=0.8, linewidths=0, label=label, zorder=2
            )
        limit = 1.1 * max(1.0, *(np.abs(each).max() for each in self.values.values()))
        self.ax_.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel="real part of the eigenvalue")
        self.ax_.set_ylabel("imaginary part")
        self.ax_.set_box_aspect(1)
        if len(self.values) > 1:
            legend(self.ax_)

    def _band(self):
        numbers = np.arange(1, self.values.shape[1] + 1)
        low, middle, high = np.quantile(self.values, [0.05, 0.5, 0.95], axis=0)
        self.ax_.fill_between(numbers, low, high, color=COLOURS[0], alpha=0.25, linewidth=0, label="5 % to 95 %")
        self.ax_.plot(numbers, middle, color=COLOURS[0], linewidth=1.8, label="median of the steps")
        self.ax_.axhline(1, color="0.5", linewidth=0.8)
        self.ax_.set(
            xlabel="number, largest first",
            ylabel=r"singular value of $\partial s_t / \partial s_{t-1}$",
            ylim=(0, None),
        )
        self.ax_.legend(frameon=False)

    def _bars(self):
        numbers = np.arange(1, len(self.values) + 1)
        self.ax_.axhline(0, color="0.5", linewidth=0.8)
        self.ax_.plot(numbers, self.values, "o-", color=COLOURS[0], linewidth=1.2, markersize=4)
        self.ax_.set(xlabel="number, largest first", ylabel="Lyapunov exponent (nats per step)")
