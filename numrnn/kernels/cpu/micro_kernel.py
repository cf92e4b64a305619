"""Compute C = start + A @ B on a register tile, and copy, transpose and prefetch memory.

The micro-kernel is written in LLVM's intermediate language with vectors, so that it can be cached on disk. Each element
of C is one chain of fused multiply-adds in the order of k, so its value depends neither on the number of rows or lanes
nor on how a product is cut into tiles.
"""

import numpy as np
from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic


def _target_features():
    """Return the names of the CPU features that Numba compiles for: the host's, or those in NUMBA_CPU_FEATURES."""
    if config.CPU_FEATURES is not None:
        return {name[1:] for name in config.CPU_FEATURES.split(",") if name.startswith("+")}
    return {name for name, on in binding.get_host_cpu_features().items() if on}


_FEATURES = _target_features()
VECTOR_BYTES = 64 if "avx512f" in _FEATURES else 32 if "avx2" in _FEATURES else 16
VECTORS = 2  # vectors of one row of the register tile
ROWS = 6 if VECTOR_BYTES == 32 else 8  # AVX2 has 16 registers: 12 accumulators, 2 of B, 1 of A
# WIDE: panels of a register tile of one row, so many that they hide latency. ONE_WIDE_ROW: `rows` for such a tile.
WIDE, ONE_WIDE_ROW = 4, 100
COPY_BYTES = 32  # bytes copied at a time
BLOCK = 8  # rows and columns of a block that is transposed in registers


def panel_width(dtype):
    """Return the number of columns of a panel for a floating-point type."""
    return VECTORS * VECTOR_BYTES // np.dtype(dtype).itemsize


def _vector_type(dtype):
    element = ir.FloatType() if dtype == types.float32 else ir.DoubleType()
    lanes = VECTOR_BYTES * 8 // dtype.bitwidth
    return ir.VectorType(element, lanes), element, lanes


def _broadcast(builder, scalar, vector, lanes):
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes))


def _emit_tile(
    builder, rows, panels, dtype, groups, k_count, a, a_row, a_k, a_group, b, b_k, b_panel, start, start_row, c, c_row
):
    """Emit IR for C[i, :] = start[i, :] + sum_gk A[g, i, k] * B[g * k_count + k, :].

    The tile has `rows` rows and VECTORS vectors of each panel; a, b, start and c are pointers, and strides are numbers
    of elements.
    """
    vector, element, lanes = _vector_type(dtype)
    index, align = ir.IntType(64), dtype.bitwidth // 8
    name = f"llvm.fma.v{lanes}f{dtype.bitwidth}"
    fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
    vectors = panels * VECTORS
    accumulators = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(rows)]

    def place(base, offset, kind):
        return builder.bitcast(builder.gep(base, [offset]), kind.as_pointer())

    def each_of(base, stride):
        for i in range(rows):
            row = builder.mul(stride, index(i))
            for v in range(vectors):
                yield accumulators[i][v], place(base, builder.add(row, index(v * lanes)), vector)

    def of_b(base, v):
        panel, lane = builder.mul(b_panel, index(v // VECTORS)), index(v % VECTORS * lanes)
        return place(base, builder.add(panel, lane), vector)

    for accumulator, pointer in each_of(start, start_row):
        builder.store(builder.load(pointer, align=align), accumulator)
    with cgutils.for_range(builder, groups) as group:
        a_of_group = builder.gep(a, [builder.mul(group.index, a_group)])
        b_of_group = builder.gep(b, [builder.mul(builder.mul(group.index, k_count), b_k)])
        with cgutils.for_range(builder, k_count) as loop:
            row = builder.gep(b_of_group, [builder.mul(loop.index, b_k)])
            bs = [builder.load(of_b(row, v), align=align) for v in range(vectors)]
            a_now = builder.mul(loop.index, a_k)
            for i in range(rows):
                x = place(a_of_group, builder.add(builder.mul(a_row, index(i)), a_now), element)
                x = _broadcast(builder, builder.load(x, align=align), vector, lanes)
                for v in range(vectors):
                    builder.store(builder.call(fma, [x, bs[v], builder.load(accumulators[i][v])]), accumulators[i][v])
    for accumulator, pointer in each_of(c, c_row):
        builder.store(builder.load(accumulator), pointer, align=align)


def _micro_kernel(module, dtype):
    """Return a module's micro-kernel, for 1 to ROWS rows or for one row of WIDE panels; add it if it is missing.

    The function is never inlined: otherwise each caller would compile all variants again.
    """
    name = f"numrnn_micro_kernel_{dtype}_{VECTOR_BYTES}"
    if name in module.globals:
        return module.globals[name]
    i64, pointer = ir.IntType(64), _vector_type(dtype)[1].as_pointer()
    a, b, start, c = [pointer, i64, i64, i64], [pointer, i64, i64], [pointer, i64], [pointer, i64]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [i64, i64, i64, *a, *b, *start, *c]), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block())
    end = function.append_basic_block()
    switch = builder.switch(function.args[0], end)
    for case, rows, panels in [(rows, rows, 1) for rows in range(1, ROWS + 1)] + [(ONE_WIDE_ROW, 1, WIDE)]:
        block = function.append_basic_block()
        switch.add_case(i64(case), block)
        builder.position_at_end(block)
        _emit_tile(builder, rows, panels, dtype, *function.args[1:])
        builder.branch(end)
    builder.position_at_end(end)
    builder.ret_void()
    return function


