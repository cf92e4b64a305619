"""Compute tanh, sigmoid, exp and ReLU in float32 and float64, bitwise identical at every position of an array.

All but ReLU use the same core: y = n ln 2 + r, expm1(r) = r + r^2 q(r) on |r| <= ln 2 / 2, and 2^n assembled from bits.
The coefficients come from docs/design/fit_activations.py. Tested errors: tanh and sigmoid below 3 ulp, exp below 2 ulp.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from numrnn.kernels.jit import njit


@intrinsic
def _fma(typingctx, a, b, c):
    def codegen(context, builder, signature, args):
        kind = context.get_value_type(c)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 3), f"llvm.fma.f{c.bitwidth}"
        )
        return builder.call(function, args)

    return c(c, c, c), codegen


@intrinsic
def _like(typingctx, value, x):
    def codegen(context, builder, signature, args):
        return context.cast(builder, args[0], signature.args[0], x)

    return x(value, x), codegen


@intrinsic
def _power_of_two(typingctx, shifted):
    def codegen(context, builder, signature, args):
        bits, mantissa, bias = (32, 23, 127) if shifted == types.float32 else (64, 52, 1023)
        word = ir.IntType(bits)
        exponent = builder.add(builder.bitcast(args[0], word), word(bias))
        return builder.bitcast(builder.shl(exponent, word(mantissa)), context.get_value_type(shifted))

    return shifted(shifted), codegen


@intrinsic
def _is_single(typingctx, x):
    def codegen(context, builder, signature, args):
        return context.get_constant(types.boolean, x == types.float32)

    return types.boolean(x), codegen


def _fma_twin(a, b, c):
    return type(c)(np.float64(a) * np.float64(b) + np.float64(c))


def _like_twin(value, x):
    return type(x)(value)


def _power_of_two_twin(shifted):
    return np.ldexp(
        type(shifted)(1), int(shifted - type(shifted)(12582912.0 if _is_single(shifted) else 6755399441055744.0))
    )


def _is_single_twin(x):
    return type(x) is np.float32


fma = _fma_twin if config.DISABLE_JIT else _fma  # a * b + c, rounded once, whether or not the compiler would fuse it
# like(value, x) converts a constant to the type of x, since a literal would promote float32 to float64.
like = _like_twin if config.DISABLE_JIT else _like
# Returns 2^n, given n + 1.5 * 2^(p - 1), where p is the number of bits of the significand; see `_expm1_parts`.
_power_of_two = _power_of_two_twin if config.DISABLE_JIT else _power_of_two
_is_single = _is_single_twin if config.DISABLE_JIT else _is_single  # decided at compile time


@njit
def _expm1_parts(y):
    """Return 2^n and expm1(r) for y = n ln 2 + r.

    Adding 1.5 * 2^(p - 1), where the significand has p = 24 or 53 bits, rounds a number to an integer n and leaves n in
    the low bits.
    """
    if _is_single(y):
        shifted = fma(y, like(1.4426950408889634, y), like(12582912.0, y))
        n = shifted - like(12582912.0, y)
        r = fma(n, like(-0.693359375, y), y)
        r = fma(n, like(0.00021219444170128554, y), r)
        q = fma(like(0.0013926184037700295, y), r, like(0.008363178931176662, y))
        q = fma(q, r, like(0.041666556149721146, y))
        q = fma(q, r, like(0.16666576266288757, y))
    else:
        shifted = fma(y, like(1.4426950408889634, y), like(6755399441055744.0, y))
        n = shifted - like(6755399441055744.0, y)
        r = fma(n, like(-0.6931471803691238, y), y)
        r = fma(n, like(-1.9082149292705877e-10, y), r)
        q = fma(like(2.510038549551032e-08, y), r, like(2.7620088445409746e-07, y))
        q = fma(q, r, like(2.7557268459997064e-06, y))
        q = fma(q, r, like(2.4801521295954376e-05, y))
        q = fma(q, r, like(0.00019841269863053618, y))
        q = fma(q, r, like(0.0013888888917213717, y))
        q = fma(q, r, like(0.008333333333330062, y))
        q = fma(q, r, like(0.04166666666662413, y))
        q = fma(q, r, like(0.16666666666666669, y))
    q = fma(q, r, like(0.5, y))
    return _power_of_two(shifted), fma(r * r, q, r)


@njit
def _clamp(x, low, high):
    """Limit x to [low, high] but keep NaN, which min and max would not."""
    x = low if x < low else x
    return high if x > high else x


@njit
def exp(x):
    """Return e^x for x limited to the range from -87 to 88 (float32) or from -708 to 709 (float64)."""
    largest = like(88.0 if _is_single(x) else 709.0, x)
    power, p = _expm1_parts(_clamp(x, like(-87.0 if _is_single(x) else -708.0, x), largest))
    return fma(power, p, power)


@njit
def sigmoid(x):
    """Return 1 / (1 + e^-x), with a small relative error while e^-x is in the range of `exp`."""
    one = like(1.0, x)
    return one / (one + exp(-x))


@njit
def tanh(x):
    """Return expm1(2x) / (expm1(2x) + 2), never beyond 1, so that 1 - tanh^2 is not negative."""
    bound = like(10.0 if _is_single(x) else 20.0, x)
    x = _clamp(x, -bound, bound)
    power, p = _expm1_parts(x + x)
    e = fma(power, p, power - like(1.0, x))
    return e / (e + like(2.0, x))


@njit
def relu(x):
    """Return x if it is positive, else 0."""
    zero = like(0.0, x)
    return zero if x < zero else x


@njit
def tanh_slope(y):
    """Return the derivative of tanh, given its output."""
    return fma(-y, y, like(1.0, y))


@njit
def sigmoid_slope(y):
    """Return the derivative of sigmoid, given its output."""
    return fma(-y, y, y)


@njit
def relu_slope(y):
    """Return the derivative of ReLU, given its output; 0 at the kink."""
    return like(1.0 if y > 0 else 0.0, y)
