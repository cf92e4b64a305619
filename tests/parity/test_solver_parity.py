"""Test the solvers of the library and of the reference against torch.optim."""

import naive
import numpy as np
import pytest
from test_solvers import IDS, PARITY, gradient, rates, start, trajectory

torch = pytest.importorskip("torch")

OPTIMISERS = [
    ("sgd", "SGD", {}, {}),
    ("sgd", "SGD", {"momentum": 0.9}, {"momentum": 0.9}),
    ("sgd", "SGD", {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "nesterov": True}),
    ("adam", "Adam", {"beta_1": 0.8, "beta_2": 0.95}, {"betas": (0.8, 0.95)}),
    ("adamw", "AdamW", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
    ("rmsprop", "RMSprop", {}, {}),
    ("rmsprop", "RMSprop", {"rho": 0.9, "momentum": 0.5}, {"alpha": 0.9, "momentum": 0.5}),
]


@pytest.mark.parametrize("solver, name, options, golden", PARITY, ids=IDS)
def test_equals_torch(solver, name, options, golden):
    theta = torch.tensor(start())
    optimizer = getattr(torch.optim, name)([theta], lr=1.0, **options)
    points = []
    for rate in rates():
        optimizer.param_groups[0]["lr"] = rate
        theta.grad = torch.tensor(gradient(theta.numpy()))
        optimizer.step()
        points.append(theta.numpy().copy())
    np.testing.assert_allclose(trajectory(solver)[0], points, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("solver", "optimizer", "ours", "theirs"), OPTIMISERS)
def test_naive_solvers_are_pytorchs(solver, optimizer, ours, theirs):
    rng = np.random.default_rng(1)
    theta, grads = rng.standard_normal(7), rng.standard_normal((10, 7))
    parameter = torch.nn.Parameter(torch.tensor(theta))
    stepper, state = getattr(torch.optim, optimizer)([parameter], lr=0.02, **theirs), {}
    for n_updates, grad in enumerate(grads, start=1):
        parameter.grad = torch.tensor(grad)
        stepper.step()
        getattr(naive, solver)(theta, grad, state, 0.02, n_updates, **ours)
        np.testing.assert_allclose(theta, parameter.detach().numpy(), rtol=1e-12)
