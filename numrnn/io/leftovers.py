"""Temporary files: their names, the locks of their writers, and their removal once a writer has died.

A writer holds a lock on its temporary file, and the lock ends with the process, however that ends. Process ids would
tell less: they are used again. Locks of another host may be invisible (NFS mounted with ``nolock``), so the name
includes a mark of the host, and files of other hosts are removed only when they are old.
"""

import os
import re
import socket
import stat
import time
import uuid
import zlib
from contextlib import suppress

__all__ = ["create_temporary", "remove_leftovers"]

OLD = 24 * 3600  # seconds since the last write


def create_temporary(target, mode):
    """Create a temporary file beside `target`, and lock it.

    Parameters
    ----------
    target : pathlib.Path
        In the same folder, because a rename is atomic only within one file system.
    mode : int
        Permissions, from which the umask takes away.

    Returns
    -------
    path : pathlib.Path
    number : int
        The open file; the lock ends when it is closed.
    """
    while True:
        path = target.with_name(f".{target.name}.{_host()}.{uuid.uuid4().hex}.tmp")
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        # Before it was locked, `remove_leftovers` of another process may have taken its writer for dead.
        if _lock(number) is not False and os.fstat(number).st_nlink:
            return path, number
        os.close(number)


def remove_leftovers(folder, name):
    """Remove the temporary files that dead writers have left.

    Parameters
    ----------
    folder : path-like
    name : str
        Regular expression of the names of the files that they were to become.
    """
    pattern = re.compile(rf"\.(?:{name})\.(?:(?P<host>[0-9a-f]{{8}})\.)?[0-9a-f]{{32}}\.tmp")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if found := pattern.fullmatch(entry.name):
                with suppress(OSError):  # another process was faster, or the file is another user's
                    _remove_if_dead(entry.path, found["host"])


def _remove_if_dead(path, host):
    number = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status, locked = os.fstat(number), _lock(number)
        is_old = time.time() - status.st_mtime > OLD
        is_dead = locked is not False and (is_old or (locked and host == _host()))
        if is_dead and stat.S_ISREG(status.st_mode):
            os.unlink(path)  # while it is locked, see `create_temporary`
    finally:
        os.close(number)


def _lock(number):
    """Lock an open file; False if another one has the lock, None if the file system has no locks."""
    try:
        import fcntl  # Linux and macOS only

        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (OSError, ImportError):
        return None
    return True


def _host():
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"
