"""Compute cells, heads, losses and solvers slowly, by one sequence, step and unit at a time, in float64.

These reference implementations ("slow twins") import NumPy alone, so that a mistake in the library cannot hide in its
own test. Weights are dictionaries under the names of the file format (`layers.0.U` (G*H, D), `layers.0.W` (G*H, H),
`layers.0.b` (G*H,), GRU: `layers.0.b_Wn` (H,), `V` (K, H), `c` (K,), learned states `layers.0.s_0` and
`layers.0.cell_0` (H,)); X is a list of (T, D) arrays; y and w are lists with one entry for each sequence
(`output="sequence"`) or one array over its steps (`output="step"`). A cell's state is one vector: s (H,), or for an
LSTM s and the memory (2H,).

X may be a list of (T,) arrays of integers, which are symbols: a symbol's input is its row of `embedding`
(n_symbols, E), and `layers.0.U` is (G*H, E); without `embedding`, `layers.0.U` is (G*H, n_symbols), and a symbol
selects its column.

If there are `layers.0.reverse.U` and so on, layers are bidirectional: the reverse direction reads the steps from last
to first, and the layer above and V read the concatenated states of both. With `output="sequence"`, V reads the last
state of each direction.
"""

import functools

import numpy as np

GATES = {"elman": 1, "gru": 3, "lstm": 4}


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a)) if a >= 0 else np.exp(a) / (1.0 + np.exp(a))


# Cells: `*_step` gives the state after a step and what its backward pass needs; `*_back` adds to the gradients in `dp`
# and gives the derivatives by the step's input and by the state before.


def from_input(p, row, x):
    return p["U"][row] @ x if np.ndim(x) else p["U"][row, x]


def input_back(da, p, dp, row, x, dx):
    if np.ndim(x):
        dp["U"][row] += da * x
        dx += da * p["U"][row]
    else:
        dp["U"][row, x] += da  # nothing to add to dx: there is no derivative by a symbol


def row_sum(p, row, x, s):
    return from_input(p, row, x) + p["W"][row] @ s + p["b"][row]


def row_back(da, p, dp, row, x, s, dx, ds):
    input_back(da, p, dp, row, x, dx)
    dp["W"][row] += da * s
    dp["b"][row] += da
    ds += da * p["W"][row]


def elman_step(x, s, p, activation):
    """Compute s_t = a(U x_t + W s_{t-1} + b) (Elman 1990)."""
    now = np.empty(len(s))
    for j in range(len(s)):
        a = row_sum(p, j, x, s)
        now[j] = max(a, 0.0) if activation == "relu" else np.tanh(a)
    return now, None


def elman_back(dnow, x, s, now, saved, p, dp, activation):
    dx, ds = np.zeros(np.shape(x)), np.zeros(len(s))
    for j in range(len(s)):
        slope = float(now[j] > 0) if activation == "relu" else 1.0 - now[j] ** 2
        row_back(dnow[j] * slope, p, dp, j, x, s, dx, ds)
    return dx, ds


def gru_step(x, s, p, activation):
    """Compute s_t of a GRU with gates r, z, n (Cho et al. 2014).

    The reset gate acts after the matrix product (Appleyard et al. 2016).
    """
    H = len(s)
    now, r, z, n, m = (np.empty(H) for _ in range(5))
    for j in range(H):
        r[j] = sigmoid(row_sum(p, j, x, s))
        z[j] = sigmoid(row_sum(p, H + j, x, s))
        m[j] = p["W"][2 * H + j] @ s + p["b_Wn"][j]
        n[j] = np.tanh(from_input(p, 2 * H + j, x) + p["b"][2 * H + j] + r[j] * m[j])
        now[j] = (1.0 - z[j]) * n[j] + z[j] * s[j]
    return now, (r, z, n, m)


