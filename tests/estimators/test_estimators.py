"""Test what the estimators share: parameters, forms of data, weights, continued training, streams, validation."""

import copy
import pickle

import joblib
import naive
import numba
import numpy as np
import pandas
import pytest
import sklearn
from problems import make_problem
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from numrnn import RNNClassifier, RNNRegressor, Sequences, TrainingDivergedError
from numrnn.estimators import StepState, fitting
from numrnn.estimators.held_out import split
from numrnn.estimators.problem import n_threads
from numrnn.network.cpu import scheduling
from numrnn.solvers import SGD, Adam

KINDS = [RNNClassifier, RNNRegressor]
CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]


def ragged(n=24, D=3, longest=9, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, D)) for length in rng.integers(1, longest, n)]


X = ragged()
Y = np.arange(len(X)) % 3
Y_STEPS = [np.arange(len(x)) % 3 for x in X]


def small(kind=RNNClassifier, **params):
    return kind(**{"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, "n_jobs": 1, **params})


def theta(model):
    return model._state.theta


# Parameters.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "params, match",
    [
        ({"bidirectional": "yes"}, "'bidirectional' parameter"),
        ({"bidirectional": True, "bptt_steps": 5}, "bptt_steps=5: must be None with bidirectional=True"),
        ({"n_symbols": 0}, "'n_symbols' parameter"),
        ({"n_symbols": "all"}, "'n_symbols' parameter"),
        ({"n_symbols": 7, "embedding_size": 0}, "'embedding_size' parameter"),
        ({"embedding_size": 4}, "embedding_size=4: must be None without n_symbols"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"bptt_steps": 0}, "'bptt_steps' parameter"),
        ({"bptt_steps": 10, "solver": "lbfgs"}, "bptt_steps=10: must be None with solver='lbfgs'"),
        ({"device": "gpu"}, "device must be 'cpu' or 'cuda', got 'gpu'"),
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes must hold"),
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes must hold"),
        ({"hidden_layer_sizes": (2.5,)}, "hidden_layer_sizes must hold"),
        ({"hidden_layer_sizes": "5"}, "'hidden_layer_sizes' parameter"),
        ({"cell": "rnn"}, "'cell' parameter"),
        ({"cell": "gru", "activation": "relu"}, "activation='relu': needs cell='elman'"),
        ({"output": "steps"}, "'output' parameter"),
        ({"solver": "newton"}, "solver must be one of"),
        ({"solver": Adam(beta_1=2.0)}, "beta_1"),
        ({"alpha": -1.0}, "'alpha' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"learning_rate_init": 0.0}, "'learning_rate_init' parameter"),
        ({"learning_rate": "fast"}, "learning_rate must be one of"),
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"validation_fraction": 1.0}, "'validation_fraction' parameter"),
        ({"clip_norm": 0.0}, "'clip_norm' parameter"),
        ({"dtype": "float16"}, "'dtype' parameter"),
        ({"n_jobs": 0}, "n_jobs=0: must be"),
        ({"random_state": "seed"}, "'random_state' parameter"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_named(kind, params, match):
    with pytest.raises(ValueError, match=match):
        small(kind, **params).fit(X, Y)


@pytest.mark.parametrize("kind", KINDS)
def test_constructor_stores_and_clone_keeps(kind):
    model = kind([3, 4], solver=Adam(beta_2=0.9), class_weight={1: 2}) if kind is RNNClassifier else kind([3, 4])
    assert set(vars(model)) == set(model.get_params(deep=False))
    assert repr(clone(model)) == repr(model)
    with pytest.raises(TypeError):
        kind((3,), "gru")


def test_nested_options_of_a_solver():
    model = small(solver=Adam()).set_params(solver__beta_2=0.5).fit(X, Y)
    assert model.solver.beta_2 == 0.5
    assert not np.array_equal(theta(model), theta(small(solver=Adam()).fit(X, Y)))


def test_number_of_threads(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert [n_threads(n) for n in (None, 1, 3, -1, -2, -20)] == [8, 1, 3, 8, 7, 1]
    for limit, expected in [("2", 2), ("4,2", 4), ("64", 8), ("", 8), ("many", 8), ("0", 8)]:
        monkeypatch.setenv("OMP_NUM_THREADS", limit)
        assert n_threads(None) == expected and n_threads(-1) == 8
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    assert n_threads(None) == 2
    assert small(n_jobs=None).fit(X, Y).n_iter_ == 2


# Forms of X.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", ["sequence", "step"])
def test_results_take_the_form_of_X_and_keep_their_bits(kind, output):
    rng = np.random.default_rng(1)
    array = rng.normal(size=(10, 6, 1))
    y = np.arange(10) % 2 if output == "sequence" else np.arange(60).reshape(10, 6) % 2
    model = small(kind, output=output).fit(array, y)
    expected = model.predict(array)
    assert isinstance(expected, np.ndarray) and expected.shape == y.shape
    forms = {
        "list": list(array),
        "sequences": Sequences.from_array(array),
        "univariate list": list(array[:, :, 0]),
        "table": array[:, :, 0],
    }
    for name, form in forms.items():
        got = model.predict(form)
        if output == "step":
            assert isinstance(got, {"list": list, "sequences": Sequences}.get(name.split()[-1], np.ndarray))
            got = got.to_padded() if isinstance(got, Sequences) else np.array(got)
        np.testing.assert_array_equal(got, expected)
    alone = [model.predict(array[i : i + 1])[0] for i in range(10)][::-1]
    np.testing.assert_array_equal(alone[::-1], expected)
    assert model.score(list(array), list(y)) == model.score(array, y)


def test_n_features_in():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(24, 4))
    model = small().fit(table, Y)
    assert (model.n_features_in_, model.n_inputs_) == (4, 1)
    assert len(model.predict(table[:, :, None])) == len(model.predict([row[:2] for row in table])) == 24
    with pytest.raises(ValueError, match="X has 3 features, but RNNClassifier is expecting 4 features as input"):
        model.predict(table[:, :3])
    model = small().fit(X, Y)
    assert (model.n_features_in_, model.n_inputs_) == (3, 3)
    with pytest.raises(ValueError, match=r"pass \[X\]"):
        model.predict(X[0])
    assert model.predict([X[0]]) == model.predict(X)[0]
    univariate = small().fit([x[:, :1] for x in X], Y)
    assert univariate.n_features_in_ == 1 and len(univariate.predict(table)) == 24


@pytest.mark.parametrize("kind", KINDS)
def test_feature_names(kind):
    frames = [pandas.DataFrame(x, columns=["a", "b", "c"]) for x in X]
    model = small(kind).fit(frames, Y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(model.predict(frames), small(kind).fit(X, Y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict([frame[["b", "a", "c"]] for frame in frames])
    with pytest.raises(ValueError, match=r"X\[1\]"):
        model.predict([frames[0], frames[1][["b", "a", "c"]]])


@pytest.mark.parametrize("kind", KINDS)
def test_y_of_the_wrong_kind(kind):
    with pytest.raises(ValueError, match="set output='step'"):
        small(kind).fit(X, Y_STEPS)
    with pytest.raises(ValueError, match="set output='step'"):
        small(kind).fit(X, Sequences.from_list(Y_STEPS))
    with pytest.raises(ValueError, match="every step"):
        small(kind, output="step").fit(X, Y)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[24, 23\]"):
        small(kind).fit(X, Y[:-1])
    with pytest.raises(ValueError, match=r"y\[7\] has 1 steps|y\[7\] has \d+ steps, but its sequence has"):
        small(kind, output="step").fit(X, [*Y_STEPS[:7], np.zeros(99, int), *Y_STEPS[8:]])
    with pytest.raises(ValueError, match="requires y to be passed"):
        small(kind).fit(X, None)


# Weights.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [-np.ones(24), np.full(24, np.nan), np.ones(23), np.zeros(24), Y_STEPS])
def test_bad_weights_are_refused(kind, bad):
    with pytest.raises(ValueError, match="sample_weight"):
        small(kind).fit(X, Y, sample_weight=bad)
    with pytest.raises(ValueError, match="sample_weight_val"):
        small(kind).fit(X, Y, X_val=X, y_val=Y, sample_weight_val=bad)


@pytest.mark.parametrize("output", ["sequence", "step"])
@pytest.mark.parametrize("head", ["softmax", "sigmoid", "identity"])
def test_loss_and_grad_is_the_objective(output, head):
    """Sample, class and step weights, the alpha term: what the slow truth computes, for every cell."""
    for cell, activation in CELLS:
        problem = make_problem(cell, activation, (5, 4), lengths=(4, 1, 6, 3), output=output, head=head, seed=3)
        y, weights = problem.y, problem.w
        class_weight = {0: 0.5, 1: 2.0, 2: 3.0} if head == "softmax" else None
        params = {"cell": cell, "activation": activation, "output": output, "alpha": 0.3, "dtype": "float64"}
        if head == "identity":
            model = RNNRegressor((5, 4), scale_targets=False, **params)
        else:
            model = RNNClassifier((5, 4), class_weight=class_weight, **params)
        first_y = (
            y
            if head != "softmax"
            else [np.arange(len(x)) % 3 if output == "step" else i % 3 for i, x in enumerate(problem.X)]
        )
        model.initialize(problem.X, np.array(y) if output == "sequence" and head != "softmax" else first_y)
        model.set_weights(problem.weights)
        loss, gradient = model.loss_and_grad(problem.X, y, weights)
        if class_weight:
            weights = [w * np.vectorize(class_weight.get)(t) for w, t in zip(weights, y, strict=True)]
        arguments = (problem.weights, problem.X, y, weights, 0.3)
        np.testing.assert_allclose(loss, naive.loss(*arguments, **problem.kind), rtol=1e-10)
        for name, expected in naive.gradient(*arguments, **problem.kind).items():
            np.testing.assert_allclose(gradient[name], expected, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("form", [list, Sequences.from_list])
def test_weights_of_steps_and_of_sequences(form):
    """Check that a sequence's weight counts for each of its steps, and that weights of steps may come in any form."""
    model = small(RNNRegressor, output="step", dtype="float64").initialize(X, Y_STEPS)
    weights = np.arange(1.0, 25.0)
    of_steps = form([np.full(len(x), w) for x, w in zip(X, weights, strict=True)])
    for a, b in zip(
        model.loss_and_grad(X, Y_STEPS, weights)[1].values(),
        model.loss_and_grad(X, Y_STEPS, of_steps)[1].values(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    assert model.score(X, Y_STEPS, weights) == model.score(X, form(Y_STEPS), of_steps)


def test_set_weights_and_views():
    model = small(hidden_layer_sizes=(4, 3), cell="gru")
    for name in ("weights_", "U_", "W_", "b_", "V_", "c_"):
        assert not hasattr(model, name)
    model.initialize(X, Y)
    shapes = {name: values.shape for name, values in model.weights_.items()}
    assert shapes["layers.0.U"] == (12, 3) and shapes["layers.1.b_Wn"] == (3,) and shapes["V"] == (3, 3)
    assert [U.shape for U in model.U_] == [(12, 3), (9, 4)] and [W.shape for W in model.W_] == [(12, 4), (9, 3)]
    assert [b.shape for b in model.b_] == [(12,), (9,)] and model.V_.shape == (3, 3) and model.c_.shape == (3,)
    with pytest.raises(ValueError, match="read-only"):
        model.V_[0, 0] = 1
    assert model.set_weights({"V": np.ones((3, 3)), "c": [1, 2, 3]}) is model
    assert (model.V_ == 1).all() and model.c_.tolist() == [1, 2, 3]
    before = theta(model).copy()
    for weights, match in [
        ({"c": [0, 0, 0], "Q": 1}, "unknown name 'Q'"),
        ({"c": [0, 0, 0], "V": np.ones(3)}, r"weights\['V'\] must have shape \(3, 3\), got \(3,\)"),
        ({"c": [0, 0, np.nan]}, r"weights\['c'\] contains NaN"),
    ]:
        with pytest.raises(ValueError, match=match):
            model.set_weights(weights)
        np.testing.assert_array_equal(theta(model), before)


# Training that goes on.


@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_and_warm_start_go_on(kind):
    whole = small(kind, max_iter=6).fit(X, Y)
    parts = small(kind)
    for _ in range(6):
        parts.partial_fit(X, Y, **({"classes": [0, 1, 2]} if kind is RNNClassifier else {}))
    halves = small(kind, max_iter=3, warm_start=True).fit(X, Y).fit(X, Y)
    begun = small(kind, max_iter=6, warm_start=True).initialize(X, Y).fit(X, Y)
    for model in (parts, halves, begun):
        np.testing.assert_array_equal(theta(model), theta(whole))
        assert model.loss_curve_ == whole.loss_curve_ and model.n_iter_ == 6
    again = small(kind, max_iter=6).fit(X[:9], Y[:9]).fit(X, Y)
    np.testing.assert_array_equal(theta(again), theta(whole))
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(6,\): must be \(5,\) to continue training"):
        halves.set_params(hidden_layer_sizes=(6,)).fit(X, Y)
    with pytest.raises(ValueError, match="is expecting 3 features"):
        halves.set_params(hidden_layer_sizes=(5,)).fit([x[:, :2] for x in X], Y)
    assert not hasattr(small(kind, solver="lbfgs"), "partial_fit")


@pytest.mark.parametrize("kind", KINDS)
def test_initialize(kind):
    model = small(kind).initialize(X, Y)
    assert model.n_iter_ == 0 and model.loss_curve_ == [] and np.isnan(model.loss_)
    assert len(model.predict(X)) == len(X)
    np.testing.assert_array_equal(theta(model), theta(small(kind).initialize(X, Y)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_call_leaves_the_estimator_as_it_was(kind):
    """Check that a failed call changes nothing; an early version lost the network after a typo in the next fit."""
    model = small(kind).fit(X, Y)
    before, kept = model.predict(X), dict(vars(model))
    for call in (
        lambda: model.fit(X, Y[:-1]),
        lambda: model.fit([x[:, :1] for x in X], Y, sample_weight=-np.ones(24)),
        lambda: model.fit(X, Y, X_val=[x[:, :1] for x in X], y_val=Y),
        lambda: model.fit(X, Y, X_val=X),
        lambda: model.initialize(X, None),
        lambda: model.partial_fit([x[:, :1] for x in X], Y),
    ):
        with pytest.raises(ValueError):
            call()
        assert vars(model) == kept
    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("kind", KINDS)
def test_divergence_keeps_finite_weights(kind):
    options = {"cell": "elman", "activation": "relu", "learning_rate_init": 1e30, "clip_norm": None}
    model = small(kind, solver=SGD(), max_iter=20, **options)
    with pytest.raises(TrainingDivergedError):
        model.fit(X, Y)
    assert np.isfinite(theta(model)).all() and len(model.predict(X)) == len(X)


def test_the_same_seed_gives_the_same_bits(monkeypatch):
    """Check that a seed gives the same bits for every form of the data, and on one and two threads."""
    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)
    for random_state in (3, np.random.RandomState(3)):
        model = small(random_state=3, n_jobs=2, batch_size=24).fit(X, Y)
        other = small(random_state=random_state, batch_size=24).fit(Sequences.from_list(X), Y.tolist())
        np.testing.assert_array_equal(theta(model), theta(other))
    assert not np.array_equal(theta(model), theta(small(random_state=4, batch_size=24).fit(X, Y)))


@pytest.mark.parametrize("kind", KINDS)
def test_copies_and_pickles(kind, tmp_path):
    model = small(kind).fit(X, Y)
    joblib.dump(model, tmp_path / "model")
    shallow = [copy.copy(model), pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model")]
    for other in [*shallow, copy.deepcopy(model)]:
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
    expected = copy.deepcopy(model).partial_fit(X, Y)
    np.testing.assert_array_equal(theta(shallow[1].partial_fit(X, Y)), theta(expected))


# Streams.


@pytest.mark.parametrize("cell, activation", CELLS)
@pytest.mark.parametrize("kind", KINDS)
def test_streams_predict_what_whole_sequences_do(kind, cell, activation):
    """Check that streams predict the bits of whole sequences, alone and many at once, and drop states at their ends."""
    model = small(kind, cell=cell, activation=activation, hidden_layer_sizes=(5, 3)).fit(X, Y)
    streams = sorted(X, key=len, reverse=True)
    state = None
    for t in range(len(streams[0])):
        running = [x for x in streams if len(x) > t]
        state = None if state is None else StepState(state.values[: len(running)])
        kept = None if state is None else state.values.copy()
        prediction, after = model.predict_step(np.stack([x[t] for x in running]), state)
        assert state is None or np.array_equal(kept, state.values)
        np.testing.assert_array_equal(prediction, model.predict([x[: t + 1] for x in running]))
        single, last = model.predict_step(running[0][t], None if state is None else StepState(state.values[:1]))
        assert single == prediction[0] and np.array_equal(last.values, after.values[:1])
        state = after
    assert np.ndim(single) == 0 and len(last) == 1


def test_streams_of_steps_and_errors():
    model = small(RNNRegressor, output="step").fit(X, [np.stack([y, -y], axis=1) for y in Y_STEPS])
    state = None
    for x_t, expected in zip(X[0], model.predict(X[:1])[0], strict=True):
        prediction, state = model.predict_step(x_t, state)
        np.testing.assert_array_equal(prediction, expected)
    assert pickle.loads(pickle.dumps(state)).values.tolist() == state.values.tolist()
    for x, given, error, match in [
        (np.zeros(2), None, ValueError, r"x must have shape \(3,\)"),
        (np.zeros((1, 1, 3)), None, ValueError, "x must have shape"),
        (np.full(3, np.nan), None, ValueError, "NaN"),
        (["a", "b", "c"], None, TypeError, "real numbers"),
        (np.zeros((2, 3)), state, ValueError, r"state must have shape \(2, "),
        (np.zeros(3), StepState(np.zeros((1, 4))), ValueError, r"state must have shape \(1, 5\)"),
        (np.zeros(3), state.values, TypeError, "StepState"),
    ]:
        with pytest.raises(error, match=match):
            model.predict_step(x, given)
    with pytest.raises(NotFittedError):
        RNNRegressor().predict_step(np.zeros(3))


# Validation.


def test_split_is_in_proportion_and_leaves_out_weight_zero():
    codes = np.repeat([0, 1, 2], [60, 30, 10])
    kept, held = split(100, 0.2, 1, codes=codes)
    assert sorted([*kept, *held]) == list(range(100)) and np.bincount(codes[held]).tolist() == [12, 6, 2]
    assert not np.array_equal(held, split(100, 0.2, 2, codes=codes)[1])
    weights = (np.arange(100) % 2).astype(float)
    assert (weights[split(100, 0.5, 1, weights=weights)[1]] > 0).all()
    assert [len(split(n, 0.01, 0, at_least=2)[1]) for n in (3, 5)] == [2, 2]
    assert [len(part) for part in split(3, 0.99, 0)] == [1, 2]
    with pytest.raises(ValueError, match="validation_fraction=0.1: early stopping"):
        split(5, 0.1, 0, weights=np.eye(5)[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", ["sequence", "step"])
@pytest.mark.parametrize("given", [False, True], ids=["split", "X_val"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_early_stopping_restores_the_best_weights(kind, output, given, solver):
    y = Y if output == "sequence" else Y_STEPS
    weights, seen = np.linspace(0, 2, 24), []
    stopping = {"early_stopping": True, "n_iter_no_change": 2, "monitor": "score"}
    model = small(kind, output=output, max_iter=8, solver=solver, **stopping)
    model.set_params(
        learning_rate_init=0.05,
        callbacks=[type("Keep", (), {"on_epoch_end": lambda _, info: seen.append(info.state.theta.copy())})()],
    )
    held = {"X_val": ragged(9, seed=5), "sample_weight_val": np.linspace(0.1, 1, 9)}
    held["y_val"] = np.arange(9) % 3 if output == "sequence" else [np.arange(len(x)) % 3 for x in held["X_val"]]
    model.fit(X, y, sample_weight=weights, **(held if given else {}))
    scores = np.array(model.validation_scores_)
    assert len(model.validation_loss_curve_) == len(scores) == model.n_iter_ == len(model.loss_curve_) == len(seen)
    best = [i for i in range(len(scores)) if scores[i] == scores.max()]
    best = min(best, key=lambda i: model.validation_loss_curve_[i])
    np.testing.assert_array_equal(theta(model), seen[best])
    if given:
        score = model.score(held["X_val"], held["y_val"], held["sample_weight_val"])
        np.testing.assert_allclose(score, scores.max(), rtol=1e-6)
        loss, _ = model.loss_and_grad(held["X_val"], held["y_val"], held["sample_weight_val"])
        np.testing.assert_allclose(loss, model.validation_loss_curve_[best], rtol=1e-6)


def test_class_and_sample_weights_reach_validation():
    class_weight = {0: 1.0, 1: 5.0, 2: 0.2}
    X_val, y_val, weights = ragged(9, seed=5), np.arange(9) % 3, np.linspace(0.1, 1, 9)
    model = small(class_weight=class_weight).fit(X, Y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    all_weights = weights * np.vectorize(class_weight.get)(y_val)
    right = model.predict(X_val) == y_val
    np.testing.assert_allclose(model.validation_scores_[-1], np.average(right, weights=all_weights))
    log_p = model.predict_log_proba(X_val)[np.arange(9), y_val]
    np.testing.assert_allclose(model.validation_loss_curve_[-1], np.average(-log_p, weights=all_weights), rtol=1e-5)
    assert model.n_iter_ == model.max_iter and small().fit(X, Y).validation_scores_ is None


def test_loss_of_classes_without_weight():
    model = small(class_weight={0: 0.0, 1: 1.0, 2: 1.0}).fit(X, Y)
    with pytest.raises(ValueError, match="class_weight: all targets in y have weight zero"):
        model.loss_and_grad(X[:4], np.zeros(4))


def test_validation_needs_both_X_and_y():
    for given in ({"X_val": X}, {"y_val": Y}, {"sample_weight_val": np.ones(24)}):
        with pytest.raises(ValueError, match="X_val and y_val must be given together"):
            small().fit(X, Y, **given)
    with pytest.raises(ValueError, match=r"X_val\[0\]"):
        small().fit(X, Y, X_val=[x[:, :2] for x in X], y_val=Y)
    with pytest.raises(ValueError, match="y_val"):
        small().fit(X, Y, X_val=X, y_val=Y + 10)


# What scikit-learn and notebooks see.


@pytest.mark.parametrize("kind", KINDS)
def test_html_links_to_the_documentation(kind):
    for model in (small(kind), small(kind).fit(X, Y)):
        html = model._repr_html_()
        assert f"api/numrnn.{kind.__name__}.html" in html


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_routing(kind):
    with sklearn.config_context(enable_metadata_routing=True):
        model = small(kind).set_fit_request(sample_weight=True, X_val=False).set_score_request(sample_weight=True)
        requests = model.get_metadata_routing()
    assert requests.fit.requests["sample_weight"] is True and requests.fit.requests["X_val"] is False
    names = {"sample_weight", "state", "X_val", "y_val", "sample_weight_val", "state_val", "groups", "comm"}
    assert set(requests.fit.requests) == names


@pytest.mark.skipif(not hasattr(RNNClassifier, "set_callbacks"), reason="scikit-learn < 1.9 has no callbacks")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_of_scikit_learn_see_each_epoch_and_stop(solver):
    calls = []

    class Stop:
        def setup(self, estimator, context):
            calls.append("setup")

        def on_fit_task_begin(self, estimator, context, *, metadata=None):
            calls.append((context.task_name, sorted(metadata)))

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            calls.append(fitted_estimator.score(X, Y))
            return context.task_name == "epoch" and context.task_id == 1

        def teardown(self, estimator, context):
            calls.append("teardown")

    model = small(solver=solver, max_iter=5).set_callbacks(Stop()).fit(X, Y, sample_weight=np.ones(24))
    assert model.n_iter_ == 2
    assert calls[0] == "setup" and calls[-1] == "teardown" and calls[-2] == model.score(X, Y)
    assert [call[0] for call in calls if isinstance(call, tuple)] == ["fit", "epoch", "epoch"]


def compile_in(module):
    """Compile a function as if it were defined in a module."""
    scope = {"__name__": module}
    exec("def increment(x):\n    return x + 1", scope)
    numba.njit(scope["increment"])(1)


@pytest.mark.parametrize("show", [True, False])
def test_that_kernels_are_compiled_is_said_once(show, monkeypatch, capsys, caplog):
    monkeypatch.setattr(fitting._Announcement, "made", False)
    caplog.set_level("INFO", "numrnn")
    with fitting.announcing_compilation(show):
        for _ in range(2):
            compile_in("numrnn.kernels.cpu.products")
    assert [record.message.split(":")[0] for record in caplog.records] == ["compiling kernels"]
    assert capsys.readouterr().err.count("numrnn: compiling kernels: ten to thirty seconds") == show


def test_a_quiet_fit_leaves_the_announcement_to_a_later_one(monkeypatch, capsys, caplog):
    monkeypatch.setattr(fitting._Announcement, "made", False)
    caplog.set_level("WARNING", "numrnn")
    for show in (False, True):
        with fitting.announcing_compilation(show):
            compile_in("numrnn.kernels.cpu.products")
        assert capsys.readouterr().err.count("compiling kernels") == show


@pytest.mark.parametrize("module", ["__main__", "numrnn_tools.kernels", None])
def test_functions_of_other_packages_are_not_announced(module, monkeypatch, capsys):
    monkeypatch.setattr(fitting._Announcement, "made", False)
    with fitting.announcing_compilation(True):
        compile_in(module)
    assert not fitting._Announcement.made and not capsys.readouterr().err
