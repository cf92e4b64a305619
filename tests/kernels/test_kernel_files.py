"""Test that compiled kernels are only read from files and folders that no other user can write."""

import hashlib
import os
import pickle
import shutil
import stat
import tempfile
import traceback
import warnings
from pathlib import Path

import pytest

from numrnn.kernels import cache
from numrnn.kernels.cache import KernelFiles, cache_folder
from numrnn.kernels.ownership import VARIABLE, Untrusted, trusted_bytes, trusted_folder, trusted_users

NOBODY = 65534
KEY = ("signature",)

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs owners and modes of POSIX")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give a file away")


class Planted:
    """Stand for a malicious object that creates a folder when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch):
    monkeypatch.setattr(cache, "_warned", False)
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def root(monkeypatch, tmp_path):
    """Return the root of a cache that does not exist yet."""
    folder = tmp_path / "above" / "root"
    monkeypatch.setattr(cache.config, "CACHE_DIR", str(folder))
    return folder


def plant(root, marker):
    """Make a cache with a file that must not be unpickled; its folder and the file's path."""
    folder = trusted_folder(root / "hash")
    files = KernelFiles(folder, "kernel", "stamp")
    files.save(KEY, None)
    data = pickle.dumps(Planted(marker))
    (file,) = folder.iterdir()
    file.write_bytes(hashlib.sha256(data).digest() + data)
    return folder, file


def load(recorded):
    """Choose the folder, read the kernel and store it as a new process does; return the folder or None."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        folder = cache_folder("hash")
        if folder is not None:
            for _ in range(2):
                files = KernelFiles(folder, "kernel", "stamp")
                if files.load(KEY) is None:
                    files.save(KEY, "compiled")
    recorded += [str(warning.message) for warning in caught]
    return folder


def give_to_nobody(path):
    os.chown(path, NOBODY, -1, follow_symlinks=False)


def replace_by_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def replace_by_fifo(path):
    path.unlink()
    os.mkfifo(path)


def lead_through_links_of_nobody(path):
    replace_by_link(path)
    give_to_nobody(path)


# What is done to the file (f), its folder (d), the root (r) and the folder above (a), and what the warning says.
REFUSED = {
    "file: group may write": ("f", lambda path: path.chmod(0o664), "{path} may be written by its group"),
    "file: others may write": ("f", lambda path: path.chmod(0o602), "{path} may be written by others"),
    "file: a link": ("f", replace_by_link, "{path} is a symbolic link"),
    "file: a FIFO": ("f", replace_by_fifo, "{path} is not a regular file"),
    "folder: group may write": ("d", lambda path: path.chmod(0o775), "{path} may be written by its group"),
    "folder: all may write": ("d", lambda path: path.chmod(0o777), "{path} may be written by its group and others"),
    "folder: sticky": ("d", lambda path: path.chmod(0o1777), "{path} may be written by its group and others"),
    "root: others may write": ("r", lambda path: path.chmod(0o757), "{path} may be written by others"),
    "above: group may write": ("a", lambda path: path.chmod(0o2770), "{path} may be written by its group"),
}
REFUSED_AS_ROOT = {
    "file: of nobody": ("f", give_to_nobody, f"{{path}} belongs to user {NOBODY}"),
    "folder: of nobody": ("d", give_to_nobody, f"{{path}} belongs to user {NOBODY}"),
    "root: of nobody": ("r", give_to_nobody, f"{{path}} belongs to user {NOBODY}"),
    "above: of nobody": ("a", give_to_nobody, f"{{path}} belongs to user {NOBODY}"),
    "folder: a link of nobody": ("d", lead_through_links_of_nobody, f"{{path}} belongs to user {NOBODY}"),
}


@pytest.mark.parametrize("may_write", [True, False], ids=["", "read-only"])
@pytest.mark.parametrize(
    "case", [*REFUSED.values(), *(pytest.param(case, marks=as_root) for case in REFUSED_AS_ROOT.values())],
    ids=[*REFUSED, *REFUSED_AS_ROOT],
)  # fmt: skip
def test_what_others_can_write_is_not_read_and_one_warning_says_why(root, tmp_path, monkeypatch, case, may_write):
    where, change, reason = case
    folder, file = plant(root, tmp_path / "marker")
    path = {"f": file, "d": folder, "r": root, "a": root.parent}[where]
    change(path)
    before = file.lstat()
    if not may_write:
        granted = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and granted(path, mode))
    recorded = []
    assert (load(recorded) is None) == (where != "f")
    assert not (tmp_path / "marker").exists()
    (message,) = recorded
    assert message.startswith("numrnn recompiles its kernels in every process: " + reason.format(path=path))
    assert message.endswith("or set NUMBA_CACHE_DIR to a folder that only you can write.")
    assert file.lstat() == before and len(list(folder.iterdir())) <= 2  # nothing was kept there


def test_a_file_that_nobody_else_can_write_is_read(root, tmp_path):
    plant(root, tmp_path / "marker")
    recorded = []
    load(recorded)
    assert (tmp_path / "marker").exists() and not recorded


def test_what_the_warning_advises_helps(root):
    folder = trusted_folder(root / "hash")
    for path in (folder, root, root.parent):
        path.chmod(0o775)
    recorded = []
    assert load(recorded) is None
    for path in (folder, root, root.parent):
        assert f"run `chmod go-w {path}`" in recorded[0]
        path.chmod(0o755)
    assert load(recorded) == str(folder) and len(recorded) == 1
    assert KernelFiles(folder, "kernel", "stamp").load(KEY) == "compiled"


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077, 0o777])
def test_folders_are_for_their_user_alone_and_files_are_his_to_write(root, umask):
    before = os.umask(umask)
    try:
        folder = trusted_folder(root / "hash")
        KernelFiles(folder, "kernel", "stamp").save(KEY, "compiled")
    finally:
        os.umask(before)
    (file,) = folder.iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, root, root.parent)] == [0o700] * 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o644 & ~umask


def test_sticky_folders_above_may_be_written_by_all(root):
    root.mkdir(0o755, parents=True)
    root.chmod(0o1777)
    assert trusted_folder(root / "hash") == root / "hash"


def test_links_lead_to_the_folder_that_is_checked(tmp_path, monkeypatch):
    real = trusted_folder(tmp_path / "real" / "cache")
    (tmp_path / "absolute").symlink_to(real)
    (tmp_path / "relative").symlink_to("absolute/../cache")
    monkeypatch.chdir(tmp_path)
    for name in ("absolute", "relative", "relative/../cache/.", tmp_path / "absolute"):
        assert trusted_folder(name) == real
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (open_to_all / "link").symlink_to(real)  # others can make it another link
    with pytest.raises(Untrusted, match="open may be written by its group and others"):
        trusted_folder(open_to_all / "link")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="loop"):
        trusted_folder(tmp_path / "loop" / "cache")


def test_nothing_is_made_below_a_folder_that_others_can_write(root):
    root.parent.mkdir()
    root.parent.chmod(0o777)
    with pytest.raises(Untrusted):
        trusted_folder(root / "hash")
    assert not root.exists()


@as_root
@pytest.mark.parametrize("named, trusted", [("", False), ("1", False), (str(NOBODY), True), (f"1, {NOBODY}", True)])
def test_a_site_names_the_user_who_fills_its_cache(root, monkeypatch, named, trusted):
    folder = trusted_folder(root / "hash")
    KernelFiles(folder, "kernel", "stamp").save(KEY, "of the site")
    for path in (folder, *folder.iterdir()):
        give_to_nobody(path)
    monkeypatch.setenv(VARIABLE, named)
    recorded = []
    load(recorded)
    assert len(recorded) == (not trusted)
    if trusted:
        assert KernelFiles(folder, "kernel", "stamp").load(KEY) == "of the site"
    else:
        assert f"set {VARIABLE}={NOBODY} if you trust that user" in recorded[0]


@pytest.mark.parametrize("named", ["alice", "-1", "1,", "1;2", "1_000", "0x10"])
def test_what_is_no_user_id_is_named_in_the_warning(root, monkeypatch, named):
    monkeypatch.setenv(VARIABLE, named)
    with pytest.raises(Untrusted, match="must be user ids in digits, separated by commas"):
        trusted_users()
    recorded = []
    assert load(recorded) is None and f"{VARIABLE}={named!r}" in recorded[0]


def in_a_process_of_nobody(function):
    """Call a function in a fork that gave up its rights; 0 if it ran to its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            function()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@as_root
