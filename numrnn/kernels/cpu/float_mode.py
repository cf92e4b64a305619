"""How the processor treats subnormal numbers and rounds: the same in every thread while kernels run.

A library built with fast-math, or `torch.set_flush_denormal`, changes the mode of one thread; the bits of a sum would
then depend on which thread made it.
"""

import platform

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from numrnn.kernels.jit import njit

X86 = platform.machine().lower() in ("x86_64", "amd64", "i686")
DEFAULT = 0x1F80  # MXCSR: round to nearest, subnormal numbers kept, no traps


def _call_with_word(builder, name, value):
    """Call an x86 instruction that reads or writes MXCSR through memory; return what memory holds then."""
    byte = ir.IntType(8).as_pointer()
    place = cgutils.alloca_once_value(builder, value)
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), [byte]), name)
    builder.call(function, [builder.bitcast(place, byte)])
    return builder.load(place)


@intrinsic
def _set_mode(typingctx, mode):
    def codegen(context, builder, signature, args):
        if not X86:
            return args[0]
        before = _call_with_word(builder, "llvm.x86.sse.stmxcsr", ir.Constant(ir.IntType(32), 0))
        _call_with_word(builder, "llvm.x86.sse.ldmxcsr", builder.trunc(args[0], ir.IntType(32)))
        return builder.zext(before, ir.IntType(64))

    return types.int64(types.int64), codegen


def _set_mode_twin(mode):
    return mode


set_mode = _set_mode_twin if config.DISABLE_JIT else _set_mode  # set the mode, return the one before


@njit
def all_finite(values):
    """Whether a flat array holds neither NaN nor infinity. To leave at the first one found would keep LLVM from testing
    many at once.
    """
    finite = True
    for i in range(values.size):
        finite &= np.isfinite(values[i])
    return finite
