"""scikit-learn's own callbacks, which exist from 1.9 on."""

from contextlib import contextmanager
from dataclasses import replace

from numrnn.training import ScikitLearnBridge

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Stands in for the mixin of scikit-learn 1.9 under older versions: no `set_callbacks`."""


@contextmanager
def bridges(estimator, X, y, sample_weight):
    """Yield the callbacks that hand epochs on to those set by ``set_callbacks``; tell them when `fit` ends."""
    if not hasattr(estimator, "_init_callback_context"):
        yield []
        return
    task = {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}
    context = estimator._init_callback_context(max_subtasks=estimator.max_iter)
    context.call_on_fit_task_begin(estimator=estimator, **task)
    heard = getattr(estimator, "_skl_callbacks", None)  # where nobody listens, weights need not leave a card
    yield [ScikitLearnBridge(context, estimator, X, y, task["metadata"], _as_of_now)] if heard else []
    context.call_on_fit_task_end(estimator=estimator, reconstruction_attributes={}, **task)


def _as_of_now(state):
    """Return the attributes that make a copy of the estimator predict with the weights of this epoch."""
    return {"_state": replace(state, theta=state.theta.copy())}
