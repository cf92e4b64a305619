"""Stop training early when a monitored value no longer improves, and restore the best weights."""

import math
import warnings

import numpy as np

from numrnn.io.messages import shown
from numrnn.training.monitor import Monitor

_STATE = ("best_epoch", "_best", "_best_theta", "_misses")
_NONE = (math.inf, math.inf, math.inf)


class EarlyStopping:
    """Stop training when the monitored value no longer improves, and restore the best weights.

    The best weights are the weights with the best monitored value; if values are equal, the weights with the lower
    loss. Training stops after `n_iter_no_change` consecutive epochs in which the best value did not improve by more
    than `tol`. Each fit starts with no best value, unless it resumes from a checkpoint.

    Parameters
    ----------
    tol : float, default=1e-4
        Smallest improvement that counts: a loss must be below best - tol \\|best\\|, a score above best + tol.
    n_iter_no_change : int or None, default=10
        Number of epochs to wait for an improvement. With None, training is not stopped early, but the best weights are
        still restored at the end.
    monitor : str, default="loss"
        Value to compare: "loss" (the validation loss or, without validation data, the training loss), "score" (the
        validation score), or the name of an entry of the estimator's `scoring`.
    restore_best_weights : bool, default=True
        Whether to restore the best weights when training ends.

    Attributes
    ----------
    best_value : float
        Monitored value of the best weights.
    best_score, best_loss : float
        Validation score and loss of the best weights.
    best_epoch : int
        Number of the epoch that ended with the best weights, starting at 1; 0 before the first epoch.

    Examples
    --------
    >>> from numrnn.training import EarlyStopping
    >>> EarlyStopping(tol=0.0, n_iter_no_change=5).best_epoch
    0
    """

    asks_for_state = True  # theta is read from info.state, which settles it, so info need not settle before every call

    def __init__(self, tol=1e-4, n_iter_no_change=10, monitor="loss", restore_best_weights=True):
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.monitor = monitor
        self.restore_best_weights = restore_best_weights
        self._begin()

    def _begin(self):
        self.best_epoch, self._best, self._best_theta, self._misses = 0, _NONE, None, 0
        self._resumes, self._resumed, self._watches = False, None, False

    @property
    def best_value(self):
        return Monitor(self.monitor).value(self._best[0])

    @property
    def best_loss(self):
        return self._best[1]

    @property
    def best_score(self):
        return -self._best[2]

    def get_state(self):
        """Return the state of this callback for checkpoints, a dict of numbers and arrays."""
        return {name: getattr(self, name) for name in _STATE}

    def set_state(self, state):
        """Resume from a state that `get_state` has returned."""
        if set(state) != set(_STATE):
            raise ValueError(f"the state of EarlyStopping has {shown(sorted(state))}, expected {sorted(_STATE)}")
        for name in _STATE:
            setattr(self, name, state[name])
        self._resumes, self._resumed = True, None

    def check_state(self, theta, n_epochs):
        """Raise a ValueError if the state is not possible after `n_epochs` epochs.

        `theta` (P,) holds the weights of the fit that is resumed; the best weights must have the same shape and dtype.
        If this callback is then used by a fit with another `theta`, that fit starts with no best value.
        """
        self._resumed, best, misses, epoch = theta, self._best_theta, self._misses, self.best_epoch
        values = self._best
        if type(values) is not tuple or len(values) != 3 or not all(type(x) is float and x == x for x in values):
            raise ValueError(f"_best={shown(values)}: must be a tuple of three floats")
        if not all(type(value) is int and 0 <= value <= n_epochs for value in (misses, epoch)):
            raise ValueError(
                f"_misses={shown(misses)}, best_epoch={shown(epoch)}: must be integers from 0 to the number of epochs, "
                f"{n_epochs}"
            )
        if (best is None) != (epoch == 0) and self.restore_best_weights:
            raise ValueError(f"best_epoch={epoch}: must be 0 if there are no best weights, and above 0 if there are")
        if best is not None:
            if best.shape != theta.shape or best.dtype != theta.dtype:
                raise ValueError(
                    f"the best weights have shape {best.shape} and dtype {best.dtype}, expected {theta.shape} and "
                    f"{theta.dtype}"
                )
            if not np.isfinite(best).all():
                raise ValueError("the best weights contain NaN or infinity")

    def on_fit_begin(self, info):
        """Reset the best value, unless the fit resumes from a checkpoint."""
        # An earlier fit may have set a state to resume from, and may then have failed before training began.
        if not self._resumes or self._resumed is not None and self._resumed is not info.state.theta:
            self._begin()
        self._resumes, self._resumed, self._watches = False, None, True

    def on_epoch_end(self, info):
        """Compare the epoch with the best epoch; return whether to stop training."""
        monitor = Monitor(self.monitor, self.tol)
        monitor.check(info.last.scores)
        monitor.check_record(info.last)
        rank = monitor.rank(info.last)
        self._misses = 0 if monitor.improves(rank[0], self._best[0]) else self._misses + 1
        if rank < self._best:
            self._best, self.best_epoch = rank, info.epoch
            self._best_theta = info.state.theta.copy() if self.restore_best_weights else None
        return self.n_iter_no_change is not None and self._misses >= self.n_iter_no_change

    def on_fit_end(self, info):
        """Restore the best weights; warn if the monitored value was never a finite number."""
        if self._watches and self.best_epoch and not math.isfinite(self._best[0]):
            problem = f"monitor={shown(self.monitor)}: was not finite after any epoch"
            warnings.warn(f"{problem}; epochs were compared by their loss instead", stacklevel=2)
        if self._watches and self._best_theta is not None:
            info.state.theta[:] = self._best_theta
        self._watches = False  # the next fit may fail before training begins
