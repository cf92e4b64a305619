"""Define the protocol of callbacks, the progress bar, the log, and a bridge to scikit-learn's callbacks.

A callback is any object with one or more of

- `on_fit_begin(info)`, called before the first epoch;
- `on_progress(info)`, called before the first mini-batch of an epoch and then between mini-batches, about every 0.2 s
  (with L-BFGS, after each iteration); training stops there if it returns True;
- `on_epoch_end(info)`, called after each epoch (with L-BFGS, after each iteration); training ends if it returns True;
- `on_stop(info)`, called when training has ended and can be resumed, but neither after an error nor after Ctrl-C
  without a `Checkpoint`;
- `on_fit_end(info)`, called at the end in any case.

Callbacks are called in the order of the list; `info` is a `FitInfo`. If a callback stops training, the other callbacks
are still called for that epoch. The state of a callback is saved in checkpoints if it has the methods `get_state()` and
`set_state(state)`; a state is a dict whose values are arrays, numbers, str or None.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import mmap
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from numrnn.distributed import SERIAL
from numrnn.io.messages import InputTypeError, shown
from numrnn.training.exceptions import TrainingTerminated
from numrnn.training.signals import StopTraining

if TYPE_CHECKING:
    import numpy as np

    from numrnn.training.state import EpochRecord, TrainingState

HOOKS = ("on_fit_begin", "on_progress", "on_epoch_end", "on_stop", "on_fit_end")
logger = logging.getLogger("numrnn")


class FitInfo:
    """Hold the information about a fit that callbacks receive.

    Attributes
    ----------
    max_iter : int
        Maximum number of epochs of this call to `fit`.
    history : list of EpochRecord
        One record per completed epoch, including those of earlier calls to `fit`, if training continues.
    last : EpochRecord or None
        Last record of the history.
    epoch : int
        Number of the last completed epoch, starting at 1; 0 before the first epoch has ended.
    loss, validation_loss, validation_score : float
        Values of the last record; NaN before the first epoch has ended. Without validation, the validation values are
        always NaN.
    weights : dict of str to ndarray
        Read-only views of the current parameters.
    state : TrainingState
        State from which training can continue.
    validates : bool
        Whether a validation loss and score are computed after each epoch.
    comm : Serial or MPI
        Processes that train together; only the process with `comm.rank` 0 should write files and print.
    stop_reason : str
        Why training stops if a callback returns True: "callback", or "time_limit" if `TimeLimit` has set it. After
        "callback", training counts as complete; after "time_limit", it can be resumed from a `Checkpoint`.

    Examples
    --------
    >>> from numrnn.training import check_callbacks
    >>> class StopAt:
    ...     def on_epoch_end(self, info):
    ...         return info.loss < 0.1
    >>> callbacks = check_callbacks([StopAt()])
    """

    def __init__(self, state: TrainingState, layout: Any, max_iter: int, comm: Any = SERIAL, validates: bool = False):
        self._state, self.settle = state, _nothing_to_do
        self.max_iter, self.validates = max_iter, validates
        self.comm = comm
        self.stop_reason = "callback"
        self.signals = None  # StopSignals that a `Checkpoint` has installed, if there is one
        self._layout = layout

    @contextlib.contextmanager
    def resident(self, network: Any) -> Iterator[None]:
        """Return a context in which a network may keep changed values on the GPU until they are read.

        Parameters
        ----------
        network : Network
            Network that is trained.

        Yields
        ------
        None
        """
        settle = _nothing_to_do
        try:
            with network.resident() as settle:
                self.settle = settle
                yield
        finally:
            self.settle = _nothing_to_do
            settle()  # Ctrl-C may have interrupted the network before it settled

    @property
    def state(self) -> TrainingState:
        self.settle()
        return self._state

    @property
    def history(self) -> list[EpochRecord]:
        return self._state.history

    @property
    def last(self) -> EpochRecord | None:
        return self.history[-1] if self.history else None

    @property
    def epoch(self) -> int:
        return self._state.epoch

    @property
    def loss(self) -> float:
        return self.last.loss if self.last else math.nan

    @property
    def validation_loss(self) -> float | None:
        return self.last.validation_loss if self.last else math.nan

    @property
    def validation_score(self) -> float | None:
        return self.last.validation_score if self.last else math.nan

    @property
    def weights(self) -> dict[str, np.ndarray]:
        frozen = self.state.theta.view()
        frozen.flags.writeable = False
        return self._layout.views(frozen)


def check_callbacks(callbacks):
    """Return the parameter `callbacks` as a list.

    Raises a TypeError if `callbacks` is not None, a list or a tuple, or if an item is a class or has none of the hooks.
    The message names the item.
    """
    if callbacks is None:
        return []
    if not isinstance(callbacks, list | tuple):
        raise InputTypeError("callbacks", (), f"must be a list of objects or None, got {shown(callbacks)}")
    for i, callback in enumerate(callbacks):
        if isinstance(callback, type):
            name = callback.__name__
            problem = f"must be an object, got the class {name}: did you mean {name}()?"
            raise InputTypeError("callbacks", (i,), problem)
        if not any(callable(getattr(callback, hook, None)) for hook in HOOKS):
            problem = f"must have one of the methods {', '.join(HOOKS)}, got {shown(callback)}"
            raise InputTypeError("callbacks", (i,), problem)
    return list(callbacks)


def notify(callbacks, hook, info):
    """Call a hook of all callbacks that have it; return whether any of them returned True."""
    return any([_call(callback, hook, info) for callback in callbacks if hasattr(callback, hook)])


def _call(callback, hook, info):
    if not vars(type(callback)).get("asks_for_state"):  # it may read the estimator's weights without asking `info`
        info.settle()
    return getattr(callback, hook)(info)


def _nothing_to_do():
    """Do nothing."""


@contextlib.contextmanager
def supervised(state, info, callbacks):
    """Return a context that handles signals during training and calls on_stop and on_fit_end at its end.

    The training function itself must call on_fit_begin.
    """
    state.stop_reason, stop = None, None
    try:
        try:
            yield
        except Exception as error:
            stop = info.signals and info.signals.stop
            if stop is None:
                raise
            logger.info("%s arrived during a step that then failed: %r", stop, error)
        except StopTraining as signal:
            stop = signal
        if stop is not None:
            state.stop_reason = stop.reason
            if not stop.whole:
                state.progress = None
        if stop is None or stop.whole:
            notify(callbacks, "on_stop", info)
    except BaseException as error:
        state.progress = None  # theta may already contain steps that the progress does not count
        if not isinstance(error, KeyboardInterrupt):
            raise
        state.stop_reason = "interrupted"
    finally:
        notify(callbacks, "on_fit_end", info)
    if state.stop_reason == "interrupted":
        warnings.warn(f"training was interrupted after {state.epoch} epochs; the weights are kept", stacklevel=5)
    if state.stop_reason == "terminated":
        # Without this call, a garbage collection at exit would spend about a second on the compiler's objects, in which
        # the job may be killed.
        gc.freeze()
        raise TrainingTerminated(f"{stop} ended training {_how_far(state) if stop.whole else 'as it began'}") from stop


def rest(state, layout, callbacks, comm=SERIAL, validates=False):
    """Call on_fit_begin and on_fit_end when there is nothing left to train."""
    info = FitInfo(state, layout, 0, comm, validates)
    try:
        notify(callbacks, "on_fit_begin", info)
    finally:
        notify(callbacks, "on_fit_end", info)


def _how_far(state):
    batches = f" and {state.progress.done} mini-batches" if state.progress is not None else ""
    return f"after {state.epoch} epochs{batches}; a checkpoint is written"


class LogLine:
    """Log one INFO line per epoch with the logger "numrnn"."""

    asks_for_state = True  # this callback does not read theta, so info need not settle before the call

    def on_epoch_end(self, info):
        if logger.isEnabledFor(logging.INFO):
            figures = _figures(info.last) | {"memory": f"{resident_memory() / 1e6:.0f} MB"}
            values = ", ".join(f"{name} {value}" for name, value in figures.items())
            logger.info("epoch %d: %s", info.epoch, values)


FAILED = (None, "interrupted", "terminated")  # values of `stop_reason` if a fit did not end as it should


class ProgressBar:
    """Show a tqdm bar of the epochs, on stderr or in a notebook."""

    asks_for_state, _bar = True, None

    def on_fit_begin(self, info):
        from tqdm.auto import tqdm  # imported here, since tqdm takes 30 ms to look for notebooks

        self._bar = tqdm(total=info.max_iter, unit="epoch")

    def on_epoch_end(self, info):
        self._bar.set_postfix(_figures(info.last), refresh=False)
        self._bar.update()

    def on_fit_end(self, info):
        if self._bar is not None:
            if info.state.stop_reason not in FAILED:
                self._bar.total = self._bar.n  # notebooks would show a bar that is not full as an error
                self._bar.refresh()
            self._bar.close()
            self._bar = None


def default_callbacks(verbose):
    """Return the callbacks that report progress.

    There is a progress bar if `verbose` is 2, or if it is True (or 1) and stderr is a terminal or the process runs a
    notebook. The log (one INFO line per epoch with the logger "numrnn") is always written.
    """
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    if verbose >= 2 or (verbose and watched):
        return [LogLine(), ProgressBar()]
    return [LogLine()]


def resident_memory():
    """Return the resident memory of this process in bytes."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except OSError:  # on other systems than Linux, return the peak
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _figures(record):
    figures = {"loss": f"{record.loss:.4g}"}
    if not math.isnan(record.validation_loss):
        figures["val_loss"] = f"{record.validation_loss:.4g}"
    if not math.isnan(record.validation_score):
        figures["val_score"] = f"{record.validation_score:.4g}"
    figures["sequences/s"] = f"{record.n_sequences / max(record.seconds, 1e-9):.0f}"
    return figures


class ScikitLearnBridge:
    """Report each epoch to scikit-learn's callbacks.

    `context` is the root CallbackContext of the fit; `estimator`, `X`, `y` and `metadata` are passed on to the
    callbacks. `reconstruct(state)` returns the attributes with which a shallow copy of the estimator predicts with the
    current weights; by default, only `_state` is returned.

    Both the beginning and the end of an epoch's task are reported after the epoch, because a task that has begun must
    be ended, and with L-BFGS it is not known beforehand whether there will be another epoch.
    """

    def __init__(self, context, estimator, X, y, metadata, reconstruct=None):
        self._context = context
        self._given = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._reconstruct = _as_of_now if reconstruct is None else reconstruct

    def on_epoch_end(self, info):
        """Begin and end the subtask "epoch"; return whether a callback requests to stop."""
        task = self._context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**self._given)
        return task.call_on_fit_task_end(**self._given, reconstruction_attributes=lambda: self._reconstruct(info.state))


def _as_of_now(state):
    """Return the attributes with which a shallow copy of the estimator predicts with the weights of this epoch."""
    return {"_state": replace(state, theta=state.theta.copy())}


try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Replace the mixin of scikit-learn 1.9 in older versions; this class has no `set_callbacks`."""
