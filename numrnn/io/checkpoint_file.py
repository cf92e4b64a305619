"""Checkpoints: named arrays and a JSON header in one safetensors file, with a checksum over every byte.

The file's metadata have two strings: ``numrnn_checkpoint``, the header as JSON, and ``checksum``, the SHA-256 of the
whole file with 64 zeros in the checksum's place. It is checked before anything in the file is believed, so a flipped
bit or a missing end is found wherever it is.
"""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

import numrnn
from numrnn.io.atomic import replace_file

__all__ = ["CHECKPOINT_FORMAT", "HEADER", "DamagedCheckpointError", "read_checkpoint", "write_checkpoint"]

CHECKPOINT_FORMAT = 1
HEADER = "numrnn_checkpoint"
_NONE = "0" * 64
_CHECKSUM = re.compile(rb'"checksum":"([0-9a-f]{64})"')


class DamagedCheckpointError(ValueError):
    """A checkpoint is not as it was written, or was never one."""


def write_checkpoint(path, tensors, header):
    """Write arrays and a header in one go.

    Parameters
    ----------
    path : pathlib.Path
    tensors : dict of str to ndarray
    header : dict
        JSON values; ``format`` and ``numrnn`` are added.

    Raises
    ------
    OSError
        If the file cannot be written; nothing is left behind.

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np
    >>> from numrnn.io import read_checkpoint, write_checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "one.safetensors")
    ...     write_checkpoint(path, {"theta": np.zeros(2)}, {"epoch": 3})
    ...     tensors, header = read_checkpoint(path)
    >>> tensors["theta"], header["epoch"]
    (array([0., 0.]), 3)
    """
    text = json.dumps({"format": CHECKPOINT_FORMAT, "numrnn": numrnn.__version__, **header}, allow_nan=False)
    arrays = {name: np.array(array, order="C") for name, array in tensors.items()}
    content = bytearray(to_bytes(arrays, {HEADER: text, "checksum": _NONE}))
    first, last = _CHECKSUM.search(content).span(1)
    content[first:last] = hashlib.sha256(content).hexdigest().encode()
    replace_file(Path(path), content)


def read_checkpoint(path):
    """Read a file that `write_checkpoint` wrote.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    tensors : dict of str to ndarray
    header : dict

    Raises
    ------
    DamagedCheckpointError
        If a byte of the file is not as it was written, or it is of another kind.
    ValueError
        If it is of another format.
    """
    content = bytearray(Path(path).read_bytes())
    header_end = min(len(content), 8 + int.from_bytes(content[:8], "little"))
    found = _CHECKSUM.search(content, 8, header_end)
    if found is None:
        raise DamagedCheckpointError(f"{path} is damaged or no checkpoint: it has no checksum")
    checksum, (first, last) = found[1].decode(), found.span(1)
    content[first:last] = _NONE.encode()
    if hashlib.sha256(content).hexdigest() != checksum:
        raise DamagedCheckpointError(f"{path} is damaged: its checksum is not that of its content")
    try:
        tensors = {name: array.copy() for name, array in from_bytes(bytes(content)).items()}
        header = json.loads(json.loads(content[8:header_end])["__metadata__"][HEADER])
        file_format = header["format"]
    except (SafetensorError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise DamagedCheckpointError(f"{path} is no checkpoint of numrnn ({type(error).__name__}: {error})") from error
    if file_format != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path} has checkpoint format {file_format!r}, written by numrnn {header.get('numrnn')}; "
            f"numrnn {numrnn.__version__} reads format {CHECKPOINT_FORMAT}"
        )
    return tensors, header
