"""A checksum over every byte of a safetensors file, in its own metadata.

The string ``checksum`` of the metadata is the SHA-256 of the whole file with 64 zeros in the checksum's place.
"""

import hashlib
import re

__all__ = ["NO_CHECKSUM", "checksum_is_right", "put_checksum"]

NO_CHECKSUM = "0" * 64
_PLACE = re.compile(rb'"checksum":"([0-9a-f]{64})"')
_MOST_HEADER = 100_000_000  # bytes that safetensors allows
_BLOCK = 1 << 20


def put_checksum(content):
    """Write the checksum of a file in the place that `NO_CHECKSUM` holds.

    Parameters
    ----------
    content : bytearray
        All of the file; changed.
    """
    first, last = _PLACE.search(content, 8, 8 + _header_bytes(content)).span(1)
    content[first:last] = hashlib.sha256(content).hexdigest().encode()


def checksum_is_right(file):
    """Return whether a file has the checksum that it states; None if it states none.

    Parameters
    ----------
    file : binary file
        Read from its beginning.
    """
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
