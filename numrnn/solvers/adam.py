"""Define the solvers Adam and AdamW."""

import math

import numpy as np

from numrnn.kernels.cpu import updates
from numrnn.solvers.base import POSITIVE, UNIT, Solver


class Adam(Solver):
    """Scale steps by running means of the gradient and of its square (Adam).

    In step t, with g the gradient and lr the learning rate::

        m     = beta_1 m + (1 - beta_1) g
        v     = beta_2 v + (1 - beta_2) g^2
        theta = theta - lr / (1 - beta_1^t) * m / (sqrt(v) / sqrt(1 - beta_2^t) + epsilon)

    as in `torch.optim.Adam`.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay rates of the running means of the gradient and of its square, in [0, 1).
    epsilon : float, default=1e-8
        Non-negative number added to the denominator.

    See Also
    --------
    AdamW : Adam with decoupled weight decay.

    References
    ----------
    Kingma, Ba: Adam: a method for stochastic optimization. ICLR 2015, algorithm 1.

    Examples
    --------
    >>> from numrnn.solvers import Adam
    >>> Adam(beta_2=0.98)
    Adam(beta_2=0.98)
    """

    _ranges = {"beta_1": UNIT, "beta_2": UNIT, "epsilon": POSITIVE}

    def __init__(self, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def init_state(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        return {"m": np.zeros_like(theta), "v": np.zeros_like(theta)}

    def rule(self) -> int:
        return updates.ADAM

    def scalars(self, learning_rate: float, n_updates: int) -> tuple[float, ...]:
        rate = learning_rate / (1 - self.beta_1**n_updates)
        root_correction_2 = math.sqrt(1 - self.beta_2**n_updates)
        return 1.0, rate, 1 - self.beta_1, self.beta_2, 1 - self.beta_2, root_correction_2, self.epsilon


class AdamW(Adam):
    """Multiply the parameters by 1 - lr weight_decay before each step of Adam (AdamW).

    This is `torch.optim.AdamW` applied to all parameters, including biases. In contrast, the parameter `alpha` of the
    estimators adds a penalty to the loss, and does not act on biases.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay rates of the running means of the gradient and of its square, in [0, 1).
    epsilon : float, default=1e-8
        Non-negative number added to the denominator.
    weight_decay : float, default=0.01
        Fraction by which a step with a learning rate of 1 shrinks the parameters; non-negative.

    See Also
    --------
    Adam : The same solver without weight decay.

    References
    ----------
    Loshchilov, Hutter: Decoupled weight decay regularization. ICLR 2019, algorithm 2.

    Examples
    --------
    >>> from numrnn.solvers import AdamW
    >>> AdamW(weight_decay=0.1)
    AdamW(weight_decay=0.1)
    """

    _ranges = {**Adam._ranges, "weight_decay": POSITIVE}

    def __init__(self, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 1e-2):
        super().__init__(beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
        self.weight_decay = weight_decay

    def scalars(self, learning_rate: float, n_updates: int) -> tuple[float, ...]:
        return 1 - learning_rate * self.weight_decay, *super().scalars(learning_rate, n_updates)[1:]
