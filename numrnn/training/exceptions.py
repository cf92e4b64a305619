"""Define the errors that end training: divergence and signals."""

RESUBMIT = 75  # exit code, EX_TEMPFAIL of sysexits.h: "try again later"


class TrainingDivergedError(RuntimeError):
    """Report that loss, gradient or weights are no longer finite.

    The error is raised in the mini-batch in which that happens. The weights are reset to the last ones with a finite
    loss and gradient. If training is continued, the solver's state is initialised again.

    Parameters
    ----------
    epoch : int
        Epoch in which it happened, from 1.
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
    """Report that SIGTERM or SIGUSR1 ended a `fit` with a `Checkpoint`, which has saved a last checkpoint.

    A script that does not catch it ends with exit code 75, which tells a batch system to submit the job again. The
    estimator has the weights at that moment.

    Parameters
    ----------
    message : str
        What ended training, and when.

    Attributes
    ----------
    code : int
        Exit code, 75.

    See Also
    --------
    Checkpoint : Callback that saves what `fit` resumes from.

    Examples
    --------
    >>> from numrnn.training import TrainingTerminated
    >>> TrainingTerminated("SIGTERM").code
    75
    """

    def __init__(self, message: str):
        super().__init__(message)
        self.code = RESUBMIT
