"""Test the errors about a lack of device memory."""

from types import SimpleNamespace

import numpy as np
import pytest

from numrnn import RNNClassifier
from numrnn.kernels.cuda import row_order
from numrnn.kernels.cuda.row_order import SHARED_BYTES, rows_of_block
from numrnn.network.cuda import device
from numrnn.network.cuda.cublas import Handle
from numrnn.network.cuda.graphs import Graphs


@pytest.fixture
def cupy(monkeypatch):
    """Return CuPy, which reports a GPU with hardly any memory."""
    cupy = pytest.importorskip("cupy")
    monkeypatch.setattr(device, "in_simulator", lambda: False)
    monkeypatch.setattr(cupy.cuda.runtime, "memGetInfo", lambda: (3000, 50_000))
    return cupy


def test_too_little_memory_names_what_is_needed_and_what_is_free(cupy):
    expected = r"device='cuda': Out of memory allocating 12,345 bytes .*; 3,000 of the GPU's 50,000 bytes are free"
    with pytest.raises(MemoryError, match=expected), device.memory_named():
        raise cupy.cuda.memory.OutOfMemoryError(12345, 4000)
    with pytest.raises(MemoryError, match="cudaErrorMemoryAllocation.*3,000"), device.memory_named():
        raise cupy.cuda.runtime.CUDARuntimeError(2)
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError), device.memory_named():
        raise cupy.cuda.runtime.CUDARuntimeError(1)
    with pytest.raises(MemoryError, match=r"^of the host$"), device.memory_named():
        raise MemoryError("of the host")


def test_a_kernel_that_cannot_be_loaded_for_lack_of_memory(cupy):
    """Check that a lack of memory is reported for errors of Numba and of cuda.core.

    Numba does not convert errors of cuda.core, by which it loads and launches kernels.
    """
    runtime = pytest.importorskip("cuda.bindings.runtime")
    handle_return = pytest.importorskip("cuda.core._utils.cuda_utils").handle_return

    class CudaAPIError(Exception):
        """Stand for Numba's error, a code and a text, which its simulator lacks."""

        def __str__(self):
            return "[{}] {}".format(*self.args)

    with pytest.raises(MemoryError, match="cuModuleGetGlobal results in .*; 3,000 of"), device.memory_named():
        raise CudaAPIError(2, "Call to cuModuleGetGlobal results in CUDA_ERROR_OUT_OF_MEMORY")
    with pytest.raises(MemoryError, match="cudaErrorMemoryAllocation: .*; 3,000 of"), device.memory_named():
        handle_return((runtime.cudaError_t.cudaErrorMemoryAllocation,))


def test_cublas_without_memory_and_with_other_errors(cupy):
    handle = Handle.__new__(Handle)
    handle._library = SimpleNamespace(cublasCreate_v2=lambda status: status)
    expected = "device='cuda': cublasCreate_v2 failed with CUBLAS_STATUS_ALLOC_FAILED.*; 3,000 of"
    with pytest.raises(MemoryError, match=expected), device.memory_named():
        handle._call("cublasCreate_v2", 3)
    with pytest.raises(RuntimeError, match="device='cuda': cublasCreate_v2 of cuBLAS failed with status 13"):
        handle._call("cublasCreate_v2", 13)
    assert handle._call("cublasCreate_v2", 0) is None


def test_work_that_finds_no_memory_is_done_once_more_without_graphs():
    kept, calls = Graphs(), []
    for _ in range(2):
        kept.run("known", lambda: None)
    assert kept.captured == 1

    def work():
        calls.append(len(kept._graphs))
        if len(calls) == 1:
            raise MemoryError

    kept.run("another", work)
    assert calls == [1, 0]


def test_layers_that_do_not_fit_in_shared_memory_are_an_error_that_leaves_the_estimator_as_it_was(monkeypatch):
    assert rows_of_block(1, SHARED_BYTES // 4, 4) == 1
    with pytest.raises(ValueError, match=rf"hidden_layer_sizes: .* {SHARED_BYTES + 4} bytes .* has {SHARED_BYTES}"):
        rows_of_block(1, SHARED_BYTES // 4 + 1, 4)
    model = RNNClassifier((3,), device="cuda", random_state=0, max_iter=1).fit(np.ones((2, 1, 1)), [0, 1])
    before = model._state.theta.copy()
    monkeypatch.setattr(row_order, "SHARED_BYTES", 64)
    with pytest.raises(ValueError, match="hidden_layer_sizes: .* 96 bytes .* has 64"):
        model.set_params(cell="lstm", dtype="float64", hidden_layer_sizes=(4,)).fit(np.ones((2, 1, 1)), [0, 1])
    np.testing.assert_array_equal(model._state.theta, before)
