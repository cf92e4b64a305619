"""Live parity with torch.nn.RNN, GRU and LSTM on packed ragged sequences, where PyTorch is installed."""
import numpy as np
import pytest
from networks import Case, relative_error
from problems import make_problem

from numrnn import solvers

torch = pytest.importorskip("torch")
from torch_twin import Twin  # noqa: E402 (needs PyTorch)

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
ALPHA = 0.01
LENGTHS = np.random.default_rng(2).integers(1, 20, 21).tolist()
TASKS = [("sequence", "softmax"), ("step", "sigmoid"), ("step", "identity")]


def problem_of(cell, activation, hidden, output, head):
    return make_problem(cell, activation, hidden, D=4, K=3, lengths=LENGTHS, output=output, head=head, seed=3)


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("hidden", [(20,), (11, 18)])
@pytest.mark.parametrize(("output", "head"), TASKS)
def test_forward_loss_and_gradient_in_float32(cell, activation, hidden, output, head):
    problem = problem_of(cell, activation, hidden, output, head)
    case, twin = Case(problem, np.float32), Twin(problem, torch.float32)
    assert relative_error(case.predict(), twin.outputs()) <= 1e-4
    loss, grad = case.objective(ALPHA)
    expected_loss, expected = twin.gradient(ALPHA)
    assert relative_error(loss, expected_loss) <= 1e-4
    for name, view in case.layout.views(grad).items():
        assert relative_error(view, expected[name]) <= 1e-4, name


SOLVERS = [("SGD", {"momentum": 0.0}, {"lr": 0.05}), ("SGD", {}, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
           ("Adam", {}, {"lr": 0.01})]


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize(("name", "ours", "theirs"), SOLVERS)
def test_ten_steps_from_the_same_weights_in_float64(cell, activation, name, ours, theirs):
    problem = problem_of(cell, activation, (11, 18), "step", "softmax")
    case, solver = Case(problem), getattr(solvers, name)(**ours)
    state = solver.init_state(case.theta)
    for n_updates in range(1, 11):
        solver.step(case.theta, case.objective(ALPHA)[1], state, theirs["lr"], n_updates)
    expected = Twin(problem).train(name, 10, ALPHA, **theirs)
    for name, view in case.layout.views(case.theta).items():
        assert relative_error(view, expected[name]) <= 1e-8, name
