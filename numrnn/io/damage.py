"""Damaged files: whatever their content makes a parser raise becomes one kind of error, which names the file."""

import csv
import errno
import os
import struct
import tokenize
import zlib
from contextlib import contextmanager
from zipfile import BadZipFile

__all__ = ["readable"]

# RuntimeError is RecursionError and NotImplementedError, too; ArithmeticError is OverflowError.
FAULTS = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError, SyntaxError,
    EOFError, BadZipFile, zlib.error, struct.error, tokenize.TokenError, csv.Error,
)  # fmt: skip
LONGEST = 200  # characters of a parser's message, which may quote the file


@contextmanager
def readable(path, kind):
    """Raise a ValueError that names the file in place of what a parser raises over its content.

    Parameters
    ----------
    path : path-like
    kind : str
        What the file should be.

    Raises
    ------
    ValueError
        If the content is at fault.
    OSError
        If the system is, naming the file.

    Examples
    --------
    >>> import json
    >>> from numrnn.io.damage import readable
    >>> with readable("job.json", "JSON file"):
    ...     json.loads("[" * 100_000)
    Traceback (most recent call last):
    ValueError: job.json: not a readable JSON file (maximum recursion depth exceeded ...)
    """
    try:
        yield
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # of a parser, or of a place in the file that cannot be
            raise ValueError(_text(path, kind, error)) from error
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    except FAULTS as error:
        raise ValueError(_text(path, kind, error)) from error


def _text(path, kind, error):
    why = next(iter(str(error).splitlines()), type(error).__name__)  # NumPy's second line says how to load it unsafely
    return f"{path}: not a readable {kind} ({why if len(why) <= LONGEST else why[:LONGEST] + '...'})"
