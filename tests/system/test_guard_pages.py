"""Test that kernels stay within their arrays by a sample of `guard_pages.py`, with kernels that other tests use."""

import functools
import os
import sys

import pytest
from numba.core import config

if sys.platform != "linux" or config.DISABLE_JIT:
    pytest.skip("it needs compiled kernels, mprotect and fork", allow_module_level=True)

from guard_pages import check, entries

pytestmark = pytest.mark.serial
SECONDS = float(os.environ.get("NUMRNN_GUARD_SECONDS", 0.4))  # of each kind, with guards
KINDS = (
    "elman", "gru", "lstm", "elman, float64", "lstm, symbols", "elman, pooled", "elman, bidirectional",
    "gru, bidirectional, symbols, float64", "gru, limited", "lstm, limited",
)  # fmt: skip


@functools.cache
def checked(kind):
    """Return the results of a sample: the numbers of cases and of faults, and the kernels called."""
    return check([kind], combinations=350, seconds=SECONDS)


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_touch_nothing_but_their_arrays(kind):
    n_cases, n_faults, _ = checked(kind)
    assert n_cases
    assert not n_faults


def test_each_kernel_that_python_calls_was_called():
    """Check that the sample calls every kernel that Python calls; a new one needs a case in `guard_pages.py`."""
    called = set().union(*(checked(kind)[2] for kind in KINDS))
    assert not entries() - called
