"""Test the lock of a folder of checkpoints, and the removal of files that killed writers left in it."""

import os
import re
import stat

import pytest

from numrnn.io import CheckpointFolder
from numrnn.io.atomic import create_temporary


def make_device(path):
    """Create a device file such as /dev/null."""
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


KINDS = {
    "link": lambda path: path.symlink_to("precious"),
    "dangling link": lambda path: path.symlink_to("none"),
    "directory": os.mkdir,
    "FIFO": os.mkfifo,
    "device": make_device,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_is_a_regular_file(kind, tmp_path):
    """Check that a lock must be a regular file; the target of a link was once truncated."""
    (tmp_path / "precious").write_bytes(b"not to be lost")
    try:
        KINDS[kind](tmp_path / "lock")
    except PermissionError:
        pytest.skip("only root makes devices")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(ValueError, match=f"{re.escape(str(tmp_path / 'lock'))}: must be a regular file"):
        CheckpointFolder(tmp_path, keep=3)
    assert (tmp_path / "precious").read_bytes() == b"not to be lost"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_lock_is_not_inherited(tmp_path):
    folder = CheckpointFolder(tmp_path, keep=3)
    assert not os.get_inheritable(folder._lock)
    folder.close()
    CheckpointFolder(tmp_path, keep=3).close()


def test_leftovers_are_removed_when_the_folder_is_opened(tmp_path):
    (dead, number), (live, held) = (
        create_temporary(tmp_path / f"checkpoint-00000{n}.safetensors", 0o600) for n in "12"
    )
    os.close(number)
    CheckpointFolder(tmp_path, keep=3).close()
    assert not dead.exists() and live.exists()
    os.close(held)
