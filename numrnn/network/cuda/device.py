"""The card, and arrays on it: CuPy's. In Numba's simulator (``NUMBA_ENABLE_CUDASIM=1``): NumPy's."""

import functools
import math
import os
import threading
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np

from numrnn.io.messages import shown

PACKAGES = {"numba_cuda": "numba-cuda", "cupy": "cupy-cuda13x"}  # by what is imported
INSTALL = "pip install 'numrnn[cuda]'"
LARGE = 1 << 26  # bytes of an array
NO_MEMORY = "cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY", "CUBLAS_STATUS_ALLOC_FAILED"

FORKED = (
    "device='cuda' cannot be used in a process that was forked from one which had used the card: start it by "
    "multiprocessing's 'spawn' or joblib's 'loky', or fork before"
)

_settings = threading.Lock()  # of Numba
_used_by = []  # the process that has used the card, by its number


def in_simulator():
    """Whether kernels run in Numba's simulator."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("0", "")


def check_device(device):
    """Raise an error unless this machine can compute there.

    Parameters
    ----------
    device : {"cpu", "cuda"}

    Raises
    ------
    ValueError
        If there is no such device.
    ImportError
        If a package is missing, named with the command that installs it.
    RuntimeError
        If there is no NVIDIA GPU, or no driver for it; or if this process was forked from one that had used it.
    MemoryError
        If the card has none left for another process.

    Examples
    --------
    >>> from numrnn.network.cuda.device import check_device
    >>> check_device("cpu")
    >>> check_device("gpu")
    Traceback (most recent call last):
    ValueError: device must be 'cpu' or 'cuda', got 'gpu'
    """
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be 'cpu' or 'cuda', got {shown(device)}")
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
        if reason and any(name in reason for name in NO_MEMORY):  # the driver's own, of a process that begins
            raise MemoryError(f"device='cuda': no memory is left on the card: {reason}")
        if reason:
            raise RuntimeError(f"device='cuda' needs an NVIDIA GPU and its driver: {reason}")
    _used_by[:] = [os.getpid()]


def check_process():
    """Raise an error in a process that was forked from one which had used the card: the driver knows nothing there."""
    if _used_by and _used_by[0] != os.getpid():
        raise RuntimeError(FORKED)


def _why_not():
    """Why there is no card to compute on; None: there is one."""
    from numba import cuda
    from numba.cuda.cudadrv.error import CudaDriverError, CudaSupportError

    try:
        cuda.current_context()
    except (CudaSupportError, CudaDriverError) as error:  # the second of a process that was forked, too
        return " ".join(str(error).split()).rstrip(" :")
    return None


def facts():
    """Return what a bug report needs to say about the card, a dict of str to str.

    Examples
    --------
    >>> from numrnn.network.cuda.device import facts
    >>> list(facts())[0]
    'GPU'
    """
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
    """Of the card: so many blocks of a kernel that needs all registers are on it at once."""
    from numba import cuda

    return cuda.get_current_device().MULTIPROCESSOR_COUNT


def capability():
    """The compute capability of the card, (major, minor)."""
    from numba import cuda

    return tuple(cuda.get_current_device().compute_capability)


def arrays():
    """The module whose arrays live on the card."""
    if in_simulator():
        return np
    import cupy

    return cupy


def upload(array):
    """A copy on the card."""
    if in_simulator():
        return np.array(array)
    if array.nbytes < LARGE:
        return arrays().asarray(array)
    # CuPy would make a copy in page-locked memory first, and keep its memory.
    array, stream = np.ascontiguousarray(array), current_stream()
    copy = arrays().empty(array.shape, array.dtype)
    copy_to_card(array, copy, stream)
    stream.synchronize()
    return copy


def copy_to_card(array, copy, stream):
    """Start a copy from the host to the card, of C-contiguous arrays; it is one for the stream alone, and the host need
    not wait, where the host's memory is `pinned`.
    """
    if in_simulator():
        copy[...] = array
    else:
        copy.data.copy_from_host_async(array.ctypes.data, array.nbytes, stream)


def pinned(shape, dtype):
    """An array of the host in page-locked memory, from which copies need not be waited for."""
    if in_simulator():
        return np.empty(shape, dtype)
    from cupy.cuda import PinnedMemory, PinnedMemoryPointer

    # Not from CuPy's pool, which never gives page-locked memory back to the system.
    memory = PinnedMemory(math.prod(shape) * np.dtype(dtype).itemsize)
    return np.ndarray(shape, dtype, buffer=PinnedMemoryPointer(memory, 0))


class _AllInOrder:
    """Stands in for streams and events in the simulator, where everything is done when it is asked for."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def record(self, stream):
        """Nothing to note."""

    def synchronize(self):
        """Nothing to wait for."""

    def wait_event(self, event):
        """Nothing to wait for."""


