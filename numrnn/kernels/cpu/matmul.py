"""Matrix products and packing, made of the micro-kernel.

Each element of a product is one chain in the order of k, whatever the loops around it.
"""

from numrnn.kernels.cpu.micro_kernel import (
    ONE_WIDE_ROW,
    ROWS,
    VECTOR_BYTES,
    VECTORS,
    WIDE,
    copy_rows,
    micro,
    panel_width,
    prefetch,
    transpose,
)
from numrnn.kernels.jit import njit

K_BLOCK = 256  # rows of a product over many rows that stay in L1
COPY_BLOCK = 512  # likewise where they are copied
COPY_FROM_BYTES = 2048  # from here on: operands whose rows lie a page apart share places in the cache


@njit
def _tile_rows(rows):
    """Rows of the next register tile: no tile of few rows is left over, whose sums would wait for each other."""
    if rows <= ROWS:
        return rows
    return ROWS if rows >= 2 * ROWS else (rows + 1) // 2


@njit
def product(
    rows, groups, depth, a, a_at, a_row, a_group, packed, packed_at, panels, start, start_at, start_row, c, c_at, c_row
):
    """C (rows, panels * width) = start + the sum over groups of A (rows, depth) @ packed (panels, groups, depth,
    width). Groups of A lie a_group apart; start_row 0: one row is the start of all.
    """
    width = VECTORS * VECTOR_BYTES // c.itemsize
    panel, p = groups * depth * width, 0
    while p < panels:
        wide = rows == 1 and panels - p >= WIDE
        i = 0
        while i < rows:
            count = _tile_rows(rows - i)
            micro(
                ONE_WIDE_ROW if wide else count,
                groups,
                depth,
                a,
                a_at + i * a_row,
                a_row,
                1,
                a_group,
                packed,
                packed_at + p * panel,
                width,
                panel,
                start,
                start_at + i * start_row + p * width,
                start_row,
                c,
                c_at + i * c_row + p * width,
                c_row,
            )
            i += count
        p += WIDE if wide else 1


@njit
def gemm(rows, k_count, a, a_at, a_row, packed, packed_at, panels, c, c_at, c_row):
    """C (rows, panels * width) += A (rows, k_count) @ packed (panels, k_count, width)."""
    product(rows, 1, k_count, a, a_at, a_row, 0, packed, packed_at, panels, c, c_at, c_row, c, c_at, c_row)


@njit
def gemm_tn(k_count, rows, a, a_at, a_k, panels, b, b_at, b_k, c, c_at, c_row, spare, spare_at):
    """C (rows, panels * width) += A (k_count, rows)^T @ B (k_count, panels * width), a block of k after the other."""
    if max(a_k, b_k) * c.itemsize >= COPY_FROM_BYTES:
        _gemm_tn_copied(k_count, rows, a, a_at, a_k, panels, b, b_at, b_k, c, c_at, c_row, spare, spare_at)
        return
    width = VECTORS * VECTOR_BYTES // c.itemsize
    for k in range(0, k_count, K_BLOCK):
        depth = min(K_BLOCK, k_count - k)
        for p in range(panels):
            i = 0
            while i < rows:
                count = _tile_rows(rows - i)
                strip, panel, here = a_at + k * a_k + i, b_at + k * b_k + p * width, c_at + i * c_row + p * width
                micro(
                    count, 1, depth, a, strip, 1, a_k, 0, b, panel, b_k, 0, c, here, c_row, c, here, c_row
                )  # fmt: skip
                i += count


@njit
def _gemm_tn_copied(k_count, rows, a, a_at, a_k, panels, b, b_at, b_k, c, c_at, c_row, spare, spare_at):
    """The same by way of `spare` (`spare_size` elements), to where strips of A and a panel of B are copied: products of
    H = 1024 in place ran at 90 GFLOP/s a core, copied at 175, copied with the next tile of C asked for at 205.
    """
    width = VECTORS * VECTOR_BYTES // c.itemsize
    panel, last = spare_at + -(-rows // ROWS) * ROWS * COPY_BLOCK, rows // ROWS * ROWS
    for k in range(0, k_count, COPY_BLOCK):
        depth = min(COPY_BLOCK, k_count - k)
        for i in range(0, last, ROWS):
            copy_rows(depth, ROWS, a, a_at + k * a_k + i, a_k, spare, spare_at + i * COPY_BLOCK, ROWS)
        copy_rows(depth, rows - last, a, a_at + k * a_k + last, a_k, spare, spare_at + last * COPY_BLOCK, ROWS)
        for p in range(panels):
            copy_rows(depth, width, b, b_at + k * b_k + p * width, b_k, spare, panel, width)
            for i in range(0, rows, ROWS):
                count, strip, here = min(ROWS, rows - i), spare_at + i * COPY_BLOCK, c_at + i * c_row + p * width
                prefetch(min(ROWS, rows - i - count), c, here + ROWS * c_row, c_row)
                micro(
                    count, 1, depth, spare, strip, 1, ROWS, 0, spare, panel, width, 0, c, here, c_row, c, here, c_row
                )  # fmt: skip


def spare_size(rows, dtype):
    """Elements that `gemm_tn` may need for copies of operands with so many rows."""
    return COPY_BLOCK * (-(-rows // ROWS) * ROWS + panel_width(dtype))


@njit
def pack_outputs(count, columns, w, w_at, packed, packed_at):
    """Panels (ceil(count / width), columns, width) of w (count, columns), whose rows are outputs; missing
    ones are left as they are.
    """
    width = VECTORS * VECTOR_BYTES // packed.itemsize
    for j in range(0, count, width):
        transpose(
            min(width, count - j), columns, w, w_at + j * columns, columns, packed, packed_at + j * columns, width
        )


@njit
def pack_inputs(count, columns, w, w_at, packed, packed_at, depth):
    """Rows of panels (ceil(columns / width), depth, width) from w (count, columns), whose columns are outputs."""
    width = VECTORS * VECTOR_BYTES // packed.itemsize
    for first in range(0, columns, width):
        copied = min(width, columns - first)
        copy_rows(count, copied, w, w_at + first, columns, packed, packed_at + first * depth, width)
