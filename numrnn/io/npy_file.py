"""Arrays in NumPy's ``.npy`` format, read without a belief in anything that the size of the file contradicts.

`numpy.load` allocates what a header claims, ignores what comes after the array, and evaluates types of any kind. Here
an array of numbers, texts or dates fills its file to the last byte, or the file is refused before memory is taken.
"""

import math

import numpy as np

__all__ = ["read_array", "read_header"]

KINDS = "biufcSUmM"  # neither objects, which are pickles, nor records
READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
PIECE = 1 << 20  # bytes read at a time: an archive makes a copy of them
LAST_CHARACTER = 0x10FFFF


def read_header(file, size):
    """Read what an array is; the file is left where its items begin.

    Parameters
    ----------
    file : binary file
        At its beginning.
    size : int
        Its bytes.

    Returns
    -------
    dtype : dtype
    shape : tuple of int
    fortran_order : bool

    Raises
    ------
    ValueError
        If there is no plain array, or another number of bytes than it has; parsers of NumPy raise others, see
        `numrnn.io.damage.readable`.
    """
    version = np.lib.format.read_magic(file)
    if version not in READERS:
        raise ValueError(f"version {version[0]}.{version[1]} of the format is not for plain arrays")
    shape, fortran_order, dtype = READERS[version](file)
    if dtype.kind not in KINDS or dtype.itemsize == 0:
        raise ValueError(f"expected numbers or texts, got dtype {str(dtype)[:40]}")
    expected, found = math.prod(shape) * dtype.itemsize, size - file.tell()
    if any(n < 0 for n in shape) or expected != found or dtype.itemsize > size:
        raise ValueError(f"{str(dtype)[:40]} of shape {str(shape)[:80]} does not fill {found} bytes")
    return dtype, shape, fortran_order


def read_array(file, size):
    """Read an array whole.

    Parameters
    ----------
    file, size : as of `read_header`

    Returns
    -------
    array : ndarray

    Raises
    ------
    ValueError
        As `read_header`, and if the file ends too early or texts hold no characters.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from numrnn.io.npy_file import read_array
    >>> file = io.BytesIO()
    >>> np.save(file, [1, 2])
    >>> size, _ = file.tell(), file.seek(0)
    >>> read_array(file, size)
    array([1, 2])
    """
    dtype, shape, fortran_order = read_header(file, size)
    flat = np.empty(math.prod(shape), dtype)
    _fill(flat.view(np.uint8), file)
    if dtype.kind == "U" and flat.size and flat.view(f"{dtype.byteorder}u4").max() > LAST_CHARACTER:
        raise ValueError("texts hold numbers that are no characters")
    return flat.reshape(shape[::-1]).T if fortran_order else flat.reshape(shape)


def _fill(content, file):
    done = 0
    while count := file.readinto(content[done : done + PIECE]):
        done += count
    if done < len(content) or file.read(1):  # the end of a member of an archive is where its CRC is compared
        raise ValueError(f"{len(content)} bytes of items were expected, the file has {done} or more")
