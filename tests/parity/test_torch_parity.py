"""Test against torch.nn.RNN, GRU and LSTM, one- and bidirectional, on packed ragged sequences."""

import naive
import numpy as np
import pytest
from networks import Case, relative_error
from problems import Problem, make_problem

from numrnn import RNNSeq2Seq, solvers
from numrnn.data.batches import full_batch, in_chunks
from numrnn.network.cpu import scheduling

torch = pytest.importorskip("torch")
from torch_twin import PairTwin, Twin  # noqa: E402 (needs PyTorch)

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
ALPHA = 0.01
LENGTHS = np.random.default_rng(2).integers(1, 20, 21).tolist()
TASKS = [("sequence", "softmax"), ("step", "sigmoid"), ("step", "identity")]
INPUTS = {"vectors": {"D": 4}, "one-hot": {"n_symbols": 12}, "embedding": {"n_symbols": 12, "embedding_size": 5}}
# Both directions of symbols in float32 for one cell, in float64 for another: docs/design/tests.rst has the table.
FORWARD = [(*cell, name, False) for cell in CELLS for name in INPUTS]
FLOAT32 = [
    *FORWARD,
    *((*cell, "vectors", True) for cell in CELLS),
    ("lstm", "tanh", "one-hot", True),
    ("lstm", "tanh", "embedding", True),
]
FLOAT64 = [
    *FORWARD,
    *((*cell, "vectors", True) for cell in CELLS),
    ("gru", "tanh", "one-hot", True),
    ("gru", "tanh", "embedding", True),
]
POOLED = [
    ("elman", "tanh", "vectors"),
    ("elman", "relu", "vectors"),
    ("gru", "tanh", "one-hot"),
    ("gru", "tanh", "embedding"),
    ("lstm", "tanh", "vectors"),
]
each_input = pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)


def problem_of(cell, activation, hidden, output, head, inputs, **options):
    return make_problem(cell, activation, hidden, lengths=LENGTHS, output=output, head=head, seed=3, **inputs | options)


@pytest.mark.parametrize(("cell", "activation", "inputs", "bidirectional"), FLOAT32)
@pytest.mark.parametrize("hidden", [(20,), (11, 18)])
@pytest.mark.parametrize(("output", "head"), TASKS)
def test_forward_loss_and_gradient_in_float32(cell, activation, hidden, output, head, inputs, bidirectional):
    problem = problem_of(cell, activation, hidden, output, head, INPUTS[inputs], bidirectional=bidirectional)
    case, twin = Case(problem, np.float32), Twin(problem, torch.float32)
    assert relative_error(case.predict(), twin.outputs()) <= 1e-4
    loss, grad = case.objective(ALPHA)
    expected_loss, expected = twin.gradient(ALPHA)
    assert relative_error(loss, expected_loss) <= 1e-4
    for name, view in case.layout.views(grad).items():
        assert relative_error(view, expected[name]) <= 1e-4, name


def check(problem):
    """Compare a problem's float32 results with PyTorch's."""
    case, twin = Case(problem, np.float32), Twin(problem, torch.float32)
    assert relative_error(case.predict(), twin.outputs()) <= 1e-4
    _, expected = twin.gradient()
    for name, view in case.layout.views(case.gradient()[1]).items():
        assert relative_error(view, expected[name]) <= 1e-4, name


