"""Errors that end a training: it left the finite numbers, or a signal came."""

RESUBMIT = 75  # exit code, EX_TEMPFAIL of sysexits.h: "try again later"


class TrainingDivergedError(RuntimeError):
    """Loss, gradient or weights are no longer finite.

    It is raised in the mini-batch in which that happens. The weights go back to the last ones with a finite loss and
    gradient. The solver's state starts anew when training goes on.

    Parameters
    ----------
    epoch : int
        The epoch it happened in, from 1.
    loss : float
        The mini-batch's objective.
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

    def __init__(self, epoch, loss, gradient_norm):
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
    """SIGTERM or SIGUSR1 ended a `fit` that has a `Checkpoint`; what training goes on from is saved.

    A script that does not catch it ends with the exit code 75, by which a batch job knows that it is to be submitted
    again. The estimator has the weights of now.

    Examples
    --------
    >>> from numrnn.training import TrainingTerminated
    >>> TrainingTerminated("SIGTERM").code
    75
    """

    def __init__(self, message):
        super().__init__(message)
        self.code = RESUBMIT
