"""Compute the mean or maximum of the last layer's states over all steps of a sequence, block by block.

A pool consists of three arrays (tile rows, HP), one after another. For the mean, they are the sum so far, its rounding
error and dL/dpool; for the maximum, the maximum so far, the block in which it was reached and dL/dpool. dL/dpool lies
as far behind the first array as dL/ds_T behind s_T in a carry.
"""

from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.products import copy, set_zero
from numrnn.kernels.cpu.records import FIRST_STEP, MEAN, ROWS, STEPS
from numrnn.kernels.jit import njit


@njit
def _add_compensated(work, s_at, pool_at, excess_at, count):
    """Add states with compensation (Kahan 1965); a plain float32 sum of 131,072 equal states was wrong by 0.16 %."""
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
def pool_block(pooling, block, number, HP, tile_rows, active, work, s_at, pool_at):
    """Add the last layer's states s_1 .. s_steps of block `number` to a pool; the first block initialises it."""
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


@njit
def _divide(work, at, count, divisor, out_at):
    source, out, divisor = work[at : at + count], work[out_at : out_at + count], like(divisor, work[0])
    for j in range(count):
        out[j] = source[j] / divisor


@njit
def finish_pool(pooling, data, ids, HP, work, pool_at):
    """Turn the sums of a pool into means."""
    if pooling == MEAN:
        for i in range(ids.size):
            _divide(work, pool_at + i * HP, HP, data.lengths[ids[i]], pool_at + i * HP)


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
def spread_pool(pooling, data, ids, block, number, HP, tile_rows, active, work, s_at, pool_at, dy_at):
    """Compute dL/ds_t of a block from dL/dpool; blocks must be processed from the last to the first.

    The gradient of a maximum goes to the first step that reached it.
    """
    first, step = block[FIRST_STEP], block[ROWS] * HP
    number_at, dpool_at = pool_at + tile_rows * HP, pool_at + 2 * tile_rows * HP
    for t in range(block[STEPS]):
        rows, here = active[first + t], t * step
        if pooling == MEAN:
            for i in range(rows):
                _divide(work, dpool_at + i * HP, HP, data.lengths[ids[i]], dy_at + here + i * HP)
        else:
            _give_maximum(work, s_at + here, pool_at, number_at, number, dpool_at, dy_at + here, rows * HP)
