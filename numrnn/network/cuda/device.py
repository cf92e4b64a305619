"""Access the GPU and its arrays: CuPy's, or NumPy's in Numba's simulator (``NUMBA_ENABLE_CUDASIM=1``)."""

import functools
import math
import os
import threading
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np

from numrnn.io.messages import InputError, shown

PACKAGES = {"numba_cuda": "numba-cuda", "cupy": "cupy-cuda13x"}  # packages by import name
INSTALL = "pip install 'numrnn[cuda]'"
LARGE = 1 << 26  # arrays of at least this many bytes are copied without CuPy's page-locked buffer
NO_MEMORY = "cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY", "CUBLAS_STATUS_ALLOC_FAILED"

FORKED = (
    "device='cuda' cannot be used in a process that was forked from one that had used the GPU: start it with "
    "multiprocessing's 'spawn' or joblib's 'loky', or fork before"
)

_settings = threading.Lock()  # protects Numba's settings
_used_by = []  # id of the process that has used the GPU


def in_simulator():
    """Return True if kernels run in Numba's simulator."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("0", "")


def check_device(device):
    """Raise an error if this machine cannot compute on a device, "cpu" or "cuda".

    Raises ValueError for another device; ImportError, with the command that installs it, if a package is missing;
    RuntimeError if there is no NVIDIA GPU or driver, or if this process was forked from one that had used the GPU; and
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
        if reason and any(name in reason for name in NO_MEMORY):  # the driver needs memory for a new process
            way = "end other programs on it, or set device='cpu'"
            raise MemoryError(f"device='cuda': the GPU is out of memory ({reason}); {way}")
        if reason:
            raise RuntimeError(f"device='cuda' needs an NVIDIA GPU and its driver: {reason}")
    _used_by[:] = [os.getpid()]


def check_process():
    """Raise an error if this process was forked from one that had used the GPU, since the driver fails there."""
    if _used_by and _used_by[0] != os.getpid():
        raise RuntimeError(FORKED)


def _why_not():
    """Return the reason why the GPU cannot be used, or None if it can."""
    from numba import cuda
    from numba.cuda.cudadrv.error import CudaDriverError, CudaSupportError

    try:
        cuda.current_context()
    except (CudaSupportError, CudaDriverError) as error:  # a forked process gets a CudaDriverError
        return " ".join(str(error).split()).rstrip(" :")
    return None


def facts():
    """Return facts about the GPU for a bug report, a dict of str to str."""
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
    """Return the GPU's number of multiprocessors; each runs one block at a time if a block needs all its registers."""
    from numba import cuda

    return cuda.get_current_device().MULTIPROCESSOR_COUNT


def capability():
    """Return the compute capability of the GPU, (major, minor)."""
    from numba import cuda

    return tuple(cuda.get_current_device().compute_capability)


def arrays():
    """Return the module whose arrays are on the GPU: CuPy, or NumPy in the simulator."""
    if in_simulator():
        return np
    import cupy

    return cupy


def upload(array):
    """Return a copy of an array on the GPU."""
    if in_simulator():
        return np.array(array)
    if array.nbytes < LARGE:
        return arrays().asarray(array)
    # CuPy would first copy the array into page-locked memory, and keep this memory.
    array, stream = np.ascontiguousarray(array), current_stream()
    copy = arrays().empty(array.shape, array.dtype)
    copy_to_card(array, copy, stream)
    stream.synchronize()
    return copy


def copy_to_card(array, copy, stream):
    """Start a copy of a C-contiguous array from the host to the GPU on a stream.

    The host does not wait for the copy if the array was returned by `pinned`.
    """
    if in_simulator():
        copy[...] = array
    else:
        copy.data.copy_from_host_async(array.ctypes.data, array.nbytes, stream)


