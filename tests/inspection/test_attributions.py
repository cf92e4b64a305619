"""Test influences of inputs against slow twins, and their sums."""

import naive_inspection as naive
import numpy as np
import pytest
from estimators_of_problems import estimator_of
from networks import relative_error
from problems import make_problem

from numrnn import RNNClassifier, RNNRegressor, Sequences, SequenceScaler
from numrnn.data import ShardWriter, Vocabulary, open_shards
from numrnn.datasets import load_japanese_vowels
from numrnn.inspection import attribute, attributions, integrals, outputs
from numrnn.inspection.fitted import read_estimator, read_sequences

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
LENGTHS = (5, 1, 7, 3)
KINDS = [
    {},
    {"hidden": (4, 3), "head": "identity"},
    {"output": "step", "bidirectional": True},
    {"pooling": "mean", "head": "sigmoid"},
    {"pooling": "max", "initial_state": "learned"},
]
SMOOTH = [(cell, kind) for cell in ("elman", "gru", "lstm") for kind in KINDS[:4]]

OUTPUTS = [(*each, "logit") for each in SMOOTH]
OUTPUTS += [(*each, "probability") for each in SMOOTH if each[1].get("head") != "identity"]


def problem_of(cell="gru", activation="tanh", **kind):
    return make_problem(cell, activation, **{"lengths": LENGTHS, "D": 2, "seed": 4, **kind})


def function_of(problem, column, x):
    """Return the raw output of a problem as a function of one sequence; its step is the last."""
    kind = {name: value for name, value in problem.kind.items() if name != "head"}
    return lambda values: naive.raw_output(problem.weights, values, column, len(x) - 1, **kind)


def target_of(problem, column):
    return (-1, column) if problem.output == "step" else column


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_gradients_are_those_of_the_slow_twin(cell, activation, kind):
    problem = problem_of(cell, activation, **kind)
    got = attribute(estimator_of(problem), problem.X, target=target_of(problem, 1))
    for x, values in zip(problem.X, got, strict=True):
        assert relative_error(values, naive.gradient(function_of(problem, 1, x), x)) <= 1e-6


@pytest.mark.parametrize(("cell", "kind"), SMOOTH, ids=str)
def test_integrated_gradients_are_those_of_the_slow_twin(cell, kind):
    problem = problem_of(cell, **kind | {"lengths": (3, 1, 2)})
    got = attribute(estimator_of(problem), problem.X, target=target_of(problem, 2), method="integrated", baseline=0.3)
    for x, values in zip(problem.X, got, strict=True):
        assert relative_error(values, naive.integrated_gradients(function_of(problem, 2, x), x, 0.3)) <= 1e-4


@pytest.mark.parametrize(("cell", "kind"), SMOOTH, ids=str)
def test_occlusions_are_those_of_the_slow_twin(cell, kind):
    problem = problem_of(cell, **kind)
    got = attribute(estimator_of(problem), problem.X, target=target_of(problem, 0), method="occlusion", baseline=-0.5)
    for x, values in zip(problem.X, got, strict=True):
        assert relative_error(values, naive.occlusion(function_of(problem, 0, x), x, -0.5)) <= 1e-10


@pytest.mark.parametrize(("cell", "kind", "output"), OUTPUTS, ids=str)
def test_integrated_gradients_add_up_to_the_difference_of_outputs(cell, kind, output):
    problem = problem_of(cell, **kind)
    model = estimator_of(problem)

    def outputs(X):
        if output == "probability":
            results = model.predict_proba(X)
            results = results if problem.output == "sequence" else np.array([rows[-1] for rows in results])
            return results[:, 1]
        return np.array([function_of(problem, 1, x)(x) for x in X])

    options = {"target": target_of(problem, 1), "method": "integrated", "n_steps": 64, "output": output}
    got = attribute(model, problem.X, **options)
    difference = outputs(problem.X) - outputs([np.zeros_like(x) for x in problem.X])
    for values, expected in zip(got, difference, strict=True):
        assert abs(values.sum() - expected) <= 1e-4 * abs(expected)


@pytest.mark.parametrize("kind", [{}, {"cell": "elman"}, {"pooling": "max"}], ids=str)
def test_integrated_gradients_of_confident_networks_add_up(kind):
    vowels = load_japanese_vowels()
    scaler = SequenceScaler().fit(vowels.X_train)
    model = RNNClassifier((32,), dtype="float64", max_iter=60, random_state=0, **kind)
    model.fit(scaler.transform(vowels.X_train), vowels.y_train)
    X = scaler.transform(vowels.X_test)[:12]
    data, nothing = (read_sequences(model, part).data for part in (X, [0 * x for x in X]))
    explained = outputs.explain(read_estimator(model), data, None, "logit")
    expected = explained.values(data) - explained.values(nothing)
    sums = np.array([values.sum() for values in attribute(model, X, method="integrated")])
    np.testing.assert_allclose(sums, expected, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-4, 1.0])
