"""Define the callback that stops training when its time is up."""

from __future__ import annotations

import sys
import time
import warnings
from numbers import Real
from typing import TYPE_CHECKING

from numrnn.io.messages import InputError, shown

if TYPE_CHECKING:
    from numrnn.training.callbacks import FitInfo

__all__ = ["TimeLimit"]


class TimeLimit:
    """Stop training after a number of seconds.

    The time counts from the beginning of training, after X and y have been read and the weights drawn; it includes
    compilation and validation. It is compared with the limit between mini-batches, about every 0.2 s, and after each
    epoch but the last (with L-BFGS, after each iteration), so training exceeds the limit by at most a validation or a
    large mini-batch. With MPI the clock of the first process decides for all.

    An epoch that was cut off has no record in the history and does not count in `n_iter_`, but the weights keep its
    updates. With ``restore_best_weights=True`` or ``early_stopping=True`` the weights are those of the best completed
    epoch instead, if there is one. With a `Checkpoint`, the state after the last mini-batch is saved: a fit that
    resumes from it continues within the epoch, with a time limit of its own, and its result is bitwise identical to
    that of a fit without a limit.

    Parameters
    ----------
    seconds : float
        Largest duration of training in each call of `fit` or `partial_fit`.

    Raises
    ------
    ValueError
        If `seconds` is not a finite number above 0.

    Warns
    -----
    UserWarning
        If training stops before an epoch has been completed.

    See Also
    --------
    Checkpoint : Callback that saves the checkpoints from which `fit` resumes.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.training import TimeLimit
    >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
    >>> model = RNNRegressor((4,), max_iter=3, random_state=0, callbacks=[TimeLimit(3600)])
    >>> model.fit(X, X.sum(axis=(1, 2))).n_iter_
    3
    """

    asks_for_state = True  # this callback does not read theta, so info need not settle before the call

    def __init__(self, seconds: float):
        if not isinstance(seconds, Real) or isinstance(seconds, bool) or not 0 < seconds <= sys.float_info.max:
            expected = "must be a finite number of seconds above 0"
            raise InputError("seconds", (), f"={shown(seconds)}: {expected}", "; pass 3600 for an hour")
        self.seconds = seconds
        self._end = None

    def on_fit_begin(self, info: FitInfo) -> None:
        """Start the clock.

        Parameters
        ----------
        info : FitInfo
            Progress of the fit.
        """
        self._end = time.monotonic() + self.seconds

    def on_progress(self, info: FitInfo) -> bool:
        """Return whether the time is up.

        Parameters
        ----------
        info : FitInfo
            Progress of the fit.

        Returns
        -------
        stop : bool
            Whether training must stop, the same in all processes.
        """
        stop = bool(info.comm.from_first(time.monotonic() >= self._end))
        if stop:
            info.stop_reason = "time_limit"
        return stop

    def on_fit_end(self, info: FitInfo) -> None:
        """Warn if the limit has cut off the first epoch.

        Parameters
        ----------
        info : FitInfo
            Progress of the fit.
        """
        if info.state.stop_reason == "time_limit" and not info.history and info.comm.rank == 0:
            found = f"TimeLimit(seconds={self.seconds:g}) stopped training before the first epoch was completed"
            warnings.warn(f"{found}: the weights keep its updates, but there is no loss; raise seconds", stacklevel=2)
