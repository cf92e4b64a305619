import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, mean_squared_error, roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score, cross_validate
from sklearn.model_selection import cross_val_predict as sklearn_cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from numrnn import RNNClassifier, Sequences, SequenceScaler
from numrnn.data.conversion import from_steps, targets_to_sequences, to_sequences
from numrnn.model_selection import StratifiedStepKFold, cross_val_predict, make_step_scorer


class StepClassifier(ClassifierMixin, BaseEstimator):
    """Train a logistic regression to classify each step."""

    def __init__(self, C=1.0):
        self.C = C

    def fit(self, X, y, sample_weight=None):
        sequences, _ = to_sequences(X, dtype=np.float64)
        labels = targets_to_sequences(y, sequences)
        weights = None if sample_weight is None else np.repeat(sample_weight, sequences.lengths)
        self.model_ = LogisticRegression(C=self.C).fit(sequences.values, labels.values, weights)
        self.classes_ = self.model_.classes_
        return self

    def _steps(self, X, method):
        sequences, form = to_sequences(X, dtype=np.float64)
        return from_steps(getattr(self.model_, method)(sequences.values), sequences.offsets, form)

    def predict(self, X):
        return self._steps(X, "predict")

    def predict_proba(self, X):
        return self._steps(X, "predict_proba")

    def predict_log_proba(self, X):
        return self._steps(X, "predict_log_proba")

    def score(self, X, y):
        return make_step_scorer(accuracy_score)(self, X, y)


