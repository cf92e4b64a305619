"""Compute matrix products, pack weights, and sum over the rows of a block of steps.

Products consist of calls of the micro-kernel. Each element is one chain of additions in the order of k, however the
loops around the micro-kernel run. Gate planes (steps * rows, HP) are stored one after another, so every product has
rows of HP elements and every cell loops over a step's whole rows of a plane.
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
from numrnn.kernels.cpu.records import ONE, ZEROS, width_of
from numrnn.kernels.jit import njit

K_BLOCK = 256  # depth of the blocks of k, whose operands stay in the L1 cache
COPY_BLOCK = 512  # depth of the blocks of k whose operands are copied
COPY_FROM_BYTES = 2048  # operands with rows of so many bytes or more are copied: rows a page apart share cache sets


@njit
def _tile_rows(rows):
    """Return the number of rows of the next register tile; tiles of few rows, whose sums are slow, are avoided."""
    if rows <= ROWS:
        return rows
    return ROWS if rows >= 2 * ROWS else (rows + 1) // 2


@njit
def product(
    rows, groups, depth, a, a_at, a_row, a_group, packed, packed_at, panels, start, start_at, start_row, c, c_at, c_row
):
    """Compute C (rows, panels * width) = start + the sum over groups g of A[g] (rows, depth) @ packed[:, g].

    `packed` is (panels, groups, depth, width). Consecutive groups of A are a_group elements apart. With start_row = 0,
    all rows of C have the same start.
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
    """Add A (rows, k_count) @ packed (panels, k_count, width) to C (rows, panels * width)."""
    product(rows, 1, k_count, a, a_at, a_row, 0, packed, packed_at, panels, c, c_at, c_row, c, c_at, c_row)


