"""Run a fit with checkpoints and print the hash of its weights; with "kill", rank 1 first prints what to kill.

test_ranks.py runs this program, also without `mpiexec`.
"""

import hashlib
import os
import sys

import numpy as np
from mpi4py import MPI

import numrnn
from numrnn.training import Checkpoint, loop

world, folder, to_be_killed = MPI.COMM_WORLD, sys.argv[1], sys.argv[2] == "kill"


class Victim:
    def on_progress(self, info):
        if to_be_killed and world.rank == 1 and info.epoch == 1 and info.state.progress.done > 3:
            print(os.getpid(), flush=True)
            while True:  # until it is killed: others have gone on to the next mini-batch, or wait
                pass


loop.SECONDS_PER_CALL = 1e-9  # callbacks are called after every mini-batch
data = np.random.default_rng(0)
X = [data.normal(size=(n, 3)) for n in data.integers(200, 400, 160)]
y = np.array([x.sum() for x in X])
params = dict(cell="gru", batch_size=40, bptt_steps=10, dropout=0.1, max_iter=3, random_state=0, n_jobs=1)
model = numrnn.RNNRegressor((24, 24), **params, callbacks=[Checkpoint(folder, every=0.01), Victim()])
model.fit(X, y, resume=folder, comm=world)
if world.rank == 0:
    print(hashlib.sha256(model._state.theta.tobytes() + repr(model.loss_curve_).encode()).hexdigest())
