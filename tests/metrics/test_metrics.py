"""Compare the metrics with slow twins and with scikit-learn's, for every form of sequences."""

from functools import lru_cache, partial

import numpy as np
import pytest
import sklearn
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import cross_val_score

from numrnn import RNNClassifier, RNNSeq2Seq, Sequences, metrics
from numrnn.metrics import (
    edit_distance,
    exact_match,
    get_scorer,
    get_scorer_names,
    make_step_scorer,
    sequence_log_loss,
    span_f1,
    step_accuracy,
    step_log_loss,
)

RANDOM = np.random.default_rng(0)
LENGTHS = RANDOM.integers(1, 9, 30)
TRUE = [RANDOM.integers(0, 3, n) for n in LENGTHS]
PRED = [np.where(RANDOM.random(len(y)) < 0.8, y, RANDOM.integers(0, 3, len(y))) for y in TRUE]
PROB = [RANDOM.dirichlet([1, 1, 1], n) for n in LENGTHS]
MANY = [RANDOM.integers(0, 2, (n, 4)) for n in LENGTHS]
MANY_PROB = [RANDOM.random((n, 4)) for n in LENGTHS]
STEP_WEIGHTS = [RANDOM.random(n) for n in LENGTHS]
WEIGHTS = RANDOM.random(30)
FORMS = [list, Sequences.from_list]


def joined(sequences):
    return np.concatenate(list(sequences))


def weights_of(kind):
    """Return the argument `sample_weight` and the weight of each step."""
    if kind is None:
        return None, np.ones(LENGTHS.sum())
    return (STEP_WEIGHTS, joined(STEP_WEIGHTS)) if kind == "step" else (WEIGHTS, np.repeat(WEIGHTS, LENGTHS))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [None, "sequence", "step"])
def test_figures_of_steps_are_scikit_learns_over_all_steps(form, kind):
    given, weights = weights_of(kind)
    found = step_accuracy(form(TRUE), form(PRED), sample_weight=given)
    assert found == pytest.approx(accuracy_score(joined(TRUE), joined(PRED), sample_weight=weights))
    found = step_log_loss(form(TRUE), form(PROB), sample_weight=given)
    assert found == pytest.approx(log_loss(joined(TRUE), joined(PROB), sample_weight=weights))
    many = step_accuracy(form(MANY), form([p > 0.5 for p in MANY_PROB]), sample_weight=given)
    assert many == pytest.approx(accuracy_score(joined(MANY), joined(MANY_PROB) > 0.5, sample_weight=weights))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [None, "sequence", "step"])
def test_the_loss_of_several_labels_is_summed_over_them(form, kind):
    given, weights = weights_of(kind)
    of_labels = [log_loss(joined(MANY)[:, k], joined(MANY_PROB)[:, k], sample_weight=weights) for k in range(4)]
    assert step_log_loss(form(MANY), form(MANY_PROB), sample_weight=given) == pytest.approx(sum(of_labels))


@pytest.mark.parametrize("kind", [None, "sequence", "step"])
@pytest.mark.parametrize("y, p", [(TRUE, PROB), (MANY, MANY_PROB)], ids=["one", "many"])
def test_the_loss_of_a_sequence_is_the_sum_over_its_steps(y, p, kind):
    given, _ = weights_of(kind)
    labels = np.arange(3) if y is TRUE else None
    sums = [step_log_loss([a], [b], labels=labels) * len(a) for a, b in zip(y, p, strict=True)]
    if kind == "step":
        of_steps = zip(y, p, STEP_WEIGHTS, strict=True)
        sums = [step_log_loss([a], [b], labels=labels, sample_weight=[w]) * w.sum() for a, b, w in of_steps]
    expected = np.average(sums, weights=WEIGHTS if kind == "sequence" else None)
    assert sequence_log_loss(y, p, labels=labels, sample_weight=given) == pytest.approx(expected)


def test_arrays_of_equal_lengths_padding_and_two_classes():
    y, p = RANDOM.integers(0, 2, (5, 7)), RANDOM.random((5, 7))
    both = np.stack([1 - p, p], axis=2)
    assert step_log_loss(y, p) == pytest.approx(step_log_loss(y, both)) == pytest.approx(log_loss(y.ravel(), p.ravel()))
    assert step_accuracy(y[:, :, None], y) == 1.0
    lengths = RANDOM.integers(1, 8, 5)
    real = np.arange(7) < lengths[:, None]
    ragged = [[row[:n] for row, n in zip(part, lengths, strict=True)] for part in (y, both)]
    assert step_log_loss(y, both, sample_weight=real) == pytest.approx(step_log_loss(*ragged))
    assert sequence_log_loss(y, both, sample_weight=real) == pytest.approx(sequence_log_loss(*ragged))
    names = np.array(["no", "yes"])
    assert step_log_loss(names[y], both) == pytest.approx(step_log_loss(y, both))
    sure = np.array([[[1, 0], [0, 1]]], np.float32)
    assert step_log_loss([[1, 0]], sure) == pytest.approx(-np.log(np.finfo(np.float32).eps), rel=1e-6)