def gru_back(dnow, x, s, now, saved, p, dp, activation):
    H = len(s)
    r, z, n, m = saved
    dx, ds = np.zeros(np.shape(x)), np.zeros(H)
    for j in range(H):
        dz = dnow[j] * (s[j] - n[j])
        dn = dnow[j] * (1.0 - z[j])
        ds[j] += dnow[j] * z[j]
        da_n = dn * (1.0 - n[j] ** 2)
        dr, dm = da_n * m[j], da_n * r[j]
        row_back(dr * r[j] * (1.0 - r[j]), p, dp, j, x, s, dx, ds)
        row_back(dz * z[j] * (1.0 - z[j]), p, dp, H + j, x, s, dx, ds)
        row = 2 * H + j
        input_back(da_n, p, dp, row, x, dx)
        dp["b"][row] += da_n
        dp["W"][row] += dm * s
        dp["b_Wn"][j] += dm
        ds += dm * p["W"][row]
    return dx, ds


def lstm_step(x, state, p, activation):
    """Compute s_t and cell_t of an LSTM with gates i, f, g, o (Gers, Schmidhuber and Cummins 2000)."""
    H = len(state) // 2
    s, memory = state[:H], state[H:]
    now = np.empty(2 * H)
    i, f, g, o = (np.empty(H) for _ in range(4))
    for j in range(H):
        i[j] = sigmoid(row_sum(p, j, x, s))
        f[j] = sigmoid(row_sum(p, H + j, x, s))
        g[j] = np.tanh(row_sum(p, 2 * H + j, x, s))
        o[j] = sigmoid(row_sum(p, 3 * H + j, x, s))
        now[H + j] = f[j] * memory[j] + i[j] * g[j]
        now[j] = o[j] * np.tanh(now[H + j])
    return now, (i, f, g, o)


def lstm_back(dnow, x, state, now, saved, p, dp, activation):
    H = len(state) // 2
    s, memory = state[:H], state[H:]
    i, f, g, o = saved
    dx, dstate = np.zeros(np.shape(x)), np.zeros(2 * H)
    ds, dmemory = dstate[:H], dstate[H:]
    for j in range(H):
        squashed = np.tanh(now[H + j])
        dm = dnow[H + j] + dnow[j] * o[j] * (1.0 - squashed**2)
        do, di, dg, df = dnow[j] * squashed, dm * g[j], dm * i[j], dm * memory[j]
        dmemory[j] = dm * f[j]
        row_back(di * i[j] * (1.0 - i[j]), p, dp, j, x, s, dx, ds)
        row_back(df * f[j] * (1.0 - f[j]), p, dp, H + j, x, s, dx, ds)
        row_back(dg * (1.0 - g[j] ** 2), p, dp, 2 * H + j, x, s, dx, ds)
        row_back(do * o[j] * (1.0 - o[j]), p, dp, 3 * H + j, x, s, dx, ds)
    return dx, dstate


CELLS = {"elman": (elman_step, elman_back), "gru": (gru_step, gru_back), "lstm": (lstm_step, lstm_back)}


# Layers over one sequence.


def layers(weights):
    """Return the parameters of each layer, by their short names."""
    found = []
    while f"layers.{len(found)}.U" in weights:
        prefix = f"layers.{len(found)}."
        found.append({name[len(prefix) :]: value for name, value in weights.items() if name.startswith(prefix)})
    return found


def directions(p):
    """Return the parameters of a layer's forward direction, and of its reverse direction if there is one."""
    found = [{name: value for name, value in p.items() if "." not in name}]
    reverse = {name.removeprefix("reverse."): value for name, value in p.items() if name.startswith("reverse.")}
    return found + [reverse] if reverse else found


def top_places(weights, t, output):
    """Return the indices (steps, units) of the top layer's outputs that V reads at step t.

    With output="sequence" and t the last step, the reverse direction ends at step 0.
    """
    each = directions(layers(weights)[-1])
    steps = [np.full(p["W"].shape[1], 0 if reverse and output == "sequence" else t) for reverse, p in enumerate(each)]
    steps = np.concatenate(steps)
    return steps, np.arange(len(steps))


def inputs_of(weights, x):
    """Return the first layer's inputs: (T, D), rows of the embedding (T, E), or symbols (T,)."""
    if "embedding" in weights:
        return np.array([weights["embedding"][symbol] for symbol in x])
    return x if x.dtype.kind in "iu" else np.asarray(x, dtype=np.float64)


