"""Named arrays in one ``.npz`` file, the zip archive that `numpy.savez` and `numpy.savez_compressed` write."""

from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from numrnn.io.damage import readable
from numrnn.io.npy_file import read_array

__all__ = ["read_arrays"]

KIND = ".npz file of plain arrays"
ENCRYPTED = 1  # a bit of a member's flags
DEFLATE = 1032  # the most bytes that one compressed byte becomes
END, COUNT_AT, MANY = 22, 10, 0xFFFF  # of the last record: bytes, where it counts the members, more than fit


def read_arrays(path, known):
    """Read the arrays of a file.

    Parameters
    ----------
    path : path-like
    known : sequence of str
        The names that an array may have.

    Returns
    -------
    arrays : dict of str to ndarray

    Raises
    ------
    ValueError
        If it is no such file, has an array of another name or two of one, or a header that claims more than there is.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from numrnn.io.npz_file import read_arrays
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/one.npz", values=[1, 2])
    ...     read_arrays(f"{folder}/one.npz", ["values"])
    {'values': array([1, 2])}
    """
    with open(path, "rb") as file:
        with readable(path, KIND):
            archive = ZipFile(file)
            size = file.seek(0, 2)
            _check_count(archive, file, size)
            members = _members(archive, size)
        unknown = sorted(set(members) - set(known))
        if unknown:
            raise ValueError(f"{path}: unknown array {unknown[0][:80]!r}; the names known are {', '.join(known)}")
        return {name: _read(path, archive, info) for name, info in members.items()}


def _check_count(archive, file, size):
    """Refuse an archive whose entries claim longer comments than they have: ZipFile skips the entries behind."""
    file.seek(size - END - len(archive.comment) + COUNT_AT)
    count, found = int.from_bytes(file.read(2), "little"), len(archive.infolist())
    if count not in (found, MANY):
        raise ValueError(f"its directory has the names of {found} arrays, expected {count}")


def _members(archive, size):
    """Return the members by the names of their arrays, if they can be what they say they are."""
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
            raise ValueError(f"{name[:80]!r} claims {info.file_size} bytes, {info.compress_size} are in the file")
        members[name] = info
    if sum(info.compress_size for info in members.values()) > size:
        raise ValueError("its arrays claim more bytes than the file has")
    return members


def _read(path, archive, info):
    with readable(path, KIND), archive.open(info) as member:
        return read_array(member, info.file_size)
