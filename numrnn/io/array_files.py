"""Read arrays from ``.npy`` and ``.npz`` files, whose content is checked before memory is allocated."""

import math
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np

from numrnn.io.damage import readable

__all__ = ["read_array", "read_arrays", "read_header"]

KIND = ".npz file of plain arrays"
ENCRYPTED = 1  # bit in the flags of a member of a zip archive
DEFLATE = 1032  # largest number of bytes to which one compressed byte can expand
# Last record of a zip archive: its size in bytes, the offset in it of the number of members, and the value of this
# number if there are too many members for 16 bits.
END, COUNT_AT, MANY = 22, 10, 0xFFFF


def read_arrays(path, known):
    """Read the arrays of an ``.npz`` file as a dict.

    Raises a ValueError if the file is not an ``.npz`` file, has an array whose name is not in `known`, has two arrays
    of the same name, or has a header that claims more data than the file holds.
    """
    with open(path, "rb") as file:
        with readable(path, KIND):
            archive = ZipFile(file)
            size = file.seek(0, 2)
            _check_count(archive, file, size)
            members = _members(archive, size)
        unknown = sorted(set(members) - set(known))
        if unknown:
            raise ValueError(f"{path}: unknown array {unknown[0][:80]!r}; known names are {', '.join(known)}")
        return {name: _read(path, archive, info) for name, info in members.items()}


def _check_count(archive, file, size):
    """Raise an error if ZipFile has skipped entries, as it does after an entry that claims too long a comment."""
    file.seek(size - END - len(archive.comment) + COUNT_AT)
    count, found = int.from_bytes(file.read(2), "little"), len(archive.infolist())
    if count not in (found, MANY):
        raise ValueError(f"its directory lists {found} arrays, expected {count}")


def _members(archive, size):
    """Return the members of an archive as a dict by names of arrays, after checks of their sizes."""
    members = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise ValueError(f"two arrays are called {name[:80]!r}")
        if info.flag_bits & ENCRYPTED:
            raise ValueError(f"{name[:80]!r} is encrypted")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise ValueError(f"{name[:80]!r} is compressed by method {info.compress_type}, which NumPy does not write")
        if info.file_size > info.compress_size * DEFLATE:
            raise ValueError(
                f"{name[:80]!r} claims {info.file_size} bytes, but only {info.compress_size} are in the file"
            )
        members[name] = info
    if sum(info.compress_size for info in members.values()) > size:
        raise ValueError("its arrays claim more bytes than the file has")
    return members


def _read(path, archive, info):
    with readable(path, KIND), archive.open(info) as member:
        return read_array(member, info.file_size)


KINDS = "biufcSUmM"  # kinds of dtype that are read: not objects, which are pickled, and not records
READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
PIECE = 1 << 20  # bytes that are read at a time, since reading from an archive makes a copy of them
LAST_CHARACTER = 0x10FFFF


def read_header(file, size):
    """Read dtype, shape and order of an array, and leave the file at the position where its items begin.

    Parameters
    ----------
    file : binary file
        File at its beginning.
    size : int
        Size of the file in bytes.

    Returns
    -------
    dtype : dtype
    shape : tuple of int
    fortran_order : bool

    Raises
    ------
    ValueError
        If the file does not hold a plain array, or its size is not the one that the array needs. NumPy's parser raises
        other errors (see `numrnn.io.damage.readable`).
    """
    version = np.lib.format.read_magic(file)
    if version not in READERS:
        raise ValueError(f"version {version[0]}.{version[1]} of the .npy format is not supported")
    shape, fortran_order, dtype = READERS[version](file)
    if dtype.kind not in KINDS or dtype.itemsize == 0:
        raise ValueError(f"expected numbers or strings, got dtype {str(dtype)[:40]}")
    expected, found = math.prod(shape) * dtype.itemsize, size - file.tell()
    if any(n < 0 for n in shape) or expected != found or dtype.itemsize > size:
        needs = f"an array of dtype {str(dtype)[:40]} and shape {str(shape)[:80]} needs {expected} bytes"
        raise ValueError(f"{needs}, but the file has {found}")
    return dtype, shape, fortran_order


def read_array(file, size):
    """Read a whole array from a binary file of `size` bytes.

    Raises the errors of `read_header`, and a ValueError if the file is truncated or strings hold invalid characters.
    """
    dtype, shape, fortran_order = read_header(file, size)
    flat = np.empty(math.prod(shape), dtype)
    _fill(flat.view(np.uint8), file)
    if dtype.kind == "U" and flat.size and flat.view(f"{dtype.byteorder}u4").max() > LAST_CHARACTER:
        raise ValueError("its strings hold invalid characters")
    return flat.reshape(shape[::-1]).T if fortran_order else flat.reshape(shape)


def _fill(content, file):
    done = 0
    while count := file.readinto(content[done : done + PIECE]):
        done += count
    if done < len(content) or file.read(1):  # reading to the end makes an archive compare the CRC
        raise ValueError(f"its items need {len(content)} bytes, but the file has {done} or more")
