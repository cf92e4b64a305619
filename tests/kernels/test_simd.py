"""Test the micro-kernel's matrix products: every shape, no access out of bounds, one order of additions."""

import numpy as np
import pytest

from numrnn.kernels.cpu.micro_kernel import panel_width
from numrnn.kernels.cpu.products import (
    COPY_BLOCK,
    COPY_FROM_BYTES,
    K_BLOCK,
    gemm,
    gemm_tn,
    pack_inputs,
    pack_outputs,
    product,
    spare_size,
)

DTYPES = [np.float32, np.float64]
GUARD = 64  # elements before and after a result, and STRAY between its rows: nothing may write there
STRAY = 3


def packed_panels(weights):
    """Return the panels of weights (outputs, K), in an array of exactly their size."""
    outputs, K = weights.shape
    width = panel_width(weights.dtype)
    panels = -(-outputs // width)
    packed = np.full(panels * K * width, np.nan, weights.dtype)
    packed[-K * width :] = 0
    pack_outputs(outputs, K, weights.ravel(), 0, packed, 0)
    return packed, panels


def guarded(values, columns, stray=STRAY):
    """Return a flat array of `columns` columns with values (rows, n) in the first ones, between guard values."""
    rows, n = values.shape
    flat = np.full(2 * GUARD + rows * (columns + stray), 7.5, values.dtype)
    matrix = flat[GUARD : flat.size - GUARD].reshape(rows, columns + stray)
    matrix[:, :columns] = 0
    matrix[:, :n] = values
    return flat, matrix


def assert_guards_untouched(flat, matrix, columns):
    assert (flat[:GUARD] == 7.5).all()
    assert (flat[flat.size - GUARD :] == 7.5).all()
    assert (matrix[:, columns:] == 7.5).all()


def product_of(a, weights, start):
    """Return start + a @ weights.T as the library computes it, after a check of the guards."""
    packed, panels = packed_panels(weights)
    width = panels * panel_width(a.dtype)
    c, result = guarded(start, width)
    flat_a, held = guarded(a, a.shape[1])
    gemm(len(a), a.shape[1], flat_a, GUARD, held.shape[1], packed, 0, panels, c, GUARD, result.shape[1])
    assert_guards_untouched(c, result, width)
    assert (result[:, start.shape[1] : width] == 0).all()
    return result[:, : start.shape[1]].copy()


def relative_error(got, expected):
    return np.abs(got - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("dtype", DTYPES)
def test_gemm_is_numpys_product_at_every_shape(dtype):
    rng = np.random.default_rng(0)
    tolerance = 50 * np.finfo(dtype).eps
    for rows in range(1, 18):
        for K in (0, 1, 2, 7, 33):
            for outputs in (1, 5, 16, 17, 32, 33, 70):
                a, weights = rng.standard_normal((rows, K)), rng.standard_normal((outputs, K))
                start = rng.standard_normal((rows, outputs))
                a, weights, start = (array.astype(dtype) for array in (a, weights, start))
                expected = start.astype(float) + a.astype(float) @ weights.T.astype(float)
                got = product_of(a, weights, start)
                assert got.dtype == dtype
                assert relative_error(got, expected) < tolerance, (rows, K, outputs)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gemm_tn_is_numpys_product_at_every_shape(dtype):
    rng = np.random.default_rng(1)
    width = panel_width(dtype)
    for K in (0, 1, 5, K_BLOCK, K_BLOCK + 1, 2 * K_BLOCK + 7):
        for rows in (1, 2, 3, 5, 8, 9, 17):
            for panels in (1, 3):
                a = rng.standard_normal((K, rows)).astype(dtype)
                b = rng.standard_normal((K, panels * width)).astype(dtype)
                start = rng.standard_normal((rows, panels * width)).astype(dtype)
                flat_a, held_a = guarded(a, rows)
                flat_b, held_b = guarded(b, panels * width)
                c, result = guarded(start, panels * width)
                spare = np.full(spare_size(rows, dtype), np.nan, dtype)
                gemm_tn(
                    K,
                    rows,
                    flat_a,
                    GUARD,
                    held_a.shape[1],
                    panels,
                    flat_b,
                    GUARD,
                    held_b.shape[1],
                    c,
                    GUARD,
                    result.shape[1],
                    spare,
                    0,
                )
                assert_guards_untouched(c, result, panels * width)
                expected = start.astype(float) + a.T.astype(float) @ b.astype(float)
                error = relative_error(result[:, : panels * width], expected)
                assert error < 100 * np.finfo(dtype).eps, (K, rows, panels)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_has_the_same_bits_alone_and_among_others(dtype):
    rng = np.random.default_rng(2)
    a, weights = rng.standard_normal((17, 129)).astype(dtype), rng.standard_normal((40, 129)).astype(dtype)
    start = rng.standard_normal((17, 40)).astype(dtype)
    alone = np.vstack([product_of(a[i : i + 1], weights, start[i : i + 1]) for i in range(17)])
    for rows in range(1, 18):
        np.testing.assert_array_equal(product_of(a[:rows], weights, start[:rows]), alone[:rows])
        np.testing.assert_array_equal(product_of(a[-rows:], weights, start[-rows:]), alone[-rows:])


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_output_has_the_same_bits_in_any_lane(dtype):
    rng = np.random.default_rng(3)
    a, weights = rng.standard_normal((5, 90)).astype(dtype), rng.standard_normal((1, 90)).astype(dtype)
    everywhere = product_of(a, np.repeat(weights, 75, axis=0), np.zeros((5, 75), dtype))
    np.testing.assert_array_equal(everywhere, np.repeat(everywhere[:, :1], 75, axis=1))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sum_over_k_is_one_chain_that_can_be_cut_anywhere(dtype):
    rng = np.random.default_rng(4)
    a, weights = rng.standard_normal((9, 100)).astype(dtype), rng.standard_normal((33, 100)).astype(dtype)
    whole = product_of(a, weights, np.zeros((9, 33), dtype))
    for cut in (1, 37, 99):
        first = product_of(a[:, :cut].copy(), weights[:, :cut].copy(), np.zeros((9, 33), dtype))
        np.testing.assert_array_equal(product_of(a[:, cut:].copy(), weights[:, cut:].copy(), first), whole)


def test_float64_sums_are_the_exact_products_added_in_the_order_of_k():
    """Check the order of additions by float32 factors, whose float64 products are exact with and without FMA."""
    rng = np.random.default_rng(5)
    a, weights = (rng.standard_normal(shape).astype(np.float32).astype(float) for shape in ((7, 50), (20, 50)))
    expected = np.zeros((7, 20))
    for k in range(50):
        expected += a[:, k : k + 1] * weights[:, k]
    np.testing.assert_array_equal(product_of(a, weights, np.zeros((7, 20))), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 8, 13])
def test_wide_operands_are_copied_and_give_the_same_bits(rows, dtype):
    rng = np.random.default_rng(6)
    K, row = COPY_BLOCK + 3, COPY_FROM_BYTES // np.dtype(dtype).itemsize
    width = panel_width(dtype)
    a, b = (rng.standard_normal((K, row)).astype(dtype) for _ in range(2))
    c, result = guarded(np.zeros((rows, 2 * width), dtype), 2 * width)
    spare = np.full(spare_size(rows, dtype), np.nan, dtype)
    gemm_tn(K, rows, a.ravel(), 0, row, 2, b.ravel(), 0, row, c, GUARD, result.shape[1], spare, 0)
    assert_guards_untouched(c, result, 2 * width)
    in_place = np.zeros((rows, 2 * width), dtype)
    a, b = a[:, :rows].copy(), b[:, : 2 * width].copy()
    gemm_tn(K, rows, a.ravel(), 0, rows, 2, b.ravel(), 0, 2 * width, in_place.reshape(-1), 0, 2 * width, spare, 0)
    np.testing.assert_array_equal(result[:, : 2 * width], in_place)


@pytest.mark.parametrize("dtype", DTYPES)
def test_groups_are_one_sum_with_a_start_of_its_own(dtype):
    """Check three groups of A that lie apart against panels that are contiguous."""
    rng = np.random.default_rng(7)
    a, weights = rng.standard_normal((3, 9, 11)).astype(dtype), rng.standard_normal((20, 33)).astype(dtype)
    packed, panels = packed_panels(weights)
    width = panels * panel_width(dtype)
    start = rng.standard_normal((9, width)).astype(dtype)
    start[:, 20:] = 0
    whole = product_of(np.concatenate(a, axis=1), weights, start[:, :20])
    for rows, stride in ((9, width), (9, 0)):
        c = np.full(9 * width, np.nan, dtype)
        product(rows, 3, 11, a.ravel(), 0, 11, 99, packed, 0, panels, start.ravel(), 0, stride, c, 0, width)
        got = c.reshape(9, width)[:, :20]
        if stride:
            np.testing.assert_array_equal(got, whole)
        else:
            np.testing.assert_array_equal(got[:1], whole[:1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_packing_by_outputs_transposes_and_by_inputs_does_not(dtype):
    weights = np.arange(1.0, 1 + 3 * 5).reshape(3, 5).astype(dtype)
    width = panel_width(dtype)
    packed = np.zeros(GUARD + 2 * 5 * width, dtype)
    pack_outputs(3, 5, weights.ravel(), 0, packed, GUARD)
    panels = packed[GUARD:].reshape(2, 5, width)
    first = min(width, 3)
    np.testing.assert_array_equal(panels[0, :, :first], weights[:first].T)
    assert packed.sum() == weights.sum() and not packed[:GUARD].any()
    packed = np.zeros(GUARD + 2 * 7 * width, dtype)
    pack_inputs(3, 5, weights.ravel(), 0, packed, GUARD, 7)
    panels = packed[GUARD:].reshape(2, 7, width)
    np.testing.assert_array_equal(np.concatenate(panels[:, :3], axis=1)[:, :5], weights)
    assert packed.sum() == weights.sum() and not packed[:GUARD].any()
