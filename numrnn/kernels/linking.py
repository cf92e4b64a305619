"""Compile kernels as parts of the kernels that call them, and collect all uses of Numba's internals.

`check_internals` checks that this version of Numba has these internals. If it lacks one, `numrnn.kernels.jit` compiles
kernels as Numba does by default and does not keep them on disk. The functions `compilations`, `pickled` and
`hold_compiler_at_forks` do not need `check_internals`: each has a fallback of its own.
"""

import contextlib
import gc
import importlib
import os
import pathlib
import pickle
import warnings

from llvmlite.binding import Linkage
from numba import config, types
from numba.extending import typeof_impl

_missing = []  # errors about internals that this version of Numba lacks


def _internal(module, name, fallback=object):
    """Return an internal of Numba, or `fallback` with an entry in `_missing`."""
    try:
        return getattr(importlib.import_module(f"numba.core.{module}"), name)
    except (ImportError, AttributeError) as error:
        _missing.append(error)
        return fallback


CompileResultCacheImpl = _internal("caching", "CompileResultCacheImpl")
FunctionCache = _internal("caching", "FunctionCache")
UserProvidedCacheLocator = _internal("caching", "UserProvidedCacheLocator")
JITCodeLibrary = _internal("codegen", "JITCodeLibrary")
global_compiler_lock = _internal("compiler_lock", "global_compiler_lock", None)
CPUDispatcher = _internal("registry", "CPUDispatcher")

# Numba's methods that the classes below override or call, and the attributes of Numba's objects that they use.
_METHODS = (
    (JITCodeLibrary, "_optimize_functions _optimize_final_module _finalize_dynamic_globals _get_module_for_linking"),
    (CPUDispatcher, "compile get_call_template get_overload"),
)
_ATTRIBUTES = "_reload_init _linking_libraries _final_module _shared_module _finalized"


def check_internals():
    """Raise an ImportError or AttributeError if Numba lacks something that this module relies on."""
    if _missing:
        raise _missing[0]
    types.Dispatcher  # noqa: B018
    for kind, names in _METHODS:
        for name in names.split():
            getattr(kind, name)
    constructors = [vars(kind)["__init__"] for kind in JITCodeLibrary.__mro__[:-1] if "__init__" in vars(kind)]
    known = set(vars(JITCodeLibrary)).union(*(constructor.__code__.co_names for constructor in constructors))
    known = known.union(*(vars(kind) for kind in JITCodeLibrary.__mro__))
    missing = [name for name in _ATTRIBUTES.split() if name not in known]
    if missing:
        raise AttributeError(f"JITCodeLibrary has no {', '.join(missing)}")


def compilations(tell):
    """Return a context in which `tell` receives the name of a function's module when its compilation starts.

    `tell` is never called if this version of Numba has no compiler events.
    """
    try:
        from numba.core.event import Listener, install_listener
    except ImportError:
        return contextlib.nullcontext()

    class Teller(Listener):
        def on_start(self, event):
            function = getattr((event.data or {}).get("dispatcher"), "py_func", None)
            tell(str(getattr(function, "__module__", None)))  # __module__ is None in some namespaces

        def on_end(self, event):
            pass

    return install_listener("numba:compile", Teller())


def pickled(data):
    """Return a compiled kernel as a pickle, written by Numba's pickler or, if Numba has none, by Python's."""
    try:
        from numba.core.serialize import dumps
    except ImportError:
        dumps = pickle.dumps
    return dumps(data)


def hold_compiler_at_forks():
    """Hold Numba's compiler lock, if there is one, while a process forks.

    Without it, a child that is forked while another thread compiles would wait for ever.
    """
    if hasattr(os, "register_at_fork") and hasattr(global_compiler_lock, "acquire"):
        release = global_compiler_lock.release
        os.register_at_fork(before=global_compiler_lock.acquire, after_in_parent=release, after_in_child=release)


