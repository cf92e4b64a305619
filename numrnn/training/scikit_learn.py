"""scikit-learn's callbacks (1.9 and later) as one of ours."""


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
    reconstruct : callable
        `reconstruct(state)` returns the attributes that make a shallow copy of the estimator ready to predict with the
        weights of now.

    Notes
    -----
    Begin and end of an epoch's task are both told after the epoch: under L-BFGS nobody knows beforehand that there will
    be another one, and a task begun must be ended.

    Examples
    --------
    >>> from numrnn.training import ScikitLearnBridge
    >>> bridge = ScikitLearnBridge(None, None, None, None, None, dict)
    """

    def __init__(self, context, estimator, X, y, metadata, reconstruct):
        self._context = context
        self._given = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._reconstruct = reconstruct

    def on_epoch_end(self, info):
        """Begin and end the subtask "epoch"; return whether a callback asks to stop."""
        task = self._context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**self._given)
        return task.call_on_fit_task_end(**self._given, reconstruction_attributes=lambda: self._reconstruct(info.state))
