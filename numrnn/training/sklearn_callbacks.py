"""scikit-learn's callbacks (1.9 and later) as one of ours."""

from dataclasses import replace


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
