"""Test learned and given initial states, and pooling, through the estimators."""

import naive
import numpy as np
import pytest
from problems import make_problem
from sklearn.exceptions import NotFittedError

import numrnn
from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor
from numrnn.estimators import StepState

CELLS = ["elman", "gru", "lstm"]
OPTIONS = {"max_iter": 3, "learning_rate_init": 0.05, "batch_size": 5, "random_state": 0}
random = np.random.default_rng(0)
X = [random.normal(size=(steps, 2)) for steps in random.integers(1, 12, 23)]
Y = np.array([x.sum() > 0 for x in X]).astype(int)
STEPS = [np.cumsum(x[:, 0]) for x in X]


def states_for(sizes, cell):
    return random.normal(0, 0.5, (len(X), sum(sizes) * (2 if cell == "lstm" else 1)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bptt_steps", [None, 4])
def test_a_fit_begins_with_given_states(cell, bptt_steps):
    states = states_for((4, 3), cell)
    kept = states.copy()
    model, again, plain = (
        RNNRegressor((4, 3), cell=cell, output="step", bptt_steps=bptt_steps, n_jobs=n_jobs, **OPTIONS)
        for n_jobs in (1, 2, 1)
    )
    model.fit(X, STEPS, state=states)
    again.fit(X, STEPS, state=StepState(states))
    np.testing.assert_array_equal(model.weights_["V"], again.weights_["V"])
    np.testing.assert_array_equal(states, kept)
    assert not np.array_equal(model.weights_["V"], plain.fit(X, STEPS).weights_["V"])
    again.fit(X, STEPS, state=np.zeros_like(states))
    np.testing.assert_array_equal(again.weights_["V"], plain.weights_["V"])


@pytest.mark.parametrize("cell", CELLS)
def test_the_loss_and_its_gradient_are_those_from_given_states(cell):
    problem = make_problem(cell, hidden=(4, 3), D=2, K=2, lengths=[len(x) for x in X])._replace(X=X, y=list(Y))
    model = RNNClassifier((4, 3), cell=cell, dtype="float64").initialize(X, Y).set_weights(problem.weights)
    states, k = states_for((4, 3), cell), max(map(len, X))
    loss, gradient = model.loss_and_grad(X, Y, problem.w, state=states)
    expected, grad, after = naive.chunk(*problem.data, states=states, start=0, k=k, **problem.kind)
    np.testing.assert_allclose(loss, expected, rtol=1e-10)
    for name, values in gradient.items():
        np.testing.assert_allclose(values, grad[name], rtol=1e-8, atol=1e-12)
    _, got = model.predict_proba(X, state=states, return_state=True)
    np.testing.assert_allclose(got.values, after, rtol=1e-10)
    top = after[:, 4 * len(naive.STATES[cell]) :][:, :3]
    np.testing.assert_allclose(model.transform(X, state=states), top, rtol=1e-10)


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "lbfgs", "dtype": "float64"}])
def test_sequences_held_out_begin_with_states_of_their_own(options):
    states = states_for((4,), "gru")
    model = RNNClassifier((4,), cell="gru", **OPTIONS | options)
    model.fit(X[:15], Y[:15], state=states[:15], X_val=X[15:], y_val=Y[15:], state_val=states[15:])
    if not options:
        assert model.validation_scores_[-1] == model.score(X[15:], Y[15:], state=states[15:])
        p = model.predict_proba(X[15:], state=states[15:])
        np.testing.assert_allclose(model.validation_loss_curve_[-1], -np.log(p[np.arange(8), Y[15:]]).mean(), rtol=1e-5)
        np.testing.assert_allclose(model.predict_log_proba(X[15:], state=states[15:]), np.log(p), atol=1e-5)
    model.fit(X, Y, state=states)
    if not options:
        model.partial_fit(X, Y, state=states)


@pytest.mark.parametrize("form", ["list", "array", "symbols"])
@pytest.mark.parametrize("cell", CELLS)
def test_pieces_that_states_are_carried_between_have_the_bits_of_the_whole(cell, form):
    n_symbols = None
    inputs = random.normal(size=(9, 50, 2)).astype(np.float32)
    if form == "symbols":
        inputs, n_symbols = random.integers(0, 5, (9, 50)), 5  # an array of 50 columns would take no other
    y = random.normal(size=(9, 50))
    model = RNNRegressor((4, 33), cell=cell, output="step", n_symbols=n_symbols, initial_state="learned", **OPTIONS)
    model.fit(inputs if form == "array" else list(inputs), list(y))
    pieces, state = [], None
    for first, end in ((0, 1), (1, 38), (38, 50)):
        piece = inputs[:, first:end] if form == "array" else list(inputs[:, first:end])
        values, state = model.predict(piece, state=state, return_state=True)
        pieces.append(np.array(values))
    np.testing.assert_array_equal(np.hstack(pieces), model.predict(inputs if form == "array" else list(inputs)))
    assert isinstance(state, StepState) and len(state) == 9


