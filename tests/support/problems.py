"""Draw small random problems for the tests from one seed: weights, ragged sequences, targets and their weights."""

from pathlib import Path
from typing import NamedTuple

import naive
import numpy as np

GOLDEN_ALPHA = 0.1  # the objective of the golden files has this much L2


class Problem(NamedTuple):
    weights: dict  # name -> float64 array, names of the file format
    X: list  # (T, D) arrays, or (T,) arrays of symbols
    y: list  # one target a sequence, or one array of targets over its steps
    w: list  # weights of the same form, some of them zero
    cell: str
    activation: str
    output: str
    head: str
    pooling: str = "last"

    @property
    def kind(self):
        """Return what defines a network, apart from its parameters."""
        return dict(
            cell=self.cell, activation=self.activation, output=self.output, head=self.head, pooling=self.pooling
        )

    @property
    def data(self):
        return self.weights, self.X, self.y, self.w

    def targets(self, dtype=np.float64):
        """Return y and w concatenated, as `data.targets.Targets` holds them."""
        join = np.stack if self.output == "sequence" else np.concatenate
        return join(self.y).astype(np.int64 if self.head == "softmax" else dtype), join(self.w).astype(np.float64)


def parameter_shapes(
    cell, n_inputs, hidden_layer_sizes, n_outputs, embedding_size=None, initial_state="zero", bidirectional=False
):
    """Return shapes by name; for symbols, `n_inputs` is their number."""
    gates = naive.GATES[cell]
    shapes, D = {}, n_inputs
    if embedding_size is not None:
        shapes, D = {"embedding": (n_inputs, embedding_size)}, embedding_size
    for k, H in enumerate(hidden_layer_sizes):
        prefixes = [f"layers.{k}.", f"layers.{k}.reverse."] if bidirectional else [f"layers.{k}."]
        for prefix in prefixes:
            shapes |= {f"{prefix}U": (gates * H, D), f"{prefix}W": (gates * H, H), f"{prefix}b": (gates * H,)}
            if cell == "gru":
                shapes[f"{prefix}b_Wn"] = (H,)
            if initial_state == "learned":
                shapes |= {f"{prefix}{name}": (H,) for name in naive.STATES[cell]}
        D = H * len(prefixes)
    return shapes | {"V": (n_outputs, D), "c": (n_outputs,)}


def make_problem(
    cell="elman",
    activation="tanh",
    hidden=(5,),
    D=3,
    K=3,
    lengths=(4, 1, 6),
    output="sequence",
    head="softmax",
    zero_weights=True,
    seed=0,
    n_symbols=None,
    embedding_size=None,
    initial_state="zero",
    pooling="last",
    bidirectional=False,
):
    """Draw a problem whose states neither vanish nor saturate; by default every third weight is zero.

    With `n_symbols` the inputs are symbols instead of D numbers per step.
    """
    rng = np.random.default_rng(seed)
    weights = {}
    shapes = parameter_shapes(cell, n_symbols or D, hidden, K, embedding_size, initial_state, bidirectional)
    for name, shape in shapes.items():
        scale = 1 / np.sqrt(shape[1]) if len(shape) == 2 else 0.3
        if name == "embedding" or n_symbols and not embedding_size and name in ("layers.0.U", "layers.0.reverse.U"):
            scale = 1.0  # one of its rows, or columns, is all that a unit gets
        weights[name] = scale * rng.standard_normal(shape)
    X = [rng.standard_normal((T, D)) for T in lengths] if n_symbols is None else draw_symbols(rng, n_symbols, lengths)
    y, w = [], []
    for i, T in enumerate(lengths):
        shape = () if output == "sequence" else (T,)
        if head == "softmax":
            y.append(rng.integers(0, K, shape))
        elif head == "sigmoid":
            y.append(rng.integers(0, 2, (*shape, K)).astype(float))
        else:
            y.append(rng.standard_normal((*shape, K)))
        kept = (i + np.arange(T if shape else 1).reshape(shape)) % 3 != 1 if zero_weights else 1.0
        w.append(kept * rng.uniform(0.5, 2.0, shape))
    return Problem(weights, X, y, w, cell, activation, output, head, pooling)


def draw_symbols(rng, n_symbols, lengths):
    """Draw arrays of symbols (T,), of which some are absent and some repeated (if there are two steps or more)."""
    n_present = max(1, min(3 * n_symbols // 4, sum(lengths) // 2))
    present = rng.permutation(n_symbols)[:n_present]
    return [rng.choice(present, T) for T in lengths]


def golden_cases():
    """Yield every case of the golden files: (name, Problem, {"loss", "outputs", "grad", "sgd", "adam"})."""
    for path in sorted((Path(__file__).parents[1] / "golden").glob("*.npz")):
        with np.load(path) as file:
            contents = dict(file)
        weights = named(contents["theta"], contents["names"], contents["shapes"])
        cut = np.cumsum(contents["lengths"])[:-1]
        X = np.split(contents["X"], cut)
        for case in sorted({key.rsplit(".", 1)[0] for key in contents if "." in key}):
            output, head = case.split(".")
            expected = {key[len(case) + 1 :]: value for key, value in contents.items() if key.startswith(case + ".")}
            y, w = expected.pop("y"), expected.pop("w")
            if output == "step":
                y, w = np.split(y, cut), np.split(w, cut)
            cell = path.stem.split("_")[0]
            cell, activation = ("elman", "relu") if cell == "relu" else (cell, "tanh")
            yield f"{path.stem}.{case}", Problem(weights, X, y, w, cell, activation, output, head), expected


def named(theta, names, shapes):
    """Return the golden files' flat parameters by name; a shape (n, 0) stands for a vector."""
    weights, start = {}, 0
    for name, shape in zip(names.tolist(), shapes.tolist(), strict=True):
        shape = [n for n in shape if n]
        weights[name] = theta[start : start + np.prod(shape)].reshape(shape)
        start += np.prod(shape)
    return weights
