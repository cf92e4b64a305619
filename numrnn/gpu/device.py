"""The card, and arrays on it: CuPy's. In Numba's simulator (``NUMBA_ENABLE_CUDASIM=1``): NumPy's."""

import os
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np

PACKAGES = {"numba_cuda": "numba-cuda", "cupy": "cupy-cuda13x"}  # by what is imported
INSTALL = "pip install 'numrnn[cuda]'"


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
        If there is no NVIDIA GPU, or no driver for it.

    Examples
    --------
    >>> from numrnn.gpu.device import check_device
    >>> check_device("cpu")
    >>> check_device("gpu")
    Traceback (most recent call last):
    ValueError: device must be 'cpu' or 'cuda', got 'gpu'
    """
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be 'cpu' or 'cuda', got {device!r}")
    if device == "cpu":
        return
    missing = [package for name, package in PACKAGES.items() if find_spec(name) is None]
    if in_simulator():
        missing = [package for package in missing if package == PACKAGES["numba_cuda"]]
    if missing:
        raise ImportError(f"device='cuda' needs {' and '.join(missing)}: {INSTALL}")
    if not in_simulator():
        reason = _why_not()
        if reason:
            raise RuntimeError(f"device='cuda' needs an NVIDIA GPU and its driver: {reason}")


def _why_not():
    """Why there is no card to compute on; None: there is one."""
    from numba import cuda
    from numba.cuda.cudadrv.error import CudaSupportError

    try:
        cuda.current_context()
    except (CudaSupportError, cuda.cudadrv.driver.CudaAPIError) as error:
        return " ".join(str(error).split()).rstrip(" :")
    return None


def facts():
    """Return what a bug report needs to say about the card, a dict of str to str.

    Examples
    --------
    >>> from numrnn.gpu.device import facts
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
    return np.array(array) if in_simulator() else arrays().asarray(array)


def download(array, out):
    """Copy from the card into an array (contiguous or not) of the host."""
    out[...] = array if in_simulator() else arrays().asnumpy(array)


def product(a, b):
    """The matrix product of two arrays, in C order: kernels take rows by their addresses."""
    xp = arrays()
    return xp.matmul(a, b, out=xp.empty((a.shape[0], b.shape[1]), a.dtype))


def launch(kernel, blocks, threads, *arguments, shared_bytes=0):
    """Start a kernel on the default stream; records of arrays are taken apart."""
    if blocks:
        with _small_grids():
            configured = kernel[blocks, threads, 0, shared_bytes]
        configured(*map(_argument, arguments))


@contextmanager
def _small_grids():
    """Numba warns of kernels of few blocks; a mini-batch of 32 sequences has no more."""
    if in_simulator():
        yield
        return
    from numba.cuda.core import config

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
    """Let an error of too little memory tell how much there is."""
    if in_simulator():
        yield
        return
    from cupy.cuda import runtime
    from cupy.cuda.memory import OutOfMemoryError

    try:
        yield
    except OutOfMemoryError as error:
        free, total = runtime.memGetInfo()
        raise MemoryError(f"device='cuda': {error}; {free} bytes of the card's {total} are free") from error
