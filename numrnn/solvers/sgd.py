"""Define stochastic gradient descent."""

import numpy as np

from numrnn.kernels.cpu import updates
from numrnn.solvers.base import UNIT, Solver


class SGD(Solver):
    """Update the parameters by stochastic gradient descent with momentum.

    With u the momentum, g the gradient and lr the learning rate::

        velocity = u velocity + g
        theta    = theta - lr (g + u velocity)     nesterov=True
        theta    = theta - lr velocity             nesterov=False

    as in `torch.optim.SGD` with the same momentum. Unlike in `MLPClassifier`, the learning rate is not part of the
    velocity.

    Parameters
    ----------
    momentum : float, default=0.9
        Momentum u, in [0, 1); 0 means plain gradient descent.
    nesterov : bool, default=True
        Whether to use Nesterov's momentum. It has no effect if `momentum` is 0.

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

    def __init__(self, momentum: float = 0.9, nesterov: bool = True):
        self.momentum = momentum
        self.nesterov = nesterov

    def init_state(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        return {"velocity": np.zeros_like(theta)} if self.momentum else {}

    def rule(self) -> int:
        if not self.momentum:
            return updates.SGD
        return updates.SGD_NESTEROV if self.nesterov else updates.SGD_MOMENTUM

    def scalars(self, learning_rate: float, n_updates: int) -> tuple[float, ...]:
        return learning_rate, self.momentum
