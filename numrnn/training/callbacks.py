"""Callbacks: the protocol, the progress bar, the log, and scikit-learn's callbacks as one of ours.

A callback is any object with one or more of

- `on_fit_begin(info)`, before the first epoch;
- `on_progress(info)`, before the first mini-batch of an epoch and then between two, about every 0.2 s (under L-BFGS
  after an iteration); returning True ends training there;
- `on_epoch_end(info)`, after each epoch (an iteration, under L-BFGS); returning True ends training;
- `on_stop(info)`, once training has come to an end that it can resume from: not after an error, nor after a Ctrl-C that
  came without a `Checkpoint`;
- `on_fit_end(info)`, at the end, however it comes.

They are called in their order; `info` is a `FitInfo`. All of them see the last epoch, also when one of them stops
training. One that has `get_state()`, which returns a dict of arrays, numbers, texts and None, and `set_state(state)` is
kept in checkpoints.
"""

import contextlib
import gc
import logging
import math
import mmap
import sys
import warnings
from dataclasses import replace

from numrnn.distributed import SERIAL
from numrnn.io.messages import shown
from numrnn.training.exceptions import TrainingTerminated
from numrnn.training.signals import StopTraining

HOOKS = ("on_fit_begin", "on_progress", "on_epoch_end", "on_stop", "on_fit_end")
logger = logging.getLogger("numrnn")


class FitInfo:
    """What a callback gets to see.

    Attributes
    ----------
    max_iter : int
        Epochs that this training makes at most.
    history : list of EpochRecord
        One record a completed epoch, those of earlier trainings included.
    last : EpochRecord or None
        The last of them.
    epoch : int
        Its number, from 1; 0 before the first epoch ended.
    loss, validation_loss, validation_score : float
        Its values; nan where there are none.
    weights : dict of str to ndarray
        Read-only views of the parameters as they are now.
    state : TrainingState
        All that training continues from.
    validates : bool
        Whether loss and score are computed on sequences that were held out.
    comm : Serial or MPI
        The processes that train together: the one whose `comm.rank` is 0 is to write files and to print.

    Examples
    --------
    >>> from numrnn.training import check_callbacks
    >>> class StopAt:
    ...     def on_epoch_end(self, info):
    ...         return info.loss < 0.1
    >>> callbacks = check_callbacks([StopAt()])
    """

    def __init__(self, state, layout, max_iter, comm=SERIAL, validates=False):
        self._state, self.settle = state, _nothing_to_do
        self.max_iter, self.validates = max_iter, validates
        self.comm = comm
        self.signals = None  # that a callback listens to
        self._layout = layout

    @contextlib.contextmanager
    def resident(self, network):
        """A span in which a network may keep what it changes to itself until somebody asks for it."""
        settle = _nothing_to_do
        try:
            with network.resident() as settle:
                self.settle = settle
                yield
        finally:
            self.settle = _nothing_to_do
            settle()  # again: a Ctrl-C may have come before the network began with it

    @property
    def state(self):
        self.settle()
        return self._state

    @property
    def history(self):
        return self._state.history

    @property
    def last(self):
        return self.history[-1] if self.history else None

    @property
    def epoch(self):
        return self._state.epoch

    @property
    def loss(self):
        return self.last.loss if self.last else math.nan

    @property
    def validation_loss(self):
        return self.last.validation_loss if self.last else math.nan

    @property
    def validation_score(self):
        return self.last.validation_score if self.last else math.nan

    @property
    def weights(self):
        frozen = self.state.theta.view()
        frozen.flags.writeable = False
        return self._layout.views(frozen)


def check_callbacks(callbacks):
    """Check the parameter `callbacks`.

    Parameters
    ----------
    callbacks : sequence of objects or None

    Returns
    -------
    callbacks : list

    Raises
    ------
    TypeError
        If it is no list or tuple, or one of them (named) is a class, or has none of the hooks.

    Examples
    --------
    >>> from numrnn.training import check_callbacks
    >>> check_callbacks(None)
    []
    """
    if callbacks is None:
        return []
    if not isinstance(callbacks, list | tuple):
        raise TypeError(f"callbacks must be a list of objects or None, got {shown(callbacks)}")
    for i, callback in enumerate(callbacks):
        if isinstance(callback, type):
            name = callback.__name__
            raise TypeError(f"callbacks[{i}] must be an object, got the class {name}: did you mean {name}()?")
        if not any(callable(getattr(callback, hook, None)) for hook in HOOKS):
            raise TypeError(f"callbacks[{i}] must have one of {', '.join(HOOKS)}, got {shown(callback)}")
    return list(callbacks)


def notify(callbacks, hook, info):
    """Call the hook of all callbacks that have it; return whether one of them returned True."""
    return any([_call(callback, hook, info) for callback in callbacks if hasattr(callback, hook)])


def _call(callback, hook, info):
    if not vars(type(callback)).get("asks_for_state"):  # others may know the estimator, or have seen the arrays before
        info.settle()
    return getattr(callback, hook)(info)


def _nothing_to_do():
    """Bring up to date what is."""


