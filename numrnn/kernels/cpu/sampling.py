"""Generate symbols one after another; each is drawn from the network's logits and is the next step's input.

A draw depends only on the logits and a uniform number, and is computed in float64 whatever the network's type. The
distribution is truncated as by Holtzman et al. (The curious case of neural text degeneration, 2020): only the `top_k`
most probable symbols are kept, and of these the fewest whose probabilities sum to at least `top_p` of the total.
"""

from numrnn.kernels.cpu.activations import exp
from numrnn.kernels.cpu.processor import DEFAULT, set_mode
from numrnn.kernels.cpu.records import FIRST_STEP, LOGITS, ROW, ROWS, STATE_ROW, STEPS, X, head_of
from numrnn.kernels.cpu.single_sequence import largest_of
from numrnn.kernels.cpu.tile.forward import forward_block, lay_out, load_state, logits, store_state
from numrnn.kernels.jit import njit


@njit
def _before(row, a, b):
    """Return True if symbol a precedes b: it is more probable, or equally probable and lower."""
    return row[a] > row[b] or (row[a] == row[b] and a < b)


@njit
def _sift(row, heap, at, size):
    """Sift heap[at] down below the symbols that precede it."""
    symbol = heap[at]
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _before(row, heap[child + 1], heap[child]):
            child += 1
        if not _before(row, heap[child], symbol):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = symbol


@njit
def _pop(row, heap, size):
    """Move the most probable symbol of a heap behind the heap's new end."""
    first = heap[0]
    heap[0] = heap[size - 1]
    _sift(row, heap, 0, size - 1)
    heap[size - 1] = first


@njit
def _keep(row, weights, top_k, top_p, heap):
    """Return the number of kept symbols and the sum of their weights.

    Kept symbol number j is heap[-1 - j]; number 0 is the most probable one.
    """
    K = row.size
    most, popped, total = min(top_k, K), 0, 0.0
    for k in range(K):
        heap[k] = k
    for at in range(K // 2 - 1, -1, -1):
        _sift(row, heap, at, K)
    if most < K:
        while popped < most:
            _pop(row, heap, K - popped)
            popped += 1
            total += weights[heap[K - popped]]
    else:
        for k in range(K):
            total += weights[k]
    count, kept = 0, 0.0
    while count < most and (count == 0 or kept < top_p * total):
        if count == popped:
            _pop(row, heap, K - popped)
            popped += 1
        count += 1
        kept += weights[heap[K - count]]
    return count, kept


@njit
def draw(row, temperature, top_k, top_p, uniform, weights, heap):
    """Draw a symbol from softmax(row / temperature), given logits (K,) and a uniform number in [0, 1).

    Temperature 0 selects the most probable symbol. `weights` (K,) float64 and `heap` (K,) int64 are work arrays.
    """
    K, best = row.size, largest_of(row)
    if temperature == 0.0:
        return best
    largest = float(row[best])
    for k in range(K):
        weights[k] = exp((float(row[k]) - largest) / temperature)
    reached = 0.0
    if top_k >= K and top_p >= 1.0:
        total = 0.0
        for k in range(K):
            total += weights[k]
        for k in range(K):
            reached += weights[k]
            if uniform * total < reached:
                return k
        return K - 1
    count, kept = _keep(row, weights, top_k, top_p, heap)
    for j in range(count):
        reached += weights[heap[K - 1 - j]]
        if uniform * kept < reached:
            return heap[K - 1 - j]
    return heap[K - count]


@njit
def generate(net, data, scratch, ids, steps, temperature, top_k, top_p, uniforms, weights, heap):
    """Read `steps` symbols from data.values, starting from data.state; after each symbol, draw and store the next one.

    `uniforms` has one number per step. If it is empty, no symbols are drawn: data.values already holds all symbols.
    """
    mode, head, work = set_mode(DEFAULT), head_of(net), scratch.work
    block = scratch.blocks[0]
    block[FIRST_STEP], block[STEPS], block[ROWS], block[ROW], block[STATE_ROW] = 0, 1, 1, 0, 0
    scratch.active[0] = 1
    data.lengths[0] = 1
    rows = ids.size  # a literal 1 would make Numba compile another specialisation
    lay_out(scratch.regions, 0, 0, rows, scratch.places)
    x_at, logits_at = scratch.room[X], scratch.room[LOGITS]
    load_state(net, data, ids, rows, scratch)
    for t in range(steps):
        data.starts[0] = t
        s_at = forward_block(net, data, ids, block, rows, scratch, x_at, 0, 0, -1)
        if uniforms.size:
            logits(net, head, rows, work, s_at, logits_at, 0, head.KP)
            row = work[logits_at : logits_at + head.K]
            symbol = draw(row, temperature, top_k, top_p, uniforms[t], weights, heap)
            for n in range(data.bytes):
                data.values[(t + 1) * data.bytes + n] = (symbol >> (8 * n)) & 255
    store_state(net, data, ids, rows, scratch, data.state)
    set_mode(mode)
