"""Check what epochs are compared by, what is held out, and which weights are kept."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, make_scorer
from sklearn.model_selection import GroupShuffleSplit, LeaveOneOut, PredefinedSplit, ShuffleSplit, StratifiedKFold

import numrnn
from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq, Sequences
from numrnn.io.messages import InputError
from numrnn.model_selection import make_step_scorer
from numrnn.training import Checkpoint

RANDOM = np.random.default_rng(0)
X = [RANDOM.normal(size=(length, 2)) for length in RANDOM.integers(3, 9, 60)]
Y = np.array([int(x[-1, 0] > 0) for x in X])
STEPS = [(x[:, 0] > 0).astype(int) for x in X]
HELD = {"X_val": X[40:], "y_val": Y[40:]}
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 12, "learning_rate_init": 0.01, "random_state": 0}


def fitted(model=RNNClassifier, data=(X[:40], Y[:40]), held=HELD, **options):
    return model(**(SMALL | options)).fit(*data, **held)


def test_the_history_is_a_table_of_which_the_curves_are_columns():
    model = fitted()
    assert {len(values) for values in model.history_.values()} == {12}
    assert model.history_["loss"].tolist() == model.loss_curve_
    assert model.history_["validation_loss"].tolist() == model.validation_loss_curve_
    assert model.history_["validation_score"].tolist() == model.validation_scores_
    assert model.history_["epoch"].tolist() == list(range(1, 13))
    assert np.isnan(fitted(held={}).history_["validation_loss"]).all()


def test_the_best_epoch_is_that_of_the_monitor():
    model = fitted()
    best = int(np.argmin(model.history_["validation_loss"]))
    assert (model.best_iter_, model.best_loss_) == (best + 1, model.history_["validation_loss"][best])
    assert model.best_validation_score_ == model.history_["validation_score"][best]
    by_score = fitted(monitor="score")
    assert by_score.best_validation_score_ == max(by_score.validation_scores_)
    alone = fitted(held={})
    assert alone.best_loss_ == min(alone.loss_curve_) and alone.best_validation_score_ is None


@pytest.mark.parametrize("monitor", ["loss", "score", "f1"])
def test_the_best_weights_are_kept_with_and_without_stopping(monitor):
    rate = {"learning_rate_init": 0.3, "batch_size": 8, "scoring": {"f1": "f1"}, "monitor": monitor, "max_iter": 30}
    model = fitted(**rate, restore_best_weights=True)
    assert model.n_iter_ == 30 > model.best_iter_
    again = fitted(**(rate | {"max_iter": model.best_iter_}))
    assert (model.V_ == again.V_).all()
    stopped = fitted(**rate, early_stopping=True, n_iter_no_change=3)
    assert stopped.n_iter_ < 30
    assert (stopped.V_ == fitted(**(rate | {"max_iter": stopped.best_iter_})).V_).all()
    last = fitted(**rate, early_stopping=True, n_iter_no_change=3, restore_best_weights=False)
    assert (last.V_ == fitted(**(rate | {"max_iter": last.n_iter_})).V_).all()


def test_without_validation_the_best_training_loss_is_kept():
    model = fitted(held={}, learning_rate_init=0.5, restore_best_weights=True, max_iter=30)
    assert (model.V_ == fitted(held={}, learning_rate_init=0.5, max_iter=model.best_iter_).V_).all()


def test_a_loss_must_fall_by_a_share_and_a_score_rise_by_an_amount():
    slow = {"learning_rate_init": 1e-5, "early_stopping": True, "n_iter_no_change": 2}
    assert fitted(**slow, tol=0.0).n_iter_ == 12
    assert fitted(**slow, tol=0.5).n_iter_ == 3
    assert fitted(**slow, tol=0.0, monitor="score").n_iter_ == 3  # no label changes


@pytest.mark.parametrize(
    ("scoring", "names"),
    [
        ("f1", ["f1"]),
        (["f1", "neg_log_loss"], ["f1", "neg_log_loss"]),
        (lambda model, X, y: model.score(X, y), ["scorer"]),
        ({"one": "f1", "two": make_scorer(f1_score)}, ["one", "two"]),
    ],
)
def test_scores_are_those_of_scikit_learns_scorers(scoring, names):
    model = fitted(scoring=scoring)
    assert list(model.history_)[-len(names) :] == names
    predicted = model.predict(X[40:])
    values = {"f1": f1_score(Y[40:], predicted), "one": f1_score(Y[40:], predicted)}
    values |= {"two": values["one"], "scorer": model.score(X[40:], Y[40:])}
    values["neg_log_loss"] = -log_loss(Y[40:], model.predict_proba(X[40:]))
    for name in names:
        assert model.history_[name][-1] == pytest.approx(values[name], rel=1e-6)


@pytest.mark.parametrize("form", [list, Sequences.from_list])
def test_scores_of_steps(form):
    scoring = {"names": "f1", "by hand": make_step_scorer(f1_score), "loss": "neg_log_loss"}
    scoring["log"] = scoring.pop("loss")
    held = {"X_val": form(X[40:]), "y_val": form(STEPS[40:])}
    model = fitted(data=(form(X[:40]), form(STEPS[:40])), held=held, output="step", scoring=scoring)
    expected = f1_score(np.concatenate(STEPS[40:]), np.concatenate(list(model.predict(X[40:]))))
    assert model.history_["names"][-1] == model.history_["by hand"][-1] == pytest.approx(expected)
    part = fitted(data=(form(X), form(STEPS)), held={}, output="step", scoring="f1", early_stopping=True)
    assert len(part.history_["f1"]) == part.n_iter_


def test_steps_of_the_washout_count_in_no_score():
    held = {"X_val": X[40:], "y_val": STEPS[40:]}
    scoring = ["accuracy", "step_accuracy"]
    model = fitted(data=(X[:40], STEPS[:40]), held=held, output="step", scoring=scoring, washout=2)
    assert model.history_["accuracy"].tolist() == model.history_["step_accuracy"].tolist()
    for weights in ([np.linspace(0.1, 1, len(x)) for x in X[40:]], np.linspace(0.1, 1, 20)):
        weighed = held | {"sample_weight_val": weights}
        other = fitted(data=(X[:40], STEPS[:40]), held=weighed, output="step", scoring=scoring, washout=2)
        np.testing.assert_allclose(other.history_["accuracy"], other.history_["step_accuracy"])
        np.testing.assert_allclose(other.history_["accuracy"], other.history_["validation_score"])
    right = np.concatenate([(found == row)[2:] for found, row in zip(model.predict(X[40:]), STEPS[40:], strict=True)])
    assert model.history_["accuracy"][-1] == model.history_["validation_score"][-1] == right.mean()


def test_regressors_and_pairs_have_scores_too():
    y = 100 * np.array([x.sum() for x in X])
    held = {"X_val": X[40:], "y_val": y[40:]}
    model = fitted(RNNRegressor, (X[:40], y[:40]), held, scoring="neg_mean_absolute_error")
    expected = -np.abs(model.predict(X[40:]) - y[40:]).mean()
    assert model.history_["neg_mean_absolute_error"][-1] == pytest.approx(expected)
    pairs = ["ab", "ba", "aab", "bba"] * 5

    def right(model, X, y):
        return model.score(X, y)

    model = fitted(RNNSeq2Seq, (pairs, pairs), {}, scoring=right, monitor="scorer", early_stopping=True)
    assert 0 <= model.history_["scorer"].max() <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"monitor": "f1"}, "monitor='f1': must be one of 'loss', 'score'; scoring has no such entry"),
        ({"scoring": "f2"}, "scoring='f2': must be a name in sklearn.metrics.get_scorer_names"),
        ({"scoring": ["f1", "f1"]}, "must hold distinct names of scorers"),
        ({"scoring": {"loss": "f1"}}, "the name 'loss' must be a str other than"),
        ({"scoring": lambda *_: "high"}, r"scoring\[scorer\] returned 'high': it must return a number"),
        ({"scoring": "f1", "held": {}}, "scoring='f1': needs validation data; pass X_val, or set validation"),
        ({"monitor": "score", "held": {}}, "monitor='score': needs validation data"),
        ({"validation": "last"}, "validation='last': must be None if X_val is passed"),
        ({"gap": 2, "held": {}}, "gap=2: must be 0 unless validation='last'"),
        ({"held": {"groups": Y[:40]}}, r"groups: need a splitter such as GroupShuffleSplit\(1\)"),
        ({"validation": "last", "gap": 38, "held": {}}, "holds out 4 of 40 sequences after gap=38"),
        (
            {"validation": GroupShuffleSplit(1), "held": {}},
            "its split failed: The 'groups' parameter should not be None",
        ),
        ({"validation": "first", "held": {}}, "validation='first': must be None, 'last' or a splitter"),
    ],
)
def test_contradictions_are_named(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        fitted(**options)


def test_the_last_sequences_are_held_out_after_a_gap():
    model = fitted(held={}, validation="last", validation_fraction=0.25, gap=5)
    by_hand = fitted(data=(X[:25], Y[:25]), held={"X_val": X[30:40], "y_val": Y[30:40]})
    assert model.validation_loss_curve_ == by_hand.validation_loss_curve_
    assert (model.V_ == by_hand.V_).all()


def test_the_first_split_of_a_splitter_is_held_out():
    groups = np.repeat(np.arange(10), 4)
    splitter = GroupShuffleSplit(1, test_size=0.3, random_state=0)
    model = fitted(held={"groups": groups}, validation=splitter)
    train, held = next(splitter.split(X[:40], Y[:40], groups))
    train, held = np.sort(train), np.sort(held)
    held = {"X_val": [X[i] for i in held], "y_val": Y[held]}
    by_hand = fitted(data=([X[i] for i in train], Y[train]), held=held)
    assert model.validation_loss_curve_ == by_hand.validation_loss_curve_
    stratified = fitted(held={}, validation=StratifiedKFold(4))
    assert len(stratified.validation_scores_) == 12
    assert len(fitted(held={}, validation=LeaveOneOut()).validation_scores_) == 12


def test_texts_are_split_like_sequences():
    texts = ["abab", "baba", "aabb", "bbaa"] * 10
    options = {"batch_size": 2, "max_iter": 20}
    model = fitted(RNNLanguageModel, (texts,), {}, validation="last", gap=4, **options)
    by_hand = fitted(RNNLanguageModel, (texts[:32],), {"X_val": texts[36:]}, **options)
    assert model.validation_loss_curve_ == by_hand.validation_loss_curve_
    with pytest.raises(ValueError, match="gap=1: needs several texts, but X is one text, whose end is held out"):
        fitted(RNNLanguageModel, ("ab" * 500,), {}, validation="last", gap=1)
    groups = np.repeat(np.arange(10), 4)
    fitted(RNNLanguageModel, (texts,), {"groups": groups}, validation=GroupShuffleSplit(1, random_state=0), **options)


def test_labels_that_only_y_val_has_are_wrong_answers_and_no_loss():
    labels = Y[40:].copy()
    labels[:5] = 7
    with pytest.warns(UserWarning, match="5 of 20 labels do not occur in y, for example 7; they count") as found:
        model = RNNClassifier(**SMALL).fit(X[:40], Y[:40], X_val=X[40:], y_val=labels)
    assert [warning.filename for warning in found] == [__file__]
    assert model.validation_scores_[-1] == model.score(X[40:], labels)
    others = fitted(held={"X_val": X[45:], "y_val": labels[5:]})
    np.testing.assert_allclose(model.validation_loss_curve_, others.validation_loss_curve_, rtol=1e-6)
    with pytest.raises(ValueError, match=r"y_val contains previously unseen labels: \[7\]"):
        fitted(held={"X_val": X[40:], "y_val": np.full(20, 7)})


def test_labels_of_steps_that_only_y_val_has():
    steps = [row.copy() for row in STEPS[40:]]
    steps[0][:] = 9
    with pytest.warns(UserWarning, match="y_val"):
        model = fitted(data=(X[:40], STEPS[:40]), held={"X_val": X[40:], "y_val": steps}, output="step")
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[40:], steps))


def test_the_scores_are_kept_in_files_and_checkpoints(tmp_path):
    model = fitted(scoring=["f1", "neg_log_loss"], callbacks=[Checkpoint(tmp_path / "c")])
    model.set_params(callbacks=None).save(tmp_path / "m.safetensors")
    loaded = numrnn.load(tmp_path / "m.safetensors")
    assert list(loaded.history_) == list(model.history_)
    np.testing.assert_array_equal(loaded.history_["f1"], model.history_["f1"])
    options = {"scoring": ["f1", "neg_log_loss"], "max_iter": 15}
    resumed = RNNClassifier(**(SMALL | options)).fit(X[:40], Y[:40], **HELD, resume=tmp_path / "c")
    whole = fitted(**options)
    np.testing.assert_array_equal(resumed.history_["f1"], whole.history_["f1"])
    assert (resumed.V_ == whole.V_).all()


def test_later_fits_may_have_other_scores():
    model = fitted(scoring="f1", warm_start=True)
    model.set_params(scoring="neg_log_loss").fit(X[:40], Y[:40], **HELD)
    assert np.isnan(model.history_["f1"][12:]).all() and np.isfinite(model.history_["f1"][:12]).all()
    assert np.isnan(model.history_["neg_log_loss"][:12]).all()
    model.partial_fit(X[:40], Y[:40])
    assert len(model.history_["f1"]) == 25


def test_a_useless_score_does_not_stop_multi_label_steps():
    keys = [(RANDOM.random((len(x), 30)) < 0.1).astype(int) for x in X]
    for row, x in zip(keys, X, strict=True):
        row[:, 0] = x[:, 0] > 0
    options = {"output": "step", "early_stopping": True, "max_iter": 40, "n_iter_no_change": 5}
    assert fitted(data=(X, keys), held={}, **options, monitor="score").n_iter_ < 15
    assert fitted(data=(X, keys), held={}, **options).n_iter_ > 30


def test_a_adaptive_rate_follows_the_monitor():
    options = {"learning_rate": "adaptive", "learning_rate_init": 1e-5, "tol": 0.0, "max_iter": 10}
    assert set(fitted(**options).history_["learning_rate"]) == {1e-5}
    assert len(set(fitted(**options, monitor="score").history_["learning_rate"])) > 2


def regression():
    random = np.random.default_rng(0)
    return random.normal(size=(20, 5, 1)), random.normal(size=20)


def test_a_model_without_its_scoring_can_be_loaded(tmp_path):
    """Check that a monitor is not stored if it names a score that cannot be stored."""
    model = RNNRegressor((3,), max_iter=2, scoring=lambda model, X, y: 0.0, monitor="scorer", early_stopping=True)
    model.fit(*regression())
    with pytest.warns(UserWarning, match="scoring=.* is not stored"):
        model.save(tmp_path / "model")
    loaded = numrnn.load(tmp_path / "model")
    assert (loaded.monitor, loaded.scoring) == ("loss", None)


def test_epochs_are_compared_by_their_loss_if_the_monitored_score_is_never_finite():
    X, y = regression()
    options = {"scoring": lambda model, X, y: float("nan"), "monitor": "scorer", "early_stopping": True}
    model = RNNRegressor((3,), max_iter=30, learning_rate_init=0.2, random_state=0, **options)
    with pytest.warns(UserWarning, match="monitor='scorer': was not finite after any epoch"):
        model.fit(X, y)
    assert model.n_iter_ == 10
    assert model.best_iter_ == 1 + np.argmin(model.validation_loss_curve_)


def test_epochs_without_validation_are_not_compared_with_those_that_have_it():
    X, y = regression()
    model = RNNRegressor((3,), max_iter=3, early_stopping=True, random_state=0).fit(X, y)
    best = model.best_iter_, model.best_loss_, model.best_validation_score_
    for _ in range(3):
        model.partial_fit(X, y)
    assert (model.best_iter_, model.best_loss_, model.best_validation_score_) == best
    assert model.n_iter_ == 6


def test_a_score_cannot_lower_the_rate_without_validation():
    model = RNNRegressor((3,), learning_rate="adaptive", monitor="score")
    with pytest.raises(InputError, match="monitor='score': needs validation data"):
        model.partial_fit(*regression())


def test_a_score_that_cannot_be_computed_is_named():
    model = RNNRegressor((3,), max_iter=2, scoring=["neg_step_log_loss"], early_stopping=True)
    with pytest.raises(InputError, match=r"scoring\[neg_step_log_loss\]: cannot be computed"):
        model.fit(*regression())


def test_a_splitter_without_a_seed_takes_that_of_the_fit():
    X, y = regression()
    first, again = (
        RNNRegressor((3,), max_iter=2, validation=ShuffleSplit(1), random_state=0).fit(X, y) for _ in range(2)
    )
    assert first.validation_loss_curve_ == again.validation_loss_curve_


def test_a_splitter_without_splits_is_named():
    X, y = regression()
    with pytest.raises(InputError, match="it has no split"):
        RNNRegressor((3,), max_iter=2, validation=PredefinedSplit(-np.ones(20))).fit(X, y)


def test_the_best_epoch_is_one_of_the_last_fit():
    """Check that a continued fit, which compares its own epochs only, describes the epoch of its weights."""
    X, y = regression()
    model = RNNRegressor((3,), max_iter=20, early_stopping=True, warm_start=True, random_state=0).fit(X, y)
    before = model.n_iter_
    model.set_params(max_iter=3, learning_rate_init=0.5).fit(X, y)
    assert model.n_iter_ == before + 3 and model.best_iter_ > before
    assert model.best_loss_ == model.validation_loss_curve_[model.best_iter_ - 1]


@pytest.mark.parametrize(("zeros", "part"), [(slice(18, 20), "validation"), (slice(0, 18), "training")])
@pytest.mark.parametrize("validation", ["last", PredefinedSplit([-1] * 18 + [0] * 2)], ids=["last", "splitter"])
def test_a_part_without_weight_is_named(zeros, part, validation):
    X, y = regression()
    weights = np.ones(20)
    weights[zeros] = 0
    model = RNNRegressor((3,), max_iter=2, validation=validation)
    with pytest.raises(InputError, match=f"all weights of the {part} part are 0"):
        model.fit(X, y, sample_weight=weights)