STATES = {"elman": ("s_0",), "gru": ("s_0",), "lstm": ("s_0", "cell_0")}


def first_state(weights, cell):
    """Return the learned or zero state before the first step, concatenated over layers and directions."""
    each = [p for layer in layers(weights) for p in directions(layer)]
    return np.concatenate([p.get(name, np.zeros(p["W"].shape[1])) for p in each for name in STATES[cell]])


def add_to_learned(dstates, weights, grad, cell):
    """Add the derivatives by the states before the first steps (N, state_size) to those by learned ones."""
    at = 0
    for p in [p for layer in layers(grad) for p in directions(layer)]:
        for name in STATES[cell]:
            if name in p:
                p[name] += dstates[:, at : at + len(p[name])].sum(axis=0)
            at += p["W"].shape[1]


def run(weights, x, cell, activation, state=None):
    """Compute the forward pass of one sequence.

    Returns for each layer and direction the inputs (T, D) in the order in which it reads them, the states before and
    after each step and what each step saved; and the top layer's outputs (T, H).
    """
    step = CELLS[cell][0]
    rest = first_state(weights, cell) if state is None else state
    tapes, rows = [], inputs_of(weights, x)
    for layer in layers(weights):
        outputs = []
        for order, p in zip((1, -1), directions(layer), strict=False):
            H = p["W"].shape[1]
            first, rest = np.split(rest, [len(STATES[cell]) * H])
            states, saved = [first], []
            for x_t in rows[::order]:
                now, kept = step(x_t, states[-1], p, activation)
                states.append(now)
                saved.append(kept)
            tapes.append((rows[::order], states, saved))
            outputs.append(np.array([state[:H] for state in states[1:]]).reshape(-1, H)[::order])
        rows = np.concatenate(outputs, axis=1)
    return tapes, rows


def run_back(drows, x, tapes, weights, grad, cell, activation, dlast=None):
    """Compute the backward pass through all layers and steps, and return the gradient of the initial state.

    It begins with the derivatives with respect to the top layer's outputs (T, H), `drows`, and to the states of all
    layers after the last step, `dlast`. The gradients of the parameters are added to `grad`.
    """
    back, dfirst = CELLS[cell][1], []
    dlast = np.zeros_like(first_state(weights, cell)) if dlast is None else dlast
    ends = np.split(dlast, np.cumsum([len(states[0]) for _, states, _ in tapes])[:-1])
    whole = list(zip(tapes, ends, strict=True))
    for layer, dlayer in reversed(list(zip(layers(weights), layers(grad), strict=True))):
        each = list(zip(directions(layer), directions(dlayer), strict=True))
        whole, own = whole[: -len(each)], whole[-len(each) :]
        dinputs, dstates = np.zeros(own[0][0][0].shape), []
        for order, (p, dp), ((rows, states, saved), end) in zip((1, -1), each, own, strict=False):
            H = p["W"].shape[1]
            dpart, drows = drows[::order, :H], drows[:, H:]
            dstate = end.copy()
            for t in reversed(range(len(rows))):
                dstate[:H] += dpart[t]
                dx, dstate = back(dstate, rows[t], states[t], states[t + 1], saved[t], p, dp, activation)
                dinputs[::order][t] += dx
            dstates.append(dstate)
        dfirst = dstates + dfirst
        drows = dinputs
    if "embedding" in weights:
        for symbol, drow in zip(x, drows, strict=True):
            grad["embedding"][symbol] += drow
    return np.concatenate(dfirst)


# Heads: a = V s + c, the output o(a).


def head_output(a, head):
    if head == "softmax":
        e = np.exp(a - a.max())
        return e / e.sum()
    return np.array([sigmoid(value) for value in a]) if head == "sigmoid" else a


# Losses: the loss l(a, y) and dl/da; the parameter is theirs, if they have one.


def cross_entropy(a, y, parameter=None):
    return (a.max() + np.log(np.exp(a - a.max()).sum()) - a[y], head_output(a, "softmax") - (np.arange(len(a)) == y))


