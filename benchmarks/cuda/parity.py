"""Compare losses, gradients and outputs of whole networks of all kinds on the GPU with the CPU's, array by array."""

from typing import NamedTuple

import numpy as np
from measure import Figure

from numrnn import Sequences
from numrnn.data.batches import full_batch
from numrnn.data.random_streams import mask_keys
from numrnn.data.sources import Targets
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.cuda.network import CudaNetwork
from numrnn.network.interface import Masks, SolverStep
from numrnn.network.parameters import Layout, initial_theta

INPUTS, OUTPUTS = 5, 3
DROPOUT, RECURRENT_DROPOUT = 0.3, 0.2
BOUNDS = {"float32": (1e-4, 1e-4), "float64": (1e-10, 1e-10)}  # of gradients, of outputs: over the largest value
RUNS = 3  # on a GPU: launches, the capture of a CUDA graph, the graph
RAGGED = (23, 1, 17, 5, 5, 17, 2, 23, 11, 23, 7)  # lengths that recur, and odd ones
HEADER = (
    *("cell", "network", "units", "sequences"),
    *("float32: gradient", "output", "float64: gradient", "output"),
)


class Case(NamedTuple):
    """Describe a kind of network and the lengths of its sequences."""

    name: str
    hidden: tuple
    lengths: tuple
    layout: dict = {}
    network: dict = {}
    dropout: bool = False


CASES = [
    Case("one sequence of one step", (1,), (1,)),
    Case("equal lengths", (33,), (20,) * 32),
    Case("ragged", (33,), RAGGED),
    Case("ReLU", (33,), RAGGED, network={"activation": "relu"}),
    Case("an output each step", (33,), RAGGED, network={"output": "step"}),
    Case("two layers", (40, 24), RAGGED),
    Case("both directions", (40,), RAGGED, {"bidirectional": True}),
    Case("all of these", (40, 24), RAGGED, {"bidirectional": True}, {"output": "step"}),
    Case("dropout", (40, 24), RAGGED, dropout=True),
    Case("dropout, each step", (40, 24), RAGGED, {"bidirectional": True}, {"output": "step"}, dropout=True),
    Case("learned first states", (40,), RAGGED, {"initial_state": "learned", "bidirectional": True}),
    Case("mean of the states", (40,), RAGGED, network={"pooling": "mean"}),
    Case("maximum of the states", (40,), RAGGED, network={"pooling": "max"}),
    Case("symbols", (40,), RAGGED, {"n_inputs": None, "n_symbols": 7}, {"output": "step"}),
    Case("embedded symbols", (40,), RAGGED, {"n_inputs": None, "n_symbols": 7, "embedding_size": 4}),
    *(Case("ragged", (H,), RAGGED) for H in (32, 64, 65, 68, 128, 129, 132, 256, 512, 1000, 1024)),
    Case("many sequences", (128,), tuple(1 + n * 7 % 40 for n in range(1000))),
    Case("many sequences", (256,), tuple(1 + n * 7 % 40 for n in range(300))),
    Case("both directions", (256, 256), RAGGED, {"bidirectional": True}, {"output": "step"}, dropout=True),
]


def problem_of(cell, case):
    """Return (layout, theta, X, y) of a case in float32."""
    random = np.random.default_rng(0)
    layout = Layout(
        **{"n_inputs": INPUTS, "hidden_layer_sizes": case.hidden, "cell": cell, "n_outputs": OUTPUTS, **case.layout}
    )
    theta = initial_theta(layout, "tanh", 0, np.float32)
    for view in layout.views(theta).values():
        if view.ndim == 1:
            view += 0.1 * random.standard_normal(view.shape)
    if layout.n_symbols is None:
        X = [random.standard_normal((length, INPUTS)).astype(np.float32) for length in case.lengths]
    else:
        X = [random.integers(0, layout.n_symbols, length).astype(np.uint8) for length in case.lengths]
    outputs = sum(case.lengths) if case.network.get("output") == "step" else len(case.lengths)
    return layout, theta, X, random.integers(0, OUTPUTS, outputs)


def computed(kind, problem, case, dtype):
    """Return the outputs of a network of the CPU or the GPU, and its gradients by name with the loss among them."""
    layout, theta, X, y = problem
    network, theta = kind(layout, dtype=dtype, **case.network), theta.astype(dtype)
    data = Sequences.from_list([x if layout.n_symbols else x.astype(dtype) for x in X])
    masks = None
    if case.dropout:
        keys = mask_keys(0, 0, np.arange(len(X)), np.zeros(len(X), np.int64))
        masks = Masks(DROPOUT, RECURRENT_DROPOUT, keys)
    step = SolverStep.none(dtype, masks=masks)
    gradient, batch = np.empty_like(theta), full_batch(data.lengths, network.tile_rows)
    for _ in range(1 if kind is CPUNetwork else RUNS):
        loss, _ = network.gradient(theta, data, Targets(y), batch, gradient, step=step)
    return {**layout.views(gradient), "loss": np.array([loss])}, network.predict(theta, data)[0]


def relative_error(got, expected):
    """Return max |got - expected| over max |expected|, or 0 if the two are equal."""
    difference = np.abs(got.astype(np.float64) - expected).max()
    return float(difference and difference / np.abs(expected).max())


def errors(cell, case):
    """Yield the figures of a row: the largest errors in float32 and float64 against the CPU's float64."""
    problem = problem_of(cell, case)
    gradients, outputs = computed(CPUNetwork, problem, case, np.float64)
    for dtype, bounds in BOUNDS.items():
        got, got_outputs = computed(CudaNetwork, problem, case, np.dtype(dtype))
        worst = np.max([relative_error(got[name], expected) for name, expected in gradients.items()])  # keeps a NaN
        yield Figure("gradient", float(worst), bounds[0], at_most=True)
        yield Figure("output", relative_error(got_outputs, outputs), bounds[1], at_most=True)


def key_of(cell, case):
    """Return the first cells of a row."""
    return cell, case.name, ", ".join(map(str, case.hidden)), len(case.lengths)


def measured(cases):
    """Return the function that measures the row of a key."""
    by_key = {key_of("", case)[1:]: case for case in cases}
    return lambda cell, *rest: list(errors(cell, by_key[rest]))
