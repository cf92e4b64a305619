"""What threads say to each other inside compiled code: counters that several may change, and a polite wait."""

from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from numrnn.kernels.jit import njit

# Places on the board, where the threads of one piece of work meet; a cache line each.
CLAIMED, DONE, STOP, DIVERGED, OPENED, LEFT = 0, 8, 16, 24, 32, 40
BOARD_SIZE = 48
NEVER = 1 << 62


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


fetch_add = _fetch_add_twin if config.DISABLE_JIT else _fetch_add  # add 1, return what was there before
load = _load_twin if config.DISABLE_JIT else _load
store = _store_twin if config.DISABLE_JIT else _store
# Gives the processor away: threads may be more than cores.
give_way = (lambda: 0) if config.DISABLE_JIT else types.ExternalFunction("sched_yield", types.int32())


@njit
def watch(counters, index, count, looks):
    """Look at a counter until it has got so far; False if it has not after so many looks."""
    for _ in range(looks):
        if load(counters, index) >= count:
            return True
    return False


@njit
def leave(board, calls, count, looks, more):
    """Tell who watches a board that this thread is done with it, watch the number of calls, and stay a little."""
    fetch_add(board, LEFT)
    if watch(calls, 0, count, looks):
        watch(calls, 0, NEVER, more)