def slow_spans(labels):
    """Return the spans of one sequence as (first step, length, type), label by label."""
    found, current = [], None
    for step, label in enumerate(labels):
        part, _, kind = label.partition("-")
        if part == "B":
            current = [step, 1, kind]
            found.append(current)
        elif part == "I" and current is not None and current[2] == kind:
            current[1] += 1
        else:
            current = None
    return {tuple(span) for span in found}


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ("B-x I-x O", "B-x I-x O", 1.0),
        ("B-x I-x O", "B-x I-y O", 0.0),  # too short
        ("B-x I-x O", "B-y I-y O", 0.0),  # another type
        ("B-x I-x O", "O I-x O", 0.0),  # I without B is no span: 0 correct of 1 and 0
        ("I-x I-x O", "O O O", 0.0),  # neither has a span
        ("B-x B-x O", "B-x I-x O", 0.0),  # two spans are not one
        ("B-x I-x B-x", "B-x I-x O", 2 / 3),
        ("B-x I-y I-y", "B-x O O", 1.0),
        ("B I O B", "B I O O", 2 / 3),
        ("B-x-1 I-x-1 O", "B-x-1 I-x-1 O", 1.0),
    ],
)
def test_spans_by_hand(true, predicted, expected):
    assert span_f1([true.split()], [predicted.split()]) == pytest.approx(expected)


def test_spans_are_the_slow_ones_and_do_not_cross_sequences():
    labels = np.array(["O", "B-x", "I-x", "B-y", "I-y"])
    true = [labels[RANDOM.integers(0, 5, n)] for n in RANDOM.integers(0, 12, 200)]
    predicted = [np.where(RANDOM.random(len(y)) < 0.8, y, labels[RANDOM.integers(0, 5, len(y))]) for y in true]
    spans = [(slow_spans(a), slow_spans(b)) for a, b in zip(true, predicted, strict=True)]
    counts = np.array([(len(a & b), len(a), len(b)) for a, b in spans])
    correct, n_true, n_predicted = counts.sum(axis=0)
    expected = 2 * correct / (n_true + n_predicted)
    assert 0.3 < expected < 0.9
    assert span_f1(true, predicted) == pytest.approx(expected)
    assert span_f1(Sequences.from_list(true), Sequences.from_list(predicted)) == pytest.approx(expected)
    assert span_f1([y.astype(object) for y in true], predicted) == pytest.approx(expected)
    weights = RANDOM.random(200)
    correct, n_true, n_predicted = weights @ counts
    found = span_f1(true, predicted, sample_weight=weights)
    assert found == pytest.approx(2 * correct / (n_true + n_predicted))
    assert span_f1([["O", "O"]], [["O", "I-x"]], zero_division=1.0) == 1.0
    assert span_f1([["O", "B-x"], ["I-x", "O"]], [["O", "B-x"], ["O", "O"]]) == 1.0


def slow_distance(a, b):
    @lru_cache(None)
    def distance(i, j):
        if not i or not j:
            return i + j
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return distance(len(a), len(b))


