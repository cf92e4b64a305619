"""Files that are whole at any time: the old content or the new."""

import contextlib
import os
import uuid
from pathlib import Path

__all__ = ["replace_file", "temporaries"]


def replace_file(path, content):
    """Write a file so that `path` holds the whole new content or what it held before, also after a power cut.

    Parameters
    ----------
    path : pathlib.Path
        An existing file is replaced.
    content : bytes

    Raises
    ------
    OSError
        If the file cannot be written, naming `path`; nothing is left behind.
    """
    # In the same folder: a rename is atomic only within one file system.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise type(error)(error.errno, error.strerror or str(error), str(path)) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def temporaries(folder, name):
    """Return what writers that died have left in `folder` of files whose names match the pattern `name`."""
    return list(Path(folder).glob(f".{name}.*.tmp"))


def _sync_folder(folder):
    """Until then a power cut may undo the rename."""
    with contextlib.suppress(OSError):  # not all systems can
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