@pytest.mark.parametrize("cell", CELLS)
def test_learned_states_begin_every_prediction_and_outlive_a_file(cell, tmp_path):
    model = RNNClassifier((4, 3), cell=cell, output="step", initial_state="learned", bptt_steps=3, **OPTIONS)
    y = [(x[:, 0] > 0).astype(int) for x in X]
    model.fit(X, y)
    learned = {name: values for name, values in model.weights_.items() if name.endswith("_0")}
    assert list(learned) == [f"layers.{k}.{name}" for k in range(2) for name in naive.STATES[cell]]
    assert all(values.any() for values in learned.values())
    p = model.predict_proba(X)
    state = None
    for x_t in X[3]:
        label, state = model.predict_step(x_t, state)
    assert label == model.classes_[p[3][-1].argmax()]
    first = np.repeat(np.concatenate(list(learned.values()))[None], len(X), axis=0)
    for got, expected in zip(model.predict_proba(X, state=first), p, strict=True):
        np.testing.assert_array_equal(got, expected)
    model.save(tmp_path / "model.safetensors")
    for got, expected in zip(numrnn.load(tmp_path / "model.safetensors").predict_proba(X), p, strict=True):
        np.testing.assert_array_equal(got, expected)
    other = RNNClassifier((4, 3), cell=cell, output="step", initial_state="learned", bptt_steps=3, n_jobs=3, **OPTIONS)
    np.testing.assert_array_equal(other.fit(X, y).weights_["layers.1.s_0"], learned["layers.1.s_0"])


def test_a_text_begins_with_learned_states():
    text = "never odd or even " * 20
    options = {"batch_size": 3, "bptt_steps": 10, "max_iter": 3, "learning_rate_init": 0.05, "random_state": 0}
    model = RNNLanguageModel((8,), cell="lstm", initial_state="learned", **options).fit(text)
    state = {name: values for name, values in model.weights_.items() if name.endswith("_0")}
    assert list(state) == ["layers.0.s_0", "layers.0.cell_0"]
    written, loss = model.generate("nev", 20, random_state=1), model.cross_entropy(text)
    assert model.loss_and_grad(text)[0] == pytest.approx(loss, rel=1e-5)
    model.set_weights({name: 5 * np.sign(values) for name, values in state.items()})
    assert model.cross_entropy(text) != loss
    assert model.generate("n", 20, random_state=1) != written


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pooling_is_over_the_steps_of_each_sequence(pooling, tmp_path):
    model = RNNClassifier((4, 3), cell="elman", pooling=pooling, dropout=0.2, dtype="float64", **OPTIONS).fit(X, Y)
    weights = {name: np.array(values) for name, values in model.weights_.items()}
    expected = np.vstack(naive.forward(weights, X, cell="elman", pooling=pooling))
    p = model.predict_proba(X)
    np.testing.assert_allclose(p, expected, rtol=1e-10)
    features = [naive.read(weights, naive.run(weights, x, "elman", "tanh")[1], -1, "sequence", pooling) for x in X]
    np.testing.assert_allclose(model.transform(X), features, rtol=1e-10)
    np.testing.assert_array_equal(model.predict_proba(X[2:3]), p[2:3])
    model.save(tmp_path / "model.safetensors")
    same = numrnn.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(same.predict_proba(X), p)
    np.testing.assert_array_equal(same.transform(X), model.transform(X))
    again = RNNClassifier((4, 3), cell="elman", pooling=pooling, dropout=0.2, dtype="float64", n_jobs=3, **OPTIONS)
    np.testing.assert_array_equal(again.fit(X, Y).predict_proba(X), p)


def test_mistakes():
    states, model = states_for((4,), "elman"), RNNClassifier((4,), max_iter=1)
    for options, message in (
        ({"pooling": "mean", "output": "step"}, "pooling='mean': needs output='sequence' and bptt_steps=None"),
        ({"pooling": "max", "bptt_steps": 3}, "pooling='max': needs output='sequence' and bptt_steps=None"),
        ({"pooling": "sum"}, "The 'pooling' parameter"),
        ({"initial_state": "given"}, "The 'initial_state' parameter"),
    ):
        with pytest.raises(ValueError, match=message):
            RNNClassifier((4,), **options).fit(X, Y)
    with pytest.raises(ValueError, match="state must be None with initial_state='learned'"):
        RNNClassifier((4,), initial_state="learned").fit(X, Y, state=states)
    with pytest.raises(ValueError, match="state_val must be given if both state and X_val are given"):
        model.fit(X, Y, state=states, X_val=X, y_val=Y)
    with pytest.raises(ValueError, match="state_val must be given if both state and X_val are given"):
        model.fit(X, Y, state_val=states, X_val=X, y_val=Y)
    with pytest.raises(ValueError, match=r"state_val must have shape \(23, 4\), .* got \(22, 4\)"):
        model.fit(X, Y, state=states, X_val=X, y_val=Y, state_val=states[1:])
    assert not vars(model).get("_state")
    model.fit(X, Y)
    for call in (model.predict, model.predict_proba, model.predict_log_proba, model.transform):
        with pytest.raises(ValueError, match=r"state must have shape \(23, 4\), .* got \(23, 5\)"):
            call(X, state=np.zeros((23, 5)))
    for call in (model.fit, model.partial_fit, model.score, model.loss_and_grad):
        with pytest.raises(ValueError, match="state contains NaN or infinity"):
            call(X, Y, state=np.full((23, 4), np.nan))
        with pytest.raises(TypeError, match="state must hold real numbers"):
            call(X, Y, state=np.full((23, 4), "a"))
        with pytest.raises(ValueError, match="state must be an array whose rows have the same length"):
            call(X, Y, state=[[0.0]] * 22 + [[0.0, 1.0]])
    pooled = RNNClassifier((4,), pooling="max", max_iter=1).fit(X, Y)
    with pytest.raises(ValueError, match="pooling='max': predict_step needs pooling='last'"):
        pooled.predict_step(X[0][0])
    with pytest.raises(ValueError, match="^pooling='mean': must be 'max' to continue training"):
        pooled.set_params(pooling="mean").partial_fit(X, Y)


@pytest.mark.parametrize("pooling", ["last", "max"])
def test_transform_before_fit_says_so(pooling):
    """Check that transform before fit raises NotFittedError; an early version raised an AttributeError."""
    with pytest.raises(NotFittedError):
        RNNClassifier((4,), pooling=pooling).transform(X)
