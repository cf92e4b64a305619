"""Test the replacement of files: only regular ones, modes and links stay, and killed writers leave nothing."""

import multiprocessing
import os
import re
import socket
import stat
import threading
import time

import numpy as np
import pytest

from numrnn.io import atomic, read_model, replace_file, replacing, write_model

ROOT = os.geteuid() == 0


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def make_device(path):
    """Create a device file such as /dev/null."""
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


KINDS = {
    "a directory": os.mkdir,
    "a FIFO": os.mkfifo,
    "a socket": make_socket,
    "a character device": make_device,
}


@pytest.mark.parametrize("through_link", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_only_regular_files_are_replaced(kind, through_link, tmp_path):
    path = tmp_path / "place"
    try:
        KINDS[kind](path)
    except PermissionError:
        pytest.skip("only root makes devices")
    before = os.lstat(path)
    given = tmp_path / "link"
    given.symlink_to(path)
    given = given if through_link else path
    with pytest.raises(OSError, match=f"is {kind}, expected a regular file .*{re.escape(str(given))}"):
        replace_file(given, b"new")
    assert (os.lstat(path).st_ino, os.lstat(path).st_mode) == (before.st_ino, before.st_mode)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["link", "place"]


@pytest.mark.parametrize("dangling", [False, True])
def test_links_stay(dangling, tmp_path):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    if not dangling:
        target.write_bytes(b"old")
    (tmp_path / "second").symlink_to("folder/target")
    link.symlink_to("second")
    replace_file(link, b"new")
    assert link.is_symlink() and (tmp_path / "second").is_symlink() and not target.is_symlink()
    assert target.read_bytes() == b"new"


def test_links_that_lead_nowhere(tmp_path):
    for name, target in (("one", "two"), ("two", "one"), ("far", "none/file")):
        (tmp_path / name).symlink_to(target)
    for name in ("one", "far"):
        with pytest.raises(OSError, match=re.escape(str(tmp_path / name))):
            replace_file(tmp_path / name, b"new")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666, 0o700])
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_modes_are_kept(mode, umask, tmp_path):
    path, new = tmp_path / "file", tmp_path / "new"
    path.write_bytes(b"old")
    path.chmod(mode)
    before = os.umask(umask)
    try:
        replace_file(path, b"new")
        replace_file(new, b"new")
    finally:
        os.umask(before)
    assert (mode_of(path), path.read_bytes()) == (mode, b"new")
    assert mode_of(new) == 0o666 & ~umask


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
def test_owners_are_kept(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    replace_file(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid, path.read_bytes()) == (12345, 23456, b"new")


@pytest.mark.parametrize("mode", [0o444, 0o400, 0o066])
def test_read_only_files_are_respected(mode, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    with pytest.raises(PermissionError, match=f"is read-only.*{re.escape(str(path))}"):
        replace_file(path, b"new")
    path.chmod(0o600)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_an_error_while_writing_changes_nothing(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"half")
        file.flush()
        1 / 0  # noqa: B018
    with pytest.raises(FileNotFoundError, match="another"), replacing(path) as file:
        open(tmp_path / "another")  # an error of another file keeps its name
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError, match=re.escape(f"{tmp_path}/none/file")):
        replace_file(tmp_path / "none" / "file", b"new")


def leave(folder, name="file", host=None, age=0):
    """Create a temporary file whose writer is dead."""
    path, number = atomic.create_temporary(folder / name, 0o600)
    os.close(number)
    if host is not None:
        path = path.rename(path.with_name(path.name.replace(f".{atomic._host()}", host)))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_leftovers_of_the_dead_are_removed(tmp_path):
    old = atomic.OLD + 60
    dead = [leave(tmp_path), leave(tmp_path, host=".00000000", age=old), leave(tmp_path, host="", age=old)]
    kept = [leave(tmp_path, host=".00000000"), leave(tmp_path, host=""), leave(tmp_path, "another")]
    with replacing(tmp_path / "file") as file:  # a writer that is alive
        kept.append(tmp_path / os.path.basename(os.readlink(f"/proc/self/fd/{file.fileno()}")))
        os.utime(kept[-1], (time.time() - old,) * 2)
        replace_file(tmp_path / "file", b"faster")
        assert not any(path.exists() for path in dead) and all(path.exists() for path in kept)
        file.write(b"slower")
    assert (tmp_path / "file").read_bytes() == b"slower"


def test_names_that_are_patterns(tmp_path):
    name, other = "a[0-9]*.(x)", "a1.(x)"
    dead, kept = leave(tmp_path, name), leave(tmp_path, other)
    replace_file(tmp_path / name, b"new")
    assert not dead.exists() and kept.exists()


def test_a_leftover_that_is_no_regular_file_stays(tmp_path):
    path, target = leave(tmp_path), tmp_path / "target"
    path.unlink()
    target.write_bytes(b"precious")
    path.symlink_to(target)
    replace_file(tmp_path / "file", b"new")
    assert path.is_symlink() and target.read_bytes() == b"precious"


def test_without_locks_only_old_leftovers_are_removed(tmp_path, monkeypatch):
    young, old = leave(tmp_path), leave(tmp_path, age=atomic.OLD + 60)
    monkeypatch.setattr(atomic, "_lock", lambda number: None)
    replace_file(tmp_path / "file", b"new")
    assert young.exists() and not old.exists()


@pytest.mark.serial
def test_many_writers_of_one_file(tmp_path):
    """Check that a writer that removes old temporary files never removes those of another one."""
    path, errors = tmp_path / "file", []

    def write(content):
        try:
            for _ in range(100):
                replace_file(path, content)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(bytes([n]) * 1000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and list(tmp_path.iterdir()) == [path] and len(set(path.read_bytes())) == 1


def save_again_and_again(path, tensors, ready):
    for n in range(10**6):
        write_model(path, tensors, {"n": n})
        ready.set()


@pytest.mark.serial
def test_killed_while_saving(tmp_path):
    """Check kills at twenty moments while a model of 20 MB is saved.

    The file is whole each time, and the next save removes the temporary file.
    """
    path, tensors = tmp_path / "model.safetensors", {"W": np.ones(5_000_000, np.float32)}
    context, left = multiprocessing.get_context("fork"), 0
    for moment in range(20):
        ready = context.Event()
        child = context.Process(target=save_again_and_again, args=(path, tensors, ready))
        child.start()
        assert ready.wait(60)
        time.sleep(0.007 * moment)
        child.kill()
        child.join()
        assert read_model(path)[0]["W"].sum() == 5_000_000
        left += len(list(tmp_path.iterdir())) - 1
        write_model(path, {"W": tensors["W"][:3]}, {})
        assert list(tmp_path.iterdir()) == [path]
    assert left > 0
