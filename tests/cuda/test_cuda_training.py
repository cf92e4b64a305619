"""Test whole fits on the GPU against the CPU: the same seeds give the same networks and files."""

import numpy as np
import pytest
from networks import Case, relative_error, with_last_steps_unweighted
from problems import make_problem
from test_gradients import case_of

import numrnn
from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor
from numrnn.network.cuda.network import CudaNetwork
from numrnn.solvers import SGD, Adam, AdamW, RMSprop

RANDOM = np.random.default_rng(0)
X = [RANDOM.normal(size=(steps, 2)).astype(np.float32) for steps in (4, 1, 5, 3, 3)]
Y = RANDOM.normal(size=(5, 2)).astype(np.float32)
CLASSES = np.array(["a", "b", "c", "b", "a"])
OPTIONS = [
    {"cell": "gru", "dropout": 0.3, "recurrent_dropout": 0.2, "hidden_layer_sizes": (4, 3)},
    {"cell": "lstm", "bptt_steps": 2, "alpha": 0.1},
    {"cell": "elman", "early_stopping": True, "class_weight": {"b": 3.0}, "bidirectional": True},
    {"cell": "gru", "solver": "rmsprop", "clip_norm": 0.01, "initial_state": "learned", "pooling": "mean"},
]


def fit(kind, *data, **params):
    params = {"hidden_layer_sizes": (4,), "max_iter": 2, "batch_size": 2, "random_state": 0, **params}
    return kind(**params).fit(*data)


def same(got, expected, tolerance=1e-5):
    assert relative_error(got._state.theta, expected._state.theta) <= tolerance
    assert relative_error(got.loss_curve_, expected.loss_curve_) <= tolerance


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_classifier_is_the_same_on_both_devices(options):
    cpu, card = (fit(RNNClassifier, X, CLASSES, device=device, **options) for device in ("cpu", "cuda"))
    same(card, cpu)
    assert relative_error(card.predict_proba(X), cpu.predict_proba(X)) <= 1e-5
    assert relative_error(card.set_params(device="cpu").predict_proba(X), cpu.predict_proba(X)) <= 1e-5
    assert relative_error(cpu.set_params(device="cuda").predict_proba(X), card.predict_proba(X)) <= 1e-5
    assert relative_error(cpu.transform(X), card.transform(X)) <= 1e-5


def test_a_regressor_by_lbfgs_is_the_same_on_both_devices():
    options = {"solver": "lbfgs", "dtype": "float64", "cell": "elman", "activation": "relu"}
    cpu, card = (fit(RNNRegressor, X, Y, device=device, **options) for device in ("cpu", "cuda"))
    same(card, cpu, 1e-9)
    (loss, gradient), (other_loss, other) = (model.loss_and_grad(X, Y) for model in (cpu, card))
    assert abs(loss - other_loss) <= 1e-9
    assert relative_error(gradient["V"], other["V"]) <= 1e-6


def test_a_language_model_is_the_same_on_both_devices():
    cpu, card = (
        fit(RNNLanguageModel, "abracadabra" * 2, device=device, bptt_steps=4, max_iter=1) for device in ("cpu", "cuda")
    )
    same(card, cpu)
    assert card.generate("abra", 5, temperature=0) == cpu.generate("abra", 5, temperature=0)


def test_training_goes_on_and_files_are_read_on_the_other_device(tmp_path):
    card = fit(RNNClassifier, X, CLASSES, device="cuda")
    card.save(tmp_path / "card.safetensors")
    there = numrnn.load(tmp_path / "card.safetensors")
    assert there.device == "cuda"
    there.set_params(device="cpu")
    assert relative_error(there.predict_proba(X), card.predict_proba(X)) <= 1e-5
    there.save(tmp_path / "cpu.safetensors")
    assert numrnn.load(tmp_path / "cpu.safetensors").weights_.keys() == card.weights_.keys()
    on_cpu, on_card = (fit(RNNClassifier, X, CLASSES, device="cuda").set_params(device=d) for d in ("cpu", "cuda"))
    for model in (on_cpu, on_card):
        model.partial_fit(X, CLASSES)
    assert relative_error(on_card._state.theta, on_cpu._state.theta) <= 1e-5


@pytest.mark.parametrize(
    "solver",
    [SGD(momentum=0.0), SGD(nesterov=False), SGD(), Adam(), AdamW(weight_decay=0.1), RMSprop(), RMSprop(momentum=0.5)],
    ids=str,
)
def test_every_solver_makes_the_steps_of_the_cpu(solver):
    problem = make_problem(lengths=(3, 1, 2))
    cases = [Case(problem), Case(problem)]
    cases[1].network = CudaNetwork(cases[1].layout, dtype=np.float64)
    for case in cases:
        case.run = case.train(solver, [0.1, 0.05, 0.02], alpha=0.2, clip_norm=0.3)
    cpu, card = cases
    assert card.run.outcome == "done" and card.run.done == 3
    assert relative_error(card.run.losses, cpu.run.losses) <= 1e-12
    assert relative_error(card.run.norms, cpu.run.norms) <= 1e-12
    assert relative_error(card.theta, cpu.theta) <= 1e-12
    assert relative_error(card.before, cpu.before) <= 1e-12
    for name, array in cpu.state.solver_state.items():
        assert relative_error(card.state.solver_state[name], array) <= 1e-12, name


def test_runs_have_the_same_bits():
    thetas = [fit(RNNClassifier, X, CLASSES, device="cuda", cell="lstm", max_iter=1)._state.theta for _ in range(2)]
    np.testing.assert_array_equal(*thetas)


def test_training_that_diverges_goes_back_to_weights_that_were_finite():
    problem = make_problem(head="identity", activation="relu", lengths=(3, 1, 2))
    case = Case(problem, np.float32)
    case.network = CudaNetwork(case.layout, activation="relu", head="identity", dtype=np.float32)
    with np.errstate(all="ignore"):
        run = case.train(SGD(momentum=0.0), [1e-3, 1e30, 1e30, 1e30])
    assert run.outcome == "diverged" and 1 <= run.done < 4
    assert np.isfinite(case.theta).all()


def test_a_mini_batch_without_weight_is_left_out():
    problem = make_problem(lengths=(3, 1, 2))
    case = Case(problem, np.float64)
    case.network = CudaNetwork(case.layout, dtype=np.float64)
    empty = case.targets._replace(weights=np.zeros(3))
    case.targets = empty
    before = case.theta.copy()
    assert case.train(Adam(), [0.1]).done == 0
    np.testing.assert_array_equal(case.theta, before)
    loss, gradient = case.gradient()
    assert np.isnan(loss) and not gradient.any()


def test_last_chunks_without_weight_leave_the_gradient_that_they_leave_on_a_cpu():
    problem = make_problem("gru", output="step", lengths=(4, 2, 3))
    cases = [with_last_steps_unweighted(make(problem)) for make in (Case, case_of)]
    cpu, card = (case for case, _ in cases)
    for case, chunks in cases:
        with np.errstate(divide="ignore"):  # the CPU's kernels, not compiled: 1 / weight
            assert case.train(Adam(), [0.1] * len(chunks), chunks, 0.1).done == 2
    assert relative_error(card.grad, cpu.grad) <= 1e-12
    assert relative_error(card.theta, cpu.theta) <= 1e-12
