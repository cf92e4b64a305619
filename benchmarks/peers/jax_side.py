"""Define the network in JAX as one jitted function: a lax.scan over the steps, after the products with the inputs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from problem import CLIP, RATE

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def _elman(a, hidden, s, weights):
    s = jnp.tanh(a + hidden)
    return s, s


def _gru(a, hidden, s, weights):
    a_r, a_z, a_n = jnp.split(a, 3, axis=1)
    h_r, h_z, h_n = jnp.split(hidden, 3, axis=1)
    r, z = jax.nn.sigmoid(a_r + h_r), jax.nn.sigmoid(a_z + h_z)
    n = jnp.tanh(a_n + r * (h_n + weights["layers.0.b_Wn"]))
    s = (1 - z) * n + z * s
    return s, s


def _lstm(a, hidden, state, weights):
    i, f, g, o = jnp.split(a + hidden, 4, axis=1)
    cell = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    s = jax.nn.sigmoid(o) * jnp.tanh(cell)
    return s, (s, cell)


CELLS = {"elman": _elman, "gru": _gru, "lstm": _lstm}


def _logits(cell, weights, X):
    H = weights["layers.0.W"].shape[1]
    W, zeros = weights["layers.0.W"].T, jnp.zeros((X.shape[1], H), X.dtype)

    def step(state, a):
        s = state[0] if cell == "lstm" else state
        _, state = CELLS[cell](a, s @ W, state, weights)
        return state, None

    inputs = X @ weights["layers.0.U"].T + weights["layers.0.b"]
    state, _ = lax.scan(step, (zeros, zeros) if cell == "lstm" else zeros, inputs)
    return (state[0] if cell == "lstm" else state) @ weights["V"].T + weights["c"]


def _loss(weights, cell, X, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(_logits(cell, weights, X)), y[:, None], axis=1).mean()


@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2, 3))
def _train_step(cell, weights, m, v, n, X, y):
    gradients = jax.grad(_loss)(weights, cell, X, y)
    norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in gradients.values()))
    scale = jnp.minimum(1.0, CLIP / (norm + 1e-6))
    new = {}, {}, {}
    for name, gradient in gradients.items():
        g = gradient * scale
        new[1][name] = BETA_1 * m[name] + (1 - BETA_1) * g
        new[2][name] = BETA_2 * v[name] + (1 - BETA_2) * g * g
        root = jnp.sqrt(new[2][name]) / jnp.sqrt(1 - BETA_2**n) + EPSILON
        new[0][name] = weights[name] - RATE / (1 - BETA_1**n) * new[1][name] / root
    return *new, n + 1


@partial(jax.jit, static_argnums=0)
def _predict(cell, weights, X):
    return jax.nn.softmax(_logits(cell, weights, X))


class JaxSide:
    """Run training steps and predictions on arrays of shape (T, B, D)."""

    def __init__(self, problem):
        self.problem, self.cell = problem, problem.cell
        self.start = {name: jnp.asarray(value) for name, value in problem.weights.items()}
        self.state = tuple(
            {name: jnp.array(value if kind == 0 else np.zeros_like(value)) for name, value in problem.weights.items()}
            for kind in range(3)
        )
        self.n = jnp.float32(1)
        self.X, self.y = jnp.asarray(problem.X_by_step), jnp.asarray(problem.y)

    def gradients(self):
        """Return the gradients by numrnn's names."""
        gradients = jax.jit(jax.grad(_loss), static_argnums=1)(self.start, self.cell, self.X, self.y)
        return {name: np.asarray(value) for name, value in gradients.items()}

    def train(self, steps):
        """Run `steps` training steps."""
        for _ in range(steps):
            *self.state, self.n = _train_step(self.cell, *self.state, self.n, self.X, self.y)
        jax.block_until_ready(self.state)

    def predict(self):
        """Return the probabilities as a NumPy array, starting from a NumPy array."""
        return np.asarray(_predict(self.cell, self.start, self.problem.X_by_step))