def binary_cross_entropy(a, y, parameter=None):
    each = [max(v, 0.0) - v * target + np.log1p(np.exp(-abs(v))) for v, target in zip(a, y, strict=True)]
    return np.mean(each), (head_output(a, "sigmoid") - y) / len(a)


def squared_error(a, y, parameter=None):
    return np.mean((a - y) ** 2), 2.0 * (a - y) / len(a)


LOSSES = {"cross_entropy": cross_entropy, "binary_cross_entropy": binary_cross_entropy, "squared_error": squared_error}
LOSS_OF_HEAD = {"softmax": cross_entropy, "sigmoid": binary_cross_entropy, "identity": squared_error}


# Many sequences.


def read(weights, rows, t, output, pooling):
    """Return what V reads at step t of the top layer's outputs (T, H): the last state, or all of them pooled."""
    last = rows[top_places(weights, t, output)]
    return {"last": last, "mean": rows.mean(axis=0), "max": rows.max(axis=0)}[pooling]


def read_back(dread, weights, rows, t, output, pooling):
    """Return the derivatives with respect to the rows (T, H); a maximum's goes to the first step that has it."""
    drows = np.zeros_like(rows)
    if pooling == "mean":
        drows += dread / len(rows)
    elif pooling == "max":
        drows[rows.argmax(axis=0), np.arange(len(dread))] = dread
    else:
        drows[top_places(weights, t, output)] = dread
    return drows


def forward(weights, X, *, cell, activation="tanh", output="sequence", head="softmax", pooling="last"):
    """Return the outputs h: a list of (K,) arrays, or of (T, K) arrays for output="step"."""
    outputs = []
    for x in X:
        _, rows = run(weights, x, cell, activation)
        steps = [len(x) - 1] if output == "sequence" else range(len(x))
        each = [head_output(weights["V"] @ read(weights, rows, t, output, pooling) + weights["c"], head) for t in steps]
        outputs.append(each[0] if output == "sequence" else np.array(each))
    return outputs


def penalty(weights, alpha):
    """Compute the L2 term alpha/2 (|U|^2 + |W|^2 + |V|^2), without biases."""
    return alpha / 2 * sum((value**2).sum() for name, value in weights.items() if name.split(".")[-1] in "UWV")


def items(X, y, w, output):
    """Yield (sequence, step, target, weight) for each prediction."""
    for i, x in enumerate(X):
        if output == "sequence":
            yield i, len(x) - 1, y[i], 1.0 if w is None else w[i]
        else:
            for t in range(len(x)):
                yield i, t, y[i][t], 1.0 if w is None else w[i][t]


def loss(
    weights, X, y, w=None, alpha=0.0, *, cell, activation="tanh", output="sequence", head="softmax", pooling="last"
):
    """Compute the objective sum(w l) / sum(w) + alpha/2 (|U|^2 + |W|^2 + |V|^2)."""
    tops = [run(weights, x, cell, activation)[1] for x in X]
    total = total_weight = 0.0
    for i, t, target, weight in items(X, y, w, output):
        s = read(weights, tops[i], t, output, pooling)
        total += weight * LOSS_OF_HEAD[head](weights["V"] @ s + weights["c"], target)[0]
        total_weight += weight
    return total / total_weight + penalty(weights, alpha)


def gradient(weights, X, y, w=None, alpha=0.0, **kind):
    """Compute the objective's gradient by BPTT, as a dictionary with the names of `weights`."""
    states = np.array([first_state(weights, kind["cell"])] * len(X))
    dstates = np.zeros_like(states)
    k = max(map(len, X))
    grad = chunk(weights, X, y, w, alpha, states=states, start=0, k=k, dstates=dstates, **kind)[1]
    add_to_learned(dstates, weights, grad, kind["cell"])
    return grad


