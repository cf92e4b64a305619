"""What a network is trained towards."""

from typing import NamedTuple

import numpy as np

__all__ = ["Targets"]


class Targets(NamedTuple):
    """Targets and their weights, one row per sequence, or per step in the order of the steps of `Sequences.values`.

    Attributes
    ----------
    values : ndarray
        Class indices, int64 of shape (n,), or targets of the network's dtype and shape (n, K).
    weights : ndarray of shape (n,), float64, or None
        Products of sample, class and step weights; None = all ones.
    """

    values: np.ndarray
    weights: np.ndarray | None = None
