"""Define `njit`, which sets the options of every kernel and keeps compiled kernels on disk.

Numba's own cache ignores changes of the compiler options, of global variables and of called functions in other files,
so it can load a stale kernel. This package keeps its kernels in a folder named after a hash of all CPU kernel files,
the compiler options and Numba's version, so an edit or an upgrade leads to another folder.
"""

import hashlib
import pathlib
import warnings

import numba
import numpy as np
from numba import config
from numba.extending import overload

from numrnn.kernels.cache import KernelFiles, cache_folder
from numrnn.kernels.linking import Choice, Kernel, KernelCache, Part, check_internals, hold_compiler_at_forks

try:
    check_internals()
    _unknown = None
except (ImportError, AttributeError) as error:
    _unknown = f"{type(error).__name__}: {error}"

# fastmath is off: with it, the result for an element would depend on the element's position in an array. error_model is
# "numpy": the zero-division check of "python" prevents vectorisation.
OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}

hold_compiler_at_forks()


def kernel_hash(device="cpu"):
    """Return the SHA-256 (hex) of the kernel files, the compiler options and Numba's version.

    CUDA kernels call CPU kernels, so the hash for "cuda" covers both; the hash for "cpu" ignores CUDA files.
    """
    digest = hashlib.sha256(repr((sorted(OPTIONS.items()), numba.__version__)).encode())
    folder = pathlib.Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder)
        if device == "cuda" or name.parts[0] != "cuda":
            digest.update(str(name).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


if _unknown:  # Numba's own cache would load a stale kernel if a function that it calls has changed
    warnings.warn(
        f"numrnn does not support Numba {numba.__version__} ({_unknown}): it compiles its kernels in every process, "
        "which is slow. Install a version of Numba that numrnn's requirements allow.",
        stacklevel=2,
    )
CACHE_FOLDER = None if config.DISABLE_JIT or _unknown else cache_folder(kernel_hash())


def njit(function):
    """Compile a function on its first call and keep the result on disk."""
    kernel = numba.njit(**OPTIONS)(function)
    if config.DISABLE_JIT or _unknown:
        return kernel
    kernel.__class__ = Kernel
    kernel.part = numba.njit(**OPTIONS, no_cpython_wrapper=True)(function)
    kernel.part.__class__ = Part
    if CACHE_FOLDER is not None:
        try:
            kernel._cache = KernelCache(function, CACHE_FOLDER, KernelFiles)
        except RuntimeError as error:  # the folder can no longer be created or written
            warnings.warn(f"numrnn cannot keep compiled kernels in {CACHE_FOLDER}: {error}", stacklevel=2)
    return kernel


def by_type(table, place=0):
    """Return a function that calls the kernel table[type of argument number `place`].

    The keys of `table` are classes of named tuples. In compiled code the kernel is chosen at compile time, so the other
    kernels of the table are not compiled.
    """
    if not (config.DISABLE_JIT or _unknown):
        return Choice(table, place)

    def choose(*arguments):
        return table[type(arguments[place])](*arguments)

    @overload(choose)
    def compile_choice(*kinds):
        kernel = table[kinds[place].instance_class]
        return lambda *arguments: kernel(*arguments)

    return choose


def read_only(array):
    """Return a read-only view, so that writable arrays and memory maps share one compiled specialisation."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
