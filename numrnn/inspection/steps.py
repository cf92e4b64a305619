"""Compute single steps of cells and their derivatives in NumPy, in the order of the equations on the notation page.

A layer's state is s (H,); for an LSTM, s and the memory c are concatenated (2H,). The kernels do not store what these
functions return: gates, and the Jacobians ds_t/ds_{t-1} and ds_t/dx_t.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from numrnn.inspection.fitted import read_layer
from numrnn.network.components import CELLS


class Step(NamedTuple):
    """Hold the result of one step of one layer and direction; S is the size of its state."""

    state: np.ndarray  # (S,)
    by_state: np.ndarray  # (S, S): d state / d state before
    by_input: np.ndarray  # (S, D): d state / d input
    gates: dict  # (H,) by name; empty for an Elman cell


def elman_step(p, x, s, activation):
    """Compute s' = a(U x + W s + b)."""
    a = p["U"] @ x + p["W"] @ s + p["b"]
    if activation == "relu":
        after, slope = np.maximum(a, 0), (a > 0).astype(a.dtype)
    else:
        after = np.tanh(a)
        slope = 1 - after**2
    return Step(after, slope[:, None] * p["W"], slope[:, None] * p["U"], {})


def gru_step(p, x, s, activation):
    """Compute s' = (1 - z) n + z s with n = tanh(U_n x + b_n + r (W_n s + b_Wn))."""
    (U_r, U_z, U_n), (W_r, W_z, W_n), (b_r, b_z, b_n) = (np.split(p[name], 3) for name in "UWb")
    r, z = expit(U_r @ x + W_r @ s + b_r), expit(U_z @ x + W_z @ s + b_z)
    m = W_n @ s + p["b_Wn"]
    n = np.tanh(U_n @ x + b_n + r * m)
    by_z, by_n = (s - n) * z * (1 - z), (1 - z) * (1 - n**2)
    by_r = by_n * m * r * (1 - r)
    by_state = np.diag(z) + by_z[:, None] * W_z + by_r[:, None] * W_r + (by_n * r)[:, None] * W_n
    by_input = by_z[:, None] * U_z + by_r[:, None] * U_r + by_n[:, None] * U_n
    return Step((1 - z) * n + z * s, by_state, by_input, {"r": r, "z": z})


def lstm_step(p, x, state, activation):
    """Compute c' = f c + i g and s' = o tanh(c')."""
    s, c = np.split(state, 2)
    i, f, g, o = np.split(p["U"] @ x + p["W"] @ s + p["b"], 4)
    i, f, g, o = expit(i), expit(f), np.tanh(g), expit(o)
    memory = f * c + i * g
    squashed = np.tanh(memory)
    by_gates = g * i * (1 - i), c * f * (1 - f), i * (1 - g**2)
    by_memory, by_o = o * (1 - squashed**2), squashed * o * (1 - o)

    def derivatives(matrix):
        *others, of_o = np.split(matrix, 4)
        of_memory = sum(by[:, None] * part for by, part in zip(by_gates, others, strict=True))
        return by_memory[:, None] * of_memory + by_o[:, None] * of_o, of_memory

    top, bottom = derivatives(p["W"])
    by_state = np.block([[top, np.diag(by_memory * f)], [bottom, np.diag(f)]])
    after = np.concatenate([o * squashed, memory])
    return Step(after, by_state, np.concatenate(derivatives(p["U"])), {"i": i, "f": f, "o": o})


STEPS = {"elman": elman_step, "gru": gru_step, "lstm": lstm_step}
STEPS_WITH_GATES = {"gru": ("r", "z"), "lstm": ("i", "f", "o")}  # names of the gates in `Step.gates`
GATES = {"elman": ("W",), "gru": ("r", "z", "n"), "lstm": ("i", "f", "g", "o")}  # parts of W, in their order


class Direction(NamedTuple):
    """Hold the parameters of one direction of a layer under their short names, and the cell."""

    cell: str
    activation: str
    parameters: dict
    reads_back: bool

    def first_state(self):
        """Return the learned initial state, or zeros."""
        p = self.parameters
        zeros = np.zeros(p["W"].shape[1])
        return np.concatenate([p.get(name, zeros) for name in CELLS[self.cell].states])

    def run(self, inputs):
        """Yield each `Step` of a sequence (T, D) in the order in which this direction reads it."""
        state = self.first_state()
        for x in inputs[::-1] if self.reads_back else inputs:
            after = self.step(x, state)
            yield after
            state = after.state

    def step(self, x, state):
        """Return the `Step` that reads x (D,) after a state (S,)."""
        return STEPS[self.cell](self.parameters, x, state, self.activation)


def directions_of(architecture, weights, layer):
    """Return the directions of a layer, in float64."""
    found = []
    for number, prefix in enumerate(architecture.layout().prefixes(layer)):
        own = {name[len(prefix) :]: value for name, value in weights.items() if name.startswith(prefix)}
        parameters = {name: value.astype(np.float64) for name, value in own.items() if "." not in name}
        found.append(Direction(architecture.cell, architecture.activation, parameters, number == 1))
    return found


def outputs_below(architecture, weights, layer, x):
    """Return the inputs (T, D) of a layer for a sequence x (T, D), float64: the states of the layer below."""
    rows = np.asarray(x, np.float64)
    for index in range(layer):
        parts = []
        for direction in directions_of(architecture, weights, index):
            H = direction.parameters["W"].shape[1]
            states = np.array([step.state[:H] for step in direction.run(rows)])
            parts.append(states[::-1] if direction.reads_back else states)
        rows = np.concatenate(parts, axis=1)
    return rows


def layer_of(fitted, layer):
    """Return the forward direction of a layer, and its number; a negative `layer` counts from the end."""
    index = read_layer(fitted.architecture, layer)
    return directions_of(fitted.architecture, fitted.weights, index)[0], index