def test_edits_are_the_slow_ones():
    texts = [["".join(RANDOM.choice(list("abc"), n)) for n in RANDOM.integers(0, 8, 40)] for _ in range(2)]
    distances = np.array([slow_distance(a, b) for a, b in zip(*texts, strict=True)])
    lengths, weights = np.array([len(text) for text in texts[0]]), RANDOM.random(40)
    arrays = [[np.array([ord(c) for c in text], int) for text in part] for part in texts]
    for true, predicted in (texts, arrays, map(np.array, texts), [list(map(list, part)) for part in texts]):
        assert edit_distance(true, predicted) == pytest.approx(distances.mean())
    assert edit_distance(*texts, sample_weight=weights) == pytest.approx(np.average(distances, weights=weights))
    assert edit_distance(*texts, normalize=True) == pytest.approx(distances.sum() / lengths.sum())
    assert exact_match(*texts, sample_weight=weights) == pytest.approx(np.average(distances == 0, weights=weights))
    assert exact_match(*map(Sequences.from_list, arrays)) == pytest.approx((distances == 0).mean())
    assert edit_distance([["to", "be"]], [["to", "bee", "or"]]) == 2.0
    assert exact_match(MANY, MANY) == 1.0 and exact_match(MANY[:2], [MANY[0], 1 - MANY[1]]) == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: step_accuracy(TRUE, PRED[1:]), "y_pred has 29 sequences, but y_true has 30; pass as many"),
        (lambda: step_accuracy([[0, 1], [1]], [[0, 1], [1, 1]]), r"y_pred\[1\] has 2 steps, but y_true\[1\] has 1"),
        (lambda: step_accuracy([0, 1], [0, 1]), "y_true has shape .2,., but every step of a sequence needs a value"),
        (lambda: step_accuracy([[0, 1]], [["a", "b"]]), "y_pred has dtype <U1, but y_true has int64: labels never"),
        (lambda: step_accuracy(MANY, TRUE), "y_pred has one value per step, but y_true has 4 values"),
        (lambda: step_accuracy(TRUE, PRED, sample_weight=np.zeros(30)), "sample_weight has the sum 0.0: must be above"),
        (lambda: step_accuracy(TRUE, PRED, sample_weight=[1.0]), "sample_weight must have one weight per sequence, 30"),
        (lambda: step_log_loss(TRUE, PRED), "y_prob has dtype int64: must hold probabilities in floating-point"),
        (lambda: step_log_loss(TRUE, [np.log(p) for p in PROB]), r"y_prob\[0\] has a number outside of \[0, 1\]: must"),
        (lambda: step_log_loss(TRUE, MANY_PROB), "y_prob must have one column for each of 3 labels, got 4; pass"),
        (lambda: step_log_loss([[0], [7]], [[0.5], [0.5]], labels=[0, 1]), r"y_true\[1\] holds the label .*7.*: must"),
        (lambda: step_log_loss(MANY, MANY_PROB, labels=[0, 1]), r"labels=\[0, 1\]: must be None for multi-label"),
        (lambda: step_log_loss(MANY, PROB), "y_prob must have one probability for each of 4 labels per step, got"),
        (lambda: step_log_loss([y + 1 for y in MANY], MANY_PROB), "y_true must hold zeros and ones if steps have"),
        (lambda: span_f1(TRUE, PRED), "y_true holds the label 0: must be 'O', or begin with 'B-' or 'I-'"),
        (lambda: span_f1([["B-x", "E-x"]], [["O", "O"]]), "y_true holds the label 'E-x': must be 'O', or begin with"),
        (lambda: span_f1([["O"]], [["O"]], sample_weight=[[1.0]]), "sample_weight must have one weight per sequence"),
        (lambda: edit_distance("one", "two"), "y_true='one': must be a list of texts or of sequences; pass a list"),
        (lambda: edit_distance([], []), "y_true is empty: must have at least one text or sequence"),
        (lambda: edit_distance(["a"], ["a", "b"]), "y_pred has 2 sequences, but y_true has 1; pass as many"),
        (lambda: edit_distance([1, 2], [1, 2]), r"y_true\[0\]=1: must be a text, or an array of one symbol per step"),
        (lambda: edit_distance(MANY, MANY), r"y_true\[0\] has shape \(\d, 4\): must have one symbol per step"),
        (lambda: edit_distance([""], ["a"], normalize=True), "y_true has no symbol: must have one to normalize by"),
        (lambda: exact_match(["ab"], [[1, 2]]), r"y_pred\[0\] has symbols of dtype int64, but y_true\[0\] of <U1"),
        (lambda: get_scorer("f2"), r"'f2': must be a name in sklearn.*\(\) or numrnn.metrics.get_scorer_names\(\)"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


SMALL = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0, "output": "step"}
X = [RANDOM.normal(size=(n, 2)) for n in LENGTHS]
BIO = [np.array(["O", "B-x", "I-x"])[y] for y in TRUE]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("y", [TRUE, MANY, BIO], ids=["one", "many", "bio"])
def test_named_scorers_are_the_metrics_of_predictions(form, y):
    model = RNNClassifier(**SMALL).fit(form(X), form(y))
    predicted, probabilities = model.predict(form(X)), model.predict_proba(form(X))
    expected = {
        "step_accuracy": step_accuracy(y, predicted),
        "neg_step_log_loss": -step_log_loss(y, probabilities),
        "neg_sequence_log_loss": -sequence_log_loss(y, probabilities),
        "exact_match": exact_match(y, predicted),
    }
    if y is not MANY:
        expected["neg_edit_distance"] = -edit_distance(y, predicted)
    if y is BIO:
        expected["span_f1"] = span_f1(y, predicted)
        assert sorted(expected) == get_scorer_names()
    for name, value in expected.items():
        assert get_scorer(name)(model, form(X), form(y)) == pytest.approx(value)
    assert expected["step_accuracy"] == pytest.approx(model.score(X, y))
    weighted = get_scorer("step_accuracy")(model, form(X), form(y), WEIGHTS)
    assert weighted == pytest.approx(step_accuracy(y, predicted, sample_weight=WEIGHTS))
    for name in ("step_accuracy", "neg_step_log_loss"):
        scorer = get_scorer(name)
        assert np.isfinite(cross_val_score(RNNClassifier(**SMALL), form(X), form(y), cv=3, scoring=scorer)).all()


