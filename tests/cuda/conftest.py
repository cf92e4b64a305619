"""Prepare tests that run on a GPU or in Numba's simulator (NUMBA_ENABLE_CUDASIM=1 and NUMBA_DISABLE_JIT=1)."""

import importlib.util
import sys
import threading

import numpy as np
import pytest

from numrnn.network.cuda.device import check_device, in_simulator


def _why_not():
    try:
        check_device("cuda")
    except (ImportError, RuntimeError) as error:
        return str(error)
    return None


WHY_NOT = _why_not()
HAS_COMPILER = importlib.util.find_spec("numba_cuda") is not None and not in_simulator()


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name != "cuda":
            continue
        if item.path.name in ("test_compiled.py", "test_kept_kernels.py"):
            if not HAS_COMPILER:
                item.add_marker(pytest.mark.skip(reason="needs numba-cuda, and not its simulator"))
        elif WHY_NOT:
            item.add_marker(pytest.mark.skip(reason=WHY_NOT))


class _OneAtATime(dict):
    """Hold a dictionary in which a thread that looks up a missing key blocks the others until it has set the value."""

    def __init__(self):
        self._lock = threading.Lock()

    def get(self, key):
        self._lock.acquire()
        value = super().get(key)
        if value is not None:
            self._lock.release()
        return value

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self._lock.release()


@pytest.fixture(autouse=True, scope="session")
def threads_that_change_often():
    """Let Python switch threads often within the simulator.

    The simulator polls its threads: with the default interval of 5 ms a test of training waits for five sixths of its
    time. If two threads of a block request shared memory at the same time, the simulator gives each an array of its
    own, so that the requests are made one after the other.
    """
    if not in_simulator():
        yield
        return
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    before, begin = sys.getswitchinterval(), FakeCUDAShared.__init__

    def begin_with_lock(shared, size):
        begin(shared, size)
        shared._allocations = _OneAtATime()

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(FakeCUDAShared, "__init__", begin_with_lock)
        sys.setswitchinterval(1e-5)
        yield
        sys.setswitchinterval(before)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Make blocks small in the simulator, where each GPU thread is a Python thread.

    With few threads, each processes several units, and blocks hold several sequences.
    """
    if in_simulator():
        from numrnn.kernels.cuda import row_order, updates
        from numrnn.network.cuda import layers

        monkeypatch.setattr(layers, "THREADS", 8)
        monkeypatch.setattr(row_order, "BLOCKS", 2)
        monkeypatch.setattr(updates, "BLOCKS", 2)
        monkeypatch.setattr(updates, "THREADS", 4)
    yield


class _FilledWithNan:
    """Stand for NumPy, with new arrays that hold NaN, or integers that are no valid index."""

    def __getattr__(self, name):
        return getattr(np, name)

    def empty(self, shape, dtype=np.float64):
        dtype = np.dtype(dtype)
        return np.full(shape, np.nan if dtype.kind == "f" else np.iinfo(dtype).max, dtype)

    def empty_like(self, array):
        return self.empty(array.shape, array.dtype)


@pytest.fixture
def fresh_memory_is_nan(monkeypatch):
    """Fill new arrays with NaN in the simulator; the memory of a GPU is left as it is."""
    if in_simulator():
        for name, module in list(sys.modules.items()):
            if name.startswith("numrnn.network.cuda.") and hasattr(module, "arrays"):
                monkeypatch.setattr(module, "arrays", _FilledWithNan)
