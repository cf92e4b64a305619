"""Train on the full batch by L-BFGS."""

import math
import time
import warnings

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from numrnn.data.batches import full_batch
from numrnn.distributed import SERIAL
from numrnn.io.messages import InputError
from numrnn.kernels.cpu import updates
from numrnn.training.callbacks import FitInfo, notify, supervised
from numrnn.training.exceptions import TrainingDivergedError
from numrnn.training.objective import Objective
from numrnn.training.state import NO_WEIGHT

STOP_REASONS = {0: "converged", 1: "max_iter", 2: "line_search"}  # by SciPy's status; it is 1 after `max_fun`, too


def minimize_lbfgs(
    network,
    state,
    data,
    targets,
    *,
    solver,
    alpha=0.0,
    max_iter=100,
    given=None,
    validate=None,
    callbacks=(),
    comm=SERIAL,
):
    """Train on all sequences at once with L-BFGS, continuing from `state`, and return the state.

    Parameters and loss are float64, whatever theta's dtype is. theta receives the result of each iteration, rounded to
    its dtype, and keeps the last result after divergence. There is no clipping and no schedule, and nothing is random.
    An iteration counts as an epoch, and `n_updates` counts evaluations of the gradient. Parameters, errors and warnings
    are those of `numrnn.training.loop.train`; in addition, there is a ConvergenceWarning if the line search found no
    lower loss.
    """
    info = FitInfo(state, network.layout, max_iter, comm, validate is not None)
    search = _Search(network, state, data, targets, alpha, given)
    options = {"maxcor": solver.history_size, "maxfun": solver.max_fun, "gtol": solver.gtol, "ftol": solver.ftol}

    def on_iteration(intermediate_result):
        search.accept(intermediate_result, validate)
        if comm.any(notify(callbacks, "on_epoch_end", info)) or comm.any(notify(callbacks, "on_progress", info)):
            state.stop_reason = info.stop_reason
            raise StopIteration

    with supervised(state, info, callbacks):
        notify(callbacks, "on_fit_begin", info)
        start = state.theta.astype(np.float64)
        result = minimize(
            search, start, jac=True, method="L-BFGS-B", callback=on_iteration, options={**options, "maxiter": max_iter}
        )
        if result.nit == 0:  # theta was already at the minimum; a fit has at least one record
            search.accept(result, validate)
            comm.any(notify(callbacks, "on_epoch_end", info))
        state.stop_reason = state.stop_reason or STOP_REASONS[result.status]
        if state.stop_reason == "line_search":
            warnings.warn(
                f"L-BFGS ended after {result.nit} iterations because its line search found no lower loss. "
                'If the loss has not converged, set dtype="float64" for more accurate gradients',
                ConvergenceWarning,
                stacklevel=2,
            )
    return state


class _Search:
    """Evaluate the objective for SciPy in float64, and record iterations."""

    def __init__(self, network, state, data, targets, alpha, given):
        self._objective = Objective(network, data, targets, alpha, given)
        self._batch = full_batch(data.lengths, network.tile_rows)
        self._state = state
        self._n_sequences = len(data.lengths)
        self._grad = np.zeros_like(state.theta)
        self._norm = math.nan
        self._start = time.perf_counter()

    def __call__(self, x):
        theta = x.astype(self._state.theta.dtype)
        with self._state.resting():
            loss, weight_sum = self._objective(theta, self._batch, self._grad)
        if weight_sum == 0:
            raise InputError("sample_weight", (), NO_WEIGHT)
        self._norm = math.sqrt(updates.squared_norm(self._grad))
        if not math.isfinite(loss + self._norm):
            raise TrainingDivergedError(self._state.epoch + 1, loss, self._norm)
        self._state.n_updates += 1
        return loss, self._grad.astype(np.float64)

    def accept(self, result, validate):
        """Store the parameters that an iteration has reached, and its record."""
        self._state.theta[:] = result.x
        seconds = time.perf_counter() - self._start
        self._state.end_epoch(float(result.fun), self._norm, seconds, validate, math.nan, self._n_sequences)
        self._start = time.perf_counter()
