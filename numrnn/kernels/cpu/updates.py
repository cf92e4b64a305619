"""Kernels over the flat parameter vector: one pass each, in place.

`theta` and `grad` are flat arrays of one dtype; every scalar must come in that dtype (float32 would be computed in
float64 otherwise). P is the number of parameters. Formulas are torch.optim's.
"""

import numpy as np

from numrnn.kernels.jit import njit


@njit
def squared_norm(x):  # (P,) -> float64
    # Eight sums of fixed places: the chain of additions is no bottleneck, and the result is the same everywhere.
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = x.size - x.size % 8
    for i in range(0, whole, 8):
        s0 += np.float64(x[i]) * np.float64(x[i])
        s1 += np.float64(x[i + 1]) * np.float64(x[i + 1])
        s2 += np.float64(x[i + 2]) * np.float64(x[i + 2])
        s3 += np.float64(x[i + 3]) * np.float64(x[i + 3])
        s4 += np.float64(x[i + 4]) * np.float64(x[i + 4])
        s5 += np.float64(x[i + 5]) * np.float64(x[i + 5])
        s6 += np.float64(x[i + 6]) * np.float64(x[i + 6])
        s7 += np.float64(x[i + 7]) * np.float64(x[i + 7])
    for i in range(whole, x.size):
        s0 += np.float64(x[i]) * np.float64(x[i])
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


@njit
def scale(x, factor):  # (P,)
    for i in range(x.size):
        x[i] *= factor


@njit
def add_decay(grad, theta, alpha, bounds):  # (P,), (P,), scalar, (n, 2) int64 -> float64
    """Add alpha * theta to the gradient between the bounds; return the sum of squares of theta there."""
    total = 0.0
    for n in range(bounds.shape[0]):
        for i in range(bounds[n, 0], bounds[n, 1]):
            grad[i] += alpha * theta[i]
        total += squared_norm(theta[bounds[n, 0] : bounds[n, 1]])
    return total


# The rules of `step`. Each takes a row of scalars in theta's dtype, named below in their order.
NO_STEP, SGD, SGD_MOMENTUM, SGD_NESTEROV, ADAM, RMSPROP, RMSPROP_MOMENTUM = range(7)


@njit
def step(rule, theta, grad, first, second, scalars):
    """Make one step of a rule, in place; `first` and `second` are its state, where it has any."""
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
    """`keep` shrinks theta first (AdamW); `rate` holds the correction of m, `root_correction_2` that of sqrt(v)."""
    # The gains are 1 - beta_1 and 1 - beta_2, rounded once: 1 - 0.999 worked out in float32 is off by 6e-5 of itself.
    keep, rate, gain_1, beta_2 = scalars[0], scalars[1], scalars[2], scalars[3]
    gain_2, root_correction_2, epsilon = scalars[4], scalars[5], scalars[6]
    for i in range(theta.size):
        m[i] += gain_1 * (grad[i] - m[i])
        v[i] = beta_2 * v[i] + gain_2 * (grad[i] * grad[i])
        theta[i] = keep * theta[i] - rate * m[i] / (np.sqrt(v[i]) / root_correction_2 + epsilon)


@njit
def _rmsprop(theta, grad, v, scalars):
    rate, rho, gain, epsilon = scalars[0], scalars[1], scalars[2], scalars[3]
    for i in range(theta.size):
        v[i] = rho * v[i] + gain * (grad[i] * grad[i])
        theta[i] -= rate * grad[i] / (np.sqrt(v[i]) + epsilon)


@njit
def _rmsprop_momentum(theta, grad, v, velocity, scalars):
    rate, rho, gain, epsilon, momentum = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]
    for i in range(theta.size):
        v[i] = rho * v[i] + gain * (grad[i] * grad[i])
        velocity[i] = momentum * velocity[i] + grad[i] / (np.sqrt(v[i]) + epsilon)
        theta[i] -= rate * velocity[i]
