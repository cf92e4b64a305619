"""Test tanh, sigmoid and exp: error bounds, special values, the same bits at every position, and dtypes."""

import numba
import numpy as np
import pytest

from numrnn.kernels.cpu import activations
from numrnn.kernels.jit import njit

DTYPES = [np.float32, np.float64]
ULP = {"tanh": 3, "sigmoid": 3, "exp": 2}
LONG = np.longdouble if np.finfo(np.longdouble).eps < np.finfo(np.float64).eps else None


@njit
def tanh_all(x, out):
    for i in range(x.size):
        out[i] = activations.tanh(x[i])


@njit
def sigmoid_all(x, out):
    for i in range(x.size):
        out[i] = activations.sigmoid(x[i])


@njit
def exp_all(x, out):
    for i in range(x.size):
        out[i] = activations.exp(x[i])


LOOPS = {"tanh": tanh_all, "sigmoid": sigmoid_all, "exp": exp_all}
EXACT = {"tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "exp": np.exp}


def apply(name, x):
    out = np.empty_like(x)
    LOOPS[name](x, out)
    return out


def wide_range(dtype, largest):
    """Return numbers of both signs: a dense grid where the functions bend, and powers down to the smallest normal."""
    tiny = np.log10(float(np.finfo(dtype).tiny))
    dense = np.linspace(-largest, largest, 60_001)
    small = np.concatenate([np.logspace(tiny, 0, 20_000), np.linspace(0, 1, 20_001)])
    return np.concatenate([dense, small, -small]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOOPS)
def test_error_stays_under_the_stated_bound(name, dtype):
    if dtype is np.float64 and LONG is None:
        pytest.skip("no floating type here is wider than float64")
    largest = {np.float32: 87.0, np.float64: 708.0}[dtype]
    x = wide_range(dtype, largest if name == "exp" else min(largest, 300.0))
    exact = EXACT[name](x.astype(np.float64 if dtype is np.float32 else LONG))
    unit = np.spacing(np.abs(exact).astype(dtype)).astype(exact.dtype)
    error = np.abs(apply(name, x).astype(exact.dtype) - exact) / unit
    assert error.max() < ULP[name], f"{error.max():.2f} ulp at {x[error.argmax()]!r}"


@pytest.mark.parametrize("dtype", DTYPES)
def test_special_values(dtype):
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)
    largest = np.array([np.finfo(dtype).max, -np.finfo(dtype).max], dtype)
    np.testing.assert_array_equal(apply("tanh", special), np.array([0, 0, 1, -1, np.nan], dtype))
    np.testing.assert_array_equal(apply("tanh", largest), [1, -1])
    np.testing.assert_array_equal(apply("exp", special[[0, 1, 4]]), np.array([1, 1, np.nan], dtype))
    np.testing.assert_array_equal(apply("sigmoid", special[[0, 1, 2, 4]]), np.array([0.5, 0.5, 1, np.nan], dtype))
    assert apply("sigmoid", largest)[0] == 1
    ends = np.concatenate([apply("sigmoid", special[3:4]), apply("sigmoid", largest[1:]), apply("exp", special[3:4])])
    assert (ends >= 0).all() and (ends < 1e-35).all()
    assert apply("exp", special[2:3])[0] > 1e37


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_stay_inside_their_range(dtype):
    x = wide_range(dtype, 50.0)
    assert np.abs(apply("tanh", x)).max() == 1
    assert apply("sigmoid", x).max() == 1
    assert apply("sigmoid", x).min() >= 0
    assert activations.tanh_slope(dtype(1)) == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOOPS)
def test_a_value_has_the_same_bits_at_every_position_of_arrays_of_every_length(name, dtype):
    """Check that a value's position in an array does not change its bits.

    A loop's vector body and its scalar tail once rounded differently (22 of 4,096 values of tanh, with fastmath).
    """
    values = np.random.default_rng(0).normal(0, 3, 200).astype(dtype)
    alone = np.array([apply(name, values[i : i + 1])[0] for i in range(len(values))])
    for length in range(1, 70):
        np.testing.assert_array_equal(apply(name, values[:length]), alone[:length])
        np.testing.assert_array_equal(apply(name, values[-length:].copy()), alone[-length:])
    np.testing.assert_array_equal(apply(name, np.tile(values, 50)), np.tile(alone, 50))


@pytest.mark.parametrize("dtype", DTYPES)
def test_slopes_are_the_derivatives_in_terms_of_the_output(dtype):
    x = np.linspace(-4, 4, 41).astype(dtype)
    y = x.astype(np.float64)
    tanh, sigmoid = (apply(name, x) for name in ("tanh", "sigmoid"))
    tolerance = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose([activations.tanh_slope(v) for v in tanh], 1 - np.tanh(y) ** 2, atol=tolerance)
    exact = 1 / (1 + np.exp(-y))
    np.testing.assert_allclose([activations.sigmoid_slope(v) for v in sigmoid], exact * (1 - exact), atol=tolerance)
    relu = np.array([activations.relu(v) for v in x])
    np.testing.assert_array_equal(relu, np.maximum(x, 0))
    np.testing.assert_array_equal([activations.relu_slope(v) for v in relu], x > 0)


@pytest.mark.parametrize("kind", [numba.float32, numba.float64])
@pytest.mark.parametrize("name", ["exp", "sigmoid", "tanh", "relu", "tanh_slope", "sigmoid_slope", "relu_slope"])
def test_compiled_types_stay_what_they_were(name, kind):
    dispatcher = getattr(activations, name)
    dispatcher.compile((kind,))
    assert dispatcher.overloads[(kind,)].signature.return_type == kind
