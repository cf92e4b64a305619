"""Run a fit in which rank 1 fails, or prints what to kill and goes on for ever, for test_ranks.py."""

import os
import sys

import numpy as np
from mpi4py import MPI

import numrnn

rank = MPI.COMM_WORLD.rank


class Trouble:
    def on_epoch_end(self, info):
        if rank == 1 and info.epoch == 2:
            if sys.argv[1] == "error":
                raise RuntimeError("only here")
            print(os.getpid(), flush=True)


X = np.random.default_rng(0).normal(size=(200, 30, 3))
model = numrnn.RNNRegressor((16,), max_iter=10**6, random_state=0, n_jobs=1, callbacks=[Trouble()])
model.fit(X, X.sum(axis=(1, 2)), comm=MPI.COMM_WORLD)
