"""Test that partial_fit reuses the network of the previous call, its device arrays and its graphs."""

import copy
import pickle

import numpy as np
import pytest
from networks import relative_error

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, Sequences
from numrnn.network.cuda.training import Call

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(4, 3, 2)), RANDOM.normal(size=4)


def model(kind=RNNRegressor, device="cuda", **params):
    return kind((3,), device=device, batch_size=4, random_state=0, dtype="float64", **params)


def graphs_of(fitted):
    return fitted._state.network._kept.graphs


def test_mini_batches_of_one_shape_are_replayed_from_the_third_call_on():
    card, cpu = model(), model(device="cpu")
    for n in range(4):
        for fitted in (card, cpu):
            fitted.partial_fit(X + n, Y)
    assert graphs_of(card).replayed >= 3  # graphs that gather may differ in each call
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-10
    assert card.loss_curve_ == pytest.approx(cpu.loss_curve_, rel=1e-10)


def test_data_may_change_in_place_between_two_calls():
    data, weights, fits = Sequences.from_list(list(X)), np.ones(4), []
    for device in ("cuda", "cpu"):
        fitted = model(device=device)
        for factor in (1.0, 2.0, 0.1):
            data.values[:] = X.reshape(-1, 2) * factor
            weights[0] = factor
            fitted.partial_fit(data, Y, weights)
        fits.append(fitted._state.theta)
    assert relative_error(*fits) <= 1e-10


def test_a_language_model_keeps_it_and_a_fit_does_not():
    texts = model(RNNLanguageModel).partial_fit("abracadabra")
    kept = texts._state.network
    assert texts.partial_fit("abracadabra")._state.network is kept
    assert model(max_iter=1).fit(X, Y)._state.network is None
    again = model(max_iter=1).partial_fit(X, Y)
    assert again.fit(X, Y)._state.network is None


def test_a_network_is_one_estimators_at_a_time():
    first = model().partial_fit(X, Y)
    second, kept = copy.copy(first), first._state.network
    first.partial_fit(X, Y)
    second.partial_fit(X, Y)
    assert first._state.network is kept is not second._state.network
    np.testing.assert_array_equal(first._state.theta, second._state.theta)
    for other in (copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert other._state.network is None
    assert first.set_params(device="cpu").partial_fit(X, Y)._state.network is None


def test_after_ctrl_c_another_one_is_made(monkeypatch):
    fitted = model().partial_fit(X, Y)
    with monkeypatch.context() as patch:
        patch.setattr(Call, "_run_batch", interrupt)
        with pytest.warns(UserWarning, match="interrupted"):
            fitted.partial_fit(X, Y)
    assert fitted._state.network is None
    assert fitted.partial_fit(X, Y)._state.network is not None


def interrupt(self, n):
    raise KeyboardInterrupt


def test_a_mistake_in_a_call_costs_no_more_than_the_network():
    labels = np.array(["a", "b", "a", "b"])
    fitted = model(RNNClassifier).partial_fit(X, labels, classes=["a", "b"])
    before = fitted._state.theta.copy()
    with pytest.raises(ValueError, match="sample_weight"):
        fitted.partial_fit(X, labels, sample_weight=np.zeros(4))
    np.testing.assert_array_equal(fitted._state.theta, before)
    fitted.partial_fit(X, labels)
