"""Test gradients with respect to inputs against torch.autograd."""

import numpy as np
import pytest
from networks import Case, relative_error
from problems import make_problem

from numrnn.data.batches import full_batch

torch = pytest.importorskip("torch")
from torch_twin import Twin  # noqa: E402 (needs PyTorch)

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
LENGTHS = np.random.default_rng(2).integers(1, 20, 21).tolist()
KINDS = [
    {"hidden": (11, 18)},
    {"hidden": (20,), "output": "step", "head": "sigmoid"},
    {"hidden": (7, 5), "bidirectional": True},
    {"hidden": (20,), "pooling": "mean"},
    {"hidden": (9,), "pooling": "max", "head": "identity"},
    {"hidden": (11, 8), "n_symbols": 12, "embedding_size": 5},
    {"hidden": (8,), "n_symbols": 12, "bidirectional": True},
]


class TwinOfInputs(Twin):
    """Keep the tensors that the first layer reads."""

    def _inputs(self, x):
        self.read.append(super()._inputs(x).detach().requires_grad_())
        return self.read[-1]

    def input_gradients(self):
        self.read = []
        self.objective().backward()
        return [tensor.grad.numpy() for tensor in self.read]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_input_gradients_in_float32(cell, activation, kind):
    problem = make_problem(cell, activation, lengths=LENGTHS, seed=3, D=4, **kind)
    case = Case(problem, np.float32)
    batch = full_batch(case.data.lengths, case.network.tile_rows)
    got = case.network.input_gradient(case.theta, case.data, case.targets, batch)
    each = TwinOfInputs(problem, torch.float32).input_gradients()
    assert relative_error(got, np.concatenate([each[i] for i in batch.ids])) <= 1e-4