@contextlib.contextmanager
def _no_garbage_collection():
    """Switch garbage collection off within the context.

    The compiler keeps almost everything that it allocates; repeated collections took a tenth of the time of a first
    fit.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _PartLibrary(JITCodeLibrary):
    """Hold the LLVM IR of one function, which is optimised and compiled in the libraries that link it."""

    @property
    def codegen(self):
        """Return this library, whose `set_env` does nothing: without machine code there is no environment to set."""
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
        """Return a module with everything that this function calls, for libraries outside this package."""
        if self._shared_module is None:
            self._shared_module = self._final_module.clone()
            _link_all_below(self, self._shared_module)
        return self._shared_module


class _WholeLibrary(JITCodeLibrary):
    """Hold the machine code of a kernel and of all functions that it calls, which have internal linkage.

    With another linkage, all libraries would use the first compiled copy of a function.
    """

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
    """Link everything that a library calls, directly or indirectly, into a module, each library once."""
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


class Part(CPUDispatcher):
    """Dispatch a kernel that is linked into other kernels and optimised there; it has no entry point for Python.

    By default, Numba optimises a function once more in each function that calls it directly or indirectly: about ten
    times.
    """

    def get_call_template(self, args, kws):
        """Return the template for types of arguments; literal types become general ones to save specialisations."""
        return super().get_call_template([types.unliteral(kind) for kind in args], kws)

    def library_class(self, name):
        """Return the class for a library of this name that Numba creates while it compiles this kernel."""
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


class Kernel(Part):
    """Dispatch a kernel that Python calls; other kernels link its `part`."""

    def library_class(self, name):
        """Return _WholeLibrary for the kernel itself and _PartLibrary for others, including Numba's own functions."""
        return _WholeLibrary if name == self.py_func.__qualname__ else _PartLibrary

    def compile(self, sig):
        return super().compile(sig)

    # Python's stack consists of chunks of 16 KB, and each call that crosses a chunk's border allocates memory. In the
    # loops of the compiler, this took a sixth of the time of a first fit. A frame that claims a megabyte gets a chunk
    # large enough for all calls below it.
    compile.__code__ = compile.__code__.replace(co_stacksize=1 << 17)

    def get_call_template(self, args, kws):
        return self.part.get_call_template(args, kws)

    def get_overload(self, sig):
        return self.part.get_overload(sig)


class Choice:
    """Choose a kernel by the type of an argument at compile time, without an intermediate function to compile."""

    is_compiling = False  # Numba reads this attribute to detect recursion

    def __init__(self, table, place):
        self._table, self._place = table, place

    def __call__(self, *arguments):
        return self._table[type(arguments[self._place])](*arguments)

    def get_call_template(self, args, kws):
        return self._table[args[self._place].instance_class].get_call_template(args, kws)

    def get_overload(self, args):
        return self._table[args[self._place].instance_class].get_overload(args)


@typeof_impl.register(Choice)
def _type_of_choice(choice, context):
    return types.Dispatcher(choice)


class _Locator(UserProvidedCacheLocator):
    """Locate source files relative to the package, so that a new virtual environment recompiles nothing."""

    def ensure_cache_path(self):
        """Do nothing: all kernels share one folder, which has been checked."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file):
        folder, package = pathlib.Path(py_file).parent, pathlib.Path(__file__).parent
        if folder.is_relative_to(package):
            return folder.relative_to(package.parent)
        return super().get_suitable_cache_subpath(py_file)


class _Locations(CompileResultCacheImpl):
    _locator_classes = [_Locator]


class KernelCache(FunctionCache):
    """Cache compiled kernels in trusted files; a full disk causes a warning and does not end a fit.

    `files` is the class that reads and writes the files: `numrnn.kernels.cache.KernelFiles`.
    """

    _impl_class = _Locations

    def __init__(self, function, folder, files):
        with _numba_caches_in(folder):
            super().__init__(function)
        locator = self._impl.locator
        stamp = os.path.relpath(self._cache_path, folder), locator.get_source_stamp()
        self._cache_path = folder
        self._cache_file = files(folder, self._impl.filename_base, stamp)

    def save_overload(self, sig, data):
        try:
            super().save_overload(sig, data)
        except OSError as error:
            warnings.warn(f"numrnn cannot keep a compiled kernel in {self.cache_path}: {error}", stacklevel=2)


@contextlib.contextmanager
def _numba_caches_in(folder):
    before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
    config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = folder, ""  # other locators write next to the source files
    try:
        yield
    finally:
        config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = before