@njit
def gemm_tn(k_count, rows, a, a_at, a_k, panels, b, b_at, b_k, c, c_at, c_row, spare, spare_at):
    """Add A (k_count, rows)^T @ B (k_count, panels * width) to C (rows, panels * width), in blocks of k."""
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
    """Compute `gemm_tn` from strips of A and a panel of B that are copied to `spare` (`spare_size` elements).

    With H = 1024, one core ran at 90 GFLOP/s without copies, at 175 GFLOP/s with copies, and at 205 GFLOP/s if the next
    tile of C was also prefetched.
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
    """Return the number of elements that `gemm_tn` may need for copies of operands with this many rows."""
    return COPY_BLOCK * (-(-rows // ROWS) * ROWS + panel_width(dtype))


@njit
def pack_outputs(count, columns, w, w_at, packed, packed_at):
    """Pack w (count, columns), whose rows are outputs, into panels (ceil(count / width), columns, width).

    Columns of the last panel beyond `count` are not written.
    """
    width = VECTORS * VECTOR_BYTES // packed.itemsize
    for j in range(0, count, width):
        transpose(
            min(width, count - j), columns, w, w_at + j * columns, columns, packed, packed_at + j * columns, width
        )


@njit
def pack_inputs(count, columns, w, w_at, packed, packed_at, depth):
    """Pack w (count, columns), whose columns are outputs, into rows of panels (ceil(columns / width), depth, width)."""
    width = VECTORS * VECTOR_BYTES // packed.itemsize
    for first in range(0, columns, width):
        copied = min(width, columns - first)
        copy_rows(count, copied, w, w_at + first, columns, packed, packed_at + first * depth, width)


@njit
def copy(source, source_at, count, out, at):
    """Copy `count` elements in a loop, since an assignment to a slice takes Numba seconds to compile."""
    origin, target = source[source_at : source_at + count], out[at : at + count]
    for j in range(count):
        target[j] = origin[j]


@njit
def set_zero(out, at, count):
    """Set `count` elements of out to zero."""
    target = out[at : at + count]
    for j in range(count):
        target[j] = 0


@njit
def add(out, at, other, other_at, count):
    """Add `count` elements of other to `count` elements of out."""
    target, source = out[at : at + count], other[other_at : other_at + count]
    for j in range(count):
        target[j] += source[j]


@njit
def add_column_sums(rows, net, a, at, panels, out, out_at, scratch):
    """Add the sum of the rows of a, in their order, to out (panels * width,), as a product with ones."""
    row = panels * width_of(out)
    gemm_tn(rows, 1, net.packed, ONE, 0, panels, a, at, row, out, out_at, row, scratch.work, scratch.spare)


@njit
def add_input_products(net, layer, rows, x, x_at, x_row, out, at, unit, units):
    """Compute out (planes, rows, HP) = b + x U^T for all steps of a block; only the first G planes have a part of U.

    Only the units unit : unit + units are computed, in whole panels.
    """
    panels = units // width_of(out)
    for p in range(layer.planes):
        first = p * layer.HP + unit
        U, b, plane = layer.U + first * layer.D, layer.b + first, at + p * rows * layer.HP + unit
        inputs = layer.D if p < layer.gates else 0
        product(
            rows, 1, inputs, x, x_at, x_row, 0, net.packed, U, panels, net.packed, b, 0, out, plane, layer.HP
        )  # fmt: skip


@njit
def add_recurrent_products(net, layer, rows, work, s_at, at, plane, unit, units, backwards):
    """Add s W^T to the last G gate planes, which begin at `at`, for the active rows of one step.

    Consecutive planes are `plane` elements apart. Only the units unit : unit + units are computed, in whole panels.
    Steps alternate between reading W forwards and `backwards`, since the part that was read last is still in the cache.
    """
    width, first = width_of(work), layer.planes - layer.gates
    pieces = (units + WIDE * width - 1) // (WIDE * width)
    for i in range(layer.gates):
        g = layer.gates - 1 - i if backwards else i
        for j in range(pieces):
            piece = (pieces - 1 - j if backwards else j) * WIDE * width
            panels, begin = min(WIDE, (units - piece) // width), unit + piece
            w_at, out_at = layer.W + (g * layer.HP + begin) * layer.H, at + (first + g) * plane + begin
            gemm(rows, layer.H, work, s_at, layer.HP, net.packed, w_at, panels, work, out_at, layer.HP)


@njit
def masked(work, at, mask_at, out_at, count):
    """Write `count` elements times a mask to out_at and return out_at; if mask_at < 0, only return `at`."""
    if mask_at < 0:
        return at
    values, mask, out = work[at : at + count], work[mask_at : mask_at + count], work[out_at : out_at + count]
    for j in range(count):
        out[j] = values[j] * mask[j]
    return out_at


@njit
def recurrent_gradient(net, layer, rows, work, da_at, plane, start, start_at, start_row, ds_at, mask_at, spare_at):
    """Compute ds (rows, HP) = start + the sum of da W over the last G planes; a mask (mask_at >= 0) scales the sum."""
    da, out_at = da_at + (layer.planes - layer.gates) * plane, ds_at
    if mask_at >= 0:
        out_at = spare_at
        if start_row == 0:
            set_zero(work, ds_at, rows * layer.HP)
        start, start_at, start_row = net.packed, ZEROS, 0
    product(
        rows, layer.gates, layer.H, work, da, layer.HP, plane, net.packed, layer.W_back, layer.HP // width_of(work),
        start, start_at, start_row, work, out_at, layer.HP,
    )  # fmt: skip
    if mask_at >= 0:
        add(work, ds_at, work, masked(work, out_at, mask_at, out_at, rows * layer.HP), rows * layer.HP)


@njit
def padded_inputs(layer, array):
    """Return D padded to whole panels: the length of a row of dx."""
    width = width_of(array)
    return (layer.D + width - 1) // width * width


@njit
def input_gradient(net, layer, rows, work, da_at, dx_at):
    """Compute dx (rows, padded D) = the sum over the gates of da U."""
    row = padded_inputs(layer, work)
    panels, plane = row // width_of(work), rows * layer.HP
    product(
        rows, layer.gates, layer.H, work, da_at, layer.HP, plane, net.packed, layer.U_back, panels,
        net.packed, ZEROS, 0, work, dx_at, row,
    )  # fmt: skip


@njit
def add_weight_gradients(net, layer, rows, scratch, x_at, x_row, s_at, da_at, gradient):
    """Add x^T da to dU^T, s^T da to dW^T and the sums of da to db, over the rows of a block."""
    work, spare, HP, first = scratch.work, scratch.spare, layer.HP, layer.planes - layer.gates
    panels = HP // width_of(work)
    for p in range(layer.planes):
        da, g = da_at + p * rows * HP, p - first
        if p < layer.gates:
            dU = layer.dU + p * layer.D * HP
            gemm_tn(rows, layer.D, work, x_at, x_row, panels, work, da, HP, gradient, dU, HP, work, spare)
        if g >= 0:
            dW = layer.dW + g * layer.H * HP
            gemm_tn(rows, layer.H, work, s_at, HP, panels, work, da, HP, gradient, dW, HP, work, spare)
        add_column_sums(rows, net, work, da, panels, gradient, layer.db + p * HP, scratch)