def problem(n_classes=2, n_sequences=24, n_steps=None, seed=0):
    """Return X and classes of steps, lists; a step's class is where its inputs point, mostly."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(n_steps or n, 2)) for n in rng.integers(2, 9, n_sequences)]
    noisy = [np.arctan2(x[:, 0], x[:, 1]) + rng.normal(size=len(x)) * 0.2 for x in X]
    return X, [np.clip((angle / np.pi + 1) / 2 * n_classes, 0, n_classes - 1).astype(int) for angle in noisy]


def stacked(steps):
    return steps.values if isinstance(steps, Sequences) else np.concatenate(list(steps))


FORMS = [list, Sequences.from_list, np.array]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
@pytest.mark.parametrize("cv", [None, KFold(3, shuffle=True, random_state=1)])
def test_cross_val_predict_of_steps(form, method, cv):
    X, y = problem(3, n_steps=5 if form is np.array else None)
    found = cross_val_predict(StepClassifier(), form(X), form(y), cv=cv, method=method)
    assert type(found) is type(form(X)) and len(found) == len(X)
    for train, test in (cv or KFold(5)).split(X):
        model = StepClassifier().fit([X[i] for i in train], [y[i] for i in train])
        for i, expected in zip(test, getattr(model, method)([X[i] for i in test]), strict=True):
            np.testing.assert_allclose(found[i], expected, rtol=1e-12)


@pytest.mark.parametrize("form", [list, Sequences.from_list])
@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_cross_val_predict_of_sequences_is_scikit_learns(form, method):
    X, _ = problem()
    y = np.array(["a", "b"])[[int(x.sum() > 0) for x in X]]
    means = FunctionTransformer(lambda X: np.array([x.mean(axis=0) for x in X]))
    model = make_pipeline(SequenceScaler(), means, LogisticRegression())
    expected = sklearn_cross_val_predict(model, X, y, cv=4, method=method)
    np.testing.assert_array_equal(cross_val_predict(model, form(X), y, cv=4, method=method), expected)


def test_cross_val_predict_splits_groups_and_weights():
    X, y = problem()
    groups, weights = np.arange(len(X)) % 3, np.arange(1.0, len(X) + 1)
    found = cross_val_predict(
        StepClassifier(), X, y, groups=groups, cv=GroupKFold(3), params={"sample_weight": weights}, n_jobs=2
    )
    for group in range(3):
        train = np.flatnonzero(groups != group)
        model = StepClassifier().fit([X[i] for i in train], [y[i] for i in train], weights[train])
        for i in np.flatnonzero(groups == group):
            np.testing.assert_array_equal(found[i], model.predict([X[i]])[0])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method, missing", [("predict_proba", 0), ("predict_log_proba", np.finfo(np.float64).min)])
def test_a_class_that_a_fold_did_not_see(form, method, missing):
    X = [np.full((2, 1), value, float) for value in (0, 1, 0, 1, 2, 2)]
    y = [x[:, 0].astype(int) for x in X]
    found = cross_val_predict(StepClassifier(), form(X), form(y), cv=KFold(3), method=method)
    assert stacked(found).shape == (12, 3)
    np.testing.assert_array_equal(stacked(found)[8:, 2], missing)
    assert np.isfinite(stacked(found)).all()


def test_cross_val_predict_wants_a_partition():
    X, y = problem()
    with pytest.raises(ValueError, match="cv must put every sequence into the test set of exactly one fold"):
        cross_val_predict(StepClassifier(), X, y, cv=[(np.arange(5), np.arange(5, 9))])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shuffle", [False, True])
def test_stratified_folds(seed, shuffle):
    rng = np.random.default_rng(seed)
    # A sequence is mostly of one class; the classes are of very different sizes, and the sequences sorted by class.
    lengths = rng.integers(1, 30, 100)
    classes = np.repeat([0, 1, 2], [60, 30, 10])
    y = [np.where(rng.random(n) < 0.9, c, rng.integers(3)) for n, c in zip(lengths, classes, strict=True)]
    splitter = StratifiedStepKFold(5, shuffle=shuffle, random_state=seed if shuffle else None)
    folds = list(splitter.split(y, y))
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(100))
    whole = np.bincount(np.concatenate(y)) / sum(map(len, y))
    for train, test in folds:
        assert len(train) + len(test) == 100 and not set(train) & set(test)
        counts = np.bincount(np.concatenate([y[i] for i in test]), minlength=3)
        assert abs(counts.sum() / sum(map(len, y)) - 0.2) < 0.05
        assert np.abs(counts / counts.sum() - whole).max() < 0.08
    again = [test.tolist() for _, test in splitter.split(Sequences.from_list(y), Sequences.from_list(y))]
    assert again == [test.tolist() for _, test in folds]


@pytest.mark.parametrize(
    "n_splits, y, message",
    [
        (1, [[0], [1]], "n_splits=1: must be from 2 to the number of sequences, 2"),
        (3, [[0], [1]], "n_splits=3: must be"),
        (2, [[0.5], [1.0]], "y must have one class per step"),
        (2, [[[0, 1]], [[1, 0]]], "y must have one class per step"),
        (2, [0, 1], "every step of a sequence needs a value"),
    ],
)
def test_stratified_folds_errors(n_splits, y, message):
    with pytest.raises(ValueError, match=message):
        next(StratifiedStepKFold(n_splits).split(np.zeros(len(y)), y))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("weights", [None, "sequence", "step"])
@pytest.mark.parametrize(
    "metric, sign, method, options",
    [
        (accuracy_score, 1, "predict", {}),
        (f1_score, 1, "predict", {"average": "macro"}),
        (mean_squared_error, -1, "predict", {}),
        (log_loss, -1, "predict_proba", {}),
    ],
)
def test_a_step_scorer_is_the_metric_over_all_steps(form, weights, metric, sign, method, options):
    X, y = problem(3, n_steps=4 if form is np.array else None)
    model = StepClassifier().fit(X, y)
    rng = np.random.default_rng(0)
    per_step = None if weights is None else [rng.random(len(x)) for x in X]
    given = None if weights is None else form(per_step)
    if weights == "sequence":
        given = rng.random(len(X))
        per_step = [np.full(len(x), w) for x, w in zip(X, given, strict=True)]
    scorer = make_step_scorer(metric, greater_is_better=sign > 0, response_method=method, **options)
    expected = metric(
        stacked(y),
        stacked(getattr(model, method)(X)),
        sample_weight=None if per_step is None else stacked(per_step),
        **options,
    )
    np.testing.assert_allclose(scorer(model, form(X), form(y), given), sign * expected, rtol=1e-12)


def test_a_step_scorer_of_two_classes_gets_the_second_column():
    X, y = problem(2)
    model = StepClassifier().fit(X, y)
    expected = roc_auc_score(stacked(y), stacked(model.predict_proba(X))[:, 1])
    assert make_step_scorer(roc_auc_score, response_method="predict_proba")(model, X, y) == expected


def test_step_scorer_errors_and_repr():
    X, y = problem()
    model = StepClassifier().fit(X, y)
    scorer = make_step_scorer(f1_score, greater_is_better=False, average="macro")
    expected = "make_step_scorer(f1_score, greater_is_better=False, response_method='predict', average='macro')"
    assert repr(scorer) == expected
    with pytest.raises(ValueError, match="must have as many steps per sequence as the predictions"):
        scorer(model, X[1:], y[:-1])
    with pytest.raises(ValueError, match="one weight per sequence"):
        scorer(model, X, y, np.ones(3))
    with pytest.raises(ValueError, match=r"sample_weight\[0\] has"):
        scorer(model, X, y, [np.ones(20)] * len(X))


@pytest.mark.parametrize("form", [list, Sequences.from_list])
def test_scikit_learns_tools_on_targets_of_steps(form):
    X, y = map(form, problem(3))
    scorer = make_step_scorer(f1_score, average="macro")
    np.testing.assert_array_equal(
        cross_val_score(StepClassifier(), X, y, cv=3, scoring=scorer),
        cross_validate(StepClassifier(), X, y, cv=3, scoring={"f1": scorer})["test_f1"],
    )
    assert cross_val_score(StepClassifier(), X, y, cv=StratifiedStepKFold(3)).min() > 0.5
    search = GridSearchCV(StepClassifier(), {"C": [1e-6, 1.0]}, scoring=scorer, cv=StratifiedStepKFold(3), n_jobs=2)
    assert search.fit(X, y).best_params_ == {"C": 1.0}


def test_weights_are_routed_to_the_scorer():
    X, y = problem()
    weights = np.arange(1.0, len(X) + 1)
    with sklearn.config_context(enable_metadata_routing=True):
        model = StepClassifier().set_fit_request(sample_weight=False)
        scorer = make_step_scorer(accuracy_score).set_score_request(sample_weight=True)
        found = cross_validate(model, X, y, cv=KFold(3), scoring=scorer, params={"sample_weight": weights})
        expected = []
        for train, test in KFold(3).split(X):
            fitted = StepClassifier().fit([X[i] for i in train], [y[i] for i in train])
            expected.append(scorer(fitted, [X[i] for i in test], [y[i] for i in test], weights[test]))
    np.testing.assert_allclose(found["test_score"], expected, rtol=1e-12)


@pytest.mark.parametrize("form", [list, Sequences.from_list])
@pytest.mark.parametrize("output", ["sequence", "step"])
def test_the_network_in_scikit_learns_tools(form, output):
    X, steps = problem()
    y = np.array([x[-1, 0] > 0 for x in X]) if output == "sequence" else form(steps)
    network = RNNClassifier((4,), output=output, max_iter=2, learning_rate_init=0.01, random_state=0)
    model = make_pipeline(SequenceScaler(), network)
    assert np.isfinite(cross_val_score(model, form(X), y, cv=3)).all()
    grid = {"rnnclassifier__alpha": [0.0, 1e-3]}
    found = GridSearchCV(model, grid, cv=2, n_jobs=2).fit(form(X), y).predict(form(X))
    assert type(found) is (np.ndarray if output == "sequence" else type(y))
    probabilities = cross_val_predict(model, form(X), y, cv=3, method="predict_proba")
    np.testing.assert_allclose(np.vstack(list(probabilities)).sum(axis=1), 1, atol=1e-6)
    if output == "sequence":
        expected = sklearn_cross_val_predict(model, form(X), y, cv=3, method="predict_proba")
        np.testing.assert_array_equal(probabilities, expected)