def pinned(shape, dtype):
    """Return an array of the host in page-locked memory, from which the GPU can copy while the host continues."""
    if in_simulator():
        return np.empty(shape, dtype)
    from cupy.cuda import PinnedMemory, PinnedMemoryPointer

    # CuPy's pool is not used, since it never returns page-locked memory to the system.
    memory = PinnedMemory(math.prod(shape) * np.dtype(dtype).itemsize)
    return np.ndarray(shape, dtype, buffer=PinnedMemoryPointer(memory, 0))


class _AllInOrder:
    """Stand in for streams and events in the simulator, where all work is done immediately."""

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
    """Return a stream that does not wait for other streams."""
    return _AllInOrder() if in_simulator() else arrays().cuda.Stream(non_blocking=True)


def new_event():
    """Return an event that has not been recorded, so waiting for it ends at once."""
    return _AllInOrder() if in_simulator() else arrays().cuda.Event(disable_timing=True)


def free_bytes():
    """Return the free bytes of the GPU's memory, including free bytes in CuPy's pool."""
    if in_simulator():
        return 1 << 40
    cupy = arrays()
    free, _ = cupy.cuda.runtime.memGetInfo()
    return free + cupy.get_default_memory_pool().free_bytes()


def download(array, out):
    """Copy an array on the GPU into an array of the host, which need not be contiguous."""
    out[...] = array if in_simulator() else arrays().asnumpy(array)


def on_host(array):
    """Return a copy on the host of an array on the GPU."""
    out = np.empty(array.shape, array.dtype)
    download(array, out)
    return out


def on_card(array):
    """Return True if an object is an array on a GPU, of any package."""
    return hasattr(array, "__cuda_array_interface__")


def from_card(array):
    """Return an array on the GPU, of any package, as an array of `arrays` that shares its memory."""
    if not in_simulator():
        return arrays().asarray(array)
    return np.asarray(_OfHost(array))


class _OfHost:
    """Describe the memory on the host that the simulator uses for an array on the GPU."""

    def __init__(self, array):
        known, self.owner = array.__cuda_array_interface__, array
        self.__array_interface__ = {name: known[name] for name in ("shape", "typestr", "data")}
        self.__array_interface__ |= {"strides": known.get("strides"), "version": 3}


def to_host(values):
    """Return a copy on the host of an array on the GPU; return other values unchanged."""
    if not on_card(values):
        return values
    check_device("cuda")
    array = from_card(values)
    out = np.empty(array.shape, array.dtype)
    download(array, out)
    return out


def address(array):
    """Return the address of an array on the GPU, or 0 if the array is empty."""
    if not array.size:
        return 0
    return array.ctypes.data if in_simulator() else array.data.ptr


def launch(kernel, blocks, threads, *arguments, shared_bytes=0):
    """Launch a kernel on CuPy's current stream; CuPy's arrays, also within named tuples, are converted to Numba's."""
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
    """Silence Numba's warning about kernels of few blocks, which small mini-batches need."""
    if in_simulator():
        yield
        return
    from numba.cuda.core import config

    with _settings:  # without this lock, a thread could save and restore the 0 that another thread has set
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

    return cuda.as_cuda_array(value, sync=False)  # no need to wait: all work is on one stream


@contextmanager
def memory_named():
    """Add the free memory to messages of out-of-memory errors within the context; fail in a forked process."""
    check_process()
    if in_simulator():
        yield
        return
    from cupy.cuda import runtime
    from cupy.cuda.memory import OutOfMemoryError

    try:
        yield
    except Exception as error:
        # CuPy's own error says how many bytes were requested. Errors of the driver are raised by CuPy (page-locked
        # memory, graphs), Numba and cuda.core (loading a kernel). Each package has its own class of errors, so only
        # their text identifies errors of memory.
        if not isinstance(error, OutOfMemoryError) and not any(name in str(error) for name in NO_MEMORY):
            raise
        free, total = runtime.memGetInfo()
        found = f"{error}; {free:,} of the GPU's {total:,} bytes are free"
        way = "end other programs on it, or set a smaller batch_size"
        raise MemoryError(f"device='cuda': {found}; {way}") from error
