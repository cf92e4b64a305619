"""Test the training loop and L-BFGS on a linear network whose optimum is known."""

import copy
import pickle

import numpy as np
import pytest
from linear_network import D, LinearNetwork, problem
from sklearn.exceptions import ConvergenceWarning

from numrnn.solvers import LBFGS, SGD, Adam, RMSprop
from numrnn.training import TrainingDivergedError, TrainingState, minimize_lbfgs, resolve_schedule, train
from numrnn.training.objective import Objective


def constant(rate=0.05):
    return resolve_schedule("constant", learning_rate_init=rate, max_iter=1)


def run(p, **options):
    options = {"solver": Adam(), "schedule": constant(), "batch_size": 8, **options}
    return train(p.network, p.state, p.data, p.targets, **options)


class Failing:
    """Stand for a network whose gradient fails at its call number `at`: by an error, or by another loss."""

    def __init__(self, network, at, error=None, loss=None):
        self.network, self.at, self.error, self.loss, self.count = network, at, error, loss, 0
        self.layout, self.tile_rows, self.state_size = network.layout, network.tile_rows, network.state_size
        self.theta = None

    train, resident = LinearNetwork.train, LinearNetwork.resident

    def gradient(self, theta, *rest):
        self.count += 1
        if self.count == self.at and self.error:
            raise self.error
        loss, weight_sum = self.network.gradient(theta, *rest)
        if self.count == self.at:
            return self.loss, weight_sum
        self.theta = theta.copy()
        return loss, weight_sum


