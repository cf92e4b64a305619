"""Create axes for displays, with colours that people with any colour vision can tell apart."""

from sklearn.utils._optional_dependencies import check_matplotlib_support

from numrnn.inspection.arguments import check_filled
from numrnn.io.messages import InputTypeError, shown

# M. Okabe, K. Ito: Color universal design, 2008; black and yellow are left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", "--", ":", "-.", (0, (3, 1, 1, 1, 1, 1)))
SIGNED, POSITIVE = "RdBu_r", "viridis"  # colour maps of numbers of both signs, and of one


def axes_of(ax, display, size=(5.5, 3.6)):
    """Return the given axes, or those of a new figure of a size in inches; `display` is named if it cannot be drawn."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    import matplotlib.pyplot as plt

    if ax is None:
        return plt.subplots(figsize=size, layout="constrained")[1]
    if not isinstance(ax, plt.Axes):
        raise InputTypeError("ax", (), f"={shown(ax)}: must be a matplotlib Axes, or None")
    return ax


def tidy(ax, grid="both"):
    """Remove frames that show nothing, and draw a light grid."""
    ax.spines[["top", "right"]].set_visible(False)
    if grid:
        ax.grid(axis=grid, alpha=0.25, linewidth=0.6)
        ax.set_axisbelow(True)


def by_name(estimator, name):
    """Return estimators as a dict by name; `estimator` is one estimator or such a dict."""
    if isinstance(estimator, dict):
        check_filled("estimator", estimator, "an estimator, or a dict with at least one estimator")
        return estimator
    if name is not None and not isinstance(name, str):
        raise InputTypeError("name", (), f"={shown(name)}: must be a str")
    return {type(estimator).__name__ if name is None else name: estimator}


def legend(ax, **options):
    """Draw a legend on the right of the axes, where it covers no data."""
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, **options)


def next_colour(ax):
    """Return the colour of the next curves in axes, which may have curves already."""
    used = len({line.get_color() for line in ax.get_lines() if line.get_color() in COLOURS})
    return COLOURS[used % len(COLOURS)]
