"""Test predictions on the GPU from sequences that are too long to be read at once."""

import numpy as np
import pytest
from networks import Case, relative_error
from problems import make_problem

from numrnn.network.cuda import network

KINDS = [
    {"output": "step"},
    {"initial_state": "learned"},
    {"n_symbols": 5},
    {"pooling": "max"},
    {"bidirectional": True, "output": "step"},
]


@pytest.mark.parametrize(
    ("cell", "kind"), list(zip(["lstm", "lstm", "gru", "gru", "elman"], KINDS, strict=True)), ids=str
)
def test_long_sequences_are_read_in_pieces(cell, kind, monkeypatch):
    """Check that long sequences are read in pieces if the network can continue from a state."""
    problem = make_problem(cell, lengths=(2, 8, 1, 8), hidden=(3, 2), **kind)
    case, cpu = Case(problem), Case(problem)
    kind = {name: value for name, value in problem.kind.items() if name != "cell"}
    case.network = network.CudaNetwork(case.layout, dtype=np.float64, **kind)
    state = np.random.default_rng(0).normal(size=(4, cpu.network.state_size))
    monkeypatch.setattr(network, "ROWS_AT_ONCE", 4)  # the second long sequence is read with another one
    for given in (None, state):
        results = [each.network.predict(each.theta, each.data, given) for each in (case, cpu)]
        for got, expected in zip(*results, strict=True):
            assert relative_error(got, expected) <= 1e-12
