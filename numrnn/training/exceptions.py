"""Define the errors that end training: divergence and signals."""

RESUBMIT = 75  # exit code, EX_TEMPFAIL of sysexits.h: "try again later"


class TrainingDivergedError(RuntimeError):
    """Report that the loss, the gradient or the weights have become infinite or NaN.

    Training stops at the mini-batch (with L-BFGS, at the evaluation of the gradient) in which this happens. The weights
    are reset to the last weights with a finite loss and gradient. If training continues later, it starts with a new
    state of the solver.

    Parameters
    ----------
    epoch : int
        Epoch in which training diverged, starting at 1.
    loss : float
        Objective of the mini-batch.
    gradient_norm : float
        Euclidean norm of the gradient, before clipping.

    Examples
    --------
    >>> from numrnn.training import TrainingDivergedError
    >>> raise TrainingDivergedError(3, float("nan"), 1e30)
    Traceback (most recent call last):
    ...
    numrnn.training.exceptions.TrainingDivergedError: training diverged in epoch 3: loss nan, gradient norm 1e+30; ...
    """

    def __init__(self, epoch: int, loss: float, gradient_norm: float):
        super().__init__(epoch, loss, gradient_norm)
        self.epoch = epoch
        self.loss = loss
        self.gradient_norm = gradient_norm

    def __str__(self):
        return (
            f"training diverged in epoch {self.epoch}: loss {self.loss:g}, gradient norm {self.gradient_norm:g}; "
            "the last finite weights are kept. Try a smaller learning_rate_init, a smaller clip_norm, or scaled inputs"
        )


class TrainingTerminated(SystemExit):
    """Report that SIGTERM or SIGUSR1 ended a `fit` with a `Checkpoint`.

    If the exception is not caught, the script exits with code 75 (EX_TEMPFAIL), which tells a batch script that the job
    should be resubmitted. The estimator keeps its current weights.

    Parameters
    ----------
    message : str
        Text that says which signal ended training, and when.

    Attributes
    ----------
    code : int
        Exit code, 75.

    See Also
    --------
    Checkpoint : Callback that saves the checkpoints from which `fit` resumes.

    Examples
    --------
    >>> from numrnn.training import TrainingTerminated
    >>> TrainingTerminated("SIGTERM").code
    75
    """

    def __init__(self, message: str):
        super().__init__(message)
        self.code = RESUBMIT
