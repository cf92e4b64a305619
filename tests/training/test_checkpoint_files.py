"""Test checkpoint files: every wrong byte and every other kind of file is found."""

import struct

import numpy as np
import pytest

from numrnn.io import newest_checkpoint, read_checkpoint, write_checkpoint


def test_every_byte_of_a_file_is_checked(tmp_path):
    path = tmp_path / "one.safetensors"
    write_checkpoint(path, {"theta": np.arange(3.0)}, {"a": 1})
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(ValueError, match="is damaged"):
            read_checkpoint(path)


DEEP = "[" * 100_000 + "]" * 100_000
HOSTILE = {
    "no bytes": b"",
    "a header of 2**63 bytes": struct.pack("<Q", 1 << 63) + b"{}",
    "a header that is not there": struct.pack("<Q", 100) + b"{}",
    "no JSON": struct.pack("<Q", 8) + b"\xff" * 8,
    "deep JSON": struct.pack("<Q", len(DEEP)) + DEEP.encode(),
    "a checksum alone": struct.pack("<Q", 79) + b'"checksum":"' + b"0" * 64 + b'"  ',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_files_that_are_none_are_refused(content, tmp_path):
    (tmp_path / "checkpoint-000001.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="resume: no checkpoint in .* can be used: .* is damaged"):
        newest_checkpoint(tmp_path)
