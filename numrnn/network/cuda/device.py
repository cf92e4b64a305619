"""Access the GPU and its arrays: CuPy's, or NumPy's in Numba's simulator (``NUMBA_ENABLE_CUDASIM=1``)."""

import functools
import math
import os
import threading
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np

from numrnn.io.messages import InputError, shown

PACKAGES = {"numba_cuda": "numba-cuda", "cupy": "cupy-cuda13x"}  # by import name
INSTALL = "pip install 'numrnn[cuda]'"
LARGE = 1 << 26  # bytes from which an array is copied without CuPy's page-locked buffer
NO_MEMORY = "cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY", "CUBLAS_STATUS_ALLOC_FAILED"

FORKED = (
    "device='cuda' cannot be used in a process that was forked from one that had used the GPU: start it by "
    "multiprocessing's 'spawn' or joblib's 'loky', or fork before"
)

_settings = threading.Lock()  # protects Numba's settings
_used_by = []  # id of the process that has used the GPU


def in_simulator():
    """Return True if kernels run in Numba's simulator."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("0", "")


def check_device(device):
    """Raise an error unless this machine can compute on a device, "cpu" or "cuda".

    Raises ValueError for another device, ImportError if a package is missing, with the command that installs it,
    RuntimeError without an NVIDIA GPU or driver, or in a process that was forked from one that had used the GPU, and
    MemoryError if the GPU has no memory left for another process.
    """
    if device not in ("cpu", "cuda"):
        raise InputError("device", (), f"must be 'cpu' or 'cuda', got {shown(device)}")
    if device == "cpu":
        return
    missing = [package for name, package in PACKAGES.items() if find_spec(name) is None]
    if in_simulator():
        missing = [package for package in missing if package == PACKAGES["numba_cuda"]]
    if missing:
        raise ImportError(f"device='cuda' needs {' and '.join(missing)}: {INSTALL}")
    check_process()
    if not in_simulator():
        reason = _why_not()
        if reason and any(name in reason for name in NO_MEMORY):  # memory of the driver for a new process
            raise MemoryError(f"device='cuda': the GPU is out of memory: {reason}")
        if reason:
            raise RuntimeError(f"device='cuda' needs an NVIDIA GPU and its driver: {reason}")
    _used_by[:] = [os.getpid()]


def check_process():
    """Raise an error in a process that was forked from one that had used the GPU, where the driver does not work."""
    if _used_by and _used_by[0] != os.getpid():
        raise RuntimeError(FORKED)


def _why_not():
    """Return why there is no GPU to compute on, or None if there is one."""
    from numba import cuda
    from numba.cuda.cudadrv.error import CudaDriverError, CudaSupportError

    try:
        cuda.current_context()
    except (CudaSupportError, CudaDriverError) as error:  # a CudaDriverError also in a forked process
        return " ".join(str(error).split()).rstrip(" :")
    return None


def facts():
    """Return what a bug report needs to say about the GPU, a dict of str to str."""
    if find_spec("numba_cuda") is None:
        return {"GPU": f"not looked for: numba-cuda is not installed ({INSTALL})"}
    if in_simulator():
        return {"GPU": "none: Numba's simulator"}
    reason = _why_not()
    if reason:
        return {"GPU": f"none: {reason}"}
    return _facts_of_card()


def _facts_of_card():
    from numba import cuda

    card = cuda.get_current_device()
    driver = ".".join(map(str, cuda.cudadrv.driver.get_version()))
    major, minor = card.compute_capability
    name = card.name.decode() if isinstance(card.name, bytes) else card.name
    return {"GPU": f"{name} (compute capability {major}.{minor})", "GPU driver": f"CUDA {driver}"}


def multiprocessors():
    """Return the GPU's number of multiprocessors: the resident blocks of a kernel that needs all registers."""
    from numba import cuda

    return cuda.get_current_device().MULTIPROCESSOR_COUNT


def capability():
    """Return the compute capability of the GPU, (major, minor)."""
    from numba import cuda

    return tuple(cuda.get_current_device().compute_capability)


def arrays():
    """Return the module whose arrays lie on the GPU."""
    if in_simulator():
        return np
    import cupy

    return cupy


def upload(array):
    """Return a copy on the GPU."""
    if in_simulator():
        return np.array(array)
    if array.nbytes < LARGE:
        return arrays().asarray(array)
    # CuPy would first copy into page-locked memory, and keep that memory.
    array, stream = np.ascontiguousarray(array), current_stream()
    copy = arrays().empty(array.shape, array.dtype)
    copy_to_card(array, copy, stream)
    stream.synchronize()
    return copy


def copy_to_card(array, copy, stream):
    """Start a copy of a C-contiguous array from the host to the GPU on a stream.

    The host does not wait for it if its memory is `pinned`.
    """
    if in_simulator():
        copy[...] = array
    else:
        copy.data.copy_from_host_async(array.ctypes.data, array.nbytes, stream)


