"""Test losses, gradients and predictions of the GPU against the slow reference implementation."""

import naive
import numpy as np
import pytest
from networks import Case, relative_error
from problems import make_problem

from numrnn.data.batches import full_batch
from numrnn.data.random_streams import mask_keys
from numrnn.data.sources import Targets
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.cuda.network import CudaNetwork
from numrnn.network.interface import Masks, SolverStep
from numrnn.network.parameters import Layout

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
RAGGED = (4, 1, 6, 6, 2)  # blocks of three sequences: the last one has two
KINDS = [
    {},
    {"output": "step"},
    {"head": "sigmoid", "hidden": (3, 4)},
    {"head": "identity", "output": "step", "hidden": (4, 2)},
    {"bidirectional": True, "hidden": (3, 2)},
    {"bidirectional": True, "output": "step", "initial_state": "learned"},
    {"initial_state": "learned", "pooling": "mean"},
    {"pooling": "max", "bidirectional": True},
    {"n_symbols": 5},
    {"n_symbols": 5, "bidirectional": True, "output": "step"},
    {"n_symbols": 5, "embedding_size": 2, "hidden": (3, 2), "output": "step"},
    {"hidden": (1,), "lengths": (1,), "D": 1, "K": 1, "head": "identity", "zero_weights": False},
    {"hidden": (9,), "lengths": (1, 1, 1)},
]


# All cells with one shape, everything else with one cell in turn: cells have kernels apart from the others.
SAMPLE = [*((*cell, KINDS[0]) for cell in CELLS), *((*CELLS[i % 4], kind) for i, kind in enumerate(KINDS[1:]))]


INPUTS = [KINDS[1], KINDS[5], KINDS[6], KINDS[10]]
MIXED = [(*CELLS[i], kind) for i, kind in enumerate(INPUTS)]


def case_of(problem, dtype=np.float64):
    case = Case(problem, dtype)
    kind = {name: value for name, value in problem.kind.items() if name != "cell"}
    case.network = CudaNetwork(case.layout, dtype=dtype, **kind)
    return case


@pytest.mark.parametrize(("cell", "activation", "kind"), SAMPLE, ids=str)
def test_a_card_computes_what_the_slow_truth_says(cell, activation, kind):
    problem = make_problem(cell, activation, **{"lengths": RAGGED, **kind})
    case = case_of(problem)
    loss, gradient = case.gradient()
    assert abs(loss - naive.loss(*problem.data, **problem.kind)) <= 1e-12
    expected = naive.gradient(*problem.data, **problem.kind)
    for name, view in case.layout.views(gradient).items():
        assert relative_error(view, expected[name]) <= 1e-10, name
    join = np.stack if problem.output == "sequence" else np.concatenate
    expected = join(naive.forward(problem.weights, problem.X, **problem.kind))
    assert relative_error(case.predict(), expected) <= 1e-12


@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_float32_stays_float32(cell, activation):
    problem = make_problem(cell, activation, (5, 3), lengths=RAGGED, output="step")
    case, exact = case_of(problem, np.float32), case_of(problem)
    assert case.predict().dtype == np.float32
    (loss, gradient), (expected_loss, expected) = case.gradient(), exact.gradient()
    assert abs(loss - expected_loss) <= 1e-6
    assert relative_error(gradient, expected) <= 1e-5


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_ragged_sequences_are_what_they_are_alone(cell):
    problem = make_problem(cell, lengths=RAGGED, output="step")
    case = case_of(problem, np.float32)
    together = np.split(case.predict(), case.data.offsets[1:-1])
    for i, outputs in enumerate(together):
        alone, _ = case.network.predict(case.theta, case.data[np.array([i])])
        assert relative_error(outputs, alone) <= 1e-6  # a BLAS has other routines for other numbers of rows


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_states_go_from_call_to_call(cell):
    problem = make_problem(cell, lengths=(6, 6, 6), output="step")
    case = case_of(problem)
    whole, last = case.network.predict(case.theta, case.data)
    cut = [case_of(problem._replace(X=[x[part] for x in problem.X])) for part in (slice(0, 4), slice(4, 6))]
    _, state = cut[0].network.predict(case.theta, cut[0].data)
    rest, end = cut[1].network.predict(case.theta, cut[1].data, state)
    assert relative_error(rest, whole.reshape(3, 6, -1)[:, 4:].reshape(rest.shape)) <= 1e-12
    assert relative_error(end, last) <= 1e-12


@pytest.mark.parametrize(("cell", "bidirectional"), [("elman", False), ("gru", True), ("lstm", False), ("lstm", True)])
def test_gradients_of_states_are_those_of_the_cpu(cell, bidirectional):
    layout = Layout(n_inputs=2, hidden_layer_sizes=(3, 2), cell=cell, n_outputs=0, bidirectional=bidirectional)
    random = np.random.default_rng(0)
    problem = make_problem(cell, lengths=RAGGED, D=2)
    data = case_of(problem).data
    theta = random.normal(size=layout.size)
    results = []
    for kind in (CPUNetwork, CudaNetwork):
        network, random = kind(layout, head="identity", output="state", dtype=np.float64), np.random.default_rng(1)
        given = random.normal(size=(len(data), network.state_size))
        after = network.predict(theta, data, given)[1]
        targets, gradient, dgiven = Targets(random.normal(size=given.shape)), np.empty_like(theta), np.empty_like(given)
        batch = full_batch(data.lengths, network.tile_rows)
        network.gradient(theta, data, targets, batch, gradient, given, dgiven)
        results.append((after, gradient, dgiven))
    for got, expected in zip(*results, strict=True):
        assert relative_error(got, expected) <= 1e-10


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("elman", {"output": "step"}),
        ("gru", {"bidirectional": True}),
        ("lstm", {"output": "step"}),
        ("lstm", {"n_symbols": 4, "embedding_size": 2}),
    ],
)
def test_dropout_has_the_masks_of_the_cpu(cell, kind):
    problem = make_problem(cell, hidden=(5, 3), lengths=RAGGED, **kind)
    case, cpu = case_of(problem), Case(problem)
    keys = mask_keys(3, 1, np.arange(len(RAGGED)), np.zeros(len(RAGGED), np.int64))
    results = []
    for network in (cpu.network, case.network):
        gradient, batch = np.empty_like(case.theta), full_batch(case.data.lengths, 8)
        noise = SolverStep.none(case.theta.dtype, masks=Masks(0.4, 0.3, keys))
        loss, _ = network.gradient(case.theta, case.data, case.targets, batch, gradient, step=noise)
        results.append((loss, gradient))
    assert abs(results[0][0] - results[1][0]) <= 1e-12
    assert relative_error(results[1][1], results[0][1]) <= 1e-10


@pytest.mark.parametrize(("cell", "activation", "kind"), MIXED, ids=str)
def test_gradients_of_inputs_are_those_of_a_cpu(cell, activation, kind):
    problem = make_problem(cell, activation, **{"lengths": RAGGED, **kind})
    on_card, case = case_of(problem), Case(problem)
    batch = full_batch(case.data.lengths, case.network.tile_rows)
    got, expected = (
        each.network.input_gradient(each.theta, each.data, each.targets, batch) for each in (on_card, case)
    )
    assert relative_error(got, expected) <= 1e-10
