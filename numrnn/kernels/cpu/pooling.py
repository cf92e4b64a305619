"""What the head reads of a sequence: the last layer's state after the last step, or the mean or the maximum of its
states over all steps, made block by block; chosen by the type of `net.pooling`, so only networks that pool compile it.

A pool is three arrays (tile rows, HP) one after the other: the mean's sum or the maximum so far; what rounding added to
that sum, or the block in which a maximum was reached; and dL/dpool. A carry has dL/ds_T at the same distance from s_T.
"""

from numba.extending import overload
from numba.types import NoneType

from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.layer_products import copy, set_zero
from numrnn.kernels.cpu.records import FIRST_STEP, MEAN, ROWS, STEPS
from numrnn.kernels.jit import njit


def pool_block(pooling, block, number, HP, tile_rows, active, work, s_at, pool_at):
    """Take the last layer's states s_1 .. s_steps of block `number` into a pool; the first block begins it."""
    _FUNCTIONS[pooling is None][0](pooling, block, number, HP, tile_rows, active, work, s_at, pool_at)


@njit
def _pool_nothing(pooling, block, number, HP, tile_rows, active, work, s_at, pool_at):
    pass


@njit
def _add_compensated(work, s_at, pool_at, excess_at, count):
    """Kahan (1965): a plain float32 sum of 131,072 equal states was wrong by 0.16 %."""
    s, pool, excess = work[s_at : s_at + count], work[pool_at : pool_at + count], work[excess_at : excess_at + count]
    for j in range(count):
        term = s[j] - excess[j]
        total = pool[j] + term
        excess[j] = (total - pool[j]) - term
        pool[j] = total


@njit
def _keep_maximum(work, s_at, pool_at, number_at, number, count):
    s, pool, reached = work[s_at : s_at + count], work[pool_at : pool_at + count], work[number_at : number_at + count]
    now = like(number, work[0])
    for j in range(count):
        larger = s[j] > pool[j]
        pool[j] = s[j] if larger else pool[j]
        reached[j] = now if larger else reached[j]


@njit
def _pool_states(pooling, block, number, HP, tile_rows, active, work, s_at, pool_at):
    first, step = block[FIRST_STEP], block[ROWS] * HP
    for t in range(block[STEPS]):
        count, now = active[first + t] * HP, s_at + t * step
        if first + t == 0:
            copy(work, now, count, work, pool_at)
            set_zero(work, pool_at + tile_rows * HP, count)
        elif pooling == MEAN:
            _add_compensated(work, now, pool_at, pool_at + tile_rows * HP, count)
        else:
            _keep_maximum(work, now, pool_at, pool_at + tile_rows * HP, number, count)


def finish_pool(pooling, data, ids, HP, work, carry_at, pool_at):
    """Where what the head reads lies: in the carry, or in the pool, a sum of which becomes a mean."""
    return _FUNCTIONS[pooling is None][1](pooling, data, ids, HP, work, carry_at, pool_at)


@njit
def _read_carry(pooling, data, ids, HP, work, carry_at, pool_at):
    return carry_at


@njit
def _read_pool(pooling, data, ids, HP, work, carry_at, pool_at):
    if pooling == MEAN:
        for i in range(ids.size):
            _divide(work, pool_at + i * HP, HP, data.lengths[ids[i]], pool_at + i * HP)
    return pool_at


@njit
def _divide(work, at, count, divisor, out_at):
    source, out, divisor = work[at : at + count], work[out_at : out_at + count], like(divisor, work[0])
    for j in range(count):
        out[j] = source[j] / divisor


def spread_pool(pooling, data, ids, block, number, HP, tile_rows, active, work, s_at, pool_at, dy_at, from_head):
    """Where dL/ds_t of a block lie as the head gives them: `from_head`, or made of dL/dpool at dy_at. Blocks come last
    first. Of a maximum's gradient all goes to the first step that reached it.
    """
    return _FUNCTIONS[pooling is None][2](
        pooling, data, ids, block, number, HP, tile_rows, active, work, s_at, pool_at, dy_at, from_head
    )


@njit
def _spread_nothing(pooling, data, ids, block, number, HP, tile_rows, active, work, s_at, pool_at, dy_at, from_head):
    return from_head


@njit
def _give_maximum(work, s_at, pool_at, number_at, number, dpool_at, dy_at, count):
    s, pool, reached = work[s_at : s_at + count], work[pool_at : pool_at + count], work[number_at : number_at + count]
    dpool, dy = work[dpool_at : dpool_at + count], work[dy_at : dy_at + count]
    now, zero = like(number, work[0]), like(0.0, work[0])
    for j in range(count):
        here = reached[j] == now and s[j] == pool[j]
        dy[j] = dpool[j] if here else zero
        dpool[j] = zero if here else dpool[j]


@njit
def _spread_gradient(pooling, data, ids, block, number, HP, tile_rows, active, work, s_at, pool_at, dy_at, from_head):
    first, step = block[FIRST_STEP], block[ROWS] * HP
    number_at, dpool_at = pool_at + tile_rows * HP, pool_at + 2 * tile_rows * HP
    for t in range(block[STEPS]):
        rows, here = active[first + t], t * step
        if pooling == MEAN:
            for i in range(rows):
                _divide(work, dpool_at + i * HP, HP, data.lengths[ids[i]], dy_at + here + i * HP)
        else:
            _give_maximum(work, s_at + here, pool_at, number_at, number, dpool_at, dy_at + here, rows * HP)
    return dy_at


# By whether a network reads the last state alone.
_FUNCTIONS = {
    True: (_pool_nothing, _read_carry, _spread_nothing),
    False: (_pool_states, _read_pool, _spread_gradient),
}


@overload(pool_block)
def _compile_pool(pooling, block, number, HP, tile_rows, active, work, s_at, pool_at):
    function = _FUNCTIONS[isinstance(pooling, NoneType)][0]

    def call(pooling, block, number, HP, tile_rows, active, work, s_at, pool_at):
        function(pooling, block, number, HP, tile_rows, active, work, s_at, pool_at)

    return call


@overload(finish_pool)
def _compile_finish(pooling, data, ids, HP, work, carry_at, pool_at):
    function = _FUNCTIONS[isinstance(pooling, NoneType)][1]

    def call(pooling, data, ids, HP, work, carry_at, pool_at):
        return function(pooling, data, ids, HP, work, carry_at, pool_at)

    return call


@overload(spread_pool)
def _compile_spread(pooling, data, ids, block, number, HP, tile_rows, active, work, s_at, pool_at, dy_at, from_head):
    function = _FUNCTIONS[isinstance(pooling, NoneType)][2]

    def call(pooling, data, ids, block, number, HP, tile_rows, active, work, s_at, pool_at, dy_at, from_head):
        return function(pooling, data, ids, block, number, HP, tile_rows, active, work, s_at, pool_at, dy_at, from_head)

    return call
