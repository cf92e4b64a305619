"""Read and write files of compiled kernels.

The files hold pickles, so a file that an untrusted user can write is never unpickled.
"""

import hashlib
import os
import pathlib
import pickle
import uuid
import warnings

from numba import config

from numrnn.kernels.linking import pickled
from numrnn.kernels.ownership import Untrusted, trusted_bytes, trusted_folder

_warned = False


def cache_root():
    """Return the folder of the compiled kernels: `NUMBA_CACHE_DIR` if set, else `numrnn` in the user's cache folder."""
    if config.CACHE_DIR:
        return pathlib.Path(config.CACHE_DIR)
    user_caches = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(user_caches):  # the XDG specification ignores relative paths
        user_caches = pathlib.Path.home() / ".cache"
    return pathlib.Path(user_caches) / "numrnn"


def cache_folder(name):
    """Return the path of a folder in the cache root to which only trusted users can write; create it if it is missing.

    If the folder cannot be created or trusted, warn and return None.
    """
    try:
        folder = trusted_folder(cache_root() / name)
        if os.access(folder, os.R_OK | os.X_OK):
            return str(folder)
        warn_once(PermissionError(f"{folder} cannot be read"))
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder
        warn_once(error)
    return None


def warn_once(error):
    """Warn, once per process, that kernels are recompiled, with the reason and a remedy."""
    global _warned
    if _warned:
        return
    _warned = True
    message = f"numrnn recompiles its kernels in every process: {error}. "
    remedy = "set NUMBA_CACHE_DIR to a folder that only you can write"
    if isinstance(error, Untrusted):
        message += "Compiled kernels run as code, so no other user may have write access to them. "
        remedy = f"{' and '.join(error.remedies)}, or {remedy}"
    warnings.warn(f"{message}To keep kernels, {remedy}.", stacklevel=3)


class KernelFiles:
    """Store each compiled signature in a file of its own, which begins with a checksum.

    Numba's own cache has an index and numbers its files, so a process can load a wrong kernel if another process writes
    at the same time; it also loads files that a killed job or a full disk has damaged, and files that another user has
    written.
    """

    def __init__(self, folder, name, stamp):
        self._folder, self._name, self._stamp = pathlib.Path(folder), name, stamp
        self._refused = set()

    def _path(self, key):
        digest = hashlib.sha256(repr((self._stamp, key)).encode()).hexdigest()
        return self._folder / f"{self._name}.{digest[:32]}.nbc"

    def load(self, key):
        """Return the data stored under a key, or None if no intact file of a trusted user holds them."""
        path = self._path(key)
        try:
            content = trusted_bytes(path)
        except (Untrusted, PermissionError) as error:
            self._refused.add(path)
            warn_once(error)
            return None
        except OSError:  # the file does not exist, or another machine is replacing it
            return None
        checksum, data = content[:32], content[32:]
        if hashlib.sha256(data).digest() == checksum:
            return pickle.loads(data)
        warnings.warn(f"numrnn recompiles a kernel: {path} is damaged", stacklevel=2)
        return None

    def save(self, key, data):
        """Store data under a key, unless the folder is read-only or `load` has refused the key's file."""
        path = self._path(key)
        if path in self._refused or (self._folder.is_dir() and not os.access(self._folder, os.W_OK | os.X_OK)):
            return
        trusted_folder(self._folder)  # creates the folder again if it has been removed
        data, unfinished = pickled(data), path.with_suffix(f".{uuid.uuid4().hex[:16]}")
        try:
            with open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags, 0o644)) as file:
                file.write(hashlib.sha256(data).digest() + data)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def flush(self):
        """Delete all files of this kernel."""
        for path in self._folder.glob(f"{self._name}.*"):
            path.unlink(missing_ok=True)
