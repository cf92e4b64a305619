"""Read and write checkpoints: safetensors files with named arrays, a JSON header and a checksum over all bytes.

The metadata of the file have two strings: ``numrnn_checkpoint``, the header as JSON, and ``checksum`` (see
`numrnn.io.damage`). The checksum is compared before anything else in the file is used, so that any flipped bit or
missing end is detected.
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
    """Report that a file is not a checkpoint, or differs from the checkpoint that was written."""


def write_checkpoint(path, tensors, header):
    """Write arrays and a header atomically.

    Parameters
    ----------
    path : pathlib.Path
    tensors : dict of str to ndarray
    header : dict
        JSON values; ``format`` and ``numrnn`` are added.

    Raises
    ------
    OSError
        If the file cannot be written. No partial file remains.
    """
    text = json.dumps({"format": CHECKPOINT_FORMAT, "numrnn": numrnn.__version__, **header}, allow_nan=False)
    arrays = {name: np.array(array, order="C") for name, array in tensors.items()}
    content = bytearray(to_bytes(arrays, {HEADER: text, "checksum": NO_CHECKSUM}))
    put_checksum(content)
    replace_file(Path(path), content)


def read_checkpoint(path):
    """Return the arrays and the header of a file that `write_checkpoint` wrote.

    Raises
    ------
    DamagedCheckpointError
        If the file is damaged or is not a checkpoint.
    ValueError
        If the file has another version of the format.
    """
    with open_regular(path) as file:
        content = file.read()
    is_right = checksum_is_right(io.BytesIO(content))
    if is_right is None:
        raise DamagedCheckpointError(f"{path} is damaged or not a checkpoint: it has no checksum")
    if not is_right:
        raise DamagedCheckpointError(f"{path} is damaged: its checksum does not match its content")
    try:
        tensors = {name: array.copy() for name, array in from_bytes(content).items()}
        header_end = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(json.loads(content[8:header_end])["__metadata__"][HEADER])
        file_format = header["format"]
    except (SafetensorError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DamagedCheckpointError(f"{path} is not a checkpoint of numrnn ({reason})") from error
    if file_format != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path} has checkpoint format {shown(file_format)}, written by numrnn {shown(header.get('numrnn'))}; "
            f"numrnn {numrnn.__version__} reads format {CHECKPOINT_FORMAT}. Resume with the version that wrote it."
        )
    return tensors, header
