"""Time model files, checkpoints and sequences on disk."""

import tempfile
from pathlib import Path

import numpy as np

from numrnn import RNNClassifier, load
from numrnn.training import Checkpoint

from .common import values_of


class ModelFile:
    """Time saving and loading a model."""

    params = values_of([64, 512])
    param_names = ["H"]

    def setup(self, H):
        X = np.random.default_rng(0).standard_normal((32, 10, 8)).astype(np.float32)
        self.model = RNNClassifier((H,), max_iter=1, random_state=0).fit(X, np.arange(32) % 2)
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "model.safetensors"
        self.model.save(self.path)

    def teardown(self, H):
        self.folder.cleanup()

    def time_save(self, H):
        self.model.save(self.path)

    def time_load(self, H):
        load(self.path)

    def track_bytes(self, H):
        return self.path.stat().st_size

    track_bytes.unit = "bytes"


class Checkpoints:
    """Time five epochs, with a checkpoint after each and without."""

    params = values_of([True, False])
    param_names = ["checkpoint"]

    def setup(self, checkpoint):
        self.X = np.random.default_rng(0).standard_normal((256, 20, 8)).astype(np.float32)
        self.y = np.arange(256) % 2
        self.model = RNNClassifier((64,), max_iter=5, n_jobs=1, random_state=0).fit(self.X, self.y)

    def time_fit(self, checkpoint):
        with tempfile.TemporaryDirectory() as folder:
            callbacks = [Checkpoint(folder)] if checkpoint else None
            self.model.set_params(callbacks=callbacks).fit(self.X, self.y)
