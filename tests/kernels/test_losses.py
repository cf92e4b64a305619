"""Test each loss against its reference implementation and against its own finite differences."""

import naive
import numpy as np
import pytest

from numrnn.kernels.cpu.losses import summed_loss
from numrnn.network.components import LOSSES

TARGETS, PARAMETER = 3, 0.3


def targets_of(name, random, n):
    """Return a class per row for cross-entropy, and rows of numbers for the other losses."""
    if name == "cross_entropy":
        return random.integers(0, TARGETS, n), np.zeros((0, 0))
    return np.zeros(0, np.int64), random.random((n, TARGETS))


def fast(name, rows, classes, values, parameter):
    """Return the sum of a loss and its derivatives with respect to the rows."""
    rows = rows.copy()
    total = summed_loss(LOSSES[name].number, parameter, rows, classes.view(np.uint8), 8, values, np.zeros(0))
    return total, rows


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_that_of_its_slow_twin_and_its_gradient_that_of_finite_differences(name):
    random, n = np.random.default_rng(0), 4
    classes, values = targets_of(name, random, n)
    rows = random.normal(size=(n, TARGETS * LOSSES[name].outputs_per_target))
    total, gradient = fast(name, rows, classes, values, PARAMETER)
    targets = classes if classes.size else values
    expected = [naive.LOSSES[name](a, y, PARAMETER) for a, y in zip(rows, targets, strict=True)]
    assert total == pytest.approx(sum(loss for loss, _ in expected), rel=1e-12)
    np.testing.assert_allclose(gradient, [slopes for _, slopes in expected], rtol=1e-12, atol=1e-15)
    slopes = naive.central_differences(lambda: fast(name, rows, classes, values, PARAMETER)[0], rows)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-9)
