"""The package's one `njit`: options of every kernel, and a disk cache that cannot run an old kernel.

Numba's own cache key knows neither the options, nor the globals, nor the callees in other files. So the cache of this
package lies in a folder named after a hash of all kernel files of the CPU, the options and Numba's version: an upgrade
or an edit moves to another folder.
"""

import contextlib
import gc
import hashlib
import os
import pathlib
import warnings

import numba
import numpy as np
from llvmlite.binding import Linkage
from numba.core import config, types
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher

from numrnn.kernels.cache import KernelFiles, cache_folder

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


CACHE_FOLDER = None if config.DISABLE_JIT else cache_folder(kernel_hash())


class _Locator(UserProvidedCacheLocator):
    """Tell a source file from others, wherever the package is installed: the folder of the files has the hash of all
    kernels as its name, so a new virtual environment compiles nothing again.
    """

    def ensure_cache_path(self):
        """Make nothing: the files of all kernels lie in `CACHE_FOLDER`, which was checked."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file):
        folder, package = pathlib.Path(py_file).parent, pathlib.Path(__file__).parent
        if folder.is_relative_to(package):
            return folder.relative_to(package.parent)
        return super().get_suitable_cache_subpath(py_file)


class _Locations(CompileResultCacheImpl):
    _locator_classes = [_Locator]


class _KernelCache(FunctionCache):
    """Numba's cache of a function, on files that can be trusted; a disk that is full does not end a fit."""

    _impl_class = _Locations

    def __init__(self, function):
        super().__init__(function)
        locator = self._impl.locator
        stamp = os.path.relpath(self._cache_path, CACHE_FOLDER), locator.get_source_stamp()
        self._cache_path = CACHE_FOLDER
        self._cache_file = KernelFiles(CACHE_FOLDER, self._impl.filename_base, stamp)

    def save_overload(self, sig, data):
        try:
            super().save_overload(sig, data)
        except OSError as error:
            warnings.warn(f"numrnn cannot keep a compiled kernel in {self.cache_path}: {error}", stacklevel=2)


@contextlib.contextmanager
def _numba_caches_in(folder):
    before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
    config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = folder, ""  # other locators would put kernels beside their source
    try:
        yield
    finally:
        config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = before


@contextlib.contextmanager
def _no_garbage_collection():
    """A compiler keeps what it makes: to look through it for garbage again and again took a tenth of a first fit."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _PartLibrary(JITCodeLibrary):
    """LLVM's language alone, of one function: what takes it in optimises it, and makes machine code."""

    @property
    def codegen(self):
        """Numba sets a function's environment by it, which without machine code has no place."""
        return self

    def set_env(self, name, environment):
        pass

    def _optimize_functions(self, module):
        pass

    def finalize(self):
        for function in self._final_module.functions:
            if function.linkage == Linkage.external and not function.is_declaration:
                function.linkage = Linkage.linkonce_odr
        for library in self._linking_libraries:
            self._reload_init.update(library._reload_init)
        self._finalize_dynamic_globals()
        self._finalized = True

    def _get_module_for_linking(self):
        """With all that it calls, for libraries that are not of this package: they take in no more than this."""
        if self._shared_module is None:
            self._shared_module = self._final_module.clone()
            _link_all_below(self, self._shared_module)
        return self._shared_module


class _WholeLibrary(JITCodeLibrary):
    """What was linked in belongs to this library alone: else the first compiled copy of a function would serve all."""

    def finalize(self):
        _link_all_below(self, self._final_module)
        self._linking_libraries = []
        super().finalize()

    def _optimize_final_module(self):
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr and not function.is_declaration:
                function.linkage = Linkage.internal
        super()._optimize_final_module()


def _link_all_below(library, module):
    """Link all that a library calls, and what that calls, into a module, each once."""
    linked, waiting = set(), list(library._linking_libraries)
    for below in waiting:
        if below in linked:
            continue
        linked.add(below)
        library._reload_init.update(below._reload_init)
        if isinstance(below, _PartLibrary):
            waiting += below._linking_libraries
            module.link_in(below._final_module, preserve=True)
        else:
            module.link_in(below._get_module_for_linking(), preserve=True)


class _Part(CPUDispatcher):
    """A kernel as a part of the kernels that call it: it is optimised there, and has no entry for Python. Numba would
    optimise a function in each of its callers and their callers, ten times in all.
    """

    def get_call_template(self, args, kws):
        """One form for the types of the arguments, not one more for each constant that a caller passes."""
        return super().get_call_template([types.unliteral(kind) for kind in args], kws)

    def library_class(self, name):
        """What a library of this name, made while this kernel is compiled, is to be."""
        return _PartLibrary

    def compile(self, sig):
        codegen = self.targetctx.codegen()

        def create_library(name, **kwargs):
            return self.library_class(name)(codegen, name, **kwargs)

        with global_compiler_lock, _no_garbage_collection():
            before, codegen.create_library = codegen.create_library, create_library
            try:
                return super().compile(sig)
            finally:
                codegen.create_library = before


class _Kernel(_Part):
    """A kernel that Python calls; other kernels take its part."""

    def library_class(self, name):
        """Parts of Numba's own come by, and are linked in as any."""
        return _WholeLibrary if name == self.py_func.__qualname__ else _PartLibrary

    def compile(self, sig):
        return super().compile(sig)

    # Python has a stack of chunks of 16 KB, and asks the system for memory at each call that crosses their border: a
    # sixth of a first fit, for the loops of a compiler. A frame that claims a megabyte has a chunk with room for all.
    compile.__code__ = compile.__code__.replace(co_stacksize=1 << 17)

    def get_call_template(self, args, kws):
        return self.part.get_call_template(args, kws)

    def get_overload(self, sig):
        return self.part.get_overload(sig)


def njit(function):
    """Compile a kernel on its first call; keep the result on disk."""
    kernel = numba.njit(**OPTIONS)(function)
    if config.DISABLE_JIT:
        return kernel
    kernel.__class__ = _Kernel
    kernel.part = numba.njit(**OPTIONS, no_cpython_wrapper=True)(function)
    kernel.part.__class__ = _Part
    if CACHE_FOLDER is not None:
        with _numba_caches_in(CACHE_FOLDER):
            try:
                kernel._cache = _KernelCache(function)
            except RuntimeError as error:  # no folder can be made there any more
                warnings.warn(f"numrnn cannot keep compiled kernels in {CACHE_FOLDER}: {error}", stacklevel=2)
    return kernel


def read_only(array):
    """A read-only view: user's data come as such (memory maps) or not, and each kind would be compiled for itself."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
