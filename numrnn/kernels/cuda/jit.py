"""Compile CUDA kernels and keep them on disk next to the CPU kernels, since compiling takes seconds.

The key of numba-cuda's own cache covers neither the functions that a kernel calls nor the kernel's options. It also
contains a pickle of the values in the kernel's closure, and this pickle differs in every process. The cache of this
module lies in the folder of `numrnn.kernels.jit`, which changes with every edit of a CPU kernel. Its keys contain a
hash of the source of all kernels and the values in the kernel's closure.
"""

import hashlib
import inspect
import warnings
from importlib.util import find_spec

from numba import config, cuda, types

from numrnn.kernels.cache import KernelFiles
from numrnn.kernels.jit import CACHE_FOLDER, kernel_hash

__all__ = ["kernel"]

HASH = kernel_hash("cuda")


def kernel(function=None, **options):
    """Return `numba.cuda.jit` of a function, with a disk cache.

    The function's closure may contain numbers, strings, types, tuples, and functions to which the same applies.
    `options` are those of `numba.cuda.jit`.
    """
    if function is None:
        return lambda function: kernel(function, **options)
    dispatcher = cuda.jit(function, **options)
    # Without numba-cuda the kernels can be imported but not compiled.
    if CACHE_FOLDER is not None and not config.ENABLE_CUDASIM and find_spec("numba_cuda") is not None:
        dispatcher._cache = _KernelCache(dispatcher)
    return dispatcher


class _KernelCache:
    """Implement the interface of numba-cuda's caches, see `numba.cuda.core.caching.Cache`."""

    def __init__(self, dispatcher):
        import numba_cuda

        function, self.cache_path = dispatcher.py_func, CACHE_FOLDER
        made_with = identity(function), sorted(dispatcher.targetoptions.items(), key=lambda option: option[0])
        stamp = HASH, numba_cuda.__version__, hashlib.sha256(repr(made_with).encode()).hexdigest()
        name = f"{function.__module__.removeprefix('numrnn.kernels.')}.{function.__name__}"
        self._files = KernelFiles(CACHE_FOLDER, name, stamp)

    def load_overload(self, signature, target):
        """Return the stored kernel for types of arguments and the current compute capability, or None."""
        from numba.cuda.dispatcher import _Kernel

        states = self._files.load((signature, target.codegen().magic_tuple()))
        if states is None:
            return None
        loaded = _Kernel._rebuild(**states)
        loaded.bind()  # not at the first launch, which may be recorded in a graph
        return loaded

    def save_overload(self, signature, compiled):
        """Store a compiled kernel."""
        if compiled.launch_config_sensitive:
            return
        try:
            self._files.save((signature, compiled.codegen.magic_tuple()), compiled._reduce_states())
        except OSError as error:
            warnings.warn(f"numrnn cannot keep a compiled kernel in {self.cache_path}: {error}", stacklevel=2)

    def flush(self):
        """Delete the stored kernels."""
        self._files.flush()


def identity(value):
    """Return plain values that identify a function: its name and the values in its closure."""
    function = getattr(value, "py_func", value)
    if inspect.isfunction(function):
        enclosed = [cell.cell_contents for cell in function.__closure__ or ()]
        return function.__module__, function.__qualname__, [identity(part) for part in enclosed]
    if isinstance(value, tuple):
        return tuple(map(identity, value))
    if value is None or isinstance(value, (bool, int, float, str, types.Type)):
        return repr(value)
    raise TypeError(f"a kernel that encloses {value!r} cannot be identified in the cache")
