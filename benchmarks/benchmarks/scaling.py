"""Time an epoch as threads, sequences, steps and units grow."""

import numpy as np

from numrnn import RNNClassifier

from .common import values_of

BASE = {"n_jobs": 1, "N": 256, "T": 50, "H": 64}


class Scaling:
    """Time an epoch of a GRU, with one of four sizes changed."""

    params = values_of(["n_jobs 2", "N 1024", "N 4096", "T 200", "T 800", "H 16", "H 256"])
    param_names = ["size"]

    def setup(self, size):
        name, value = size.split()
        sizes = BASE | {name: int(value)}
        X = np.random.default_rng(0).standard_normal((sizes["N"], sizes["T"], 8)).astype(np.float32)
        self.X, self.y = X, np.arange(len(X)) % 2
        options = {"batch_size": 32, "max_iter": 1, "n_jobs": sizes["n_jobs"], "random_state": 0}
        self.model = RNNClassifier((sizes["H"],), cell="gru", **options).fit(X, self.y)

    def time_epoch(self, size):
        self.model.partial_fit(self.X, self.y)
