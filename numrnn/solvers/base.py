"""Define the base class of solvers."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator

from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.kernels.cpu import updates


class Solver(BaseEstimator):
    """Define an update rule by its options; the caller holds parameters and state as flat arrays.

    Derived classes set `_ranges`, a table of their numeric options (name -> (type, lowest value, first value that is
    too high)), choose one of the compiled rules (`rule`) and return the numbers that the rule needs (`scalars`).

    Examples
    --------
    >>> from numrnn.solvers import SGD, Solver
    >>> isinstance(SGD(), Solver)
    True
    """

    _ranges = {}

    def check_options(self) -> None:
        """Check the options against `_ranges`.

        Raises
        ------
        ValueError
            If an option is out of range.
        TypeError
            If an option has a wrong type.
        """
        for name, (kind, low, end) in self._ranges.items():
            value = getattr(self, name)
            if not isinstance(value, kind) or isinstance(value, bool):
                expected = "an integer" if kind is Integral else "a number"
                raise InputTypeError(f"{type(self).__name__}: {name}", (), f"must be {expected}, got {shown(value)}")
            if not low <= value < end or isinstance(value, Integral) and value > LARGEST:
                problem = f"must be in [{low}, {end}), got {shown(value)}"
                raise InputError(f"{type(self).__name__}: {name}", (), problem)

    def init_state(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Return the initial values of the arrays that are kept between steps.

        Parameters
        ----------
        theta : ndarray of shape (P,)
            Flat parameters.

        Returns
        -------
        state : dict of str to ndarray of shape (P,)
            Arrays of theta's dtype; an empty dict if the rule has no state.
        """
        return {}

    def rule(self) -> int:
        """Return the compiled rule that performs a step.

        Returns
        -------
        rule : int
            A constant of `numrnn.kernels.cpu.updates`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method rule, which single steps need; define it")

    def scalars(self, learning_rate: float, n_updates: int) -> tuple[float, ...]:
        """Return the numbers that the rule needs for a step, in the order in which it unpacks them.

        Parameters
        ----------
        learning_rate : float
            Learning rate of the step.
        n_updates : int
            Number of the step, from 1.

        Returns
        -------
        scalars : tuple of float
            The numbers.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method scalars, which single steps need; define it")

    def step(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        state: dict[str, np.ndarray],
        learning_rate: float,
        n_updates: int,
    ) -> None:
        """Perform one step in place.

        Parameters
        ----------
        theta, grad : ndarray of shape (P,)
            Parameters, which are changed, and gradient, which is not changed; float32 or float64.
        state : dict of str to ndarray of shape (P,)
            Arrays that `init_state` returned, which are changed.
        learning_rate : float
            Learning rate of the step.
        n_updates : int
            Number of the step, from 1.
        """
        scalars = np.array(self.scalars(learning_rate, n_updates), theta.dtype)
        updates.step(self.rule(), theta, grad, *state_arrays(state, theta), scalars)


def state_arrays(state, theta):
    """Return the two arrays of a solver's state that a rule takes; missing arrays are empty."""
    arrays = [*state.values(), *[theta[:0]] * 2]
    return arrays[0], arrays[1]


LARGEST = 2**63 - 1  # largest integer allowed for an option
# Ranges for `_ranges`: type, lowest value, first value that is too high.
UNIT = (Real, 0.0, 1.0)  # decay rates and momentum
POSITIVE = (Real, 0.0, float("inf"))
COUNT = (Integral, 1, float("inf"))
