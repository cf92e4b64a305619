"""Read and write a model as one safetensors file: named arrays and a versioned JSON header.

The header is the string ``numrnn`` of the file's metadata. Its keys are ``format`` (the version of the file format, an
integer), ``numrnn`` (the version of the library that wrote it) and the keys of `numrnn.estimators.saving`.
`numrnn.io.damage` describes the string ``checksum``, which the first files did not have. Any safetensors reader in any
language can read the arrays, and no content of the file is executed.
"""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

import numrnn
from numrnn.io.atomic import open_regular, replace_file
from numrnn.io.checkpoint_file import HEADER as CHECKPOINT_HEADER
from numrnn.io.damage import NO_CHECKSUM, checksum_is_right, put_checksum
from numrnn.io.messages import shown

FORMAT = 1


def write_model(path, tensors, header):
    """Write arrays and a header atomically.

    Parameters
    ----------
    path : str or path-like
    tensors : dict of str to ndarray
    header : dict
        JSON values; ``format`` and ``numrnn`` are added.

    Raises
    ------
    OSError
        If `path` is a directory, or the file cannot be written. No partial file remains.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from numrnn.io import read_model, write_model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_model(f"{folder}/m.safetensors", {"c": np.zeros(2)}, {"class": "Model"})
    ...     tensors, header = read_model(f"{folder}/m.safetensors")
    >>> tensors["c"], header["class"], header["format"]
    (array([0., 0.]), 'Model', 1)
    """
    path = Path(path)
    text = json.dumps({"format": FORMAT, "numrnn": numrnn.__version__, **header}, allow_nan=False)
    arrays = {name: array.copy(order="C") for name, array in tensors.items()}
    content = bytearray(to_bytes(arrays, {"numrnn": text, "checksum": NO_CHECKSUM}))
    put_checksum(content)
    replace_file(path, content)


def read_model(path):
    """Return the arrays and the header of a file that `write_model` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a safetensors file, is damaged, was not written by numrnn, or has a newer format.
    """
    path = Path(path)
    with open_regular(path) as file:  # errors of safe_open do not name a missing file or a folder
        is_right = checksum_is_right(file)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            header = _parse_header(_header_text(metadata, path), path)
            if "checksum" in metadata and not is_right:
                raise ValueError(f"{path} is damaged: its checksum does not match its content")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        found = f"is not a complete safetensors file ({error}): it is truncated, or of another kind"
        raise ValueError(f"{path} {found}") from error
    return tensors, header


def _header_text(metadata, path):
    if CHECKPOINT_HEADER in metadata:
        raise ValueError(f"{path} is a checkpoint, not a model; pass its folder to fit(..., resume=FOLDER)")
    if "numrnn" not in metadata:
        raise ValueError(f"{path} is a safetensors file, but numrnn did not write it (no 'numrnn' header)")
    unknown = sorted(set(metadata) - {"numrnn", "checksum"})
    if unknown:
        raise ValueError(f"{path} is damaged or changed by hand: its metadata has the unknown entries {shown(unknown)}")
    return metadata["numrnn"]


def _parse_header(text, path):
    try:
        header = json.loads(text)
        file_format = header["format"]
        if type(file_format) is not int or file_format < 1:
            raise ValueError(f"format={shown(file_format)}: must be an integer of at least 1")
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise ValueError(f"{path} has a damaged numrnn header ({type(error).__name__}: {error})") from error
    if file_format > FORMAT:
        writer = shown(header.get("numrnn", "a newer version")).strip("'")
        raise ValueError(
            f"{path} has model format {file_format}, written by numrnn {writer}; numrnn {numrnn.__version__} reads "
            f"formats up to {FORMAT}. Upgrade numrnn to load it."
        )
    return header
