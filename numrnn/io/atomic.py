"""Files that are whole at any time: the old content or the new. All files that numrnn writes are written here."""

import errno
import os
import re
import stat
from contextlib import contextmanager, suppress
from pathlib import Path

from numrnn.io.leftovers import create_temporary, remove_leftovers

__all__ = ["open_regular", "replace_file", "replacing"]

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
