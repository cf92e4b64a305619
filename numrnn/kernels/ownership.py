"""Check who can write a file or a folder.

Compiled kernels run as code, so their files are checked by the rules that ssh applies to its own files.
"""

import contextlib
import errno
import os
import pathlib
import shlex
import stat

MOST_LINKS = 40  # most symbolic links in one path (Linux's limit)
VARIABLE = "NUMRNN_CACHE_TRUSTED_UID"


class Untrusted(OSError):
    """Report that an untrusted user can write a file or a folder; `remedies` lists what the user can do."""

    def __init__(self, reasons, remedies):
        super().__init__(", ".join(dict.fromkeys(reasons)))
        self.remedies = list(dict.fromkeys(remedies))


def trusted_users():
    """Return the ids of this user, root and the users in the environment variable; None on systems without user ids.

    Raises Untrusted if the environment variable contains anything but user ids.
    """
    if not hasattr(os, "geteuid"):
        return None
    named = os.environ.get(VARIABLE, "")
    ids = [uid.strip() for uid in named.split(",")] if named.strip() else []
    if not all(uid.isascii() and uid.isdecimal() and len(uid) < 20 for uid in ids):
        reason = f"{VARIABLE}={named!r:.100}: must be user ids in digits, separated by commas"
        raise Untrusted([reason], [f"correct {VARIABLE} (`id -u NAME` prints the id of a user)"])
    return {0, os.geteuid(), *map(int, ids)}


def trusted_folder(path):
    """Return a folder's path with links resolved, after creating its missing folders with mode 0700.

    All folders and links in the path are checked, beginning at the root. Raises Untrusted if a folder or link belongs
    to an untrusted user, or if a folder can be written by its group or by others. Sticky folders above the last folder,
    such as /tmp, may be writable.
    """
    path, users = pathlib.Path(path).absolute(), trusted_users()
    if users is None:
        path.mkdir(parents=True, exist_ok=True)
        return path.resolve()
    problems = []

    def make(folder):
        _raise_if(problems)
        return _make(folder)

    for here, status in _way(path, make):
        problems += _foreign(here, status, users)
        if not stat.S_ISLNK(status.st_mode):
            folder, mode = here, status.st_mode
            if not mode & stat.S_ISVTX:
                problems += _writable(here, mode)
    if mode & stat.S_ISVTX:
        problems += _writable(folder, mode)
    _raise_if(problems)
    return folder


def trusted_bytes(path):
    """Return the content of a file, which is opened once and checked before it is read.

    Raises Untrusted if the file is not a regular file, belongs to an untrusted user, or can be written by its group or
    by others.
    """
    users = trusted_users()
    with _opened(path) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Untrusted([f"{path} is not a regular file"], [_remove(path)])
        if users is not None:
            _raise_if([*_foreign(path, status, users, _remove(path)), *_writable(path, status.st_mode)])
        return file.read()


def _opened(path):
    # O_NONBLOCK: opening a FIFO does not wait for its writer.
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        return open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags))
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):  # ELOOP on Linux and macOS, EMLINK on FreeBSD
            raise Untrusted([f"{path} is a symbolic link"], [_remove(path)]) from None
        raise


def _way(path, make):
    """Yield (path, status) for each folder and link that the system visits on the way to a folder.

    `make` is called with each missing folder and returns its status.
    """
    links, place, names = 0, pathlib.Path(), list(reversed(path.parts))
    while names:
        here = place / names.pop()
        if here.name == "..":
            here = place.parent
        try:
            status = here.lstat()
        except FileNotFoundError:
            status = make(here)
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            names += reversed(pathlib.Path(os.readlink(here)).parts)  # a "/" discards the path so far
        elif stat.S_ISDIR(status.st_mode):
            place = here
        else:
            raise NotADirectoryError(f"{here} is not a folder")
        yield here, status


def _make(folder):
    """Create a folder to which only this user has access, whatever the umask, and return its status."""
    try:
        folder.mkdir(0o700)
    except FileExistsError:  # another process has created the folder, which is checked like any other
        return folder.lstat()
    except OSError as error:
        raise OSError(f"{folder} cannot be created: {error.strerror}") from None
    with contextlib.suppress(OSError):  # some file systems do not support modes
        folder.chmod(0o700)
    return folder.lstat()


def _raise_if(problems):
    if problems:
        raise Untrusted(*zip(*problems, strict=True)) from None


def _foreign(path, status, users, remedy=None):
    """Return [(reason, remedy)] if a path belongs to an untrusted user, else []."""
    if status.st_uid in users:
        return []
    trust = f"set {VARIABLE}={status.st_uid} if you trust that user"
    return [(f"{path} belongs to user {status.st_uid}", f"{remedy} or {trust}" if remedy else trust)]


def _writable(path, mode):
    """Return [(reason, remedy)] if the group or others may write to a path, else []."""
    who = [name for name, bit in (("its group", stat.S_IWGRP), ("others", stat.S_IWOTH)) if mode & bit]
    if not who:
        return []
    return [(f"{path} may be written by {' and '.join(who)}", f"run `chmod go-w {shlex.quote(str(path))}`")]


def _remove(path):
    return f"remove {shlex.quote(str(path))}"
