"""L-BFGS."""

from numrnn.solvers.base import COUNT, POSITIVE, Solver


class LBFGS(Solver):
    """Limited-memory BFGS over the whole training set, by `scipy.optimize`'s L-BFGS-B.

    Deterministic: no mini-batches, no shuffling, no learning rate, no clipping. For small data; `max_iter` counts its
    iterations. Parameters and loss are float64; with the estimator's `dtype="float32"` gradients are good to float32,
    and the search ends where they are lost in rounding.

    Parameters
    ----------
    history_size : int, default=10
        Number of corrections that stand for the Hessian.
    max_fun : int, default=15000
        Most evaluations of loss and gradient.
    gtol : float, default=1e-5
        Ends when no component of the gradient is larger.
    ftol : float, default=1e-9
        Ends when the loss falls by less than this share of itself.

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

    def __init__(self, history_size=10, max_fun=15000, gtol=1e-5, ftol=1e-9):
        self.history_size = history_size
        self.max_fun = max_fun
        self.gtol = gtol
        self.ftol = ftol
