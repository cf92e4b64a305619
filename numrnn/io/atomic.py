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
    """Write `content` to `path` atomically: the file holds either the new or the old content; see `replacing`."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path):
    """Open a file whose content replaces that of `path` when the context ends without an error.

    The replacement survives a power cut. If `path` is a symbolic link, its target is replaced. The new content keeps
    the mode, the group and, for root, the owner of the old file; without an old file, it gets the mode that the umask
    allows. Temporary files of killed processes are removed.

    Parameters
    ----------
    path : path-like

    Yields
    ------
    file : binary file

    Raises
    ------
    OSError
        If the file cannot be written, for example because it is read-only or not a regular file. The error names
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
    """Return whether an error concerns the file that is written, and not a file that the caller reads meanwhile."""
    return name is None or temporary is None or name == str(temporary)


def _replaceable(path):
    """Return the status of the file to replace, or None if there is no such file."""
    try:
        before = os.stat(path)
    except FileNotFoundError:
        return None
    kind = KINDS.get(stat.S_IFMT(before.st_mode))
    if kind is not None:
        number = errno.EISDIR if stat.S_ISDIR(before.st_mode) else errno.EINVAL
        raise OSError(number, f"is {kind}, expected a regular file or a new name")
    # Root may write to any file, and a rename needs no permission to write the file. Hence the owner's write bit, with
    # which users protect files, is checked too.
    if not before.st_mode & stat.S_IWUSR or not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "is read-only: choose another name, or make it writable")
    return before


def _keep_mode(number, before):
    """Give a new file the owner, group and mode of the file that it replaces, if the system permits it."""
    for owner in (before.st_uid, -1):  # only root may change the owner; -1 keeps it
        with suppress(OSError):
            os.fchown(number, owner, before.st_gid)
            break
    # If the group could not be kept, the new group must not get the permissions of the old one.
    same_group = os.fstat(number).st_gid == before.st_gid
    with suppress(OSError):  # not all file systems have modes
        os.fchmod(number, before.st_mode & (0o777 if same_group else 0o707))


def _sync_folder(folder):
    """Sync a folder to disk; until then, a power cut may undo a rename in it."""
    with suppress(OSError):  # some systems cannot sync folders
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def open_regular(path):
    """Open a regular file for reading bytes.

    Raises an OSError that names `path` if there is no such file, or if it is not a regular file. A FIFO would block the
    reader, and a device may have no end.
    """
    flags = getattr(os, "O_NONBLOCK", 0)
    file = open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags))
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "expected a regular file", os.fspath(path))


OLD = 24 * 3600  # age in seconds from which a temporary file without a lock is removed, whichever host wrote it


def create_temporary(target, mode):
    """Create a temporary file in the folder of `target`, and lock it.

    Parameters
    ----------
    target : pathlib.Path
        File to replace. The temporary file is in the same folder, since a rename is atomic only within a file system.
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
        # Before the lock, `remove_leftovers` of another process may have removed the file; then try again.
        if _lock(number) is not False and os.fstat(number).st_nlink:
            return path, number
        os.close(number)


def remove_leftovers(folder, name):
    """Remove temporary files of killed writers from a folder; the regular expression `name` matches their targets."""
    pattern = re.compile(rf"\.(?:{name})\.(?:(?P<host>[0-9a-f]{{8}})\.)?[0-9a-f]{{32}}\.tmp")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if found := pattern.fullmatch(entry.name):
                with suppress(OSError):  # another process removed the file, or another user owns it
                    _remove_if_dead(entry.path, found["host"])


def _remove_if_dead(path, host):
    number = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status, locked = os.fstat(number), _lock(number)
        is_old = time.time() - status.st_mtime > OLD
        is_dead = locked is not False and (is_old or (locked and host == _host()))
        if is_dead and stat.S_ISREG(status.st_mode):
            os.unlink(path)  # while it is locked, as `create_temporary` expects
    finally:
        os.close(number)


def _lock(number):
    """Lock an open file; return False if another descriptor holds the lock, and None if there are no locks."""
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
