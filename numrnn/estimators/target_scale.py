"""Standardise real targets before training, and convert predictions back."""

from typing import NamedTuple

import numpy as np

from numrnn.io.messages import InputError, shown

ROUNDING = 1e-14  # a column whose values differ by less, relative to their size, counts as constant


class TargetScale(NamedTuple):
    """Hold mean and scale of each target, float64 arrays of shape (K,); both are None if targets are not scaled."""

    mean: np.ndarray | None = None
    scale: np.ndarray | None = None

    def standardised(self, values, dtype, name):
        """Return targets (n, K) in standardised units and in the network's dtype."""
        with np.errstate(over="ignore"):
            if self.mean is not None:
                values = (np.asarray(values, np.float64) - self.mean) / self.scale
            values = np.ascontiguousarray(values, dtype=dtype)
        if not np.isfinite(values).all():
            raise InputError(
                name, (), f"contains NaN, infinity or a value too large for {shown(values.dtype)}; remove or replace it"
            )
        return values

    def check_continues(self, scale_targets):
        """Raise an error if training would continue with another value of the parameter `scale_targets`."""
        if bool(scale_targets) != (self.mean is not None):
            began = "False" if self.mean is None else "True"
            raise InputError(
                *("scale_targets", (), f"={shown(scale_targets)}: must be {began}, with which training began"),
                "; or fit anew with warm_start=False",
            )

    def restored(self, outputs):
        """Return outputs (n, K) of the network in the units of y, in float64 if targets are scaled."""
        return outputs if self.mean is None else outputs.astype(np.float64) * self.scale + self.mean


def learn_scale(values, weights=None):
    """Return the weighted mean and standard deviation of targets (n, K) as a `TargetScale`; constants have the scale 1.

    Sums are computed over differences from the first target, divided by the largest difference. Hence they do not
    overflow, and they keep the digits of targets far from zero.
    """
    values = np.asarray(values, np.float64)
    if weights is not None:
        values, weights = values[weights > 0], weights[weights > 0] / weights.max()
    first = values[0]
    with np.errstate(over="ignore"):
        differences = values - first
    largest = np.abs(differences).max(axis=0)
    if not np.isfinite(largest).all():
        raise InputError("y", (), "contains values whose differences are too large for float64")
    constant = largest <= ROUNDING * np.abs(values).max(axis=0)
    unit = np.where(constant, 1.0, largest)
    shares = differences / unit
    mean = np.average(shares, axis=0, weights=weights)
    deviation = np.sqrt(np.average((shares - mean) ** 2, axis=0, weights=weights))
    return TargetScale(first + mean * unit, np.where(constant, 1.0, unit * deviation))
