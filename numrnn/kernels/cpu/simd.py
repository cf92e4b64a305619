"""The micro-kernel: C += A @ B on a register tile, and the matrix products made of it.

The tile is LLVM vector IR, so that it can be cached on disk. Each element of C is one chain of fused multiply-adds in
the order of k: its bits depend neither on the number of rows or lanes, nor on how a product is cut into tiles.
"""

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from numrnn.kernels.jit import njit


def _target_features():
    """Names of the features that Numba compiles for: the host's, unless NUMBA_CPU_FEATURES says otherwise."""
    if config.CPU_FEATURES is not None:
        return {name[1:] for name in config.CPU_FEATURES.split(",") if name.startswith("+")}
    return {name for name, on in binding.get_host_cpu_features().items() if on}


_FEATURES = _target_features()
VECTOR_BYTES = 64 if "avx512f" in _FEATURES else 32 if "avx2" in _FEATURES else 16
VECTORS = 2  # vectors of one row of the register tile
ROWS = 6 if VECTOR_BYTES == 32 else 8  # AVX2 has 16 registers: 12 accumulators, 2 of B, 1 of A
K_BLOCK = 256  # rows of a product over many rows that stay in L1


def panel_width(dtype):
    """Outputs in one packed panel for this floating type."""
    return VECTORS * VECTOR_BYTES // np.dtype(dtype).itemsize


def _vector_type(dtype):
    element = ir.FloatType() if dtype == types.float32 else ir.DoubleType()
    lanes = VECTOR_BYTES * 8 // dtype.bitwidth
    return ir.VectorType(element, lanes), element, lanes


def _broadcast(builder, scalar, vector, lanes):
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes))


def _emit_tile(builder, rows, dtype, a, a_row, a_k, b, b_k, c, c_row, k_count):
    """IR of C[i, :] += sum_k A[i, k] * B[k, :] for `rows` rows and VECTORS vectors; a, b, c are pointers, strides
    count elements.
    """
    vector, element, lanes = _vector_type(dtype)
    index, align = ir.IntType(64), dtype.bitwidth // 8
    name = f"llvm.fma.v{lanes}f{dtype.bitwidth}"
    fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
    accumulators = [[cgutils.alloca_once(builder, vector) for _ in range(VECTORS)] for _ in range(rows)]

    def place(base, offset, kind):
        return builder.bitcast(builder.gep(base, [offset]), kind.as_pointer())

    def each_of_c():
        for i in range(rows):
            row = builder.mul(c_row, index(i))
            for v in range(VECTORS):
                yield accumulators[i][v], place(c, builder.add(row, index(v * lanes)), vector)

    for accumulator, pointer in each_of_c():
        builder.store(builder.load(pointer, align=align), accumulator)
    with cgutils.for_range(builder, k_count) as loop:
        b_now, a_now = builder.mul(loop.index, b_k), builder.mul(loop.index, a_k)
        bs = [builder.load(place(b, builder.add(b_now, index(v * lanes)), vector), align=align) for v in range(VECTORS)]
        for i in range(rows):
            x = builder.load(place(a, builder.add(builder.mul(a_row, index(i)), a_now), element), align=align)
            x = _broadcast(builder, x, vector, lanes)
            for v in range(VECTORS):
                builder.store(builder.call(fma, [x, bs[v], builder.load(accumulators[i][v])]), accumulators[i][v])
    for accumulator, pointer in each_of_c():
        builder.store(builder.load(accumulator), pointer, align=align)


def _micro_kernel(module, dtype):
    """The function of a module that computes one register tile of 1 to ROWS rows. One copy, never inlined: else each
    caller compiles all the row counts again.
    """
    name = f"numrnn_micro_kernel_{dtype}_{VECTOR_BYTES}"
    if name in module.globals:
        return module.globals[name]
    index, pointer = ir.IntType(64), _vector_type(dtype)[1].as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [index, pointer, index, index, pointer, index, pointer, index, index])
    function = ir.Function(module, kind, name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block())
    count, a, a_row, a_k, b, b_k, c, c_row, k_count = function.args
    end = function.append_basic_block()
    switch = builder.switch(count, end)
    for rows in range(1, ROWS + 1):
        block = function.append_basic_block()
        switch.add_case(index(rows), block)
        builder.position_at_end(block)
        _emit_tile(builder, rows, dtype, a, a_row, a_k, b, b_k, c, c_row, k_count)
        builder.branch(end)
    builder.position_at_end(end)
    builder.ret_void()
    return function