@contextlib.contextmanager
def supervised(state, info, callbacks):
    """Call on_stop and on_fit_end after training, which calls on_fit_begin; end it at signals, with a warning after
    Ctrl-C.
    """
    state.stop_reason, stop = None, None
    try:
        try:
            yield
        except Exception as error:
            stop = info.signals and info.signals.stop
            if stop is None:
                raise
            logger.info("%s cut off what then failed: %r", stop, error)
        except StopTraining as signal:
            stop = signal
        if stop is not None:
            state.stop_reason = stop.reason
            if not stop.whole:
                state.progress = None
        if stop is None or stop.whole:
            notify(callbacks, "on_stop", info)
    except BaseException as error:
        state.progress = None  # theta may be ahead of it
        if not isinstance(error, KeyboardInterrupt):
            raise
        state.stop_reason = "interrupted"
    finally:
        notify(callbacks, "on_fit_end", info)
    if state.stop_reason == "interrupted":
        warnings.warn(f"training was interrupted after {state.epoch} epochs; the weights are kept", stacklevel=5)
    if state.stop_reason == "terminated":
        gc.freeze()  # at exit the collector would look at all that a compiler made: a second, which a job may not have
        raise TrainingTerminated(f"{stop} ended training {_how_far(state) if stop.whole else 'as it began'}") from stop


def rest(state, layout, callbacks, comm=SERIAL, validates=False):
    """Call on_fit_begin and on_fit_end around nothing: training had come to its end before."""
    info = FitInfo(state, layout, 0, comm, validates)
    try:
        notify(callbacks, "on_fit_begin", info)
    finally:
        notify(callbacks, "on_fit_end", info)


def _how_far(state):
    batches = f" and {state.progress.done} mini-batches" if state.progress is not None else ""
    return f"after {state.epoch} epochs{batches}; a checkpoint is written"


class LogLine:
    """One INFO line an epoch on the logger "numrnn"."""

    asks_for_state = True  # if it should need what training changes

    def on_epoch_end(self, info):
        if logger.isEnabledFor(logging.INFO):
            figures = _figures(info.last) | {"memory": f"{resident_memory() / 1e6:.0f} MB"}
            values = ", ".join(f"{name} {value}" for name, value in figures.items())
            logger.info("epoch %d: %s", info.epoch, values)


class ProgressBar:
    """A tqdm bar over the epochs, on stderr or in the notebook."""

    asks_for_state, _bar = True, None

    def on_fit_begin(self, info):
        from tqdm.auto import tqdm  # it looks for notebooks when imported: 30 ms that only a bar should cost

        self._bar = tqdm(total=info.max_iter, unit="epoch")

    def on_epoch_end(self, info):
        self._bar.set_postfix(_figures(info.last), refresh=False)
        self._bar.update()

    def on_fit_end(self, info):
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def default_callbacks(verbose):
    """Return the callbacks that show how training goes.

    Parameters
    ----------
    verbose : bool or int
        False or 0: no bar. True or 1: a bar where somebody watches (stderr is a terminal, or in a notebook). 2: a bar
        wherever stderr leads. The log (one INFO line an epoch on the logger "numrnn") is written in any case.

    Returns
    -------
    callbacks : list

    Examples
    --------
    >>> from numrnn.training import default_callbacks
    >>> len(default_callbacks(False)), len(default_callbacks(2))
    (1, 2)
    """
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    if verbose >= 2 or (verbose and watched):
        return [LogLine(), ProgressBar()]
    return [LogLine()]


def resident_memory():
    """Bytes of memory that this process has now."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except OSError:  # no Linux: the most it ever had
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
    """Tell scikit-learn's callbacks of each epoch.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        The root context of the fit.
    estimator : estimator
        The one being fitted.
    X, y : object
        As the user gave them.
    metadata : dict or None
        Such as {"sample_weight": ...}.
    reconstruct : callable, optional
        `reconstruct(state)` returns the attributes that make a shallow copy of the estimator ready to predict with the
        weights of now; None: `_state` alone.

    Notes
    -----
    Begin and end of an epoch's task are both told after the epoch: under L-BFGS nobody knows beforehand that there will
    be another one, and a task begun must be ended.

    Examples
    --------
    >>> from numrnn.training import ScikitLearnBridge
    >>> bridge = ScikitLearnBridge(None, None, None, None, None)
    """

    def __init__(self, context, estimator, X, y, metadata, reconstruct=None):
        self._context = context
        self._given = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._reconstruct = _as_of_now if reconstruct is None else reconstruct

    def on_epoch_end(self, info):
        """Begin and end the subtask "epoch"; return whether a callback asks to stop."""
        task = self._context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**self._given)
        return task.call_on_fit_task_end(**self._given, reconstruction_attributes=lambda: self._reconstruct(info.state))


def _as_of_now(state):
    """Return the attributes that make a shallow copy of the estimator predict with the weights of this epoch."""
    return {"_state": replace(state, theta=state.theta.copy())}


try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Stands in for the mixin of scikit-learn 1.9 under older versions: no `set_callbacks`."""