def test_rounding_is_not_halved_in_search_of_more_digits(monkeypatch, scale):
    problem = problem_of("gru", lengths=(5,) * 8)
    problem = problem._replace(weights=problem.weights | {"c": problem.weights["c"] + [9.0, 0, 0]})
    model = estimator_of(problem, dtype="float32")
    counts, gradient = [], outputs.Explained.gradient

    def counting(explained, data):
        counts.append(len(data))
        return gradient(explained, data)

    monkeypatch.setattr(outputs.Explained, "gradient", counting)
    X = [scale * x for x in problem.X]
    attribute(model, X, target=0, method="integrated", output="probability")
    assert sum(counts) <= 2 * 64 * len(X)


def test_gradients_that_are_not_finite_end_with_a_warning(monkeypatch):
    problem = problem_of("gru", lengths=(4,) * 4)
    monkeypatch.setattr(outputs.Explained, "gradient", lambda self, data: np.full(data.values.shape, np.nan))
    with pytest.warns(UserWarning, match="its integrated gradients add up to nan"):
        got = attribute(estimator_of(problem), problem.X, target=1, method="integrated")
    assert np.isnan(np.array(got)).all()


def test_integrated_gradients_that_do_not_add_up_cause_a_warning(monkeypatch):
    monkeypatch.setattr(integrals, "HALVINGS", 0)
    problem = problem_of("elman", lengths=(6,) * 4)
    with pytest.warns(UserWarning, match=r"X\[\d\]: its integrated gradients .* is too steep") as record:
        attribute(estimator_of(problem), problem.X, target=1, method="integrated", n_steps=1)
    assert record[0].filename == __file__


def test_gradients_of_probabilities_are_central_differences():
    for kind in ({}, {"head": "sigmoid"}, {"output": "step"}):
        problem = problem_of(**kind)
        model = estimator_of(problem)
        got = attribute(model, problem.X, target=target_of(problem, 2), output="probability")
        for x, values in zip(problem.X, got, strict=True):

            def probability(other, model=model):
                return np.atleast_2d(model.predict_proba([other])[0])[-1, 2]

            assert relative_error(values, naive.gradient(probability, x)) <= 1e-6


@pytest.mark.parametrize("kind", [{"embedding_size": 3}, {}], ids=["embedding", "one-hot"])
def test_symbols_have_one_value_per_step(kind):
    problem = problem_of("lstm", n_symbols=5, hidden=(3,), lengths=(3, 1, 2), **kind)
    rows = problem.weights.get("embedding", np.eye(5))
    plain = problem._replace(weights={k: v for k, v in problem.weights.items() if k != "embedding"})
    model = estimator_of(problem)
    twins = {
        "gradient": lambda f, x: naive.gradient(f, x) * x,
        "integrated": lambda f, x: naive.integrated_gradients(f, x, 0.0),
    }
    for method, twin in twins.items():
        got = attribute(model, problem.X, target=1, method=method)
        for symbols, values in zip(problem.X, got, strict=True):
            x = rows[symbols]
            assert values.shape == symbols.shape
            assert relative_error(values, twin(function_of(plain, 1, x), x).sum(axis=1)) <= 1e-4
    got = attribute(model, problem.X, target=1, method="occlusion")
    for symbols, values in zip(problem.X, got, strict=True):
        x = rows[symbols]
        function = function_of(plain, 1, x)
        expected = [function(x) - function(np.where(np.arange(len(x))[:, None] == t, 0.0, x)) for t in range(len(x))]
        assert relative_error(values, expected) <= 1e-10


def test_the_default_is_the_predicted_class_of_each_sequence():
    problem = problem_of(lengths=(3,) * 12)
    model = estimator_of(problem)
    classes = model.predict(problem.X)
    assert len(set(classes.tolist())) > 1
    np.testing.assert_array_equal(attribute(model, problem.X), attribute(model, problem.X, target=classes))


def test_results_have_the_form_of_X():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(6, 4, 2)), np.arange(6.0)
    model = RNNRegressor((3,), random_state=0).initialize(X, y)
    expected = attribute(model, X)
    assert expected.shape == X.shape
    np.testing.assert_array_equal(np.array(attribute(model, list(X))), expected)
    of_sequences = attribute(model, Sequences.from_array(X))
    np.testing.assert_array_equal(np.array(of_sequences.to_list()), expected)
    table = RNNRegressor((3,), random_state=0).initialize(X[:, :, 0], y)
    assert attribute(table, X[:, :, 0]).shape == (6, 4)
    assert attribute(table, list(X[:, :, 0]))[0].shape == (4,)