@intrinsic
def _micro(typingctx, rows, a, a_at, a_row, a_k, b, b_at, b_k, c, c_at, c_row, k_count):
    """C[i, :] += sum_k A[i*a_row + k*a_k] * B[k*b_k : +panel] for up to ROWS rows. Arrays with offsets, not addresses:
    an address keeps no array alive.
    """

    def codegen(context, builder, signature, args):
        def pointer(n):
            return builder.gep(context.make_array(signature.args[n])(context, builder, args[n]).data, [args[n + 1]])

        call = [args[0], pointer(1), args[3], args[4], pointer(5), args[7], pointer(8), args[10], args[11]]
        builder.call(_micro_kernel(builder.module, c.dtype), call)
        return context.get_dummy_value()

    i64 = types.int64
    return types.void(i64, a, i64, i64, i64, b, i64, i64, c, i64, i64, i64), codegen


def _micro_twin(rows, a, a_at, a_row, a_k, b, b_at, b_k, c, c_at, c_row, k_count):
    a, b, flat = a.reshape(-1), b.reshape(-1), c.reshape(-1)
    width = panel_width(c.dtype)
    places = c_at + c_row * np.arange(rows)[:, None] + np.arange(width)
    total = flat[places]
    for k in range(k_count):
        left = a[a_at + k * a_k + a_row * np.arange(rows)].astype(np.float64)[:, None]
        total = (left * b[b_at + k * b_k :][:width] + total).astype(c.dtype)
    flat[places] = total


micro = _micro_twin if config.DISABLE_JIT else _micro


@njit
def _strip(rows, a, a_at, a_row, a_k, b, b_at, b_k, c, c_at, c_row, k_count):
    """All rows of one panel."""
    for i in range(0, rows, ROWS):
        micro(min(ROWS, rows - i), a, a_at + i * a_row, a_row, a_k, b, b_at, b_k, c, c_at + i * c_row, c_row, k_count)


@njit
def gemm(rows, k_count, a, a_at, a_row, packed, packed_at, panels, c, c_at, c_row):
    """C (rows, panels * width) += A (rows, k_count) @ packed (panels, k_count, width)."""
    width = VECTORS * VECTOR_BYTES // c.itemsize
    for p in range(panels):
        _strip(
            rows, a, a_at, a_row, 1, packed, packed_at + p * k_count * width, width, c, c_at + p * width, c_row, k_count
        )


@njit
def gemm_tn(k_count, rows, a, a_at, a_k, panels, b, b_at, b_k, c, c_at, c_row):
    """C (rows, panels * width) += A (k_count, rows)^T @ B (k_count, panels * width), a block of k after the other."""
    width = VECTORS * VECTOR_BYTES // c.itemsize
    for k in range(0, k_count, K_BLOCK):
        for p in range(panels):
            _strip(
                rows,
                a,
                a_at + k * a_k,
                1,
                a_k,
                b,
                b_at + k * b_k + p * width,
                b_k,
                c,
                c_at + p * width,
                c_row,
                min(K_BLOCK, k_count - k),
            )


@njit
def pack(w, w_at, rows, columns, row_stride, column_stride, packed, packed_at):
    """Panels (ceil(rows / width), columns, width) of w (rows, columns); the rows are the outputs, those that are
    missing are zero.
    """
    width = VECTORS * VECTOR_BYTES // packed.itemsize
    at = packed_at
    for first in range(0, rows, width):
        count = min(width, rows - first)
        for k in range(columns):
            for j in range(count):
                packed[at + j] = w[w_at + (first + j) * row_stride + k * column_stride]
            for j in range(count, width):
                packed[at + j] = 0
            at += width