def chunk(
    weights,
    X,
    y,
    w=None,
    alpha=0.0,
    *,
    states,
    start,
    k,
    cell,
    activation="tanh",
    output="sequence",
    head="softmax",
    dstates=None,
    pooling="last",
):
    """Compute the objective of the steps [start, start + k), its gradient, and the states after them (truncated BPTT).

    The `states` before them are constants, the derivatives with respect to which go to `dstates`, if given. States are
    (N, state_size): layer after layer, an LSTM's memory after its s. A sequence that has ended keeps its state. If
    nothing is predicted, or only with weight 0, the loss is nan and the gradient is 0.
    """
    grad = {name: np.zeros_like(value, dtype=np.float64) for name, value in weights.items()}
    parts = [x[start : start + k] for x in X]
    runs = [run(weights, x, cell, activation, state) for x, state in zip(parts, states, strict=True)]
    after = np.array([np.concatenate([states[-1] for _, states, _ in tapes]) for tapes, _ in runs])
    goals = [(i, t - start, target, weight) for i, t, target, weight in items(X, y, w, output) if 0 <= t - start < k]
    total_weight = sum(weight for _, _, _, weight in goals)
    if total_weight == 0:
        return np.nan, grad, after
    total, dtops = 0.0, [np.zeros_like(rows) for _, rows in runs]
    for i, t, target, weight in goals:
        s = read(weights, runs[i][1], t, output, pooling)
        a = weights["V"] @ s + weights["c"]
        value, da = LOSS_OF_HEAD[head](a, target)
        total += weight * value
        da = weight / total_weight * da
        ds = np.zeros_like(s)
        for j in range(len(da)):
            grad["V"][j] += da[j] * s
            grad["c"][j] += da[j]
            ds += da[j] * weights["V"][j]
        dtops[i] += read_back(ds, weights, runs[i][1], t, output, pooling)
    for i, (x, (tapes, _), dtop) in enumerate(zip(parts, runs, dtops, strict=True)):
        dfirst = run_back(dtop, x, tapes, weights, grad, cell, activation)
        if dstates is not None:
            dstates[i] = dfirst
    for name, value in weights.items():
        if name.split(".")[-1] in "UWV":
            grad[name] += alpha * value
    return total / total_weight + penalty(weights, alpha), grad, after


def final_states(weights, X, states, cell, activation="tanh"):
    """Return the states (N, state_size) after the last steps, from `states` before the first."""
    tapes = [run(weights, x, cell, activation, state)[0] for x, state in zip(X, states, strict=True)]
    return np.array([np.concatenate([states[-1] for _, states, _ in tape]) for tape in tapes])


def back_from_final_states(weights, X, states, dlast, cell, activation="tanh"):
    """Compute BPTT of a network without a head from given derivatives with respect to its final states.

    Returns the gradients of the parameters and of the initial states.
    """
    grad, dstates = {name: np.zeros_like(value) for name, value in weights.items()}, np.zeros_like(states)
    for i, x in enumerate(X):
        tapes, tops = run(weights, x, cell, activation, states[i])
        dstates[i] = run_back(np.zeros_like(tops), x, tapes, weights, grad, cell, activation, dlast[i])
    return grad, dstates


def central_differences(function, array, h=1e-5):
    """Return the central differences of a function without arguments with respect to an array that it reads."""
    differences = np.empty_like(array)
    for index in np.ndindex(array.shape):
        kept, sides = array[index], []
        for value in (kept - h, kept + h):
            array[index] = value
            sides.append(function())
        array[index] = kept
        differences[index] = (sides[1] - sides[0]) / (2 * h)
    return differences


# Solvers, in PyTorch's formulas: theta (P,) and the state's arrays change in place; n_updates counts from 1.


def sgd(theta, grad, state, learning_rate, n_updates, *, momentum=0.0, nesterov=False):
    velocity = state.setdefault("velocity", np.zeros(len(theta)))
    for i in range(len(theta)):
        velocity[i] = momentum * velocity[i] + grad[i]
        theta[i] -= learning_rate * (grad[i] + momentum * velocity[i] if nesterov else velocity[i])


def adam(theta, grad, state, learning_rate, n_updates, *, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    m, v = (state.setdefault(name, np.zeros(len(theta))) for name in "mv")
    for i in range(len(theta)):
        m[i] = beta_1 * m[i] + (1 - beta_1) * grad[i]
        v[i] = beta_2 * v[i] + (1 - beta_2) * grad[i] ** 2
        m_hat, v_hat = m[i] / (1 - beta_1**n_updates), v[i] / (1 - beta_2**n_updates)
        theta[i] -= learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)


