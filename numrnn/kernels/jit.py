"""The package's one `njit`: options of every kernel, and a disk cache that cannot run an old kernel.

Numba's own cache key knows neither the options, nor the globals, nor the callees in other files. So the cache of this
package lies in a folder named after a hash of all kernel files of the CPU, the options and Numba's version: an upgrade
or an edit moves to another folder.
"""

import hashlib
import os
import pathlib
import warnings

import numba
import numpy as np
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import overload

from numrnn.kernels.cache import cache_folder

try:
    from numrnn.kernels.linking import Choice, Kernel, KernelCache, Part, check_internals

    check_internals()
    _unknown = None
except (ImportError, AttributeError) as error:
    _unknown = f"{type(error).__name__}: {error}"

# No fastmath: bits would depend on a value's position. error_model="numpy": the zero-division branch of Python's
# stops vectorisation.
OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}

if hasattr(os, "register_at_fork"):  # a child would wait for ever for a compiler that another thread was at
    _release = global_compiler_lock.release
    os.register_at_fork(before=global_compiler_lock.acquire, after_in_parent=_release, after_in_child=_release)


def kernel_hash(device="cpu"):
    """SHA-256 (hex) of all that decides what the kernels compute: their files, the options, Numba's version.

    Kernels of a card call those of the CPU: the hash of "cuda" covers both, that of "cpu" knows nothing of a card.
    """
    digest = hashlib.sha256(repr((sorted(OPTIONS.items()), numba.__version__)).encode())
    folder = pathlib.Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder)
        if device == "cuda" or name.parts[0] != "cuda":
            digest.update(str(name).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


if _unknown:  # Numba's own cache would run a stale kernel if one that it calls has changed
    warnings.warn(
        f"numrnn does not know Numba {numba.__version__} ({_unknown}): it compiles its kernels anew in every process, "
        "and slowly. Install a version of Numba that numrnn's requirements allow.",
        stacklevel=2,
    )
CACHE_FOLDER = None if config.DISABLE_JIT or _unknown else cache_folder(kernel_hash())


def njit(function):
    """Compile a kernel on its first call; keep the result on disk."""
    kernel = numba.njit(**OPTIONS)(function)
    if config.DISABLE_JIT or _unknown:
        return kernel
    kernel.__class__ = Kernel
    kernel.part = numba.njit(**OPTIONS, no_cpython_wrapper=True)(function)
    kernel.part.__class__ = Part
    if CACHE_FOLDER is not None:
        try:
            kernel._cache = KernelCache(function, CACHE_FOLDER)
        except RuntimeError as error:  # no folder can be made there any more
            warnings.warn(f"numrnn cannot keep compiled kernels in {CACHE_FOLDER}: {error}", stacklevel=2)
    return kernel


def by_type(table, place=0):
    """Return a function that calls the kernel which a table has for the type of its argument number `place`.

    Types are named tuples. Compiled code chooses when it is compiled, so a program compiles only what it uses.
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
    """A read-only view: user's data come as such (memory maps) or not, and each kind would be compiled for itself."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
