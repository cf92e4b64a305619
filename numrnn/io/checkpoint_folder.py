"""Keep the last checkpoints of a run in a folder, to which only one process at a time can write."""

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
from numrnn.io.messages import InputError

__all__ = ["CheckpointFolder", "newest_checkpoint"]

logger = logging.getLogger("numrnn")
_NAME = re.compile(r"checkpoint-(\d{6,})\.safetensors")


class CheckpointFolder:
    """Write the checkpoints of a run to a folder, which is locked for other processes until this process ends.

    Parameters
    ----------
    path : str or path-like
        Folder, which is created if it does not exist.
    keep : int
        Number of checkpoints to keep; older checkpoints are removed.

    Raises
    ------
    OSError
        If the folder cannot be created.
    ValueError
        If another process has locked the folder.
    """

    def __init__(self, path, keep):
        self.path, self._keep = Path(path), keep
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(self.path)
        remove_leftovers(self.path, _NAME.pattern)

    def save(self, tensors, header):
        """Write the next checkpoint, remove the oldest checkpoints, and return the path of the new one."""
        numbers = [0, *_numbered(self.path)]
        path = self.path / f"checkpoint-{max(numbers) + 1:06d}.safetensors"
        write_checkpoint(path, tensors, header)
        for _, old in sorted(_numbered(self.path).items())[: -self._keep]:
            old.unlink(missing_ok=True)
        return path

    def is_empty(self):
        """Return whether the folder has no checkpoint."""
        return not _numbered(self.path)

    def close(self):
        """Release the lock."""
        os.close(self._lock)


def newest_checkpoint(folder):
    """Return path, arrays and header of a folder's newest undamaged checkpoint; the path is None in an empty folder.

    Raises
    ------
    ValueError
        If all checkpoints are damaged, or the newest undamaged one has another format version.

    Warns
    -----
    UserWarning
        For each damaged checkpoint that is newer than the one returned.
    """
    faults = []
    for _, path in sorted(_numbered(Path(folder)).items(), reverse=True):
        try:
            found = path, *read_checkpoint(path)
        except (DamagedCheckpointError, OSError) as error:
            faults.append(str(error))
            continue
        for fault in faults:
            warnings.warn(f"{fault}; resuming from the previous one, {path.name}", stacklevel=2)
        return found
    if faults:
        way_out = "; pass another folder, or start without resume"
        raise InputError("resume", (), f": no checkpoint in {folder} can be used: {'; '.join(faults)}", way_out)
    return None, {}, {}


def _numbered(folder):
    """Return the paths of a folder's checkpoints as a dict by number."""
    if not folder.is_dir():
        return {}
    matches = {path: _NAME.fullmatch(path.name) for path in folder.iterdir()}
    return {int(match[1]): path for path, match in matches.items() if match}


def _take_lock(folder):
    """Lock a folder by a lock file; the operating system releases the lock even if the process is killed."""
    import fcntl  # Linux and macOS only; the rest of this module works without it

    number = _open_lock(folder / "lock")
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(number, 200).decode(errors="replace") or "another process"
        os.close(number)
        way = "stop that run or choose another folder"
        raise ValueError(f"checkpoints in {folder} are being written by {holder}; {way}") from error
    except OSError as error:
        logger.warning("cannot lock %s (%s); make sure that no other run writes to it", folder, error.strerror)
    else:
        os.ftruncate(number, 0)
        os.write(number, f"process {os.getpid()} on {socket.gethostname()}".encode())
    return number


def _open_lock(path):
    """Open the lock file, which must not be a link to a file elsewhere."""
    wrong = f"{path}: must be a regular file, not a link, folder, device or FIFO; remove it if no run uses it"
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
