"""Check that real targets are standardised for training and predictions converted back."""

import numpy as np
import pytest

import numrnn
from numrnn import RNNRegressor, RNNSeq2Seq
from numrnn.estimators.model_checks import check_consistency
from numrnn.estimators.target_scale import learn_scale

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


def ragged(n=40, seed=0):
    random = np.random.default_rng(seed)
    X = [random.normal(size=(length, 2)) for length in random.integers(3, 9, n)]
    return X, np.array([x[-1].sum() for x in X])


def by_hand(y, weights):
    """Compute mean and standard deviation of each column in the plainest way."""
    mean = (y * weights[:, None]).sum(axis=0) / weights.sum()
    return mean, np.sqrt((weights[:, None] * (y - mean) ** 2).sum(axis=0) / weights.sum())


def test_the_scale_is_the_weighted_mean_and_standard_deviation():
    random = np.random.default_rng(0)
    y = random.normal(size=(50, 3)) * [140, 0.03, 1e5] + [500, 0, 1e6]
    weights = random.integers(0, 3, 50).astype(float)
    for found, wanted in zip(learn_scale(y, weights), by_hand(y, weights), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    for found, wanted in zip(learn_scale(y), by_hand(y, np.ones(50)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("constant", [0.0, 0.1, -3e7, 1e300])
def test_a_constant_target_has_the_scale_one(constant):
    mean, scale = learn_scale(np.full((7, 1), constant))
    assert scale[0] == 1
    assert mean[0] == constant


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e300])
def test_targets_of_any_size_have_a_scale(size):
    _, scale = learn_scale(np.array([[-size], [size], [size], [-size]]))
    np.testing.assert_allclose(scale, size)


def test_a_fit_equals_that_on_targets_scaled_by_hand():
    X, y = ragged()
    y = 140 * y + 500
    scaled = RNNRegressor(**SMALL).fit(X, y)
    mean, scale = scaled.target_mean_[0], scaled.target_scale_[0]
    plain = RNNRegressor(**SMALL, scale_targets=False).fit(X, (y - mean) / scale)
    assert plain.target_mean_ is None and plain.target_scale_ is None
    assert plain.loss_curve_ == scaled.loss_curve_
    for name, values in plain.weights_.items():
        assert (values == scaled.weights_[name]).all()
    assert (plain.predict(X) * scale + mean == scaled.predict(X)).all()
    assert plain.score(X, (y - mean) / scale) == pytest.approx(scaled.score(X, y))


def test_loss_and_gradient_are_in_standardised_units():
    X, y = ragged()
    scaled = RNNRegressor(**SMALL).fit(X, 140 * y + 500)
    plain = RNNRegressor(**SMALL, scale_targets=False).fit(
        X, (140 * y + 500 - scaled.target_mean_) / scaled.target_scale_
    )
    loss, gradient = scaled.loss_and_grad(X, 140 * y + 500)
    wanted, other = plain.loss_and_grad(X, (140 * y + 500 - scaled.target_mean_) / scaled.target_scale_)
    assert loss == wanted
    assert (gradient["V"] == other["V"]).all()


def test_outputs_of_unlike_sizes_are_learned_alike():
    X, _ = ragged(200)
    y = np.array([[300 * x[-1, 0], 0.03 * x[-1, 1]] for x in X])
    options = {"hidden_layer_sizes": (16,), "learning_rate_init": 0.01, "max_iter": 60, "random_state": 0}
    scaled = RNNRegressor(**options).fit(X, y)
    by_hand = RNNRegressor(**options, scale_targets=False).fit(X, (y - y.mean(axis=0)) / y.std(axis=0))
    errors = ((scaled.predict(X) - y) ** 2).mean(axis=0) / y.var(axis=0)
    wanted = ((by_hand.predict(X) * y.std(axis=0) + y.mean(axis=0) - y) ** 2).mean(axis=0) / y.var(axis=0)
    assert (errors < 0.1).all()
    np.testing.assert_allclose(errors, wanted, atol=1e-2)


def test_steps_are_scaled_over_all_sequences():
    X, _ = ragged()
    y = [50 * x.sum(axis=1) + 1000 for x in X]
    model = RNNRegressor(**SMALL, output="step").fit(X, y)
    np.testing.assert_allclose(model.target_mean_, [np.concatenate(y).mean()])
    np.testing.assert_allclose(model.target_scale_, [np.concatenate(y).std()])
    whole, state = model.predict(X), None
    for x, wanted in zip(X[0], whole[0], strict=True):
        prediction, state = model.predict_step(x, state)
        assert prediction == wanted
    many, _ = model.predict_step(np.stack([x[0] for x in X]))
    assert (many == [row[0] for row in whole]).all()


def test_weights_of_samples_weigh_the_scale():
    X, y = ragged()
    weights = np.where(np.arange(len(y)) % 2, 1.0, 0.0)
    model = RNNRegressor(**SMALL).fit(X, 140 * y, weights)
    np.testing.assert_allclose(model.target_mean_, [(140 * y)[1::2].mean()])


def test_the_scale_is_learned_once():
    X, y = ragged()
    model = RNNRegressor(**SMALL).partial_fit(X, y)
    first = model.target_mean_.copy()
    assert (model.partial_fit(X, y + 1000).target_mean_ == first).all()
    assert (RNNRegressor(**SMALL).initialize(X, y).partial_fit(X, y + 1000).target_mean_ == first).all()
    warm = RNNRegressor(**SMALL, warm_start=True).fit(X, y)
    assert (warm.fit(X, y + 1000).target_mean_ == first).all()
    assert (warm.set_params(warm_start=False).fit(X, y + 1000).target_mean_ != first).all()


def test_training_continues_only_with_the_same_choice():
    X, y = ragged()
    model = RNNRegressor(**SMALL, warm_start=True).fit(X, y).set_params(scale_targets=False)
    with pytest.raises(ValueError, match=r"scale_targets=False: must be True, with which training began; or fit anew"):
        model.fit(X, y)


@pytest.mark.parametrize("scale_targets", ["auto", False])
def test_files_keep_the_scale(tmp_path, scale_targets):
    X, y = ragged()
    model = RNNRegressor(**SMALL, scale_targets=scale_targets).fit(X, 140 * y + 500)
    model.save(tmp_path / "model.safetensors")
    loaded = numrnn.load(tmp_path / "model.safetensors")
    assert (loaded.predict(X) == model.predict(X)).all()
    assert loaded.partial_fit(X, y).target_mean_ == model.target_mean_


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("target_scale_", None, "target_scale_=None: must be None if and only if target_mean_ is None"),
        ("target_scale_", np.array([0.0]), "above 0"),
        ("target_scale_", np.array([-1.0]), "above 0"),
        ("target_scale_", np.array([np.inf]), "finite"),
        ("target_mean_", np.array([np.nan]), "finite"),
        ("target_mean_", np.zeros(2), "n_outputs_=1"),
        ("target_mean_", "0", "None, or an array"),
    ],
)
def test_files_with_an_impossible_scale_raise_an_error(attribute, value, message):
    X, y = ragged()
    model = RNNRegressor(**SMALL).initialize(X, y)
    with pytest.raises(ValueError, match=message):
        check_consistency("RNNRegressor", model._architecture, model._what_was_learnt() | {attribute: value})


