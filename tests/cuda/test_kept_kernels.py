"""Test the disk cache of CUDA kernels without a GPU: another process hits it, unless a callee was edited."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import numrnn

compiled = pytest.importorskip("compiled", reason="needs numba-cuda", exc_type=ImportError)

from numrnn.kernels.cuda.jit import identity  # noqa: E402

COMPILE = """
from types import SimpleNamespace
import compiled
from numba import float32
from numba.cuda import codegen, dispatcher

card = SimpleNamespace(compute_capability=compiled.CAPABILITY)
dispatcher.get_current_device = lambda: card
codegen.devices = SimpleNamespace(get_context=lambda: SimpleNamespace(device=card))
dispatcher._Kernel.bind = lambda self: self._codelibrary.get_cubin(compiled.CAPABILITY)  # all but to load it

entries = [compiled.kernels(float32)["outputs"], next(iter(compiled.narrow_kernels()))[1]]
from numrnn.kernels.cuda.jit import kernel
narrow = kernel(entries[1][0], launch_bounds=entries[1][2])
for function, signature in ((entries[0][0], entries[0][1]), (narrow, entries[1][1])):
    code = function.compile(tuple(signature.args))._codelibrary.get_cubin(compiled.CAPABILITY).code
    print(sum(function.stats.cache_hits.values()), len(code), hash(code))
"""


def run(folder):
    """Return the cache hits and the hash of the code, for a kernel and for one that a function makes."""
    paths = os.pathsep.join(map(str, (folder, Path(__file__).parent)))
    environment = {**os.environ, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONHASHSEED": "0"}
    done = subprocess.run([sys.executable, "-c", COMPILE], env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [tuple(map(int, line.split())) for line in done.stdout.splitlines()]


def test_a_second_process_finds_what_the_first_compiled(tmp_path):
    shutil.copytree(Path(numrnn.__file__).parent, tmp_path / "numrnn", ignore=shutil.ignore_patterns("__pycache__"))
    first = run(tmp_path)
    assert [hits for hits, *_ in first] == [0, 0]
    second = run(tmp_path)
    assert [hits for hits, *_ in second] == [1, 1]
    assert [code for _, *code in second] == [code for _, *code in first]
    for callee in ("cpu/activations.py", "cuda/row_order.py"):
        path = tmp_path / "numrnn" / "kernels" / callee
        path.write_text(path.read_text() + "\n# an edit\n")
        assert [hits for hits, *_ in run(tmp_path)] == [0, 0], callee


@pytest.mark.parametrize("kernels", [compiled.narrow_kernels, compiled.wide_kernels])
def test_what_makes_kernels_is_told_apart_by_plain_values(kernels):
    texts = [repr(identity(function)) for _, (function, *_) in kernels()]
    assert len(set(texts)) == len(texts) and not any("0x" in text for text in texts)
    assert texts == [repr(identity(function)) for _, (function, *_) in kernels()]


def test_what_cannot_be_told_is_an_error():
    unknown = object()
    with pytest.raises(TypeError, match="cannot be identified in the cache"):
        identity(lambda: unknown)