def pinned(shape, dtype):
    """Return an array of the host in page-locked memory, from which copies need not be waited for."""
    if in_simulator():
        return np.empty(shape, dtype)
    from cupy.cuda import PinnedMemory, PinnedMemoryPointer

    # Not from CuPy's pool, which never returns page-locked memory to the system.
    memory = PinnedMemory(math.prod(shape) * np.dtype(dtype).itemsize)
    return np.ndarray(shape, dtype, buffer=PinnedMemoryPointer(memory, 0))


class _AllInOrder:
    """Replace streams and events in the simulator, where all work is done immediately."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def record(self, stream):
        """Do nothing."""

    def synchronize(self):
        """Do nothing."""

    def wait_event(self, event):
        """Do nothing."""


def current_stream():
    """Return the stream on which arrays are processed."""
    return _AllInOrder() if in_simulator() else arrays().cuda.get_current_stream()


def new_stream():
    """Return a stream that waits for no other one."""
    return _AllInOrder() if in_simulator() else arrays().cuda.Stream(non_blocking=True)


def new_event():
    """Return an event that has not been recorded, so that nothing waits for it."""
    return _AllInOrder() if in_simulator() else arrays().cuda.Event(disable_timing=True)


def free_bytes():
    """Return the free bytes of the GPU's memory, those in CuPy's pool included."""
    if in_simulator():
        return 1 << 40
    cupy = arrays()
    free, _ = cupy.cuda.runtime.memGetInfo()
    return free + cupy.get_default_memory_pool().free_bytes()


def download(array, out):
    """Copy from the GPU into an array of the host, contiguous or not."""
    out[...] = array if in_simulator() else arrays().asnumpy(array)


def on_host(array):
    """Return a copy on the host."""
    out = np.empty(array.shape, array.dtype)
    download(array, out)
    return out


def on_card(array):
    """Return True if something is an array on a GPU, of any package."""
    return hasattr(array, "__cuda_array_interface__")


def from_card(array):
    """Return an array on the GPU as one of `arrays`, sharing its memory."""
    if not in_simulator():
        return arrays().asarray(array)
    return np.asarray(_OfHost(array))


class _OfHost:
    """Describe by its address on the host what the simulator takes for an array on the GPU."""

    def __init__(self, array):
        known, self.owner = array.__cuda_array_interface__, array
        self.__array_interface__ = {name: known[name] for name in ("shape", "typestr", "data")}
        self.__array_interface__ |= {"strides": known.get("strides"), "version": 3}


def to_host(values):
    """Return a copy on the host of an array on the GPU, and anything else unchanged."""
    if not on_card(values):
        return values
    check_device("cuda")
    array = from_card(values)
    out = np.empty(array.shape, array.dtype)
    download(array, out)
    return out


def address(array):
    """Return the address of an array on the GPU, 0 if it is empty."""
    if not array.size:
        return 0
    return array.ctypes.data if in_simulator() else array.data.ptr


def launch(kernel, blocks, threads, *arguments, shared_bytes=0):
    """Launch a kernel on CuPy's current stream; arrays within records are converted."""
    if blocks:
        stream = 0 if in_simulator() else _stream_of_numba(arrays().cuda.get_current_stream().ptr)
        with _small_grids():
            configured = kernel[blocks, threads, stream, shared_bytes]
        configured(*map(_argument, arguments))


@functools.cache
def _stream_of_numba(address):
    """Return Numba's object for a stream."""
    from numba import cuda

    return cuda.external_stream(address) if address else 0


@contextmanager
def _small_grids():
    """Silence Numba's warning about kernels of few blocks; mini-batches of 32 sequences have no more."""
    if in_simulator():
        yield
        return
    from numba.cuda.core import config

    with _settings:  # else a thread could save and restore the 0 set by another thread
        before, config.CUDA_LOW_OCCUPANCY_WARNINGS = config.CUDA_LOW_OCCUPANCY_WARNINGS, 0
        try:
            yield
        finally:
            config.CUDA_LOW_OCCUPANCY_WARNINGS = before


def launch_each(kernel, count, *arguments, threads=128):
    """Launch a kernel with one thread for each of `count` elements."""
    launch(kernel, -(-count // threads), min(threads, count), *arguments)


def _argument(value):
    if isinstance(value, tuple):
        return type(value)(*map(_argument, value))
    if in_simulator() or not isinstance(value, arrays().ndarray):
        return value
    from numba import cuda

    return cuda.as_cuda_array(value, sync=False)  # all work is on one stream: no need to wait


@contextmanager
def memory_named():
    """Add the free memory to out-of-memory errors within the context; raise an error in a forked process."""
    check_process()
    if in_simulator():
        yield
        return
    from cupy.cuda import runtime
    from cupy.cuda.memory import OutOfMemoryError

    try:
        yield
    except Exception as error:
        # CuPy's error names the requested bytes. Errors of the driver are raised by CuPy (page-locked memory, graphs),
        # Numba and cuda.core (loading a kernel), each with a class of its own, so only their text identifies them.
        if not isinstance(error, OutOfMemoryError) and not any(name in str(error) for name in NO_MEMORY):
            raise
        free, total = runtime.memGetInfo()
        raise MemoryError(f"device='cuda': {error}; {free:,} of the GPU's {total:,} bytes are free") from error
