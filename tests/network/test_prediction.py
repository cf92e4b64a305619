"""Test predictions with cached weights and buffers, which are never out of date or another thread's."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone

from numrnn import RNNClassifier, RNNRegressor, load
from numrnn.data.sequences import Sequences
from numrnn.estimators import StepState
from numrnn.network.cpu.prediction import KEPT_BYTES

CELLS = ["elman", "gru", "lstm"]
X = np.random.default_rng(0).normal(size=(12, 9, 3)).astype(np.float32)
Y = np.arange(len(X)) % 3
STEPS = np.random.default_rng(1).integers(0, 2, (*X.shape[:2], 2))
SHAPES = [
    (RNNClassifier, (1,), "sequence", Y),
    (RNNClassifier, (5, 3), "step", STEPS[..., 0]),
    (RNNClassifier, (4,), "step", STEPS),  # multi-label
    (RNNRegressor, (33, 2), "sequence", STEPS[:, 0].astype(float)),
    (RNNRegressor, (4,), "step", STEPS[..., 0].astype(float)),
]


def small(kind=RNNRegressor, **params):
    fixed = {"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, "n_jobs": 1}
    return kind(**fixed | ({"scale_targets": False} if kind is RNNRegressor else {}) | params)


def unprepared(model, data):
    """Return the outputs of a network that is built for this call."""
    sequences = Sequences.from_array(np.asarray(data, model._state.theta.dtype))
    return model._architecture.network().predict(model._state.theta, sequences)[0][:, 0].astype(float)


def assert_present(model):
    """Check that predictions of all sequences, of one and of single steps use the present weights."""
    expected = unprepared(model, X)
    np.testing.assert_array_equal(model.predict(X), expected)
    np.testing.assert_array_equal(model.predict(X[:1]), expected[:1])
    np.testing.assert_array_equal(model.predict_step(X[0, 0])[0], unprepared(model, X[:1, :1])[0])


def test_predictions_follow_the_weights(tmp_path):
    model = small().fit(X, Y)
    other = small(random_state=1).fit(X, Y)
    assert not np.array_equal(model.predict(X), other.predict(X))
    changes = [
        lambda: model.set_weights({"c": [0.5]}),
        lambda: model.set_weights(other.weights_),
        lambda: model.partial_fit(X, Y),
        lambda: model.fit(X, -Y),
        lambda: model.set_params(warm_start=True).fit(X, Y),
        lambda: model.set_params(warm_start=False, hidden_layer_sizes=(4, 3)).fit(X, Y),
        lambda: model.set_params(solver="lbfgs").fit(X, Y),
        lambda: model.initialize(X, Y),
    ]
    for change in changes:
        before = model.predict(X)
        change()
        assert not np.array_equal(model.predict(X), before)
        assert_present(model)
    model.save(tmp_path / "model")
    for same in (load(tmp_path / "model"), copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert_present(same)
        expected = model.predict(X)
        same.set_weights({"c": [7.0]})
        assert_present(same)
        np.testing.assert_array_equal(model.predict(X), expected)


def test_a_shallow_copy_that_trains_leaves_the_other_as_it_was():
    model = small().fit(X, Y)
    expected, shallow = model.predict(X), copy.copy(model)
    shallow.partial_fit(X, Y)
    assert_present(shallow)
    np.testing.assert_array_equal(model.predict(X), expected)


def test_a_failed_fit_leaves_predictions_as_they_were():
    model = small().fit(X, Y)
    with pytest.raises(ValueError):
        model.fit(X, Y[:-1])
    assert_present(model)


class Watcher:
    """Predict while the weights change."""

    def __init__(self):
        self.model, self.predictions, self.copies = None, [], []

    def on_epoch_end(self, info):
        assert_present(self.model)
        self.predictions.append(self.model.predict(X))
        self.copies.append(pickle.dumps(self.model.set_params(callbacks=None)))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_predict_with_the_weights_of_their_epoch(solver):
    watcher = Watcher()
    model = watcher.model = small(solver=solver, max_iter=4, learning_rate_init=0.1, callbacks=[watcher])
    model.fit(X, Y)
    assert len(watcher.predictions) == 4
    assert all((a != b).any() for a, b in zip(watcher.predictions, watcher.predictions[1:], strict=False))
    assert_present(model)
    saved = pickle.loads(watcher.copies[0])
    np.testing.assert_array_equal(saved.predict(X), watcher.predictions[0])
    assert saved._predictor() is saved._predictor()


def test_weights_that_change_while_they_are_packed_are_packed_again():
    model = small().fit(X, Y)
    state = model._state
    late = model._predictor()
    read = state.prepared
    with state.changing():
        assert model._predictor() is not model._predictor()
        state.theta *= 2
    state.prepared = read  # a thread that had begun before
    assert model._predictor() is not late
    assert_present(model)


def test_what_is_kept_is_in_no_copy_and_no_pickle():
    model = small().fit(X, Y)
    before, size = dict(vars(model)), len(pickle.dumps(model))
    model.predict(X)
    model.predict_step(X[0, 0])
    assert vars(model) == before and len(pickle.dumps(model)) == size
    assert model._predictor() is model._predictor()
    assert copy.deepcopy(model)._state.prepared is None
    assert "_state" not in vars(clone(model))


@pytest.mark.parametrize("cell, dtype", [("elman", "float64"), *((cell, "float32") for cell in CELLS)])
@pytest.mark.parametrize("kind, hidden, output, y", SHAPES)
def test_one_sequence_and_its_steps_have_the_bits_of_many(kind, hidden, output, y, cell, dtype):
    model = small(kind, cell=cell, hidden_layer_sizes=hidden, output=output, dtype=dtype, max_iter=1).fit(X, y)
    whole = model.predict(X)
    for i in range(2):
        one = model.predict(X[i : i + 1])
        assert type(one) is type(whole) and one.dtype == whole.dtype
        np.testing.assert_array_equal(one[0], whole[i])
        np.testing.assert_array_equal(model.predict([X[i].astype(dtype)])[0], whole[i])
    state = None
    for t in range(X.shape[1]):
        prediction, state = model.predict_step(X[0, t].astype(dtype), state)
        assert np.asarray(prediction).dtype == whole.dtype
        if output == "step":
            np.testing.assert_array_equal(prediction, whole[0, t])
    if output == "sequence":
        np.testing.assert_array_equal(prediction, whole[0])


def test_a_step_has_the_same_bits_however_its_arrays_lie():
    model = small(cell="lstm").fit(X, Y)
    x = X[0, 0]
    _, state = model.predict_step(X[0, 1])
    expected, after = model.predict_step(x, state)
    wide, frozen = np.repeat(x, 2)[::2], x.copy()
    frozen.flags.writeable = False
    values = np.asfortranarray(np.repeat(state.values, 2, axis=0))[:1]
    fixed = state.values.copy()
    fixed.flags.writeable = False
    for given in (wide, frozen, x.astype(float), x.tolist(), x[None]):
        for before in (state, StepState(values), StepState(fixed), StepState(state.values.tolist())):
            prediction, now = model.predict_step(given, before)
            np.testing.assert_array_equal(np.ravel(prediction), expected)
            np.testing.assert_array_equal(now.values, after.values)


def test_a_state_belongs_to_the_caller():
    model = small(cell="gru").fit(X, Y)
    _, first = model.predict_step(X[0, 0])
    kept = first.values.copy()
    _, second = model.predict_step(X[0, 1], first)
    model.predict_step(X[0, 2], second)
    np.testing.assert_array_equal(first.values, kept)
    assert not np.shares_memory(first.values, second.values)
    with pytest.raises(AttributeError):
        first.values = kept
    assert first != StepState(first.values) and len({first, second}) == 2
    for same in (copy.copy(first), copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        np.testing.assert_array_equal(same.values, kept)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_that_are_not_finite_are_refused_and_leave_no_trace(dtype):
    model = small().fit(X, Y)
    expected, state = model.predict_step(X[0, 0])
    for wrong in (np.nan, np.inf, -np.inf):
        x, values = X[0, 0].astype(dtype), state.values.astype(dtype)
        x[1], values[0, 2] = wrong, wrong
        with pytest.raises(ValueError, match="x contains NaN or infinity"):
            model.predict_step(x, StepState(values))
        with pytest.raises(ValueError, match="state contains NaN or infinity"):
            model.predict_step(X[0, 0].astype(dtype), StepState(values))
        with pytest.raises(ValueError, match=r"X\[0\] contains (NaN|infinity).* in step 0"):
            model.predict([x[None]])
    assert model.predict_step(X[0, 0])[0] == expected


def test_memory_holds_nothing_that_matters_and_does_not_grow():
    model = small(cell="lstm", hidden_layer_sizes=(5, 3), output="step").fit(X, STEPS[..., 0])
    expected = model.predict(X)
    predictor = model._predictor()
    memories = lambda: [*predictor._spare, *sum(predictor.network.memory._spare.values(), [])]  # noqa: E731
    for _ in range(3):
        model.predict(X[:1])
        model.predict_step(X[0, 0])
        assert len(memories()) == 2
        for memory in memories():
            memory.work[:] = np.nan
        np.testing.assert_array_equal(model.predict(X), expected)
        np.testing.assert_array_equal(model.predict(X[:1]), expected[:1])
    model.predict(np.zeros((1, KEPT_BYTES, 3), np.float32))
    model.predict(np.zeros((2, KEPT_BYTES, 3), np.float32))
    assert sum(memory.work.nbytes for memory in memories()) <= 2 * KEPT_BYTES


def stream(model, i):
    state, found = None, []
    for x in X[i]:
        prediction, state = model.predict_step(x, state)
        found.append(prediction)
    return found


@pytest.mark.serial
@pytest.mark.parametrize("cell", CELLS)
def test_eight_threads_share_one_estimator(cell):
    """Check eight threads from the first call on: streams of each, with predictions of one and of many sequences."""
    model = small(cell=cell, output="step", hidden_layer_sizes=(33, 17)).fit(X, STEPS[..., 0])
    expected = copy.deepcopy(model).predict(X)

    def use(i):
        i = i % len(X)
        return stream(model, i), model.predict(X[i : i + 1])[0], model.predict(X)[i], expected[i]

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(use, range(64)):
            for values in found[:3]:
                np.testing.assert_array_equal(values, found[3])
    assert len(model._predictor()._spare) <= 8


def test_steps_of_no_stream_and_states_out_of_range_are_refused():
    model = RNNRegressor((5,), random_state=0, max_iter=1).fit(np.ones((4, 3, 2)), np.arange(4.0))
    with pytest.raises(ValueError, match="at least one stream"):
        model.predict_step(np.zeros((0, 2), np.float32))
    with pytest.raises(ValueError, match="state contains NaN or infinity"):
        model.predict_step(np.zeros((2, 2)), StepState(np.full((2, 5), 1e300)))