@pytest.mark.parametrize(("cell", "activation", "inputs"), POOLED)
@pytest.mark.parametrize("hidden", [(20,), (11, 18)])
@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pooling_in_float32(cell, activation, hidden, pooling, inputs):
    problem = problem_of(cell, activation, hidden, "sequence", "softmax", INPUTS[inputs], pooling=pooling)
    check(problem)


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@each_input
@pytest.mark.parametrize("hidden", [(20,), (11, 18)])
@pytest.mark.parametrize("output", ["sequence", "step"])
def test_learned_states_in_float32(cell, activation, hidden, output, inputs):
    problem = problem_of(cell, activation, hidden, output, "softmax", inputs, initial_state="learned")
    check(problem)


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@each_input
@pytest.mark.parametrize("hidden", [(20,), (11, 18)])
@pytest.mark.parametrize("output", ["sequence", "step"])
def test_given_states_in_float32(cell, activation, hidden, output, inputs):
    problem = problem_of(cell, activation, hidden, output, "softmax", inputs)
    case, twin = Case(problem, np.float32), Twin(problem, torch.float32)
    states = torch.randn((len(LENGTHS), twin.state_size), generator=torch.Generator().manual_seed(0))
    twin.states = states.requires_grad_()
    given, grad, dstates = states.detach().numpy(), np.zeros_like(case.theta), np.zeros(states.shape, np.float32)
    assert relative_error(case.network.predict(case.theta, case.data, given)[0], twin.outputs()) <= 1e-4
    batch = full_batch(case.data.lengths, case.network.tile_rows)
    case.network.gradient(case.theta, case.data, case.targets, batch, grad, given, dstates)
    _, expected = twin.gradient()
    assert relative_error(dstates, states.grad.numpy()) <= 1e-4
    for name, view in case.layout.views(grad).items():
        assert relative_error(view, expected[name]) <= 1e-4, name


SOLVERS = [
    ("SGD", {"momentum": 0.0}, {"lr": 0.05}),
    ("SGD", {}, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("Adam", {}, {"lr": 0.01}),
]


@pytest.mark.parametrize(("cell", "activation", "inputs", "bidirectional"), FLOAT64)
@pytest.mark.parametrize(("name", "ours", "theirs"), SOLVERS)
def test_ten_steps_from_the_same_weights_in_float64(cell, activation, name, ours, theirs, inputs, bidirectional):
    problem = problem_of(cell, activation, (11, 18), "step", "softmax", INPUTS[inputs], bidirectional=bidirectional)
    case, solver = Case(problem), getattr(solvers, name)(**ours)
    case.train(solver, [theirs["lr"]] * 10, alpha=ALPHA)
    expected = Twin(problem).train(name, 10, ALPHA, **theirs)
    for name, view in case.layout.views(case.theta).items():
        assert relative_error(view, expected[name]) <= 1e-8, name


def train_by_chunks(problem, k, epochs, optimizer, **options):
    """Train by truncated BPTT as one writes it with PyTorch: detached states, and an update if there is a target."""
    twin, updates = Twin(problem), 0
    optimizer = getattr(torch.optim, optimizer)(twin.parameters.values(), **options)
    for start in [*range(0, max(LENGTHS), k)] * epochs:
        if start == 0:
            states = np.zeros((len(problem.X), twin.state_size))
        ids = [i for i, x in enumerate(problem.X) if len(x) > start]
        part = problem._replace(X=[problem.X[i][start : start + k] for i in ids])
        if problem.output == "step":
            part = part._replace(**{name: [getattr(problem, name)[i][start : start + k] for i in ids] for name in "yw"})
        else:
            ends = [len(problem.X[i]) <= start + k for i in ids]
            part = part._replace(
                y=[problem.y[i] for i in ids], w=[problem.w[i] * end for i, end in zip(ids, ends, strict=True)]
            )
        twin.problem, twin.states = part, states[ids]
        optimizer.zero_grad()
        loss = twin.objective(ALPHA)
        states[ids] = twin.after
        if np.concatenate([np.ravel(w) for w in part.w]).any():
            loss.backward()
            optimizer.step()
            updates += 1
    return twin.named(), updates


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@each_input
@pytest.mark.parametrize(("output", "k"), [("step", 5), ("sequence", 2)])
def test_truncated_bptt_in_float64(cell, activation, inputs, output, k):
    """Check that a chunk without a target, here the second, is no update of the weights or of Adam's count."""
    problem = problem_of(cell, activation, (11, 18), output, "softmax", inputs, zero_weights=False)
    for i, x in enumerate(problem.X):
        if output == "step":
            problem.w[i][k : 2 * k] = 0
        elif k < len(x) <= 2 * k:
            problem.w[i] = 0.0
    case, epochs = Case(problem), 3
    batches = in_chunks(
        [full_batch(case.data.lengths, case.network.tile_rows)], case.data.lengths, k, case.network.tile_rows
    )
    for _ in range(epochs):
        case.train(solvers.Adam(), [0.01] * len(batches), batches, ALPHA)
    expected, updates = train_by_chunks(problem, k, epochs, "Adam", lr=0.01)
    assert case.state.n_updates == updates == epochs * (len(batches) - 1)
    for name, view in case.layout.views(case.theta).items():
        assert relative_error(view, expected[name]) <= 1e-8, name


def test_subnormal_numbers_count_in_every_thread_whatever_pytorch_told_this_one(monkeypatch):
    """Check subnormal numbers after `torch.set_flush_denormal`.

    It changes the thread that calls it, here after the others have started.
    """
    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)
    problem = make_problem("gru", hidden=(11, 18), lengths=[5] * 64, output="step", zero_weights=False)
    problem = problem._replace(X=[1e-39 * x for x in problem.X])
    cases = [Case(problem, np.float32, n_jobs) for n_jobs in (1, 4)]
    expected = [(case.predict(), *case.gradient()) for case in cases]
    subnormal = np.abs(cases[0].layout.views(expected[0][2])["layers.0.U"])
    assert ((0 < subnormal) & (subnormal < np.finfo(np.float32).tiny)).any()
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor does not flush subnormal numbers")
    try:
        got = [(case.predict(), *case.gradient()) for case in cases]
    finally:
        torch.set_flush_denormal(False)
    # As bytes: a comparison of numbers would depend on the mode as well.
    bits = [[np.asarray(value).tobytes() for value in values] for values in expected + got]
    assert bits == [bits[0]] * 4