def test_a_log_loss_knows_the_classes_that_y_lacks():
    model = RNNClassifier(**SMALL).fit(X, TRUE)
    few = [np.minimum(y, 1) for y in TRUE]
    expected = -np.log([p[c] for p, c in zip(joined(model.predict_proba(X)), joined(few), strict=True)]).mean()
    assert -get_scorer("neg_step_log_loss")(model, X, few) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("y", [TRUE, MANY], ids=["one", "many"])
def test_the_losses_are_those_of_validation(y):
    names = ["neg_step_log_loss", "neg_sequence_log_loss", "exact_match"]
    model = RNNClassifier(**SMALL, scoring=names).fit(X[:20], y[:20], X_val=X[20:], y_val=y[20:])
    history, labels = model.history_, 1 if y is TRUE else 4  # the loss of a fit is the mean over labels
    losses = labels * history["validation_loss"]
    np.testing.assert_allclose(-history["neg_step_log_loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(-history["neg_sequence_log_loss"], losses * LENGTHS[20:].sum() / 10, rtol=1e-5)
    weights = {"sample_weight": STEP_WEIGHTS[:20], "sample_weight_val": STEP_WEIGHTS[20:]}
    names = ["neg_step_log_loss", "step_accuracy"]
    model = RNNClassifier(**SMALL, scoring=names).fit(X[:20], y[:20], X_val=X[20:], y_val=y[20:], **weights)
    losses = labels * model.history_["validation_loss"]
    np.testing.assert_allclose(-model.history_["neg_step_log_loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(model.history_["step_accuracy"], model.history_["validation_score"], rtol=1e-6)


def test_pairs_are_scored_by_edits():
    pairs = ["ab", "ba", "aab", "bba"] * 5
    scoring = ["neg_edit_distance", "exact_match"]
    model = RNNSeq2Seq((4,), max_iter=2, random_state=0, scoring=scoring, monitor="neg_edit_distance")
    model.fit(pairs, pairs, X_val=pairs[:4], y_val=pairs[:4])
    written = model.predict(pairs[:4])
    assert model.history_["exact_match"][-1] == exact_match(pairs[:4], written) == model.score(pairs[:4], pairs[:4])
    assert model.history_["neg_edit_distance"][-1] == -edit_distance(pairs[:4], written)


def test_scikit_learns_log_loss_is_refused_for_several_labels():
    model = RNNClassifier(**SMALL).fit(X, MANY)
    refused = "must not be scikit-learn's log_loss for multi-label targets, .* use numrnn.metrics.step_log_loss"
    options = {"greater_is_better": False, "response_method": "predict_proba"}
    for metric in (log_loss, partial(log_loss, normalize=False)):
        with pytest.raises(ValueError, match=f"metric: {refused}"):
            make_step_scorer(metric, **options)(model, X, MANY)
    found = make_step_scorer(step_log_loss, **options)(model, X, MANY)
    assert found == -step_log_loss(MANY, model.predict_proba(X))
    for scorer in ("neg_log_loss", make_step_scorer(log_loss, **options)):
        with pytest.raises(ValueError, match=f"scoring: {refused}"):
            RNNClassifier(**SMALL, scoring={"bce": scorer}).fit(X, MANY, X_val=X, y_val=MANY)


def test_scorers_route_weights_and_are_not_shared():
    with sklearn.config_context(enable_metadata_routing=True):
        get_scorer("span_f1").set_score_request(sample_weight=True)
        requests = get_scorer("span_f1").get_metadata_routing().score.requests
    assert requests == {} and "span_f1" in repr(get_scorer("span_f1"))
    assert get_scorer("accuracy") is not None and get_scorer(len) is len
    assert set(metrics.__all__) >= {"get_scorer", "span_f1"}
