"""Define networks, data and options to run kernels with: kinds of networks, and cases of each drawn from seeds."""

from typing import NamedTuple

from numrnn.network.components import CELLS
from numrnn.solvers import SGD, Adam, RMSprop

LARGEST = 70  # sizes alone go from 1 to this
SOLVERS = SGD(momentum=0), SGD(nesterov=False), SGD(), Adam(), RMSprop(), RMSprop(momentum=0.9)


class Kind(NamedTuple):
    """Describe what kernels are compiled for."""

    cell: str
    dtype: str = "float32"
    symbols: bool = False
    bidirectional: bool = False
    pooled: bool = False
    limited: bool = False

    @property
    def streams(self):
        """Return whether single sequences and teams of threads have kernels of their own."""
        return not (self.symbols or self.bidirectional or self.pooled or self.limited)

    @property
    def writes(self):
        """Return whether the network may be a decoder, which writes texts if it reads symbols."""
        return not (self.bidirectional or self.pooled or self.limited)


KINDS = {
    **{cell: Kind(cell) for cell in CELLS},
    **{f"{cell}, float64": Kind(cell, "float64") for cell in CELLS},
    **{f"{cell}, symbols": Kind(cell, symbols=True) for cell in CELLS},
    "gru, symbols, float64": Kind("gru", "float64", symbols=True),
    "elman, pooled": Kind("elman", pooled=True),
    "lstm, pooled, float64": Kind("lstm", "float64", pooled=True),
    "gru, symbols, pooled, float64": Kind("gru", "float64", symbols=True, pooled=True),
    "elman, bidirectional": Kind("elman", bidirectional=True),
    "gru, bidirectional, float64": Kind("gru", "float64", bidirectional=True),
    "lstm, bidirectional, float64": Kind("lstm", "float64", bidirectional=True),
    "gru, bidirectional, symbols, float64": Kind("gru", "float64", symbols=True, bidirectional=True),
    "gru, bidirectional, pooled, float64": Kind("gru", "float64", bidirectional=True, pooled=True),
    **{f"{cell}, limited": Kind(cell, limited=True) for cell in CELLS},
    "elman, limited, float64": Kind("elman", "float64", limited=True),
    "gru, limited, symbols": Kind("gru", symbols=True, limited=True),
    "elman, limited, pooled": Kind("elman", pooled=True, limited=True),
}


class Case(NamedTuple):
    """Describe a network and its data; everything else is drawn from the seed."""

    kind: str
    seed: int
    hidden: tuple = (5,)
    D: int = 3  # inputs, or symbols
    K: int = 3
    lengths: tuple = (6, 4, 4, 1, 2)
    embedding: int = 0  # 0: none
    activation: str = "tanh"
    head: str = "softmax"
    output: str = "sequence"
    pooling: str = "last"
    learned: bool = False
    symbol_type: str = "uint8"
    weights: str = "none"
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    chunk: int = 0  # steps; 0: no chunks
    given: bool = False
    batch_size: int = 100
    n_jobs: int = 1
    solver: int = 0
    clip_norm: float | None = None
    alpha: float = 0.0
    raw: bool = False


def options_of(kind, rng):
    """Draw all that does not depend on sizes."""

    def either(*values):
        return values[rng.integers(len(values))]

    if kind.pooled:
        output = "sequence"
    else:
        output = either("sequence", "sequence", "step", "step", "state" if kind.writes else "step")
    options = {
        "activation": either("tanh", "relu") if kind.cell == "elman" else "tanh",
        "head": either("softmax", "sigmoid", "identity"),
        "output": output,
        "pooling": either("mean", "max") if kind.pooled else "last",
        "learned": bool(rng.integers(2)),
        "symbol_type": either("uint8", "uint16", "uint32", "int64"),
        "weights": either("none", "some", "most"),
        "batch_size": either(3, 8, 20, 100),
        "n_jobs": either(1, 1, 1, 2),
        "solver": int(rng.integers(len(SOLVERS))),
        "clip_norm": either(None, 0.1, 10.0),
        "alpha": either(0.0, 0.1),
        "raw": bool(rng.integers(2)),
    }
    if rng.integers(3) == 0:
        options |= {"dropout": either(0.0, 0.3), "recurrent_dropout": either(0.0, 0.2)}
    if not kind.bidirectional and not kind.pooled:
        options |= {"chunk": either(0, 0, 1, 5, 33), "given": bool(rng.integers(2))}
    if output == "state":
        options |= {"weights": "none", "chunk": 0}
    return options


def alone(name, rng):
    """Yield a case for each size of H, D, K, N and T from 1 to LARGEST, all other sizes being small."""
    kind = KINDS[name]
    lengths = (150, 40, 120, 1, 33) if kind.limited else (6, 4, 4, 1, 2)  # short ones fit into any limit
    for letter in "HDKNT":
        for size in range(1, LARGEST + 1):
            sizes = {"hidden": (5,), "D": 3, "K": 3, "lengths": lengths}
            if letter == "H":
                sizes["hidden"] = (size,)
            elif letter == "N":
                sizes["lengths"] = tuple(rng.integers(1, max(lengths) + 1, size).tolist())
            elif letter == "T":
                sizes["lengths"] = (size, 1, size, (size + 1) // 2)
            else:
                sizes[letter] = size
            if kind.symbols and rng.integers(2):
                sizes["embedding"] = size if letter == "D" else 4
            yield Case(name, int(rng.integers(1 << 31)), **sizes, **options_of(kind, rng))


def combination(name, rng):
    """Draw a case of a kind."""
    kind = KINDS[name]
    layers, count = rng.choice([1, 1, 2, 3]), int(rng.integers(1, 40))
    hidden = tuple(rng.integers(1, rng.choice([9, 40, 71]), layers).tolist())
    if rng.integers(16) == 0:
        hidden = (int(rng.integers(128, 300)),)  # tiles of 16 sequences, and teams of threads
        count = min(count, 9)
    longest = rng.choice([1, 7, 70, 200]) if count < 9 else rng.choice([1, 7, 34])
    if kind.limited:
        count, longest = min(count, 9), 300
    return Case(
        name,
        int(rng.integers(1 << 31)),
        hidden=hidden,
        D=int(rng.integers(1, rng.choice([9, 71, 300]))),
        K=int(rng.integers(1, rng.choice([9, 71]))),
        lengths=tuple(rng.integers(1, longest + 1, count).tolist()),
        embedding=int(rng.integers(1, 40)) if kind.symbols and rng.integers(2) else 0,
        **options_of(kind, rng),
    )
