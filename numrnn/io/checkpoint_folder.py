"""A folder of checkpoints: the last few of one run, and the lock of the process that writes them."""

import errno
import logging
import os
import re
import socket
import stat
import warnings
from pathlib import Path

from numrnn.io.atomic import remove_leftovers
from numrnn.io.checkpoint_file import DamagedCheckpointError, read_checkpoint, write_checkpoint

__all__ = ["CheckpointFolder", "newest_checkpoint"]

logger = logging.getLogger("numrnn")
_NAME = re.compile(r"checkpoint-(\d{6,})\.safetensors")


class CheckpointFolder:
    """What one run writes to; a second process is kept out by a lock, which ends with the process that has it.

    Parameters
    ----------
    path : str or path-like
        Made if it is missing.
    keep : int
        Checkpoints to keep; older ones are removed.

    Raises
    ------
    OSError
        If it cannot be made.
    ValueError
        If another process has the lock.
    """

    def __init__(self, path, keep):
        self.path, self._keep = Path(path), keep
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(self.path)
        remove_leftovers(self.path, _NAME.pattern)

    def save(self, tensors, header):
        """Write the next checkpoint and remove those that are too old; return its path."""
        numbers = [0, *_numbered(self.path)]
        path = self.path / f"checkpoint-{max(numbers) + 1:06d}.safetensors"
        write_checkpoint(path, tensors, header)
        for _, old in sorted(_numbered(self.path).items())[: -self._keep]:
            old.unlink(missing_ok=True)
        return path

    def is_empty(self):
        """Whether it has no checkpoint."""
        return not _numbered(self.path)

    def close(self):
        """Let others have the lock."""
        os.close(self._lock)


def newest_checkpoint(folder):
    """Return the newest checkpoint of a folder that is whole.

    Parameters
    ----------
    folder : str or path-like

    Returns
    -------
    path : pathlib.Path or None
        None if there is no checkpoint, or no folder.
    tensors, header : as from `read_checkpoint`

    Raises
    ------
    ValueError
        If there are checkpoints and none is whole, or the newest is of another format.

    Warns
    -----
    UserWarning
        For each damaged one that is newer than the one returned.
    """
    faults = []
    for _, path in sorted(_numbered(Path(folder)).items(), reverse=True):
        try:
            found = path, *read_checkpoint(path)
        except (DamagedCheckpointError, OSError) as error:
            faults.append(str(error))
            continue
        for fault in faults:
            warnings.warn(f"{fault}; going on from the one before, {path.name}", stacklevel=2)
        return found
    if faults:
        raise ValueError(f"resume: no checkpoint in {folder} can be used: {'; '.join(faults)}")
    return None, {}, {}


def _numbered(folder):
    """Checkpoints by their numbers."""
    if not folder.is_dir():
        return {}
    matches = {path: _NAME.fullmatch(path.name) for path in folder.iterdir()}
    return {int(match[1]): path for path, match in matches.items() if match}


def _take_lock(folder):
    """A lock of the kernel's on an open file: it ends with the process, however that ends."""
    import fcntl  # Linux and macOS only; all else here works without

    number = _open_lock(folder / "lock")
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(number, 200).decode(errors="replace") or "another process"
        os.close(number)
        raise ValueError(f"checkpoints in {folder} are being written by {holder}: one run at a time") from error
    except OSError as error:
        logger.warning("no lock on %s (%s): nothing keeps a second run out", folder, error.strerror)
    else:
        os.ftruncate(number, 0)
        os.write(number, f"process {os.getpid()} on {socket.gethostname()}".encode())
    return number


def _open_lock(path):
    """Open the file that is locked and written to, which must not lead to a file elsewhere."""
    wrong = f"{path}: must be a regular file of one name, no link, folder, device or FIFO; remove it if no run uses it"
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise ValueError(wrong) from error
        raise
    status = os.fstat(number)
    if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
        return number
    os.close(number)
    raise ValueError(wrong)
