"""Measure the limits of the processor: sgemm, and fused multiply-adds on registers alone."""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numrnn.kernels.cpu.micro_kernel import VECTOR_BYTES

SIZE = 2048
SGEMM_OPERATIONS = 2 * SIZE**3
LANES = VECTOR_BYTES // 4
CHAINS = 12  # independent sums: more than latency times units of any core, and AVX2 has registers for no more
ROUNDS = 1 << 20
FMA_OPERATIONS = 2 * CHAINS * LANES * ROUNDS


@intrinsic
def _fma_chains(typingctx, x, rounds):
    """Emit `rounds` updates acc = acc * x + x of each of CHAINS vectors; the code returns one element of their sum."""

    def codegen(context, builder, signature, args):
        vector = ir.VectorType(ir.FloatType(), LANES)
        name = f"llvm.fma.v{LANES}f32"
        fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
        zero = ir.Constant(ir.IntType(32), 0)
        factor = builder.insert_element(ir.Constant(vector, ir.Undefined), args[0], zero)
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        factor = builder.shuffle_vector(factor, factor, mask)
        chains = [cgutils.alloca_once_value(builder, ir.Constant(vector, [float(n)] * LANES)) for n in range(CHAINS)]
        with cgutils.for_range(builder, args[1]):
            for chain in chains:
                builder.store(builder.call(fma, [builder.load(chain), factor, factor]), chain)
        total = builder.load(chains[0])
        for chain in chains[1:]:
            total = builder.fadd(total, builder.load(chain))
        return builder.extract_element(total, zero)

    return types.float32(types.float32, types.int64), codegen


@numba.njit(nogil=True)
def _fma_loop(x, rounds):
    return _fma_chains(x, rounds)


def fma_run(threads):
    """Return a function of a number of steps, each of FMA_OPERATIONS operations on every thread."""
    pool = ThreadPoolExecutor(threads)

    def run(steps):
        list(pool.map(lambda _: _fma_loop(np.float32(0.5), ROUNDS * steps), range(threads)))

    return run


def sgemm_run():
    """Return a function of a number of steps, each a product of two SIZE x SIZE matrices on OpenBLAS's threads."""
    square = np.ones((SIZE, SIZE), np.float32)
    product = np.empty_like(square)

    def run(steps):
        for _ in range(steps):
            np.matmul(square, square, out=product)

    return run
