"""Numba's cache of a function, on files of our own. It rests on parts of Numba that have no documentation."""

import contextlib
import os
import pathlib
import warnings

from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator

from numrnn.kernels.cache import KernelFiles


class _Locator(UserProvidedCacheLocator):
    """Tell a source file from others, wherever the package is installed: the folder of the files has the hash of all
    kernels as its name, so a new virtual environment compiles nothing again.
    """

    def ensure_cache_path(self):
        """Make nothing: the files of all kernels lie in one folder, which was checked."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file):
        folder, package = pathlib.Path(py_file).parent, pathlib.Path(__file__).parent
        if folder.is_relative_to(package):
            return folder.relative_to(package.parent)
        return super().get_suitable_cache_subpath(py_file)


class _Locations(CompileResultCacheImpl):
    _locator_classes = [_Locator]


class KernelCache(FunctionCache):
    """Numba's cache of a function, on files that can be trusted; a disk that is full does not end a fit."""

    _impl_class = _Locations

    def __init__(self, function, folder):
        with _numba_caches_in(folder):
            super().__init__(function)
        locator = self._impl.locator
        stamp = os.path.relpath(self._cache_path, folder), locator.get_source_stamp()
        self._cache_path = folder
        self._cache_file = KernelFiles(folder, self._impl.filename_base, stamp)

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