def test_values_of_a_regressor_are_in_units_of_y():
    random = np.random.default_rng(0)
    X = random.normal(size=(8, 4, 2))
    y = 1000 + 50 * X[:, -1, 0]
    model = RNNRegressor((3,), scale_targets=True, dtype="float64", max_iter=2, random_state=0).fit(X, y)
    got = attribute(model, X, method="integrated").sum(axis=(1, 2))
    np.testing.assert_allclose(got, model.predict(X) - model.predict(np.zeros_like(X)), rtol=1e-6)


def test_texts_are_read_by_the_vocabulary():
    texts = ["good film", "bad film", "good plot", "bad plot"] * 3
    model = RNNClassifier((4,), vocabulary=Vocabulary("token"), embedding_size=3, max_iter=60, random_state=0)
    model.fit(texts, [1, 0, 1, 0] * 3)
    good, bad = attribute(model, ["good film", "bad film"], target=1, method="occlusion")
    assert good.shape == (2,)
    assert good[0] > good[1]
    assert bad[0] < bad[1]


@pytest.mark.parametrize("method", ["gradient", "occlusion"])
def test_groups_of_sequences_do_not_change_results(method, monkeypatch):
    problem = problem_of(lengths=(5, 1, 7, 3, 9, 2))
    model = estimator_of(problem)
    expected = attribute(model, problem.X, method=method)
    for module in (attributions, outputs):
        monkeypatch.setattr(module, "NUMBERS_AT_ONCE", 16)
    for got, values in zip(attribute(model, problem.X, method=method), expected, strict=True):
        assert relative_error(got, values) <= 1e-12


def test_X_in_files_is_refused(tmp_path):
    X = np.random.default_rng(0).normal(size=(6, 4, 2))
    model = RNNRegressor((3,), random_state=0).initialize(X, np.arange(6.0))
    with ShardWriter(tmp_path / "data") as writer:
        writer.write(list(X), np.arange(6.0))
    shards = open_shards(tmp_path / "data")[0]
    with pytest.raises(ValueError, match="X is in shards: must be in memory; pass X"):
        attribute(model, shards)
    loaded = attribute(model, shards.load())
    np.testing.assert_allclose(loaded.values.reshape(X.shape), attribute(model, X), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": ["gradient"]}, r"method=\['gradient'\]: must be one of 'gradient', 'integrated', 'occlusion'"),
        ({"method": np.array(["gradient", "a"])}, "method=array.*: must be one of 'gradient', "),
        ({"method": "shap"}, "method='shap': must be one of 'gradient', 'integrated', 'occlusion'"),
        ({"n_steps": 0}, "n_steps must be an integer of at least 1, got 0"),
        ({"baseline": [1.0, 2.0, 3.0]}, r"baseline=\[1.0, 2.0, 3.0\]: must be a finite number or an array of shape"),
        ({"output": "odds"}, "output='odds': must be 'logit' or 'probability'"),
        ({"n_steps": True}, "n_steps must be an integer of at least 1, got True"),
        ({"output": []}, r"output=\[\]: must be 'logit' or 'probability'"),
        ({"output": np.array(["logit", "a"])}, "output=array.*: must be 'logit' or 'probability'"),
        ({"target": {}}, r"target contains previously unseen labels: \[\{\}\]; expected labels from \[0, 1, 2\]"),
        ({"target": [set()] * 4}, "target contains previously unseen labels"),
        ({"target": 1.5}, r"target contains previously unseen labels: \[1.5\]"),
        ({"target": [[1], [1, 2]]}, "target must be one output, or one for each of 4 sequences"),
        ({"target": 7}, "target contains previously unseen labels"),
        ({"target": [0, 1]}, "target must be one output, or one for each of 4 sequences"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(options, message):
    problem = problem_of()
    with pytest.raises(ValueError, match=message):
        attribute(estimator_of(problem), problem.X, **options)


def test_targets_of_steps_are_pairs():
    problem = problem_of(output="step")
    model = estimator_of(problem)
    with pytest.raises(ValueError, match=r"must be a tuple \(step, output\)"):
        attribute(model, problem.X, target=1)
    with pytest.raises(ValueError, match=r"target\[0\]=3: must be a step of every sequence, X\[1\] has 1"):
        attribute(model, problem.X, target=(3, 1))
    for step in (True, {}, 0.5):
        with pytest.raises(ValueError, match=rf"target\[0\]={step}: must be an integer, the number of a step"):
            attribute(model, problem.X, target=(step, 1))
    with pytest.raises(ValueError, match=rf"target\[0\]={10**30}: must be a step of every sequence, X\[0\] has 5"):
        attribute(model, problem.X, target=(10**30, 1))
    first = attribute(model, problem.X, target=(0, 1))
    assert not any(values[1:].any() for values in first)


def test_other_estimators_are_refused():
    with pytest.raises(TypeError, match="must be an RNNClassifier or RNNRegressor"):
        attribute(object(), [np.zeros((3, 2))])
