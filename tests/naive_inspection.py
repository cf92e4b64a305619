"""Compute what `numrnn.inspection` computes slowly, on `naive.py`, by one input, step or lag at a time."""

import naive
import numpy as np


def raw_output(weights, x, column, step, *, cell, activation, output, pooling):
    """Return the raw output number `column` at a step of one sequence of vectors."""
    _, rows = naive.run(weights, x, cell, activation)
    return weights["V"][column] @ naive.read(weights, rows, step, output, pooling) + weights["c"][column]


def gradient(function, x, h=1e-5):
    """Return the central differences of a function of one sequence x (T, D)."""
    x = x.copy()
    return naive.central_differences(lambda: function(x), x, h)


def integrated_gradients(function, x, baseline, points=160):
    """Return integrated gradients by the midpoint rule."""
    mean = np.zeros(x.shape)
    for k in range(points):
        mean += gradient(function, baseline + (k + 0.5) / points * (x - baseline)) / points
    return mean * (x - baseline)


def occlusion(function, x, baseline):
    """Return the change of a function by each input, replaced by the baseline."""
    changes = np.zeros(x.shape)
    for t in range(x.shape[0]):
        for d in range(x.shape[1]):
            other = x.copy()
            other[t, d] = baseline
            changes[t, d] = function(x) - function(other)
    return changes


def permutation_importance(score, X, n_repeats, random):
    """Return the fall of score(X) by one permuted input, (D, n_repeats); X is a list of arrays (T_i, D)."""
    result = np.zeros((X[0].shape[1], n_repeats))
    for d in range(X[0].shape[1]):
        for n in range(n_repeats):
            shuffled = random.permutation(np.concatenate([x[:, d] for x in X]))
            others, at = [x.copy() for x in X], 0
            for x in others:
                for t in range(len(x)):
                    x[t, d] = shuffled[at]
                    at += 1
            result[d, n] = score(X) - score(others)
    return result


def states(weights, x, layer, cell, activation):
    """Return the hidden states (T, H) of a layer, both directions side by side."""
    tapes, _ = naive.run(weights, x, cell, activation)
    parts = []
    directions = naive.directions(naive.layers(weights)[layer])
    for number, p in enumerate(directions):
        H = p["W"].shape[1]
        _, each, _ = tapes[layer * len(directions) + number]
        rows = np.array([state[:H] for state in each[1:]])
        parts.append(rows[::-1] if number else rows)
    return np.concatenate(parts, axis=1)


def gates(weights, x, layer, cell):
    """Return the gates (T, H) of a layer that reads forward, by name."""
    saved = naive.run(weights, x, cell, "tanh")[0][layer][2]
    names = {"gru": {"r": 0, "z": 1}, "lstm": {"i": 0, "f": 1, "o": 3}}[cell]
    return {name: np.array([each[place] for each in saved]) for name, place in names.items()}


def flow(weights, x, y, layer, *, cell, activation, output, head, pooling):
    """Return dL/ds_t (T, S) of a layer: at step t, by a run of the steps after t that begins with the states at t."""
    tapes, rows = naive.run(weights, x, cell, activation)
    last, result = len(x) - 1, []
    a = weights["V"] @ naive.read(weights, rows, last, output, pooling) + weights["c"]
    dread = weights["V"].T @ naive.LOSS_OF_HEAD[head](a, y)[1]
    drows = naive.read_back(dread, weights, rows, last, output, pooling)
    sizes = [len(each[0]) for _, each, _ in tapes]
    for t in range(len(x)):
        state = np.concatenate([each[t + 1] for _, each, _ in tapes])
        grad = {name: np.zeros_like(value) for name, value in weights.items()}
        after, _ = naive.run(weights, x[t + 1 :], cell, activation, state)
        dstate = naive.run_back(drows[t + 1 :], x[t + 1 :], after, weights, grad, cell, activation)
        # What layers above read of this layer at step t goes through their step t, whose state is no constant.
        dstates = np.split(dstate, np.cumsum(sizes)[:-1])
        dx = drows[t]
        for number in reversed(range(layer, len(sizes))):
            p, H = naive.layers(weights)[number], naive.layers(weights)[number]["W"].shape[1]
            dnow = dstates[number].copy()
            dnow[:H] += dx
            inputs, each, saved = tapes[number]
            dp = {name: np.zeros_like(value) for name, value in p.items()}
            dx, _ = naive.CELLS[cell][1](dnow, inputs[t], each[t], each[t + 1], saved[t], p, dp, activation)
        result.append(dnow)
    return np.array(result)


def jacobians(weights, x, layer, cell, activation):
    """Return ds_t/ds_{t-1} (T, S, S) of a layer that reads forward, by central differences."""
    p = naive.layers(weights)[layer]
    inputs, each, _ = naive.run(weights, x, cell, activation)[0][layer]
    result = []
    for t in range(len(x)):
        columns = []
        for k in range(len(each[t])):
            h = np.zeros(len(each[t]))
            h[k] = 1e-5
            sides = [naive.CELLS[cell][0](inputs[t], each[t] + sign * h, p, activation)[0] for sign in (1, -1)]
            columns.append((sides[0] - sides[1]) / 2e-5)
        result.append(np.array(columns).T)
    return np.array(result)


def singular_values(J):
    """Return the roots of the eigenvalues of J^T J, the largest first."""
    return np.sqrt(np.maximum(np.linalg.eigvalsh(J.T @ J), 0))[::-1]


def lyapunov_exponents(runs):
    """Return the exponents of sequences of Jacobians by the method of Gram and Schmidt."""
    size = runs[0].shape[1]
    sums, steps = np.zeros(size), 0
    for run in runs:
        vectors = list(np.eye(size))
        for J in run:
            vectors, steps = [J @ vector for vector in vectors], steps + 1
            for k in range(size):
                for before in vectors[:k]:
                    vectors[k] = vectors[k] - (before @ vectors[k]) * before
                length = np.sqrt(vectors[k] @ vectors[k])
                vectors[k] = vectors[k] / length
                sums[k] += np.log(length)
    return np.sort(sums / steps)[::-1]
