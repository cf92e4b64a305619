"""Files that are opened to be read as a whole."""

import errno
import os
import stat

__all__ = ["open_regular"]


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
    >>> from numrnn.io.regular_file import open_regular
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
