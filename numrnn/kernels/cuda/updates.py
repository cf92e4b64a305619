"""Compute the objective and an update from the losses and the gradient of a mini-batch.

Each block of threads stores one partial sum in float64, and the partial sums are added up in their order. There are no
atomic operations, so the results of all runs are bitwise identical. The rules are those of kernels/cpu/updates.py,
applied to one parameter at a time.
"""

import math

from numba import cuda, float64

from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.updates import NO_STEP, step
from numrnn.kernels.cuda.jit import kernel

THREADS = 128  # threads of a block, a power of two
BLOCKS = 64  # number of blocks, each of which stores one partial sum
GRADIENT, DECAY, LOSS, THETA = range(4)  # rows of the table of partial sums
RUNNING = -1  # the status while all values are finite; after divergence, it is the number of the diverged mini-batch


@cuda.jit(device=True)
def _sum_of_block(value, shared):
    """Return the sum over the threads of a block, added up as a tree, in all threads."""
    thread = cuda.threadIdx.x
    shared[thread] = value
    distance = cuda.blockDim.x // 2
    cuda.syncthreads()
    while distance:
        if thread < distance:
            shared[thread] += shared[thread + distance]
        distance //= 2
        cuda.syncthreads()
    total = shared[0]
    cuda.syncthreads()
    return total


@cuda.jit(device=True)
def _sum_of_row(partial, row):
    total = 0.0
    for block in range(partial.shape[1]):
        total += partial[row, block]
    return total


@kernel
def weigh(alpha, theta, decays, grad_inout, losses, partial_out):
    """Add alpha theta to the gradient where `decays` is 1, and store partial sums.

    The sums are those of the squares of the gradient, of the squares of theta where `decays` is 1, and of the losses
    (n,).
    """
    shared = cuda.shared.array(THREADS, float64)
    squares, decay, loss = 0.0, 0.0, 0.0
    for i in range(cuda.grid(1), theta.size, cuda.gridsize(1)):
        if alpha != 0.0 and decays[i] != 0:
            grad_inout[i] += like(alpha, theta[i]) * theta[i]
            decay += float64(theta[i]) * float64(theta[i])
        squares += float64(grad_inout[i]) * float64(grad_inout[i])
    for i in range(cuda.grid(1), losses.size, cuda.gridsize(1)):
        loss += losses[i]
    block = cuda.blockIdx.x
    squares, decay, loss = _sum_of_block(squares, shared), _sum_of_block(decay, shared), _sum_of_block(loss, shared)
    if cuda.threadIdx.x == 0:
        partial_out[GRADIENT, block], partial_out[DECAY, block], partial_out[LOSS, block] = squares, decay, loss


@kernel
def update(
    number, weight_sum, alpha, clip_norm, rule, scalars, theta, grad, before, first, second, partial, results, status
):
    """Store objective and norm of mini-batch number[0] in results (batches, 2), clip, and perform a solver's step.

    `before` receives theta before the step. The kernel does nothing if an earlier mini-batch diverged. Values that
    change from one mini-batch to the next are in arrays on the device: number (1,), weight_sum (1,), and the scalars of
    the rule.
    """
    shared = cuda.shared.array(THREADS, float64)
    loss = _sum_of_row(partial, LOSS) / weight_sum[0] + 0.5 * alpha * _sum_of_row(partial, DECAY)
    norm = math.sqrt(_sum_of_row(partial, GRADIENT))
    finite = math.isfinite(loss + norm)
    stopped = status[0] != RUNNING
    leader = cuda.grid(1) == 0
    if leader and not stopped:
        results[number[0], 0], results[number[0], 1] = loss, norm
    if rule == NO_STEP or stopped:
        return
    squares = 0.0
    if finite:
        for i in range(cuda.grid(1), theta.size, cuda.gridsize(1)):
            before[i] = theta[i]
            if clip_norm < norm + 1e-6:  # 1e-6 as in torch.nn.utils.clip_grad_norm_
                grad[i] *= like(clip_norm / (norm + 1e-6), theta[i])
            end = i + 1
            step(rule, theta[i:end], grad[i:end], first[i:end], second[i:end], scalars)
            squares += float64(theta[i]) * float64(theta[i])
    squares = _sum_of_block(squares, shared)
    if cuda.threadIdx.x == 0:
        partial[THETA, cuda.blockIdx.x] = squares if finite else math.nan


@kernel
def settle(number, partial, status):
    """Set the status if theta, objective or norm is not finite; a loss may be finite although theta is not."""
    if status[0] == RUNNING and not math.isfinite(_sum_of_row(partial, THETA)):
        status[0] = number[0]