def pair_of(cell, activation, source, target, dtype, embedding_size=None, **params):
    """Return an estimator, its arguments and its twin."""
    rng = np.random.default_rng(4)
    X = [rng.integers(0, 6, n) if source == "symbols" else rng.standard_normal((n, 3)) for n in LENGTHS]
    y = [rng.integers(0, 5, n) if target == "symbols" else rng.standard_normal((n, 2)) for n in LENGTHS[::-1]]
    model = RNNSeq2Seq(
        (11, 18),
        scale_targets=False,
        cell=cell,
        activation=activation,
        n_symbols=6 if source == "symbols" else None,
        embedding_size=embedding_size,
        dtype=dtype,
        alpha=ALPHA,
        random_state=0,
        **params,
    )
    model.initialize(X, y)
    weights = naive.parts({name: np.array(values, np.float64) for name, values in model.weights_.items()})
    inputs, targets = naive.teacher(y, model.n_target_symbols_)
    ones = [np.ones(len(each)) for each in targets]
    head = "softmax" if target == "symbols" else "identity"
    encoder = Problem(weights[0], X, [0.0] * len(X), [1.0] * len(X), cell, activation, "sequence", "identity")
    decoder = Problem(weights[1], inputs, targets, ones, cell, activation, "step", head)
    return model, X, y, PairTwin(encoder, decoder, getattr(torch, dtype))


PAIRS = [
    ("symbols", "symbols", None),
    ("symbols", "symbols", 4),
    ("vectors", "symbols", None),
    ("vectors", "vectors", None),
]


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize(("source", "target", "embedding_size"), PAIRS)
def test_an_encoder_decoder_in_float32(cell, activation, source, target, embedding_size):
    model, X, y, twin = pair_of(cell, activation, source, target, "float32", embedding_size)
    loss, gradient = model.loss_and_grad(X, y)
    expected_loss, expected = twin.gradient(ALPHA)
    assert relative_error(loss, expected_loss) <= 1e-4
    for name, values in gradient.items():
        assert relative_error(values, expected[name]) <= 1e-4, name


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize(("source", "target", "embedding_size"), PAIRS)
def test_ten_steps_of_an_encoder_decoder_in_float64(cell, activation, source, target, embedding_size):
    options = dict(learning_rate_init=0.01, batch_size=len(LENGTHS), clip_norm=None)
    model, X, y, twin = pair_of(cell, activation, source, target, "float64", embedding_size, **options)
    for _ in range(10):
        model.partial_fit(X, y)
    expected = twin.train("Adam", 10, ALPHA, lr=0.01)
    for name, values in model.weights_.items():
        assert relative_error(values, expected[name]) <= 1e-8, name
