"""Run calls with mistakes, or with arguments that differ between ranks, for test_ranks.py; rank 0 prints results."""

import os
import signal
import warnings

import numpy as np
from mpi4py import MPI

import numrnn
from numrnn.training import TimeLimit

comm = MPI.COMM_WORLD
rank = comm.rank
X = np.random.default_rng(0).normal(size=(60, 30, 3))
y = X.sum(axis=(1, 2))


class Callback:
    def __init__(self, epoch, act):
        self.epoch, self.act = epoch, act

    def on_epoch_end(self, info):
        return info.epoch == self.epoch and self.act()


def fit(X=X, y=y, **options):
    options = {"hidden_layer_sizes": (8,), "max_iter": 9, "random_state": 0} | options
    return numrnn.RNNRegressor(**options).fit(X, y, comm=comm)


def error_of(**options):
    try:
        fit(**options)
    except (ValueError, numrnn.TrainingDivergedError) as error:
        return str(error)


def same(value):
    values = comm.allgather(value)
    return all(other == values[0] for other in values)


def tell(words, holds=True):
    assert all(comm.allgather(holds)), words
    if rank == 0:
        print(words, flush=True)


different = X + (rank == 2)
tell(error_of(X=different))
tell(error_of(alpha=1.0 if rank == 1 else 0.0))
tell(error_of(solver=numrnn.solvers.SGD() if rank == 1 else "adam"))
tell(error_of(y=y[:5]).split(": ")[0])
tell(error_of(learning_rate_init=1e30, cell="elman", activation="relu", solver="sgd").split(":")[0])
model = fit(callbacks=[Callback(3, lambda: rank == 1)])
tell("stopped after 3 epochs", model.n_iter_ == 3)
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    model = fit(max_iter=10**6, callbacks=[Callback(3, lambda: rank == 1 and os.kill(os.getpid(), signal.SIGINT))])
held = [str(warning.message) for warning in found] == ["training was interrupted after 3 epochs; the weights are kept"]
tell("interrupted after the same mini-batch", held and same(model._state.theta.tobytes()))
model = fit(max_iter=10**6, callbacks=[TimeLimit(1e6 if rank else 0.5)])
held = same(model._state.theta.tobytes()) and model._state.stop_reason == "time_limit"
model = fit(callbacks=[TimeLimit(1e-9 if rank else 1e6)])
tell("the time of the first rank", held and (model.n_iter_, model._state.stop_reason) == (9, "max_iter"))
tell("one seed for all", same(fit(random_state=None)._state.theta.tobytes()))
