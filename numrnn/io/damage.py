"""Detect damaged files by a checksum over all bytes, and name the file in errors.

The string ``checksum`` in the metadata of a safetensors file is the SHA-256 of the whole file, computed with 64 zeros
in place of the checksum.
"""

import csv
import errno
import hashlib
import os
import re
import struct
import tokenize
import zlib
from contextlib import contextmanager
from zipfile import BadZipFile

__all__ = ["NO_CHECKSUM", "checksum_is_right", "put_checksum", "readable"]

NO_CHECKSUM = "0" * 64
_PLACE = re.compile(rb'"checksum":"([0-9a-f]{64})"')
_MOST_HEADER = 100_000_000  # largest header in bytes that safetensors allows
_BLOCK = 1 << 20


def put_checksum(content):
    """Replace `NO_CHECKSUM` in the content of a file, a bytearray, by the checksum."""
    first, last = _PLACE.search(content, 8, 8 + _header_bytes(content)).span(1)
    content[first:last] = hashlib.sha256(content).hexdigest().encode()


def checksum_is_right(file):
    """Return whether the checksum stored in a binary file matches its content, or None if the file stores none."""
    start = file.read(8)
    header = file.read(_header_bytes(start))
    found = _PLACE.search(header)
    if found is None:
        return None
    first, last = found.span(1)
    digest = hashlib.sha256(start + header[:first] + NO_CHECKSUM.encode() + header[last:])
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest().encode() == found[1]


def _header_bytes(content):
    return min(int.from_bytes(content[:8], "little"), _MOST_HEADER)


# RuntimeError includes RecursionError and NotImplementedError; ArithmeticError includes OverflowError.
FAULTS = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError, SyntaxError,
    EOFError, BadZipFile, zlib.error, struct.error, tokenize.TokenError, csv.Error,
)  # fmt: skip
LONGEST = 200  # largest number of characters of a parser's message, which may quote the file


@contextmanager
def readable(path, kind):
    """Raise a ValueError that names the file if a parser fails on its content within the context.

    Parameters
    ----------
    path : path-like
    kind : str
        Expected kind of file, for the message.

    Raises
    ------
    ValueError
        If the content is invalid.
    OSError
        If the operating system fails to read the file; the error names the file.

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
        if error.errno in (None, errno.EINVAL):  # raised by a parser, or for an impossible position in the file
            raise ValueError(_text(path, kind, error)) from error
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    except FAULTS as error:
        raise ValueError(_text(path, kind, error)) from error


def _text(path, kind, error):
    why = next(iter(str(error).splitlines()), type(error).__name__)  # NumPy's second line recommends an unsafe option
    return f"{path}: not a readable {kind} ({why if len(why) <= LONGEST else why[:LONGEST] + '...'})"
