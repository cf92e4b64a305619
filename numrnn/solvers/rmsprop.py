"""Define the solver RMSprop."""

import numpy as np

from numrnn.kernels.cpu import updates
from numrnn.solvers.base import POSITIVE, UNIT, Solver


class RMSprop(Solver):
    """Scale steps by a running mean of the squared gradient (RMSprop).

    With u the momentum, g the gradient and lr the learning rate::

        v        = rho v + (1 - rho) g^2
        velocity = u velocity + g / (sqrt(v) + epsilon)
        theta    = theta - lr velocity

    as in `torch.optim.RMSprop` with alpha = rho and centered=False.

    Parameters
    ----------
    rho : float, default=0.99
        Decay rate of the running mean, in [0, 1).
    epsilon : float, default=1e-8
        Non-negative number added to the denominator.
    momentum : float, default=0.0
        Momentum u, in [0, 1).

    References
    ----------
    Tieleman, Hinton: Lecture 6.5: rmsprop. Coursera, Neural Networks for Machine Learning, 2012.

    Examples
    --------
    >>> from numrnn.solvers import RMSprop
    >>> RMSprop(rho=0.9)
    RMSprop(rho=0.9)
    """

    _ranges = {"rho": UNIT, "epsilon": POSITIVE, "momentum": UNIT}

    def __init__(self, rho: float = 0.99, epsilon: float = 1e-8, momentum: float = 0.0):
        self.rho = rho
        self.epsilon = epsilon
        self.momentum = momentum

    def init_state(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        names = ("v", "velocity") if self.momentum else ("v",)
        return {name: np.zeros_like(theta) for name in names}

    def rule(self) -> int:
        return updates.RMSPROP_MOMENTUM if self.momentum else updates.RMSPROP

    def scalars(self, learning_rate: float, n_updates: int) -> tuple[float, ...]:
        return learning_rate, self.rho, 1 - self.rho, self.epsilon, self.momentum