def adamw(theta, grad, state, learning_rate, n_updates, *, weight_decay=0.01, **options):
    for i in range(len(theta)):
        theta[i] *= 1 - learning_rate * weight_decay
    adam(theta, grad, state, learning_rate, n_updates, **options)


def rmsprop(theta, grad, state, learning_rate, n_updates, *, rho=0.99, epsilon=1e-8, momentum=0.0):
    v, velocity = (state.setdefault(name, np.zeros(len(theta))) for name in ("v", "velocity"))
    for i in range(len(theta)):
        v[i] = rho * v[i] + (1 - rho) * grad[i] ** 2
        velocity[i] = momentum * velocity[i] + grad[i] / (np.sqrt(v[i]) + epsilon)
        theta[i] -= learning_rate * velocity[i]


# Encoder-decoders: weights are those of both networks, `encoder.layers.0.U` ..., `decoder.layers.0.U` ..., `decoder.V`;
# y is a list of (L,) arrays of symbols, of which `end` is none, or of (L, K) arrays (`end` None).


def parts(weights):
    """Return the encoder's and the decoder's weights under their own names."""
    return [
        {name.split(".", 1)[1]: value for name, value in weights.items() if name.startswith(part)}
        for part in ("encoder.", "decoder.")
    ]


def teacher(y, end=None):
    """Return the decoder's inputs and targets for training (teacher forcing)."""
    if end is None:
        return [np.vstack([np.zeros_like(rows[:1]), rows[:-1]]) for rows in y], y
    return [np.append(end, symbols) for symbols in y], [np.append(symbols, end) for symbols in y]


def pair_gradient(weights, X, y, alpha=0.0, *, end=None, cell, activation="tanh"):
    """Compute an encoder-decoder's mean loss per decoder step plus the L2 term, and its gradient by name."""
    encoder, decoder = parts(weights)
    nothing = np.array([first_state(encoder, cell)] * len(X))
    states = final_states(encoder, X, nothing, cell, activation)
    inputs, targets = teacher(y, end)
    dstates = np.zeros_like(states)
    total, ddecoder, _ = chunk(
        decoder,
        inputs,
        targets,
        alpha=alpha,
        states=states,
        start=0,
        k=max(map(len, inputs)),
        cell=cell,
        activation=activation,
        output="step",
        head="identity" if end is None else "softmax",
        dstates=dstates,
    )
    dencoder, _ = back_from_final_states(encoder, X, nothing, dstates, cell, activation)
    for name, value in encoder.items():
        if name.split(".")[-1] in "UWV":
            dencoder[name] += alpha * value
    grad = {f"encoder.{name}": value for name, value in dencoder.items()}
    return total + penalty(encoder, alpha), grad | {f"decoder.{name}": value for name, value in ddecoder.items()}


def log_probability(weights, x, written, *, end, cell, activation="tanh", ended=True):
    """Return the log-probability of a sequence of symbols, with its end symbol unless `ended` is False."""
    encoder, decoder = parts(weights)
    state = final_states(encoder, [x], [first_state(encoder, cell)], cell, activation)[0]
    inputs, targets = np.append(end, written).astype(int), np.append(written, end).astype(int)
    _, rows = run(decoder, inputs, cell, activation, state)
    losses = [
        cross_entropy(decoder["V"] @ s + decoder["c"], target)[0] for s, target in zip(rows, targets, strict=True)
    ]
    return -sum(losses if ended else losses[:-1])


def binomial(n, k):
    """Return the number of ways to choose k of n."""
    return 1 if k == 0 else binomial(n - 1, k - 1) * n // k


@functools.cache
def fewest_made_again(count, slots):
    """Return the least number of segments to recompute for a backward pass through `count` segments.

    The backward pass through a segment needs the state before it; `slots` such states can be stored, the first
    segment's included.
    """
    if count == 1:
        return 0
    if slots == 1:
        return count * (count - 1) // 2
    return min(
        step + fewest_made_again(count - step, slots - 1) + fewest_made_again(step, slots) for step in range(1, count)
    )
