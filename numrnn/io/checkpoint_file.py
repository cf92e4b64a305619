"""Checkpoints: named arrays and a JSON header in one safetensors file, with a checksum over every byte.

The file's metadata have two strings: ``numrnn_checkpoint``, the header as JSON, and ``checksum``, see
`numrnn.io.damage`. It is checked before anything in the file is believed, so a flipped bit or a missing end is found
wherever it is.
"""

import io
import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

import numrnn
from numrnn.io.atomic import open_regular, replace_file
from numrnn.io.damage import NO_CHECKSUM, checksum_is_right, put_checksum
from numrnn.io.messages import shown

__all__ = ["CHECKPOINT_FORMAT", "HEADER", "DamagedCheckpointError", "read_checkpoint", "write_checkpoint"]

CHECKPOINT_FORMAT = 1
HEADER = "numrnn_checkpoint"


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
    content = bytearray(to_bytes(arrays, {HEADER: text, "checksum": NO_CHECKSUM}))
    put_checksum(content)
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
    with open_regular(path) as file:
        content = file.read()
    is_right = checksum_is_right(io.BytesIO(content))
    if is_right is None:
        raise DamagedCheckpointError(f"{path} is damaged or no checkpoint: it has no checksum")
    if not is_right:
        raise DamagedCheckpointError(f"{path} is damaged: its checksum is not that of its content")
    try:
        tensors = {name: array.copy() for name, array in from_bytes(content).items()}
        header_end = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(json.loads(content[8:header_end])["__metadata__"][HEADER])
        file_format = header["format"]
    except (SafetensorError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedCheckpointError(f"{path} is no checkpoint of numrnn ({type(error).__name__}: {error})") from error
    if file_format != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path} has checkpoint format {shown(file_format)}, written by numrnn {shown(header.get('numrnn'))}; "
            f"numrnn {numrnn.__version__} reads format {CHECKPOINT_FORMAT}"
        )
    return tensors, header
