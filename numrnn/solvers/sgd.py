"""Stochastic gradient descent."""

import numpy as np

from numrnn.kernels.cpu import updates
from numrnn.solvers.base import UNIT, Solver


class SGD(Solver):
    """Stochastic gradient descent with momentum.

    With u the momentum, g the gradient and lr the learning rate::

        velocity = u velocity + g
        theta    = theta - lr (g + u velocity)     nesterov=True
        theta    = theta - lr velocity             nesterov=False

    which is `torch.optim.SGD` with the same momentum. Unlike in `MLPClassifier` the learning rate is outside the
    velocity.

    Parameters
    ----------
    momentum : float, default=0.9
        In [0, 1); 0 is plain gradient descent.
    nesterov : bool, default=True
        Nesterov's momentum. Has no effect where `momentum` is 0.

    References
    ----------
    Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum in deep learning. ICML 2013.

    Examples
    --------
    >>> from numrnn.solvers import SGD
    >>> SGD(momentum=0.5, nesterov=False).get_params()
    {'momentum': 0.5, 'nesterov': False}
    """

    _ranges = {"momentum": UNIT}

    def __init__(self, momentum=0.9, nesterov=True):
        self.momentum = momentum
        self.nesterov = nesterov

    def init_state(self, theta):
        """Return {"velocity"}, or nothing without momentum."""
        return {"velocity": np.zeros_like(theta)} if self.momentum else {}

    def rule(self):
        """Return SGD, SGD_MOMENTUM or SGD_NESTEROV."""
        if not self.momentum:
            return updates.SGD
        return updates.SGD_NESTEROV if self.nesterov else updates.SGD_MOMENTUM

    def scalars(self, learning_rate, n_updates):
        """Return the numbers of a step; see `Solver.scalars`."""
        return learning_rate, self.momentum
