"""SHA-256 of the files of a directory of shards, and of its index."""

import hashlib
import json

__all__ = ["checksum_of_file", "checksum_of_index"]


def checksum_of_index(index):
    """Return the checksum of an index's entries but for the checksum itself; spaces and order do not matter.

    Examples
    --------
    >>> from numrnn.data.shards.checksums import checksum_of_index
    >>> checksum_of_index({"steps": 3, "sequences": 2})[:16]
    'e521c461ffdfd4bc'
    """
    entries = {name: entry for name, entry in index.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(entries, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def checksum_of_file(path):
    """Return the checksum of a file of any size."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
