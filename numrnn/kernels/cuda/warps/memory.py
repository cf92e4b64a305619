"""Load and store elements of arrays by flat index, and copy them asynchronously to shared memory.

Numba's own indexing tests for negative indices, which made the compiler spill registers in the kernels that use this
module.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.cuda.extending import intrinsic

EMPTY = 0xFFFFFFFF  # a word of the exchange array (see `wide`) that no block has written yet
AHEAD = 4  # steps from the fetch of an operand to its use: a load takes as long as 3 or 4 steps


def _address(context, builder, kind, array, index):
    """Return the address of an element of a C-contiguous array with any number of dimensions."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _assembler(builder, text, constraints, operands):
    kind = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
    builder.call(ir.InlineAsm(kind, text, constraints, side_effect=True), operands)


@intrinsic
def get(typingctx, array, index):
    """Return the element at a flat index."""

    def codegen(context, builder, signature, args):
        return builder.load(_address(context, builder, signature.args[0], args[0], args[1]))

    return array.dtype(array, types.intp), codegen


@intrinsic
def put(typingctx, array, index, value):
    """Store an element at a flat index."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], _address(context, builder, signature.args[0], args[0], args[1]))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), codegen


@intrinsic
def get4(typingctx, array, index):
    """Return four contiguous float32 in one load; the first must be aligned to 16 bytes."""

    def codegen(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], args[0], args[1])
        vector = ir.VectorType(ir.FloatType(), 4).as_pointer(address.type.addrspace)
        quad = builder.load(builder.bitcast(address, vector), align=16)
        return cgutils.pack_array(builder, [builder.extract_element(quad, ir.IntType(32)(n)) for n in range(4)])

    return types.UniTuple(types.float32, 4)(array, types.intp), codegen


@intrinsic
def put4(typingctx, array, index, a, b, c, d):
    """Store four contiguous float32; the first must be aligned to 16 bytes."""

    def codegen(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], args[0], args[1])
        kind = ir.VectorType(ir.FloatType(), 4)
        quad = ir.Constant(kind, ir.Undefined)
        for n in range(4):
            quad = builder.insert_element(quad, args[2 + n], ir.IntType(32)(n))
        builder.store(quad, builder.bitcast(address, kind.as_pointer(address.type.addrspace)), align=16)
        return context.get_dummy_value()

    return types.void(array, types.intp, *[types.float32] * 4), codegen


@intrinsic
def fetch(typingctx, shared, index, source, source_index):
    """Begin to copy 4 bytes from global to shared memory."""

    def codegen(context, builder, signature, args):
        target = _address(context, builder, signature.args[0], args[0], args[1])
        origin = _address(context, builder, signature.args[2], args[2], args[3])
        text = (
            "{ .reg .u64 p, q; cvta.to.shared.u64 p, $0; cvta.to.global.u64 q, $1;"
            " cp.async.ca.shared.global [p], [q], 4; }"
        )
        _assembler(builder, text, "l,l,~{memory}", [target, origin])
        return context.get_dummy_value()

    return types.void(shared, types.intp, source, types.intp), codegen


@intrinsic
def end_of_fetches(typingctx):
    """Combine the copies that this thread has begun since the last call into one group."""

    def codegen(context, builder, signature, args):
        _assembler(builder, "cp.async.commit_group;", "~{memory}", [])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def wait_for_fetches(typingctx):
    """Wait until all groups of copies of this thread are complete, except the AHEAD - 1 most recent ones."""

    def codegen(context, builder, signature, args):
        _assembler(builder, f"cp.async.wait_group {AHEAD - 1};", "~{memory}", [])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def peek4(typingctx, array, index):
    """Return four contiguous words (uint32) of global memory, including what other blocks have just written."""

    def codegen(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], args[0], args[1])
        words = ir.LiteralStructType([ir.IntType(32)] * 4)
        kind = ir.FunctionType(words, [address.type])
        text = "ld.relaxed.gpu.global.v4.u32 {$0, $1, $2, $3}, [$4];"
        call = ir.InlineAsm(kind, text, "=r,=r,=r,=r,l,~{memory}", side_effect=True)
        quad = builder.call(call, [address])
        return cgutils.pack_array(builder, [builder.extract_value(quad, n) for n in range(4)])

    return types.UniTuple(types.uint32, 4)(array, types.intp), codegen


@intrinsic
def publish(typingctx, array, index, value):
    """Store a float32 in global memory for other blocks; the NaN with the bits of EMPTY is replaced by another NaN."""

    def codegen(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], args[0], args[1])
        text = "{ .reg .b32 p; mov.b32 p, $1; min.u32 p, p, 0xFFFFFFFE; st.relaxed.gpu.global.u32 [$0], p; }"
        _assembler(builder, text, "l,f,~{memory}", [address, args[2]])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.float32), codegen


@intrinsic
def as_float(typingctx, word):
    """Return the float32 with the bits of a word."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.uint32), codegen
