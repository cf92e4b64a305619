"""The package's one `njit`: options of every kernel, and a disk cache that cannot run an old kernel.

Numba's own cache key knows neither the options, nor the globals, nor the callees in other files. So the cache of this
package lies in a folder named after a hash of all kernel files, the options and Numba's version: an upgrade or an
edit moves to another folder.
"""

import atexit
import contextlib
import hashlib
import os
import pathlib
import shutil
import tempfile
import warnings

import numba
from numba.core import config

# No fastmath: bits would depend on a value's position. error_model="numpy": the zero-division branch of Python's
# stops vectorisation.
OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}


def kernel_hash():
    """SHA-256 (hex) of all that decides what the kernels compute: their files, the options, Numba's version."""
    digest = hashlib.sha256(repr((sorted(OPTIONS.items()), numba.__version__)).encode())
    folder = pathlib.Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def cache_root():
    """Folder of the compiled kernels: `NUMBA_CACHE_DIR` where set, else `numrnn` in the user's cache folder."""
    if config.CACHE_DIR:
        return pathlib.Path(config.CACHE_DIR)
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "numrnn"


def _cache_folder():
    try:
        folder = cache_root() / kernel_hash()
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return str(folder)
        return _private_copy(folder)
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder
        reason = str(error)
    warnings.warn(
        f"numrnn compiles its kernels anew in every process: no folder to keep them ({reason}). "
        "Set NUMBA_CACHE_DIR to a writable folder.",
        stacklevel=2,
    )
    return None


def _private_copy(folder):
    """Copy a cache that may only be read (an image, another user's): Numba reads from where it can write, or not at
    all.
    """
    if not folder.is_dir():
        raise OSError(f"{folder} cannot be made")
    private = tempfile.mkdtemp(prefix="numrnn-")
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    shutil.copytree(folder, private, dirs_exist_ok=True)
    for path in [private, *filter(os.path.isdir, pathlib.Path(private).rglob("*"))]:
        os.chmod(path, 0o700)
    return private


CACHE_FOLDER = None if config.DISABLE_JIT else _cache_folder()


@contextlib.contextmanager
def _numba_caches_in(folder):
    before, config.CACHE_DIR = config.CACHE_DIR, folder
    try:
        yield
    finally:
        config.CACHE_DIR = before


def njit(function):
    """Compile a kernel on its first call; keep the result on disk."""
    if CACHE_FOLDER is None:
        return numba.njit(**OPTIONS)(function)
    with _numba_caches_in(CACHE_FOLDER):
        return numba.njit(cache=True, **OPTIONS)(function)
