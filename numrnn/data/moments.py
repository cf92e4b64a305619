"""Compute means and variances of steps block by block."""

from typing import NamedTuple

import numpy as np

NORMAL_QUARTILES = 1.3489795003921634  # distance between the quartiles of a normal distribution of variance 1


class Moments(NamedTuple):
    """Hold the number of steps, and the mean and variance of each input, arrays of shape (D,).

    Blocks are merged by the pairwise update of Chan, Golub, LeVeque (1983), eq. 2.1.
    """

    n_steps: int = 0
    mean: np.ndarray | float = 0.0
    var: np.ndarray | float = 0.0

    @classmethod
    def of(cls, steps):
        """Compute the moments of steps (n, D).

        Sums are over differences from the first step: a deviation far smaller than the mean keeps its digits, and the
        variance of a constant is exactly 0.
        """
        shifted = np.array(steps.T, np.float64, order="C")  # numpy sums contiguous numbers three times as fast
        first = shifted[:, :1].copy()
        shifted -= first
        mean = shifted.mean(axis=1, keepdims=True)
        shifted -= mean
        return cls(len(steps), (first + mean)[:, 0], np.einsum("ij,ij->i", shifted, shifted) / len(steps))

    @classmethod
    def robust(cls, steps):
        """Return the median in place of the mean, and the square of the scaled distance between the quartiles."""
        low, median, high = np.percentile(steps, [25, 50, 75], axis=0)
        return cls(len(steps), median, ((high - low) / NORMAL_QUARTILES) ** 2)

    def merged(self, other):
        """Return the moments of the steps of both."""
        n_steps = self.n_steps + other.n_steps
        share, shift = other.n_steps / n_steps, other.mean - self.mean
        var = (1 - share) * (self.var + share * shift**2) + share * other.var
        return Moments(n_steps, self.mean + share * shift, var)

    @property
    def constant(self):
        """Return which inputs are constant: their variance is below the bound of its rounding error (table 1)."""
        epsilon = np.finfo(np.float64).eps
        return self.var <= self.n_steps * epsilon * self.var + (self.n_steps * self.mean * epsilon) ** 2

    @property
    def divisors(self):
        """Return the standard deviation of each input, and 1 for constant inputs."""
        return np.where(self.constant, 1.0, np.sqrt(self.var))
