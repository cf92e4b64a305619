"""Draw the learning curve."""

__all__ = ["save_learning_curve"]


def save_learning_curve(history, path, *, watched, labels):
    """Save a picture of the loss and the score over the epochs.

    Parameters
    ----------
    history : dict of str to list
        Columns of ``history.csv``.
    path : path-like
        PNG file to write.
    watched : str
        Name of the data on which the validation columns were computed, for the legends.
    labels : tuple of str
        Names of the loss and the score.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from numrnn.io import replacing

    # `Figure` without pyplot needs no window system and changes no global state.
    score = next((name for name in ("validation_score", "validation_bits") if name in history), None)
    figure = Figure(figsize=(9, 3.6) if score else (5, 3.6), layout="constrained")
    axes = figure.subplots(1, 2 if score else 1, squeeze=False)[0]
    axes[0].plot(history["epoch"], history["loss"], label="training")
    if "validation_loss" in history:
        axes[0].plot(history["epoch"], history["validation_loss"], label=watched)
        axes[0].legend(frameon=False)
    # The cross-entropy of texts decreases at most by a factor of two: a logarithmic scale would have no round numbers.
    axes[0].set(ylabel=labels[0], yscale="linear" if score == "validation_bits" else "log")
    if score:
        axes[1].plot(history["epoch"], history[score], color="C1", label=watched)
        axes[1].set_ylabel(labels[1])
        axes[1].legend(frameon=False)
    for axis in axes:
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=150)