def current_stream():
    """The stream that arrays are worked on in."""
    return _AllInOrder() if in_simulator() else arrays().cuda.get_current_stream()


def new_stream():
    """A stream that waits for no other one."""
    return _AllInOrder() if in_simulator() else arrays().cuda.Stream(non_blocking=True)


def new_event():
    """An event that nobody has recorded: who waits for it goes on at once."""
    return _AllInOrder() if in_simulator() else arrays().cuda.Event(disable_timing=True)


def free_bytes():
    """Of the card's memory: what the driver has, and what CuPy keeps to give out again."""
    if in_simulator():
        return 1 << 40
    cupy = arrays()
    free, _ = cupy.cuda.runtime.memGetInfo()
    return free + cupy.get_default_memory_pool().free_bytes()


def download(array, out):
    """Copy from the card into an array (contiguous or not) of the host."""
    out[...] = array if in_simulator() else arrays().asnumpy(array)


def on_host(array):
    """A copy of the host."""
    out = np.empty(array.shape, array.dtype)
    download(array, out)
    return out


def on_card(array):
    """Whether something is an array on a card, whoever's."""
    return hasattr(array, "__cuda_array_interface__")


def from_card(array):
    """An array on the card as one of `arrays`, of the same memory."""
    if not in_simulator():
        return arrays().asarray(array)
    return np.asarray(_OfHost(array))


class _OfHost:
    """What the simulator takes for an array on the card, by its address on the host."""

    def __init__(self, array):
        known, self.owner = array.__cuda_array_interface__, array
        self.__array_interface__ = {name: known[name] for name in ("shape", "typestr", "data")}
        self.__array_interface__ |= {"strides": known.get("strides"), "version": 3}


def to_host(values):
    """A copy on the host of an array on the card; all else as it is."""
    if not on_card(values):
        return values
    check_device("cuda")
    array = from_card(values)
    out = np.empty(array.shape, array.dtype)
    download(array, out)
    return out


def address(array):
    """Of an array on the card; 0: it holds nothing."""
    if not array.size:
        return 0
    return array.ctypes.data if in_simulator() else array.data.ptr


def launch(kernel, blocks, threads, *arguments, shared_bytes=0):
    """Start a kernel on CuPy's current stream; records of arrays are taken apart."""
    if blocks:
        stream = 0 if in_simulator() else _stream_of_numba(arrays().cuda.get_current_stream().ptr)
        with _small_grids():
            configured = kernel[blocks, threads, stream, shared_bytes]
        configured(*map(_argument, arguments))


@functools.cache
def _stream_of_numba(address):
    """Numba's name of a stream."""
    from numba import cuda

    return cuda.external_stream(address) if address else 0


@contextmanager
def _small_grids():
    """Numba warns of kernels of few blocks; a mini-batch of 32 sequences has no more."""
    if in_simulator():
        yield
        return
    from numba.cuda.core import config

    with _settings:  # of two threads one would take the other's 0 for what it was before
        before, config.CUDA_LOW_OCCUPANCY_WARNINGS = config.CUDA_LOW_OCCUPANCY_WARNINGS, 0
        try:
            yield
        finally:
            config.CUDA_LOW_OCCUPANCY_WARNINGS = before


def launch_each(kernel, count, *arguments, threads=128):
    """Start a kernel with a thread for each of so many elements."""
    launch(kernel, -(-count // threads), min(threads, count), *arguments)


def _argument(value):
    if isinstance(value, tuple):
        return type(value)(*map(_argument, value))
    if in_simulator() or not isinstance(value, arrays().ndarray):
        return value
    from numba import cuda

    return cuda.as_cuda_array(value, sync=False)  # all work is on one stream: there is nothing to wait for


@contextmanager
def memory_named():
    """Let an error of too little memory tell how much there is, and that of a process that was forked what to do."""
    check_process()
    if in_simulator():
        yield
        return
    from cupy.cuda import runtime
    from cupy.cuda.memory import OutOfMemoryError

    try:
        yield
    except Exception as error:
        # CuPy's error names the bytes that were asked for. The driver's come by CuPy (page-locked memory, graphs), by
        # Numba and by cuda.core (a kernel that is loaded), in a class of each: their text alone tells what they are.
        if not isinstance(error, OutOfMemoryError) and not any(name in str(error) for name in NO_MEMORY):
            raise
        free, total = runtime.memGetInfo()
        raise MemoryError(f"device='cuda': {error}; {free:,} bytes of the card's {total:,} are free") from error