@pytest.mark.parametrize("solver, rate", [(Adam(), 0.05), (SGD(), 0.02), (SGD(momentum=0.0), 0.1), (RMSprop(), 0.01)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_finds_the_answer(solver, rate, dtype):
    p = problem(dtype=dtype)
    theta = p.state.theta
    state = run(p, solver=solver, schedule=constant(rate), max_iter=150)
    assert state.theta is theta and theta.dtype == dtype
    np.testing.assert_allclose(theta, [1, -2, 0.5, 0.25], atol=0.02)
    assert state.epoch == len(state.history) == 150 and state.n_updates == 150 * 5 and state.n_seen == 150 * 40
    assert state.stop_reason == "max_iter"
    assert [record.epoch for record in state.history] == list(range(1, 151))


def test_one_epoch_by_hand():
    """Check one epoch by hand: decay before clipping, clipping before the step, the loss before each update.

    The loss includes the alpha term.
    """
    weights = np.linspace(0, 2, 40)
    p, alpha, clip, rate = problem(weights=weights), 0.3, 0.5, 0.1
    p.state.theta[:] = [0.5, 0.5, 0.5, 0.5]
    theta, losses, sums = p.state.theta.copy(), [], []
    state = run(p, solver=SGD(momentum=0.0), schedule=constant(rate), alpha=alpha, clip_norm=clip, max_iter=1)
    asked = p.network.batches
    assert sorted(sum(asked, [])) == list(range(40)) and {len(ids) for ids in asked} == {8}
    inputs = np.array([sequence.sum(0) for sequence in p.data])
    for ids in asked:
        error = inputs[ids] @ theta[:D] + theta[D] - p.targets.values[ids, 0]
        w = weights[ids]
        losses.append((w * error**2).sum() / w.sum() + alpha / 2 * (theta[:D] ** 2).sum())
        sums.append(w.sum())
        grad = np.append(2 * (w * error) @ inputs[ids], 2 * (w * error).sum()) / w.sum()
        grad[:D] += alpha * theta[:D]
        norm = np.sqrt((grad**2).sum())
        theta -= rate * grad * min(1, clip / (norm + 1e-6))
    np.testing.assert_allclose(state.theta, theta, rtol=1e-13)
    record = state.history[-1]
    assert record.loss == pytest.approx(np.average(losses, weights=sums), rel=1e-13)
    assert record.gradient_norm == pytest.approx(norm, rel=1e-13)
    assert record.learning_rate == rate and record.n_sequences == 40 and record.seconds > 0
    assert np.isnan(record.validation_loss) and np.isnan(record.validation_score)


@pytest.mark.parametrize("schedule", ["constant", "adaptive", "invscaling", "cosine", lambda epoch: 0.9**epoch])
def test_going_on_gives_the_same_bits(schedule):
    """Check that n trainings of one epoch, with a pickle in between, are one training of n epochs."""
    schedule = resolve_schedule(schedule, learning_rate_init=0.05, max_iter=12)
    whole = run(problem(), schedule=schedule, max_iter=12)
    p = problem()
    for _ in range(12):
        p.state = pickle.loads(pickle.dumps(p.state))
        run(p, schedule=schedule, max_iter=1)
    assert p.state.theta.tobytes() == whole.theta.tobytes()
    assert [record.loss for record in p.state.history] == [record.loss for record in whole.history]


def test_shuffles_depend_on_seed_and_epoch_alone():
    def orders(seed, first_epoch=0, **options):
        p = problem()
        p.state.seed, p.state.epoch = seed, first_epoch
        run(p, max_iter=2, **options)
        return p.network.batches[:5], p.network.batches[5:]

    first, second = orders(7)
    assert first != second
    assert orders(7) == (first, second)
    assert orders(7, first_epoch=1)[0] == second
    assert orders(8)[0] != first
    assert len(set(map(str, orders(7, shuffle=False)))) == 1


def test_another_solver_begins_anew():
    p = problem()
    run(p, max_iter=3)
    assert set(p.state.solver_state) == {"m", "v"} and p.state.n_updates == 15
    run(p, solver=SGD(), schedule=constant(0.01), max_iter=1)
    assert set(p.state.solver_state) == {"velocity"} and p.state.n_updates == 5
    assert p.state.epoch == 4


def test_batches_without_weight_are_skipped():
    weights = np.zeros(40)
    weights[:8] = 1.0
    p, alone = problem(weights=weights), problem(8)
    for q in (p, alone):
        run(q, max_iter=3, shuffle=False, alpha=0.1)
    assert p.state.theta.tobytes() == alone.state.theta.tobytes()
    assert p.state.history[-1].loss == alone.state.history[-1].loss
    assert p.state.n_updates == 3 and p.state.epoch == 3


@pytest.mark.parametrize("method", ["train", "lbfgs"])
def test_no_weight_at_all(method):
    p = problem(weights=np.zeros(40))
    with pytest.raises(ValueError, match="sample_weight must .* the weights of all sequences and steps are zero"):
        run(p) if method == "train" else minimize_lbfgs(p.network, p.state, p.data, p.targets, solver=LBFGS())


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_divergence_keeps_the_last_finite_weights(loss):
    p = problem()
    p.network = Failing(p.network, at=13, loss=loss)
    with pytest.raises(TrainingDivergedError, match=r"in epoch 3: loss (nan|inf), gradient norm [0-9.]+;") as caught:
        run(p, max_iter=5)
    assert (caught.value.epoch, str(caught.value.loss)) == (3, str(float(loss)))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert p.state.epoch == 2 and len(p.state.history) == 2
    np.testing.assert_array_equal(p.state.theta, p.network.theta)


@pytest.mark.parametrize("rate, batch_size", [(1e200, 8), (np.finfo(float).max, 40)])
def test_divergence_by_the_step_itself(rate, batch_size):
    """Check a step that overflows, also as the epoch's last update, after which there is no gradient."""
    p = problem()
    p.data.values[:] *= 1e3
    with np.errstate(all="ignore"), pytest.raises(TrainingDivergedError, match="diverged in epoch 1"):
        run(p, solver=SGD(), schedule=constant(rate), batch_size=batch_size, max_iter=3)
    assert np.isfinite(p.state.theta).all()


@pytest.mark.parametrize("method", ["train", "lbfgs"])
def test_interrupt_ends_training_and_keeps_the_weights(method):
    p = problem()
    p.network = Failing(p.network, at=13 if method == "train" else 4, error=KeyboardInterrupt())
    with pytest.warns(UserWarning, match=r"interrupted after [12] epochs; the weights are kept"):
        if method == "train":
            run(p, max_iter=5)
        else:
            minimize_lbfgs(p.network, p.state, p.data, p.targets, solver=LBFGS())
    assert p.state.stop_reason == "interrupted"
    assert p.state.theta.any() and np.isfinite(p.state.theta).all()


@pytest.mark.parametrize("dtype, atol", [(np.float32, 1e-4), (np.float64, 1e-6)])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_lbfgs_finds_the_minimum(dtype, atol, alpha):
    weights = np.linspace(1, 3, 40)
    p = problem(dtype=dtype, weights=weights)
    theta = p.state.theta
    state = minimize_lbfgs(p.network, p.state, p.data, p.targets, solver=LBFGS(ftol=0.0, gtol=1e-6), alpha=alpha)
    inputs = np.array([[*sequence.sum(0), 1] for sequence in p.data], np.float64)
    ridge = alpha / 2 * weights.sum() * np.diag([1, 1, 1, 0])
    expected = np.linalg.solve((inputs.T * weights) @ inputs + ridge, (inputs.T * weights) @ p.targets.values[:, 0])
    assert state.theta is theta and theta.dtype == dtype
    np.testing.assert_allclose(theta, expected, atol=atol)
    assert 1 <= state.epoch == len(state.history) < 30
    losses = [record.loss for record in state.history]
    assert losses == sorted(losses, reverse=True)
    assert np.isnan(state.history[0].learning_rate)


def test_lbfgs_is_deterministic_and_stops_as_told():
    runs = [problem() for _ in range(2)]
    for p in runs:
        minimize_lbfgs(p.network, p.state, p.data, p.targets, solver=LBFGS(), max_iter=3)
        assert p.state.stop_reason == "max_iter" and p.state.epoch == 3
    assert runs[0].state.theta.tobytes() == runs[1].state.theta.tobytes()
    p = problem()
    stop = type("Stop", (), {"on_epoch_end": lambda self, info: info.epoch == 2})()
    minimize_lbfgs(p.network, p.state, p.data, p.targets, solver=LBFGS(), callbacks=[stop])
    assert p.state.stop_reason == "callback" and p.state.epoch == 2
    p = problem()
    minimize_lbfgs(p.network, p.state, p.data, p.targets, solver=LBFGS(max_fun=2))
    assert p.state.stop_reason == "max_iter"


def test_lbfgs_at_the_minimum_has_one_record():
    p = problem()
    p.state.theta[:] = [1, -2, 0.5, 0.25]
    seen = []
    watch = type("Watch", (), {"on_epoch_end": lambda self, info: seen.append(info.epoch)})()
    minimize_lbfgs(
        p.network, p.state, p.data, p.targets, solver=LBFGS(), validate=lambda theta: (0.5, theta[0]), callbacks=[watch]
    )
    assert p.state.stop_reason == "converged" and seen == [1]
    assert p.state.history[0][1:4] == (pytest.approx(0, abs=1e-20), 0.5, 1.0)


def test_lbfgs_divergence_and_failed_line_search():
    p = problem()
    p.network = Failing(p.network, at=1, loss=np.nan)
    with pytest.raises(TrainingDivergedError, match="in epoch 1: loss nan"):
        minimize_lbfgs(p.network, p.state, p.data, p.targets, solver=LBFGS())
    p = problem()
    downhill = p.network.gradient

    def uphill(theta, data, targets, batch, grad, state):
        pair = downhill(theta, data, targets, batch, grad)
        grad *= -1
        return pair

    p.network.gradient = uphill
    with pytest.warns(ConvergenceWarning, match="line search found no lower loss"):
        minimize_lbfgs(p.network, p.state, p.data, p.targets, solver=LBFGS())
    assert p.state.stop_reason == "line_search"


def test_objective_without_weight_is_nan():
    p = problem(weights=np.zeros(40))
    grad = np.ones(4)
    batch = type("Batch", (), {"ids": np.arange(3)})
    loss, weight_sum = Objective(p.network, p.data, p.targets, 0.1)(p.state.theta, batch, grad)
    assert np.isnan(loss) and weight_sum == 0


def test_state_copies():
    state = TrainingState(np.zeros(3), seed=0)
    other = copy.deepcopy(state)
    other.theta += 1
    other.history.append(None)
    assert not state.theta.any() and not state.history