@intrinsic
def _micro(
    typingctx,
    rows, groups, k_count, a, a_at, a_row, a_k, a_group,
    b, b_at, b_k, b_panel, start, start_at, start_row, c, c_at, c_row,
):  # fmt: skip
    """Compute C[i, :] = start[i, :] + sum_gk A[g*a_group + i*a_row + k*a_k] * B[(g*k_count + k)*b_k :][:panel].

    The tile has up to ROWS rows, or one row of WIDE panels (rows = ONE_WIDE_ROW), b_panel apart in B. Arguments are
    arrays with offsets, since a pointer would not keep an array alive.
    """
    i64 = types.int64
    arrays = {3: a, 8: b, 12: start, 15: c}

    def codegen(context, builder, signature, args):
        call, offsets = [], [n + 1 for n in arrays]
        for n, value in enumerate(args):
            if n in arrays:
                data = context.make_array(arrays[n])(context, builder, value).data
                call.append(builder.gep(data, [args[n + 1]]))
            elif n not in offsets:
                call.append(value)
        builder.call(_micro_kernel(builder.module, c.dtype), call)
        return context.get_dummy_value()

    return types.void(*(arrays.get(n, i64) for n in range(18))), codegen


def _micro_twin(
    rows, groups, k_count, a, a_at, a_row, a_k, a_group,
    b, b_at, b_k, b_panel, start, start_at, start_row, c, c_at, c_row,
):  # fmt: skip
    a, b, start, flat = a.reshape(-1), b.reshape(-1), start.reshape(-1), c.reshape(-1)
    lane, panels = np.arange(panel_width(c.dtype)), 1
    if rows == ONE_WIDE_ROW:
        rows, panels = 1, WIDE
    row = np.arange(rows)[:, None]
    columns = np.arange(panels * lane.size)
    places = (b_panel * np.arange(panels)[:, None] + lane).reshape(-1)
    total = start[start_at + start_row * row + columns]
    for g in range(groups):
        for k in range(k_count):
            left = a[a_at + g * a_group + k * a_k + a_row * row].astype(np.float64)
            total = (left * b[b_at + (g * k_count + k) * b_k + places] + total).astype(c.dtype)
    flat[c_at + c_row * row + columns] = total


micro = _micro_twin if config.DISABLE_JIT else _micro


