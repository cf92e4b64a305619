"""Parse sizes in bytes."""

import re

from numrnn.io.messages import InputError, shown

__all__ = ["n_bytes"]

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
MOST = 2**63  # kernels use int64


def n_bytes(size, name):
    """Return a size as a number of bytes, at least 1 and less than 2**63.

    Parameters
    ----------
    size : int or str
        A number of bytes, or a str such as ``"512MB"`` (1 MB is 10**6 bytes) or ``"1.5 GiB"`` (1 GiB is 2**30 bytes).
    name : str
        Name of the parameter in error messages.

    Raises
    ------
    ValueError
        If `size` is not a valid size.

    Examples
    --------
    >>> from numrnn.data.byte_sizes import n_bytes
    >>> n_bytes("1.5GB", "buffer")
    1500000000
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(size))
    unit = UNITS.get(found[2].upper()) if found else None
    if unit is None or isinstance(size, bool) or not 1 <= float(found[1]) * unit < MOST:
        problem = f"={shown(size)}: must be a number of bytes such as 512000000, '512MB' or '2GiB'"
        raise InputError(name, (), problem)
    return int(float(found[1]) * unit)
