"""Define the solver L-BFGS."""

from numrnn.solvers.base import COUNT, POSITIVE, Solver


class LBFGS(Solver):
    """Minimise the loss over the whole training set by limited-memory BFGS, with `scipy.optimize`'s L-BFGS-B.

    The solver is deterministic and meant for small data: there are no mini-batches, no shuffling, no learning rate and
    no clipping. `max_iter` of the estimator limits the number of iterations. Parameters and loss are float64; with
    `dtype="float32"`, gradients are computed in float32, and the search ends when rounding errors dominate them.

    Parameters
    ----------
    history_size : int, default=10
        Number of previous iterations from which the Hessian is approximated.
    max_fun : int, default=15000
        Maximum number of evaluations of loss and gradient.
    gtol : float, default=1e-5
        Training ends when no component of the gradient is larger than this value in absolute value.
    ftol : float, default=1e-9
        Training ends when the relative decrease of the loss is smaller than this value.

    References
    ----------
    Byrd, Lu, Nocedal, Zhu: A limited memory algorithm for bound constrained optimization. SIAM J. Sci. Comput. 16
    (1995).

    Examples
    --------
    >>> from numrnn.solvers import LBFGS
    >>> LBFGS(max_fun=500)
    LBFGS(max_fun=500)
    """

    _ranges = {"history_size": COUNT, "max_fun": COUNT, "gtol": POSITIVE, "ftol": POSITIVE}

    def __init__(self, history_size: int = 10, max_fun: int = 15000, gtol: float = 1e-5, ftol: float = 1e-9):
        self.history_size = history_size
        self.max_fun = max_fun
        self.gtol = gtol
        self.ftol = ftol
