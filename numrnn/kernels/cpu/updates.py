"""Update the flat parameter vector, or a piece of it, in place, and convert it to and from the kernels' layouts.

`theta` and `grad` are flat arrays (P,) of the same dtype. Scalars must have that dtype too: otherwise steps in float32
would be computed in float64. The formulas are those of torch.optim.
"""

import math

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from numrnn.kernels.cpu.activations import like
from numrnn.kernels.cpu.micro_kernel import copy_rows, transpose
from numrnn.kernels.cpu.processor import DEFAULT, set_mode
from numrnn.kernels.cpu.products import add, copy, pack_inputs, pack_outputs
from numrnn.kernels.cpu.records import piece_of
from numrnn.kernels.jit import njit

LANES = 16  # number of partial sums of a sum, which makes it accurate, and the same on every machine


@intrinsic
def _sum_of_squares(typingctx, x):
    """Return the float64 sum of x[i]^2 over all whole groups of LANES elements: LANES sums, added up as a tree."""

    def codegen(context, builder, signature, args):
        element, index = context.get_value_type(x.dtype), ir.IntType(64)
        narrow, wide = (ir.VectorType(kind, LANES) for kind in (element, ir.DoubleType()))
        array = context.make_array(x)(context, builder, args[0])
        total = cgutils.alloca_once_value(builder, ir.Constant(wide, [0.0] * LANES))
        kind = ir.FunctionType(wide, [wide] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f64")
        with cgutils.for_range(builder, builder.sdiv(array.nitems, index(LANES))) as loop:
            place = builder.gep(array.data, [builder.mul(loop.index, index(LANES))])
            value = builder.load(builder.bitcast(place, narrow.as_pointer()), align=x.dtype.bitwidth // 8)
            value = builder.fpext(value, wide) if x.dtype != types.float64 else value
            builder.store(builder.call(fma, [value, value, builder.load(total)]), total)
        sums = [builder.extract_element(builder.load(total), ir.IntType(32)(lane)) for lane in range(LANES)]
        while len(sums) > 1:
            half = len(sums) // 2
            sums = [builder.fadd(left, right) for left, right in zip(sums[:half], sums[half:], strict=True)]
        return sums[0]

    return types.float64(x), codegen


def _sum_of_squares_twin(x):
    squares = x[: x.size // LANES * LANES].astype(np.float64).reshape(-1, LANES) ** 2
    sums = np.zeros(LANES)
    for row in squares:
        sums += row
    while sums.size > 1:
        half = sums.size // 2
        sums = sums[:half] + sums[half:]
    return sums[0]


sum_of_squares = _sum_of_squares_twin if config.DISABLE_JIT else _sum_of_squares


@njit
def squared_norm(x):  # (P,) -> float64
    total = sum_of_squares(x)
    for i in range(x.size // LANES * LANES, x.size):
        total += np.float64(x[i]) * np.float64(x[i])
    return total


@njit
def clip(gradient, norm, clip_norm):  # (P,), scalars
    """Scale a gradient, or a part of it, down if the norm of the whole gradient exceeds clip_norm."""
    if clip_norm < norm + 1e-6:  # 1e-6 as in torch.nn.utils.clip_grad_norm_
        factor = like(clip_norm / (norm + 1e-6), gradient[0])
        for i in range(gradient.size):
            gradient[i] *= factor


@njit
def add_decay(grad, theta, alpha):  # (P,), (P,), scalar -> float64
    """Add alpha * theta to the gradient; return the sum of squares of theta."""
    for i in range(grad.size):
        grad[i] += alpha * theta[i]
    return squared_norm(theta)


# The rules of `step`. The function of each rule unpacks its hyperparameters from a row of scalars in theta's dtype.
NO_STEP, SGD, SGD_MOMENTUM, SGD_NESTEROV, ADAM, RMSPROP, RMSPROP_MOMENTUM = range(7)


@njit
def step(rule, theta, grad, first, second, scalars):
    """Perform one step of a rule in place; `first` and `second` hold the rule's state, if it has any."""
    if rule == SGD:
        _sgd(theta, grad, scalars)
    elif rule == SGD_MOMENTUM:
        _sgd_momentum(theta, grad, first, scalars)
    elif rule == SGD_NESTEROV:
        _sgd_nesterov(theta, grad, first, scalars)
    elif rule == ADAM:
        _adam(theta, grad, first, second, scalars)
    elif rule == RMSPROP:
        _rmsprop(theta, grad, first, scalars)
    elif rule == RMSPROP_MOMENTUM:
        _rmsprop_momentum(theta, grad, first, second, scalars)


@njit
def complete_step(theta, grad, before, loss, decayed, alpha, clip_norm, rule, first, second, scalars):
    """Add the L2 term over theta[decayed[:, 0] : decayed[:, 1]], clip the gradient and perform a step, on one thread.

    `before` receives theta before the step. Returns the objective, the norm before clipping, and whether these two and
    the new theta are finite. If the objective or the norm is not finite, no step is performed.
    """
    mode = set_mode(DEFAULT)
    if alpha:
        for n in range(decayed.shape[0]):
            begin, end = decayed[n]
            loss += 0.5 * alpha * add_decay(grad[begin:end], theta[begin:end], like(alpha, theta[0]))
    norm = np.sqrt(squared_norm(grad))
    finite = np.isfinite(loss + norm)
    if finite:
        for i in range(theta.size):
            before[i] = theta[i]
        clip(grad, norm, clip_norm)
        step(rule, theta, grad, first, second, scalars)
        finite = np.isfinite(squared_norm(theta))
    set_mode(mode)
    return loss, norm, finite


@njit
def _sgd(theta, grad, scalars):
    rate = scalars[0]
    for i in range(theta.size):
        theta[i] -= rate * grad[i]


@njit
def _sgd_momentum(theta, grad, velocity, scalars):
    rate, momentum = scalars[0], scalars[1]
    for i in range(theta.size):
        velocity[i] = momentum * velocity[i] + grad[i]
        theta[i] -= rate * velocity[i]


@njit
def _sgd_nesterov(theta, grad, velocity, scalars):
    rate, momentum = scalars[0], scalars[1]
    for i in range(theta.size):
        velocity[i] = momentum * velocity[i] + grad[i]
        theta[i] -= rate * (grad[i] + momentum * velocity[i])


@njit
def _adam(theta, grad, m, v, scalars):
    """Perform a step of Adam or AdamW; AdamW first multiplies theta by `keep` (1 for Adam).

    `rate` includes the bias correction of m; `root_correction_2` is the bias correction of sqrt(v).
    """
    # gain_1 and gain_2 are 1 - beta_1 and 1 - beta_2, rounded once: computed in float32, 1 - 0.999 has an error of
    # 6e-5.
    keep, rate, gain_1, beta_2 = scalars[0], scalars[1], scalars[2], scalars[3]
    gain_2, root_correction_2, epsilon = scalars[4], scalars[5], scalars[6]
    for i in range(theta.size):
        m[i] += gain_1 * (grad[i] - m[i])
        v[i] = beta_2 * v[i] + gain_2 * (grad[i] * grad[i])
        theta[i] = keep * theta[i] - rate * m[i] / (math.sqrt(v[i]) / root_correction_2 + epsilon)


@njit
def _rmsprop(theta, grad, v, scalars):
    rate, rho, gain, epsilon = scalars[0], scalars[1], scalars[2], scalars[3]
    for i in range(theta.size):
        v[i] = rho * v[i] + gain * (grad[i] * grad[i])
        theta[i] -= rate * grad[i] / (math.sqrt(v[i]) + epsilon)


@njit
def _rmsprop_momentum(theta, grad, v, velocity, scalars):
    rate, rho, gain, epsilon, momentum = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]
    for i in range(theta.size):
        v[i] = rho * v[i] + gain * (grad[i] * grad[i])
        velocity[i] = momentum * velocity[i] + grad[i] / (math.sqrt(v[i]) + epsilon)
        theta[i] -= rate * velocity[i]


@njit
def pack_piece(piece, theta, packed):
    """Write a piece of theta into the packed weights."""
    if piece.rows:
        copy(theta, piece.theta, piece.count * piece.columns, packed, piece.packed)
        return
    pack_outputs(piece.count, piece.columns, theta, piece.theta, packed, piece.packed)
    if piece.back >= 0:
        pack_inputs(piece.count, piece.columns, theta, piece.theta, packed, piece.back, piece.depth)


@njit
def pack_weights(pieces, theta, packed):
    """Fill the packed weights of a network from theta."""
    for index in range(pieces.shape[0]):
        pack_piece(piece_of(pieces, index), theta, packed)


@njit
def add_nodes(piece, nodes, count):
    """Sum a piece of the nodes' gradients (nodes, ...) into the first node's gradient, as a binary tree."""
    lines, length = piece.columns, piece.count
    if not piece.transposed:
        lines, length = length, lines
    if length == piece.gradient_row:
        lines, length = 1, lines * length
    for line in range(lines):
        at, distance = piece.gradient + line * piece.gradient_row, 1
        while distance < count:
            for left in range(0, count - distance, 2 * distance):
                add(nodes[left], at, nodes[left + distance], at, length)
            distance *= 2


@njit
def unpack_piece(piece, gradient, flat):
    """Copy a piece of a gradient from the layout in which tiles sum it into `flat`, which has theta's layout."""
    count, columns, row = piece.count, piece.columns, piece.gradient_row
    if piece.transposed:
        transpose(columns, count, gradient, piece.gradient, row, flat, piece.theta, columns)
    else:
        copy_rows(count, columns, gradient, piece.gradient, row, flat, piece.theta, columns)
