"""Write files atomically, so that at any time they hold either the old or the new content."""

import errno
import os
import re
import socket
import stat
import time
import uuid
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["create_temporary", "open_regular", "remove_leftovers", "replace_file", "replacing"]

KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


def replace_file(path, content):
    """Write `content` so that `path` holds either all of it or what it held before; see `replacing`."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path):
    """Open a file whose content replaces that of `path` when the context ends without an error.

    The replacement survives a power cut. A symbolic link stays a link, and its target is replaced. The mode, the group
    and, for root, the owner of a replaced file are kept; a new file gets the mode that the umask allows. Temporary
    files of killed processes are removed.

    Parameters
    ----------
    path : path-like

    Yields
    ------
    file : binary file

    Raises
    ------
    OSError
        If the file cannot be written, for instance because it is read-only or not a regular file. The error names
        `path`.
    """
    temporary = None
    try:
        before, target = _replaceable(path), Path(os.path.realpath(path))
        remove_leftovers(target.parent, re.escape(target.name))
        temporary, number = create_temporary(target, 0o666 if before is None else 0o600)
        with os.fdopen(number, "wb") as file:
            if before is not None:
                _keep_mode(number, before)
            yield file
            file.flush()
            os.fsync(number)
            os.replace(temporary, target)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and _is_ours(error.filename, temporary):
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise
    _sync_folder(target.parent)


def _is_ours(name, temporary):
    """Return whether an error concerns the file that is written rather than a file that its writer reads."""
    return name is None or temporary is None or name == str(temporary)


def _replaceable(path):
    """Return the status of the file to replace, or None if there is none."""
    try:
        before = os.stat(path)
    except FileNotFoundError:
        return None
    kind = KINDS.get(stat.S_IFMT(before.st_mode))
    if kind is not None:
        number = errno.EISDIR if stat.S_ISDIR(before.st_mode) else errno.EINVAL
        raise OSError(number, f"is {kind}, expected a regular file or a new name")
    # Root may write to anything, and a rename asks nobody: the owner's bit is what a user protects a file with.
    if not before.st_mode & stat.S_IWUSR or not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "is read-only: choose another name, or make it writable")
    return before


def _keep_mode(number, before):
    """Give a new file the owner, group and mode of the file that it replaces, as far as the system permits."""
    for owner in (before.st_uid, -1):  # root may give files away, others change the group at most
        with suppress(OSError):
            os.fchown(number, owner, before.st_gid)
            break
    # The permissions of a group are not for another one.
    same_group = os.fstat(number).st_gid == before.st_gid
    with suppress(OSError):  # not all file systems have modes
        os.fchmod(number, before.st_mode & (0o777 if same_group else 0o707))


def _sync_folder(folder):
    """Sync a folder to disk; until then, a power cut may undo a rename in it."""
    with suppress(OSError):  # not all systems can
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def open_regular(path):
    """Open a regular file for reading bytes.

    Raises an OSError that names `path` if there is no such file, or if it is not a regular file: a FIFO would block the
    reader, and a device may have no end.
    """
    flags = getattr(os, "O_NONBLOCK", 0)
    file = open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags))
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "expected a regular file", os.fspath(path))


OLD = 24 * 3600  # seconds since the last write


def create_temporary(target, mode):
    """Create a temporary file in the folder of `target`, and lock it.

    Parameters
    ----------
    target : pathlib.Path
        The rename is atomic only within one file system, hence the same folder.
    mode : int
        Permissions, restricted by the umask.

    Returns
    -------
    path : pathlib.Path
    number : int
        Descriptor of the open file; closing it releases the lock.
    """
    while True:
        path = target.with_name(f".{target.name}.{_host()}.{uuid.uuid4().hex}.tmp")
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        # Before it was locked, `remove_leftovers` of another process may have taken its writer for dead.
        if _lock(number) is not False and os.fstat(number).st_nlink:
            return path, number
        os.close(number)


def remove_leftovers(folder, name):
    """Remove temporary files of killed writers from a folder; `name` is a regular expression for their targets."""
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
    """Lock an open file; return False if another descriptor has the lock, None if the file system has no locks."""
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
