"""Test the disk cache of kernels: hits in a second process, no stale kernel, a warning if it cannot be written."""

import hashlib
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import numrnn
from numrnn.kernels import cache as kernel_cache
from numrnn.kernels import jit, linking

CALLER = """
from numrnn.kernels.cpu.activations import sigmoid
from numrnn.kernels.jit import njit


@njit
def ten_times(x):
    return 10 * sigmoid(x)
"""
CALL = """
from numrnn.kernels.cpu.caller import ten_times
print(ten_times(0.0), sum(ten_times.stats.cache_hits.values()))
"""
EDIT = """

@njit
def sigmoid(x):
    return like(1.0, x)
"""


def run(package_folder, cache, before=""):
    """Return the result of a call in a process of its own, the number of cache hits, and stderr."""
    environment = {**os.environ, "PYTHONPATH": str(package_folder), "NUMBA_CACHE_DIR": str(cache)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # a limit on files would truncate .pyc files
    environment.pop("NUMBA_DISABLE_JIT", None)
    done = subprocess.run(
        [sys.executable, "-c", before + CALL], env=environment, cwd=package_folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    result, hits = done.stdout.split()
    return float(result), int(hits), done.stderr


@pytest.fixture
def copied_package(tmp_path):
    shutil.copytree(Path(numrnn.__file__).parent, tmp_path / "numrnn", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "numrnn" / "kernels" / "cpu" / "caller.py").write_text(CALLER)
    return tmp_path


def test_a_second_process_finds_the_kernels_and_an_edited_callee_is_compiled_into_its_caller(copied_package):
    cache = copied_package / "cache"
    assert run(copied_package, cache)[:2] == (5.0, 0)
    assert run(copied_package, cache)[:2] == (5.0, 1)
    callee = copied_package / "numrnn" / "kernels" / "cpu" / "activations.py"
    original = callee.read_text()
    callee.write_text(original + EDIT)
    assert run(copied_package, cache)[:2] == (10.0, 0)
    callee.write_text(original)
    assert run(copied_package, cache)[:2] == (5.0, 1)
    of_card = copied_package / "numrnn" / "kernels" / "cuda" / "heads.py"
    of_card.write_text(of_card.read_text() + EDIT)
    assert run(copied_package, cache)[:2] == (5.0, 1)


def test_a_card_has_a_hash_of_its_own():
    assert jit.kernel_hash() == jit.kernel_hash("cpu") != jit.kernel_hash("cuda")


def test_without_a_folder_to_write_to_kernels_run_and_a_warning_says_why(copied_package):
    file = copied_package / "not_a_folder"
    file.touch()
    result, hits, errors = run(copied_package, file)
    assert (result, hits) == (5.0, 0)
    assert "numrnn recompiles its kernels" in errors
    assert "NUMBA_CACHE_DIR" in errors


DAMAGES = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "never written back": lambda content: content[:-1000] + bytes(1000),
    "one bit": lambda content: content[:1000] + bytes([content[1000] ^ 1]) + content[1001:],
    "garbage": lambda content: b"garbage" * 1000,
}


def test_a_damaged_file_is_compiled_anew_with_a_warning_that_names_it(copied_package):
    cache = copied_package / "cache"
    assert run(copied_package, cache) == (5.0, 0, "")
    (file,) = cache.rglob("caller.ten_times*")
    for name, damage in DAMAGES.items():
        file.write_bytes(damage(file.read_bytes()))
        result, hits, errors = run(copied_package, cache)
        assert (result, hits) == (5.0, 0), name
        assert f"numrnn recompiles a kernel: {file} is damaged" in errors, name
    assert run(copied_package, cache) == (5.0, 1, "")
    assert list(cache.rglob("caller*")) == [file]


def test_a_full_disk_costs_the_file_and_not_the_result(copied_package):
    cache = copied_package / "cache"
    small_files = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    result, hits, errors = run(copied_package, cache, small_files)
    assert (result, hits) == (5.0, 0)
    assert "numrnn cannot keep a compiled kernel" in errors and str(cache) in errors
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert run(copied_package, cache) == (5.0, 0, "")


def test_the_caches_root_is_the_users_choice_and_else_his_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(jit.config, "CACHE_DIR", str(tmp_path / "chosen"))
    assert kernel_cache.cache_root() == tmp_path / "chosen"
    monkeypatch.setattr(jit.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kernel_cache.cache_root() == tmp_path / "numrnn"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for ignored in ("", "relative", "./relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert kernel_cache.cache_root() == tmp_path / "home" / ".cache" / "numrnn"


def test_numbas_own_setting_is_left_as_it_was(monkeypatch):
    monkeypatch.setattr(jit.config, "CACHE_DIR", "elsewhere")
    jit.njit(lambda x: x)
    assert jit.config.CACHE_DIR == "elsewhere"


def read_only(folder):
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o444 if path.is_file() else 0o555)


NO_WRITING = """
import os
granted = os.access
os.access = lambda path, mode: not mode & os.W_OK and granted(path, mode)  # root may write anywhere
"""


def test_a_cache_that_may_only_be_read_serves_as_it_is(copied_package):
    cache = copied_package / "cache"
    assert run(copied_package, cache, NO_WRITING) == (5.0, 0, "")  # nothing is kept, and nothing said
    (folder,) = cache.iterdir()
    assert not list(folder.iterdir())
    run(copied_package, cache)
    read_only(cache)
    before = sorted(cache.rglob("*"))
    assert run(copied_package, cache, NO_WRITING) == (5.0, 1, "")
    assert sorted(cache.rglob("*")) == before
    folder.chmod(0o755)
    folder.parent.chmod(0o755)


def test_a_planted_kernel_does_not_run(copied_package):
    """Check that a planted file is not loaded; one in a folder of `nobody` once ran as root in the next fit."""
    cache, marker = copied_package / "cache", copied_package / "marker"
    assert run(copied_package, cache) == (5.0, 0, "")
    (file,) = cache.rglob("caller.ten_times*")
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o644, 0o700)
    planted = pickle.dumps(Planted(str(marker)))
    file.write_bytes(hashlib.sha256(planted).digest() + planted)
    for open_to_others in (file, file.parent, cache):
        mode = open_to_others.stat().st_mode
        open_to_others.chmod(mode | 0o020)
        result, hits, errors = run(copied_package, cache)
        assert (result, hits) == (5.0, 0)
        assert errors.count("UserWarning") == 1 and f"run `chmod go-w {open_to_others}`, or set NUMBA_" in errors
        open_to_others.chmod(mode)
    assert not marker.exists()
    run(copied_package, cache)
    assert marker.exists()  # files that no other user can write are trusted


class Planted:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def rounded(x):
    return round(x, 2)


def test_what_a_kernel_took_from_numba_is_whole_for_a_user_of_numba(monkeypatch):
    monkeypatch.setattr(jit, "CACHE_FOLDER", None)  # compiled here and now
    assert jit.njit(rounded)(2.348) == 2.35
    assert numba.njit(error_model="numpy")(rounded)(2.348) == 2.35


def test_a_package_that_is_installed_elsewhere_finds_the_kernels(copied_package, tmp_path):
    cache = tmp_path / "cache"
    assert run(copied_package, cache) == (5.0, 0, "")
    shutil.copytree(copied_package / "numrnn", tmp_path / "elsewhere" / "numrnn")
    for path in (tmp_path / "elsewhere").rglob("*.py"):
        os.utime(path, (0, 0))
    assert run(tmp_path / "elsewhere", cache) == (5.0, 1, "")


def test_numbas_choice_of_locators_does_not_move_the_kernels(copied_package, monkeypatch):
    """Check that Numba's setting of locators does not move the kernels.

    An early version then stored kernels beside their source, under a key that does not include callees.
    """
    monkeypatch.setenv("NUMBA_CACHE_LOCATOR_CLASSES", "InTreeCacheLocator")
    cache = copied_package / "cache"
    assert run(copied_package, cache) == (5.0, 0, "")
    assert run(copied_package, cache) == (5.0, 1, "")
    assert len(list(cache.rglob("caller.ten_times*"))) == 1


def test_kernels_run_on_a_numba_whose_inside_is_not_known(copied_package):
    cache = copied_package / "cache"
    change = "import numba.core.registry as registry; del registry.CPUDispatcher\n"
    result, hits, told = run(copied_package, cache, before=change)
    assert (result, hits) == (5.0, 0) and not cache.exists()
    assert told.count("numrnn does not support Numba") == 1


def test_an_attribute_that_numba_lacks_is_named(monkeypatch):
    linking.check_internals()
    monkeypatch.setattr(linking, "_ATTRIBUTES", "_finalized _reload_all")
    with pytest.raises(AttributeError, match="_reload_all"):
        linking.check_internals()


def test_kernels_run_without_numbas_events(copied_package):
    before = """
import sys
import numba
sys.modules["numba.core.event"] = None
from numrnn.kernels.linking import compilations
told = []
with compilations(told.append):
    numba.njit(lambda x: x)(1)
assert told == []
"""
    cache = copied_package / "cache"
    assert run(copied_package, cache, before)[:2] == (5.0, 0)
    assert run(copied_package, cache, before)[:2] == (5.0, 1)


def test_kernels_are_pickled_without_numbas_pickler(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba.core.serialize", None)
    assert pickle.loads(linking.pickled({"kernel": b"code"})) == {"kernel": b"code"}


def test_forks_do_not_wait_for_a_lock_that_numba_lacks(monkeypatch):
    registered = []
    monkeypatch.setattr(os, "register_at_fork", lambda **hooks: registered.append(hooks))
    linking.hold_compiler_at_forks()
    monkeypatch.setattr(linking, "global_compiler_lock", None)
    linking.hold_compiler_at_forks()
    assert len(registered) == 1


def test_an_internal_that_numba_lacks_is_reported(monkeypatch):
    monkeypatch.setattr(linking, "_missing", [])
    assert linking._internal("no_such_part", "Name") is object
    with pytest.raises(ImportError, match="no_such_part"):
        linking.check_internals()