@intrinsic
def _copy_rows(typingctx, rows, columns, a, a_at, a_row, out, out_at, out_row):
    """Copy a[i, :columns] to out[i, :columns]; a loop with Numba's array indexing runs at a quarter of the speed."""
    i64 = types.int64

    def codegen(context, builder, signature, args):
        rows, columns, _, a_at, a_row, _, out_at, out_row = args
        element, align = _vector_type(out.dtype)[1], out.dtype.bitwidth // 8
        kind = ir.VectorType(element, COPY_BYTES // align)
        source, target = (
            builder.gep(context.make_array(signature.args[n])(context, builder, args[n]).data, [args[n + 1]])
            for n in (2, 5)
        )
        whole = builder.sdiv(columns, ir.IntType(64)(kind.count))
        with cgutils.for_range(builder, rows) as row:
            ends = [builder.gep(source, [builder.mul(row.index, a_row)])]
            ends.append(builder.gep(target, [builder.mul(row.index, out_row)]))
            with cgutils.for_range(builder, whole) as loop:
                at = builder.mul(loop.index, ir.IntType(64)(kind.count))
                places = [builder.bitcast(builder.gep(end, [at]), kind.as_pointer()) for end in ends]
                builder.store(builder.load(places[0], align=align), places[1], align=align)
            first = builder.mul(whole, ir.IntType(64)(kind.count))
            with cgutils.for_range(builder, builder.sub(columns, first)) as loop:
                at = builder.add(loop.index, first)
                builder.store(builder.load(builder.gep(ends[0], [at])), builder.gep(ends[1], [at]))
        return context.get_dummy_value()

    return types.void(i64, i64, a, i64, i64, out, i64, i64), codegen


def _copy_rows_twin(rows, columns, a, a_at, a_row, out, out_at, out_row):
    row, column = np.arange(rows)[:, None], np.arange(columns)
    out[out_at + out_row * row + column] = a[a_at + a_row * row + column]


copy_rows = _copy_rows_twin if config.DISABLE_JIT else _copy_rows


def _interleave(builder, vectors):
    """Transpose a square block, given as vectors, by log2(lanes) perfect shuffles."""
    lanes, half = len(vectors), len(vectors) // 2
    kind = ir.VectorType(ir.IntType(32), lanes)
    masks = [[lane + n // 2 + n % 2 * lanes for n in range(lanes)] for lane in (0, half)]
    for _ in range(lanes.bit_length() - 1):
        vectors = [
            builder.shuffle_vector(vectors[i], vectors[i + half], ir.Constant(kind, mask))
            for i in range(half)
            for mask in masks
        ]
    return vectors


@intrinsic
def _transpose(typingctx, rows, columns, a, a_at, a_row, out, out_at, out_row):
    """Copy a[i, j] to out[j, i] for i < rows, j < columns, in blocks of BLOCK x BLOCK."""
    i64 = types.int64

    def codegen(context, builder, signature, args):
        rows, columns, _, a_at, a_row, _, out_at, out_row = args
        element, align = _vector_type(out.dtype)[1], out.dtype.bitwidth // 8
        kind, index = ir.VectorType(element, BLOCK), ir.IntType(64)
        source, target = (
            builder.gep(context.make_array(signature.args[n])(context, builder, args[n]).data, [args[n + 1]])
            for n in (2, 5)
        )

        def place(base, row, stride, column):
            return builder.gep(base, [builder.add(builder.mul(row, stride), column)])

        def vector_place(*where):
            return builder.bitcast(place(*where), kind.as_pointer())

        def move(i, j):
            builder.store(builder.load(place(source, i, a_row, j)), place(target, j, out_row, i))

        def each(first, end):
            return cgutils.for_range_slice(builder, first, end, index(1), intp=index)

        whole_rows, whole_columns = (builder.and_(n, index(-BLOCK)) for n in (rows, columns))
        with cgutils.for_range_slice(builder, index(0), whole_rows, index(BLOCK), intp=index) as (i, _):
            with cgutils.for_range_slice(builder, index(0), whole_columns, index(BLOCK), intp=index) as (j, _):
                block = [
                    builder.load(vector_place(source, builder.add(i, index(n)), a_row, j), align=align)
                    for n in range(BLOCK)
                ]
                for n, vector in enumerate(_interleave(builder, block)):
                    builder.store(vector, vector_place(target, builder.add(j, index(n)), out_row, i), align=align)
        with each(whole_rows, rows) as (i, _), each(index(0), columns) as (j, _):
            move(i, j)
        with each(whole_columns, columns) as (j, _), each(index(0), whole_rows) as (i, _):
            move(i, j)
        return context.get_dummy_value()

    return types.void(i64, i64, a, i64, i64, out, i64, i64), codegen


def _transpose_twin(rows, columns, a, a_at, a_row, out, out_at, out_row):
    row, column = np.arange(rows)[:, None], np.arange(columns)
    out[out_at + out_row * column + row] = a[a_at + a_row * row + column]


transpose = _transpose_twin if config.DISABLE_JIT else _transpose


@intrinsic
def _prefetch(typingctx, rows, c, c_at, c_row):
    """Prefetch one panel's columns of some rows of C."""

    def codegen(context, builder, signature, args):
        byte, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        base = builder.gep(context.make_array(signature.args[1])(context, builder, args[1]).data, [args[2]])
        _, _, lanes = _vector_type(c.dtype)
        with cgutils.for_range(builder, args[0]) as loop:
            row = builder.mul(loop.index, args[3])
            for v in range(VECTORS):
                place = builder.gep(base, [builder.add(row, ir.IntType(64)(v * lanes))])
                builder.call(prefetch, [builder.bitcast(place, byte), i32(1), i32(3), i32(1)])
        return context.get_dummy_value()

    i64 = types.int64
    return types.void(i64, c, i64, i64), codegen


prefetch = (lambda rows, c, c_at, c_row: None) if config.DISABLE_JIT else _prefetch
