"""Set the rounding mode, share counters between threads, and wait for them.

A library built with fast-math, or `torch.set_flush_denormal`, changes how one thread rounds and treats subnormal
numbers, so a sum would depend on the thread that computes it. Kernels therefore set the mode while they run.
"""

import platform

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from numrnn.kernels.jit import njit

X86 = platform.machine().lower() in ("x86_64", "amd64", "i686")
DEFAULT = 0x1F80  # MXCSR: round to nearest, subnormal numbers kept, no traps


def _call_with_word(builder, name, value):
    """Call an x86 instruction that reads or writes MXCSR through memory; return the memory's content afterwards."""
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


set_mode = _set_mode_twin if config.DISABLE_JIT else _set_mode  # sets the mode and returns the previous mode


@njit
def all_finite(values):
    """Return True if a flat array holds neither NaN nor infinity; an early exit would prevent vectorisation."""
    finite = True
    for i in range(values.size):
        finite &= np.isfinite(values[i])
    return finite


# Indices of the counters on the board, which the threads of one call share. Each counter has a cache line of its own.
# CLAIMED: claimed nodes or tiles. DONE: completed mini-batches. STOP, DIVERGED: 1 if threads must stop, or training has
# diverged. OPENED: 1 + the number of the phase that was opened last. LEFT: threads that have ended their work.
CLAIMED, DONE, STOP, DIVERGED, OPENED, LEFT = 0, 8, 16, 24, 32, 40
BOARD_SIZE = 48
NEVER = 1 << 62  # a count that no counter reaches


def _place(context, builder, signature, args):
    return builder.gep(context.make_array(signature.args[0])(context, builder, args[0]).data, [args[1]])


@intrinsic
def _fetch_add(typingctx, counters, index):
    def codegen(context, builder, signature, args):
        pointer = _place(context, builder, signature, args)
        return builder.atomic_rmw("add", pointer, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(counters, types.int64), codegen


@intrinsic
def _load(typingctx, counters, index):
    def codegen(context, builder, signature, args):
        return builder.load_atomic(_place(context, builder, signature, args), "acquire", 8)

    return types.int64(counters, types.int64), codegen


@intrinsic
def _store(typingctx, counters, index, value):
    def codegen(context, builder, signature, args):
        builder.store_atomic(args[2], _place(context, builder, signature, args), "release", 8)
        return context.get_dummy_value()

    return types.void(counters, types.int64, types.int64), codegen


def _fetch_add_twin(counters, index):
    counters[index] += 1
    return counters[index] - 1


def _load_twin(counters, index):
    return counters[index]


def _store_twin(counters, index, value):
    counters[index] = value


fetch_add = _fetch_add_twin if config.DISABLE_JIT else _fetch_add  # adds 1 and returns the previous value
load = _load_twin if config.DISABLE_JIT else _load
store = _store_twin if config.DISABLE_JIT else _store
# Yields the processor to another thread, since there may be more threads than cores.
give_way = (lambda: 0) if config.DISABLE_JIT else types.ExternalFunction("sched_yield", types.int32())


@njit
def watch(counters, index, count, looks):
    """Read a counter up to `looks` times; return True as soon as it has reached `count`."""
    for _ in range(looks):
        if load(counters, index) >= count:
            return True
    return False


@njit
def leave(board, calls, count, looks, more):
    """Report that this thread is done with a board, and read `calls` up to `looks` times to see the next call.

    After the thread has seen a call, it reads `more` times before it returns to Python. In Python the thread would
    sleep, because the caller holds the interpreter's lock until it is in its kernel.
    """
    fetch_add(board, LEFT)
    if watch(calls, 0, count, looks):
        watch(calls, 0, NEVER, more)
