"""Test that every kernel compiles, and that recurrences use no local memory and compute in their own type."""

import re

import pytest

compiled = pytest.importorskip("compiled", reason="needs numba-cuda", exc_type=ImportError)

from numba import float32, float64  # noqa: E402

from numrnn.kernels.cuda.warps import memory  # noqa: E402
from numrnn.network.cuda import kernel_choice  # noqa: E402


@pytest.mark.parametrize("real", [float32, float64], ids=str)
@pytest.mark.parametrize("name", compiled.kernels(float32))
def test_compiles_without_local_memory(real, name):
    if compiled.ptxas() is None:
        assert ".entry" in compiled.ptx_of(*compiled.kernels(real)[name])
        pytest.skip("needs ptxas: pip install nvidia-cuda-nvcc")
    found = compiled.compiled(*compiled.kernels(real)[name])
    assert found.local_bytes == found.spilled_bytes == 0, found
    assert found.registers <= 128
    if real is float32 and name.split()[0] in ("elman", "gru", "lstm"):
        assert found.doubles == 0, found


@pytest.mark.parametrize("name", dict(compiled.narrow_kernels()))
def test_narrow_kernels_hold_W_in_registers(name):
    entry = dict(compiled.narrow_kernels())[name]
    ptx = compiled.ptx_of(*entry)
    assert "cp.async.ca.shared.global" in ptx and "ld.shared.v4.f32" in ptx and "shfl.sync.bfly" in ptx
    if compiled.ptxas() is None:
        pytest.skip("needs ptxas: pip install nvidia-cuda-nvcc")
    found = compiled.compiled(*entry)
    assert found.local_bytes == found.spilled_bytes == found.doubles == 0, found


@pytest.mark.parametrize("name", dict(compiled.wide_kernels()))
def test_wide_kernels_hold_W_in_registers(name):
    entry = dict(compiled.wide_kernels())[name]
    ptx = compiled.ptx_of(*entry)
    assert "ld.relaxed.gpu.global.v4.u32" in ptx
    assert re.search(r"min.u32 p, p, 0xFFFFFFFE;\s*st.relaxed.gpu.global.u32 \[\S+\], p;", ptx)  # EMPTY is never stored
    if compiled.ptxas() is None:
        pytest.skip("needs ptxas: pip install nvidia-cuda-nvcc")
    found = compiled.compiled(*entry)
    assert found.local_bytes == found.spilled_bytes == found.doubles == 0, found
    assert found.registers * entry[2][0] <= 65536  # of a multiprocessor


@pytest.mark.parametrize("name", ["elman forward 1024", "gru backward 1024", "lstm forward 1024"])
def test_launches_of_wide_kernels_are_cooperative(name):
    cooperative, code = compiled.linked(*dict(compiled.wide_kernels())[name])
    assert cooperative and code


def test_launches_of_narrow_kernels_are_not():
    cooperative, code = compiled.linked(*next(iter(dict(compiled.narrow_kernels()).values())))
    assert not cooperative and code


def test_host_and_kernels_mean_one_word():
    assert kernel_choice.EMPTY == memory.EMPTY