def test_pairs_of_vectors_are_scaled_and_fed_back_in_standardised_units(tmp_path):
    random = np.random.default_rng(0)
    X = random.normal(size=(40, 5, 1))
    y = 100 * np.cumsum(X, axis=1) + 3000
    model = RNNSeq2Seq(**SMALL).fit(X, y)
    flat = y.reshape(-1, 1)
    np.testing.assert_allclose([model.target_mean_[0], model.target_scale_[0]], [flat.mean(), flat.std()])
    plain = RNNSeq2Seq(**SMALL, scale_targets=False).fit(X, (y - model.target_mean_) / model.target_scale_)
    for found, wanted in zip(model.predict(X), plain.predict(X), strict=True):
        assert (found == wanted.astype(float) * model.target_scale_ + model.target_mean_).all()
    assert model.score(X, y) == pytest.approx(plain.score(X, (y - model.target_mean_) / model.target_scale_))
    model.save(tmp_path / "model.safetensors")
    assert (numrnn.load(tmp_path / "model.safetensors").predict(X)[0] == model.predict(X)[0]).all()


def test_pairs_of_symbols_have_no_scale():
    model = RNNSeq2Seq(**SMALL).fit(["ab", "ba"], ["ba", "ab"])
    assert model.target_mean_ is None and model.target_scale_ is None
    with pytest.raises(ValueError, match='scale_targets=True: must be "auto" or False with texts in y'):
        RNNSeq2Seq(**SMALL, scale_targets=True).fit(["ab", "ba"], ["ba", "ab"])


def test_targets_too_far_apart_raise_an_error():
    X, y = ragged()
    y[:2] = [-1.7e308, 1.7e308]
    with pytest.raises(ValueError, match="y contains values whose differences are too large for float64"):
        RNNRegressor(**SMALL).fit(X, y)
