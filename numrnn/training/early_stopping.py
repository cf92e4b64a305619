"""Stop training early by the validation score."""

import math

import numpy as np

from numrnn.io.messages import InputError, shown

_STATE = ("best_score", "best_loss", "best_epoch", "_best_theta", "_misses")


class EarlyStopping:
    """Stop training when the validation score no longer rises, and restore the best weights.

    The best weights are those with the highest score, or the lower validation loss if scores are equal. Training stops
    after `n_iter_no_change` consecutive epochs in which the best score did not rise by at least `tol`. Each fit starts
    afresh unless it resumes from a checkpoint.

    Parameters
    ----------
    tol : float, default=1e-4
        Smallest rise of the score that counts.
    n_iter_no_change : int, default=10
        Number of epochs to wait for a rise.

    Attributes
    ----------
    best_score, best_loss : float
        Validation score and loss of the best weights.
    best_epoch : int
        Epoch after which they were reached, from 1; 0 before there were any.

    Examples
    --------
    >>> from numrnn.training import EarlyStopping
    >>> EarlyStopping(tol=0.0, n_iter_no_change=5).best_epoch
    0
    """

    asks_for_state = True  # reads info.state where it needs current values

    def __init__(self, tol=1e-4, n_iter_no_change=10):
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self._begin()

    def _begin(self):
        self.best_score, self.best_loss, self.best_epoch = -math.inf, math.inf, 0
        self._best_theta, self._misses = None, 0
        self._resumes, self._resumed, self._watches = False, None, False

    def get_state(self):
        """Return what a checkpoint stores of this callback, a dict of numbers and arrays."""
        return {name: getattr(self, name) for name in _STATE}

    def set_state(self, state):
        """Resume from what `get_state` returned."""
        if set(state) != set(_STATE):
            raise ValueError(f"the state of EarlyStopping has {shown(sorted(state))}, expected {sorted(_STATE)}")
        for name in _STATE:
            setattr(self, name, state[name])
        self._resumes, self._resumed = True, None

    def check_state(self, theta, n_epochs):
        """Raise a ValueError unless the state is possible after `n_epochs` epochs.

        `theta` (P,) are the weights of the fit that is resumed, which the best weights must match; any other fit starts
        afresh.
        """
        self._resumed, best, misses, epoch = theta, self._best_theta, self._misses, self.best_epoch
        if not all(type(value) is float and value == value for value in (self.best_score, self.best_loss)):
            raise ValueError(f"best_score={shown(self.best_score)}, best_loss={shown(self.best_loss)}: must be floats")
        if not all(type(value) is int and 0 <= value <= n_epochs for value in (misses, epoch)):
            raise ValueError(
                f"_misses={shown(misses)}, best_epoch={shown(epoch)}: must be integers from 0 to the number of epochs, "
                f"{n_epochs}"
            )
        if (best is None) != (epoch == 0):
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
        """Start afresh, unless the fit resumes from a checkpoint."""
        # A fit that should have resumed may have failed before training began.
        if not self._resumes or self._resumed is not None and self._resumed is not info.state.theta:
            self._begin()
        self._resumes, self._resumed, self._watches = False, None, info.validates
        if not info.validates:
            way_out = "; set early_stopping=True, or pass X_val to fit (with y_val, if fit takes y)"
            raise InputError("callbacks", (), ": EarlyStopping needs held-out sequences", way_out)

    def on_epoch_end(self, info):
        """Compare with the best epoch; return whether to stop."""
        score, loss = info.validation_score, info.validation_loss
        self._misses = 0 if score >= self.best_score + self.tol else self._misses + 1
        if (score, -loss) > (self.best_score, -self.best_loss):
            self.best_score, self.best_loss, self.best_epoch = score, loss, info.epoch
            self._best_theta = info.state.theta.copy()
        return self._misses >= self.n_iter_no_change

    def on_fit_end(self, info):
        """Restore the best weights."""
        if self._watches and self._best_theta is not None:
            info.state.theta[:] = self._best_theta
        self._watches = False  # the next fit may fail before training begins
