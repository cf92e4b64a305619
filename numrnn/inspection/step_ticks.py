"""Set labels of the steps of a sequence on a horizontal axis, whose step t spans t to t + 1."""

import numpy as np

MOST = 60  # most labels of steps that are drawn


def labels_of(x, estimator, count):
    """Return the characters or tokens of a text that are the `count` steps of an estimator, or None for numbers."""
    vocabulary = getattr(estimator, "vocabulary_", None)
    if vocabulary is None:
        return None
    labels = list(x)
    if len(labels) != count:  # the words of a str, or only the last symbols
        labels = [vocabulary.symbols_[symbol] for symbol in vocabulary.transform([x]).values]
    return [" " if each.isspace() else each for each in labels]


def label_steps(ax, count, labels=None):
    """Set the ticks to the numbers of steps, or to labels if there are few enough."""
    if labels is not None and count <= MOST:
        turned = any(len(label) > 1 for label in labels)
        ax.set_xticks(np.arange(count) + 0.5, labels, rotation=60 if turned else 0, ha="right" if turned else "center")
        ax.tick_params(axis="x", length=0)
        return
    stride = next(n * 10**k for k in range(9) for n in (1, 2, 5) if count <= 10 * n * 10**k)
    steps = np.arange(0, count, stride)
    ax.set_xticks(steps + 0.5, steps)
    ax.set_xlabel("step $t$")