@pytest.mark.serial
def test_another_user_reads_what_root_keeps_and_nothing_of_a_third(monkeypatch):
    home = Path(tempfile.mkdtemp())  # other users may not pass through pytest's folders
    monkeypatch.setattr(cache.config, "CACHE_DIR", str(home))
    try:
        folder = trusted_folder(home / "hash")
        KernelFiles(folder, "kernel", "stamp").save(KEY, "of root")

        def finds_no_way():
            recorded = []
            assert load(recorded) is None and "Permission denied" in recorded[0]

        def reads():
            recorded = []
            assert load(recorded) == str(folder) and not recorded
            assert KernelFiles(folder, "kernel", "stamp").load(KEY) == "of root"

        def refuses():
            recorded = []
            assert load(recorded) is None and "belongs to user 1." in recorded[0]

        def may_not_read():
            recorded = []
            assert load(recorded) == str(folder) and "Permission denied" in recorded[0]

        assert in_a_process_of_nobody(finds_no_way) == 0
        home.chmod(0o755)
        folder.chmod(0o755)
        assert in_a_process_of_nobody(reads) == 0
        (file,) = folder.iterdir()
        file.chmod(0o600)
        assert in_a_process_of_nobody(may_not_read) == 0
        os.chown(folder, 1, 1)
        assert in_a_process_of_nobody(refuses) == 0
    finally:
        shutil.rmtree(home)


def test_a_file_is_checked_on_what_was_opened(root, tmp_path, monkeypatch):
    """Check that the open file is checked, and not its name, which may be another file's a moment later."""
    folder, file = plant(root, tmp_path / "marker")
    good = file.read_bytes()
    file.chmod(0o666)
    opened = os.open

    def replaced_after_opening(name, *arguments):
        descriptor = opened(name, *arguments)
        file.unlink()
        file.write_bytes(good)
        return descriptor

    monkeypatch.setattr(os, "open", replaced_after_opening)
    with pytest.raises(Untrusted):
        trusted_bytes(file)
