"""Files that are whole at any time: the old content or the new. All files that numrnn writes are written here."""

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
    """Write a file so that `path` holds the whole new content or what it held before; see `replacing`.

    Parameters
    ----------
    path : path-like
    content : bytes

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numrnn.io import replace_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(f"{folder}/greeting", b"hello")
    ...     pathlib.Path(folder, "greeting").read_text()
    'hello'
    """
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path):
    """Open a file to write what `path` holds when the block has ended; until then, and after an error, it is as it was.

    This holds after a power cut, too. A link stays a link, and its target is replaced. Mode, group and, for root, the
    owner of a file that is replaced are kept; a new file gets the mode that the umask leaves. Files that killed
    processes left behind are removed.

    Parameters
    ----------
    path : path-like

    Yields
    ------
    file : binary file

    Raises
    ------
    OSError
        If the file cannot be written, naming `path`: among others if it is read-only or no regular file.
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
    """Return whether an error is about the file that is written, not about another one that its writer reads."""
    return name is None or temporary is None or name == str(temporary)


def _replaceable(path):
    """Return the status of the file that is replaced, or None if there is none."""
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
    """Give a new file the owner, group and mode of the one that it replaces, as far as the system lets us."""
    for owner in (before.st_uid, -1):  # root may give files away, others change the group at most
        with suppress(OSError):
            os.fchown(number, owner, before.st_gid)
            break
    # The permissions of a group are not for another one.
    same_group = os.fstat(number).st_gid == before.st_gid
    with suppress(OSError):  # not all file systems have modes
        os.fchmod(number, before.st_mode & (0o777 if same_group else 0o707))


def _sync_folder(folder):
    """Until then a power cut may undo the rename."""
    with suppress(OSError):  # not all systems can
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def open_regular(path):
    """Open a file to read its bytes; a FIFO would keep its reader waiting, a device may have no end.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    file : binary file

    Raises
    ------
    OSError
        If there is no such file, or it is no regular one; it names `path`.

    Examples
    --------
    >>> import os
    >>> from numrnn.io.atomic import open_regular
    >>> try:
    ...     open_regular(os.devnull)
    ... except OSError as error:
    ...     print(error.strerror)
    expected a regular file
    """
    flags = getattr(os, "O_NONBLOCK", 0)
    file = open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags))
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "expected a regular file", os.fspath(path))


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
