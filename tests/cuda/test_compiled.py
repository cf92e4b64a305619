"""The compiler takes every kernel; recurrences keep nothing in local memory, and compute in their own type."""

import pytest

compiled = pytest.importorskip("compiled", reason="needs numba-cuda", exc_type=ImportError)

from numba import float32, float64  # noqa: E402


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
