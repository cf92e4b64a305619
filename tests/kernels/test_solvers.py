"""Test solvers: PyTorch's trajectories, dtypes, options, and the kernels on the flat vector."""

import numpy as np
import pytest
from sklearn.base import clone

from numrnn.kernels.cpu import updates
from numrnn.solvers import LBFGS, SGD, Adam, AdamW, RMSprop, resolve_solver

# solver, torch.optim class and options, theta[[0, 7]] after 20 steps of `trajectory` as torch.optim 2.13 computes them
PARITY = [
    (SGD(momentum=0.0), "SGD", {}, (0.706413586455797, 0.295692541151953)),
    (SGD(momentum=0.9, nesterov=False), "SGD", {"momentum": 0.9}, (-0.399920286898463, -0.587776833908789)),
    (
        SGD(momentum=0.9, nesterov=True),
        "SGD",
        {"momentum": 0.9, "nesterov": True},
        (-0.477830347232827, -0.562010673974193),
    ),
    (Adam(), "Adam", {}, (0.776861997869935, 0.536893832064311)),
    (
        Adam(beta_1=0.3, beta_2=0.98, epsilon=1e-3),
        "Adam",
        {"betas": (0.3, 0.98), "eps": 1e-3},
        (0.784508729337915, 0.554006385254204),
    ),
    (AdamW(), "AdamW", {}, (0.774867827035022, 0.535498502616913)),
    (AdamW(weight_decay=0.3), "AdamW", {"weight_decay": 0.3}, (0.718898513409443, 0.496400882245348)),
    (RMSprop(), "RMSprop", {}, (0.0866309891291211, 0.0701333589615934)),
    (
        RMSprop(rho=0.9, momentum=0.5),
        "RMSprop",
        {"alpha": 0.9, "momentum": 0.5},
        (0.388183131869076, 0.243296564882334),
    ),
]
IDS = [f"{solver}" for solver, *_ in PARITY]


def start(dtype=np.float64):
    return np.cos(np.arange(11.0)).astype(dtype)


def gradient(theta):
    """Return the gradient of sum(k theta^4 / 4 + sin(theta)), which differs for all parameters and is not quadratic."""
    return np.arange(1.0, 12.0).astype(theta.dtype) * theta**3 + np.cos(theta)


def rates():
    return [0.02 / (1 + n / 10) for n in range(20)]


def trajectory(solver, dtype=np.float64):
    theta = start(dtype)
    state = solver.init_state(theta)
    points = []
    for n, rate in enumerate(rates(), start=1):
        solver.step(theta, gradient(theta), state, rate, n)
        points.append(theta.copy())
    return np.array(points), state


@pytest.mark.parametrize("solver, name, options, golden", PARITY, ids=IDS)
def test_equals_torch_golden(solver, name, options, golden):
    np.testing.assert_allclose(trajectory(solver)[0][-1, [0, 7]], golden, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("solver", [solver for solver, *_ in PARITY], ids=IDS)
def test_float32_stays_float32(solver):
    points, state = trajectory(solver, np.float32)
    assert points.dtype == np.float32
    assert all(values.dtype == np.float32 and values.shape == (11,) for values in state.values())
    np.testing.assert_allclose(points, trajectory(solver)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("solver", [solver for solver, *_ in PARITY] + [LBFGS()], ids=[*IDS, "LBFGS()"])
def test_is_an_estimator_without_state(solver):
    copy = clone(solver)
    assert copy.get_params() == solver.get_params()
    assert "learning_rate" not in solver.get_params()
    trajectory(copy) if not isinstance(copy, LBFGS) else None
    assert vars(copy) == vars(solver)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop, LBFGS])
def test_names(kind):
    assert type(resolve_solver(kind.__name__.lower())) is kind


@pytest.mark.parametrize(
    "solver, error, message",
    [
        ("adagrad", ValueError, "solver must be one of .*'adagrad'"),
        (3, TypeError, "solver must be one of .* got 3"),
        (Adam, TypeError, "solver must be"),
        (Adam(beta_2=1.0), ValueError, r"Adam: beta_2 must be in \[0.0, 1.0\), got 1.0"),
        (AdamW(weight_decay=-1.0), ValueError, "AdamW: weight_decay"),
        (SGD(momentum="0.9"), TypeError, "SGD: momentum must be a number, got '0.9'"),
        (RMSprop(rho=float("nan")), ValueError, "RMSprop: rho"),
        (LBFGS(max_fun=2.5), TypeError, "LBFGS: max_fun must be an integer, got 2.5"),
    ],
)
def test_bad_solvers(solver, error, message):
    with pytest.raises(error, match=message):
        resolve_solver(solver)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000])
def test_vector_kernels(size, dtype):
    theta = np.random.default_rng(size).standard_normal(size).astype(dtype)
    assert updates.squared_norm(theta) == pytest.approx(np.sum(theta.astype(np.float64) ** 2), rel=1e-14)
    clipped = theta.copy()
    updates.clip(clipped, 2.0, np.inf)
    np.testing.assert_array_equal(clipped, theta)
    if size:
        updates.clip(clipped, 2.0, 1.0)
        np.testing.assert_array_equal(clipped, theta * dtype(1 / 2.000001))
    grad = np.ones(size, dtype)
    squares = updates.add_decay(grad, theta, dtype(0.25))
    np.testing.assert_allclose(grad, 1 + dtype(0.25) * theta, rtol=1e-6)
    assert grad.dtype == dtype
    assert squares == pytest.approx(np.sum(theta.astype(np.float64) ** 2), rel=1e-14)


def test_squared_norm_of_float32_does_not_overflow():
    assert updates.squared_norm(np.full(3, 1e30, np.float32)) == pytest.approx(3e60)
