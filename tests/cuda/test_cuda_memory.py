"""Errors of what does not fit on a card."""

import numpy as np
import pytest

from numrnn import RNNClassifier
from numrnn.gpu import device
from numrnn.kernels.cuda import walk
from numrnn.kernels.cuda.walk import SHARED_BYTES, rows_of_block


def test_too_little_memory_names_what_is_needed_and_what_is_free(monkeypatch):
    cupy = pytest.importorskip("cupy")
    monkeypatch.setattr(device, "in_simulator", lambda: False)
    monkeypatch.setattr(cupy.cuda.runtime, "memGetInfo", lambda: (3000, 50_000))
    expected = r"device='cuda': Out of memory allocating 12,345 bytes .*; 3,000 bytes of the card's 50,000 are free"
    with pytest.raises(MemoryError, match=expected), device.memory_named():
        raise cupy.cuda.memory.OutOfMemoryError(12345, 4000)
    with pytest.raises(MemoryError, match="cudaErrorMemoryAllocation.*3,000"), device.memory_named():
        raise cupy.cuda.runtime.CUDARuntimeError(2)
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError), device.memory_named():
        raise cupy.cuda.runtime.CUDARuntimeError(1)


def test_layers_that_do_not_fit_in_shared_memory_are_an_error_that_leaves_the_estimator_as_it_was(monkeypatch):
    assert rows_of_block(1, SHARED_BYTES // 4, 4) == 1
    with pytest.raises(ValueError, match=rf"hidden_layer_sizes: .* {SHARED_BYTES + 4} bytes .* has {SHARED_BYTES}"):
        rows_of_block(1, SHARED_BYTES // 4 + 1, 4)
    model = RNNClassifier((3,), device="cuda", random_state=0, max_iter=1).fit(np.ones((2, 1, 1)), [0, 1])
    before = model._state.theta.copy()
    monkeypatch.setattr(walk, "SHARED_BYTES", 64)
    with pytest.raises(ValueError, match="hidden_layer_sizes: .* 96 bytes .* has 64"):
        model.set_params(cell="lstm", dtype="float64", hidden_layer_sizes=(4,)).fit(np.ones((2, 1, 1)), [0, 1])
    np.testing.assert_array_equal(model._state.theta, before)
