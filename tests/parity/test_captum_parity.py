"""Test influences of inputs against captum on networks of PyTorch with the same weights."""

import numpy as np
import pytest
from estimators_of_problems import estimator_of
from networks import relative_error
from problems import make_problem

from numrnn.inspection import attribute

torch = pytest.importorskip("torch")
captum = pytest.importorskip("captum.attr")
from torch_twin import Twin  # noqa: E402 (needs PyTorch)

KINDS = [
    ("elman", {"hidden": (5,)}),
    ("gru", {"hidden": (6, 4)}),
    ("lstm", {"hidden": (4,), "bidirectional": True}),
    ("lstm", {"hidden": (5,), "pooling": "mean"}),
]
SYMBOLS = {"n_symbols": 7, "embedding_size": 3, "hidden": (5,)}


class Model(torch.nn.Module):
    """Compute the logits of padded sequences (N, T, D) of equal length by the twin of a problem."""

    def __init__(self, problem):
        super().__init__()
        self.problem = problem

    def forward(self, x):
        twin = Twin(self.problem._replace(X=list(x)))
        twin._inputs = lambda rows: rows
        return twin.activations()


def both(cell, kind):
    problem = make_problem(cell, lengths=(6,) * 4, D=2, seed=1, **kind)
    return problem, estimator_of(problem)


@pytest.mark.parametrize(("cell", "kind"), KINDS, ids=str)
def test_attributions_are_those_of_captum(cell, kind):
    problem, model = both(cell, kind)
    x, network = torch.tensor(np.stack(problem.X), requires_grad=True), Model(problem)
    got = attribute(model, problem.X, target=1)
    expected = captum.Saliency(network).attribute(x, target=1, abs=False).detach().numpy()
    assert relative_error(got, expected) <= 1e-5
    got = attribute(model, problem.X, target=1, method="integrated", n_steps=50)
    expected = captum.IntegratedGradients(network).attribute(x, target=1, n_steps=50).detach().numpy()
    assert relative_error(got, expected) <= 1e-5
    got = attribute(model, problem.X, target=1, method="occlusion")
    expected = captum.Occlusion(network).attribute(x, target=1, sliding_window_shapes=(1, 1)).detach().numpy()
    assert relative_error(got, expected) <= 1e-5


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_attributions_of_symbols_are_those_of_captum_over_their_embeddings(cell):
    problem, model = both(cell, SYMBOLS)
    network = Model(problem._replace(weights={k: v for k, v in problem.weights.items() if k != "embedding"}))
    x = torch.tensor(problem.weights["embedding"][np.stack(problem.X)], requires_grad=True)
    got = attribute(model, problem.X, target=1, method="integrated", n_steps=50)
    expected = captum.IntegratedGradients(network).attribute(x, target=1, n_steps=50).detach().numpy().sum(axis=2)
    assert relative_error(got, expected) <= 1e-5
    got = attribute(model, problem.X, target=1)
    expected = captum.InputXGradient(network).attribute(x, target=1).detach().numpy().sum(axis=2)
    assert relative_error(got, expected) <= 1e-5
