"""Define the callback that writes checkpoints."""

from __future__ import annotations

import logging
import re
import sys
import time
import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING

from numrnn.io import CheckpointFolder
from numrnn.io.messages import InputError, shown
from numrnn.training.signals import StopSignals
from numrnn.training.state import take_snapshot

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from numrnn.training.callbacks import FitInfo

__all__ = ["Checkpoint"]

logger = logging.getLogger("numrnn")
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_EVERY = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|epochs?)")


class Checkpoint:
    """Save checkpoints regularly, from which ``fit(..., resume=directory)`` can resume training.

    The result of a resumed fit is bitwise identical to that of a fit which was never interrupted; see
    `docs/guide/checkpoints`. While the fit runs in the main thread, SIGTERM and SIGUSR1 end training after the current
    mini-batch with a last checkpoint and a `TrainingTerminated`, which ends a script with exit code 75. The first
    Ctrl-C also writes a last checkpoint, after which `fit` returns with a warning; a second Ctrl-C ends training at
    once. `partial_fit` raises an error if it is given a `Checkpoint`.

    Parameters
    ----------
    directory : str or path-like
        Directory for the checkpoints of one run, which is created if it is missing. `fit` raises an error if the
        directory contains checkpoints of another run, or if another process writes to it.
    every : float or str, default="5min"
        Time between two checkpoints in seconds, or a string such as "30s", "5min", "2h" or "10 epochs". A last
        checkpoint is saved at the end of training in any case.
    keep : int, default=3
        Number of checkpoints to keep.

    Attributes
    ----------
    resumed_from : pathlib.Path or None
        File from which the last `fit` resumed.

    Raises
    ------
    ValueError
        If `every` or `keep` is invalid.

    See Also
    --------
    TrainingTerminated : Exception with which a signal ends training.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.training import Checkpoint
    >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = RNNRegressor((4,), max_iter=3, random_state=0, callbacks=[Checkpoint(folder)])
    ...     model = model.fit(X, X.sum(axis=(1, 2)), resume=folder)  # no checkpoint yet: training begins at epoch 1
    ...     again = model.set_params(max_iter=5).fit(X, X.sum(axis=(1, 2)), resume=folder)
    >>> again.n_iter_
    5
    """

    asks_for_state = True  # this callback reads info.state where it needs current values

    def __init__(self, directory: str | PathLike, every: str = "5min", keep: int = 3):
        self.directory, self.every, self.keep = directory, every, keep
        self.resumed_from = None
        self._seconds, self._epochs = _period(every)
        if not isinstance(keep, Integral) or isinstance(keep, bool) or keep < 1:
            raise InputError("keep", (), f"must be an integer of at least 1, got {shown(keep)}")
        self._facts, self._callbacks, self._folder, self._signals = None, (), None, None

    def watch(self, facts: dict[str, str], callbacks: list, resumed_from: Path | None) -> None:
        """Prepare for a fit; `fit` calls this method.

        Parameters
        ----------
        facts : dict of str to str
            Facts about the fit; a fit that resumes from its checkpoints must have the same facts.
        callbacks : list of objects
            Callbacks of the fit, whose states are saved if they have any.
        resumed_from : pathlib.Path or None
            Checkpoint from which the fit resumes; None if it does not resume.
        """
        self._facts, self._callbacks, self.resumed_from = facts, callbacks, resumed_from

    def on_fit_begin(self, info: FitInfo) -> None:
        """Lock the directory and install signal handlers.

        Parameters
        ----------
        info : FitInfo
            Progress of the fit.
        """
        if self._facts is None:
            problem = ": a Checkpoint works with fit only; with partial_fit, leave it out and call save afterwards"
            raise InputError("callbacks", (), problem)
        if info.comm.rank == 0:
            self._open_folder()
        self._mark(info)
        self._asked = 0
        alone, state = info.comm.size == 1, info.state  # several processes must agree where to stop
        self._signals = StopSignals(lambda: alone and state.at_rest, lambda: not alone or self._asked > 1)
        info.signals = self._signals

    def on_progress(self, info: FitInfo) -> None:
        """Stop if a signal has been received; save if it is time.

        Parameters
        ----------
        info : FitInfo
            Progress of the fit.
        """
        self._asked += 1
        self._signals.check(info.comm)
        if time.monotonic() - self._time >= self._seconds or info.epoch - self._epoch >= self._epochs:
            self._save(info)

    def on_epoch_end(self, info: FitInfo) -> None:
        """Record that training has made progress.

        Parameters
        ----------
        info : FitInfo
            Progress of the fit.
        """
        self._asked += 1

    def on_stop(self, info: FitInfo) -> None:
        """Save a last checkpoint.

        A fit that resumes from it continues training, or ends at once if training is complete.

        Parameters
        ----------
        info : FitInfo
            Progress of the fit.
        """
        try:
            self._save(info)
        except OSError as error:
            if info.state.stop_reason in ("terminated", "interrupted"):
                raise
            warnings.warn(f"training has ended, but its last checkpoint could not be written: {error}", stacklevel=2)

    def on_fit_end(self, info: FitInfo) -> None:
        """Restore the signal handlers and release the lock.

        Parameters
        ----------
        info : FitInfo
            Progress of the fit.
        """
        if self._signals is not None:
            self._signals.close()
        if self._folder is not None:
            self._folder.close()
        self._facts, self._callbacks, self._folder, self._signals = None, (), None, None

    def _open_folder(self):
        self._folder = CheckpointFolder(self.directory, self.keep)
        is_own = self.resumed_from is not None and self.resumed_from.parent.samefile(self._folder.path)
        if not is_own and not self._folder.is_empty():
            folder = str(self.directory)
            raise ValueError(
                f"{folder} has checkpoints of an earlier run: pass resume={folder!r} to resume from them, or pass "
                "Checkpoint another directory"
            )

    def _save(self, info):
        if info.comm.rank:  # all processes hold the same state
            return
        tensors, header = take_snapshot(info.state, self._callbacks)
        path = self._folder.save(tensors, {**header, "facts": self._facts})
        self._mark(info)
        logger.info("checkpoint %s after %d epochs", path, info.epoch)

    def _mark(self, info):
        self._time, self._epoch = time.monotonic(), info.epoch


def _period(every):
    """Return the seconds and the epochs between two checkpoints; one of the two numbers is infinite."""
    if isinstance(every, Real) and not isinstance(every, bool) and 0 < every <= sys.float_info.max:
        return float(every), float("inf")
    match = _EVERY.fullmatch(every) if isinstance(every, str) else None
    if match is None or not float(match[1]):
        expected = 'must be a number of seconds or a string such as "30s", "5min", "2h" or "10 epochs"'
        raise InputError("every", (), f"{expected}, got {shown(every)}")
    if match[2] in _SECONDS:
        return float(match[1]) * _SECONDS[match[2]], float("inf")
    return float("inf"), float(match[1])
