"""Test that NaN and infinity are found at any position, without false alarms."""

import numpy as np
import pytest

from numrnn.kernels.cpu.processor import all_finite


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_what_is_not_finite_is_found_at_every_place(dtype, size):
    limits = np.finfo(dtype)
    values = np.resize(np.array([limits.max, limits.min, limits.smallest_subnormal, 0, -0.0], dtype), size)
    assert all_finite(values)
    for place in {0, size // 2, size - 1}:
        for bad in (np.nan, np.inf, -np.inf):
            changed = values.copy()
            changed[place] = bad
            assert not all_finite(changed)


def test_no_values_are_finite():
    assert all_finite(np.zeros(0, np.float32))
