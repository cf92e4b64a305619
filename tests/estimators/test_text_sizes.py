"""Test the numbers of streams and steps that a language model takes of a text, and the warning about few updates."""

import warnings

import numpy as np
import pytest

from numrnn import RNNLanguageModel
from numrnn.estimators.language_model.fitting import sizes_of


@pytest.mark.parametrize(
    ("lengths", "is_one", "given", "expected"),
    [
        ([3_200_000], True, {}, (100, 100)),
        ([1_000_000], True, {}, (100, 100)),
        ([100_000], True, {}, (10, 100)),
        ([20_000], True, {}, (4, 50)),
        ([5_000], True, {}, (2, 25)),
        ([300], True, {}, (1, 25)),
        ([1], True, {}, (1, 25)),
        ([20_000], True, {"batch_size": 10}, (10, 25)),
        ([20_000], True, {"bptt_steps": 100}, (2, 100)),
        ([20_000], True, {"bptt_steps": None}, (2, None)),
        ([20_000], True, {"batch_size": 100, "bptt_steps": 100}, (100, 100)),
        ([7] * 32_033, False, {}, (100, 100)),
        ([7] * 500, False, {}, (5, 100)),
        ([7], False, {}, (1, 100)),
        ([20_000] * 3, False, {}, (6, 100)),
        ([20_000] * 300, False, {"bptt_steps": None}, (3, None)),
        ([7] * 500, False, {"batch_size": 32}, (32, 100)),
    ],
)
def test_sizes_follow_from_the_length_of_texts(lengths, is_one, given, expected):
    given = {"batch_size": "auto", "bptt_steps": "auto"} | given
    assert sizes_of(np.array(lengths), is_one, **given) == expected


def small(**params):
    return RNNLanguageModel((8,), **{"random_state": 0, "learning_rate_init": 0.01} | params)


def test_auto_is_what_it_stands_for():
    text = "the rain in spain stays mainly in the plain. " * 60  # 2,700 characters
    auto, same = small(max_iter=2).fit(text), small(max_iter=2, batch_size=1, bptt_steps=25).fit(text)
    assert (auto.batch_size_, auto.bptt_steps_) == (1, 25)
    assert same.loss_curve_ == auto.loss_curve_ and auto.get_params()["batch_size"] == "auto"
    part = small().initialize(text).partial_fit(text)
    assert part.loss_curve_ == auto.loss_curve_[:1]
    held = small(max_iter=1, early_stopping=True).fit(text * 4)
    assert (held.batch_size_, held.bptt_steps_) == (3, 25)  # of the part that is trained on


@pytest.mark.parametrize(
    ("X", "params", "updates"),
    [
        ("ab" * 50, {}, "4 updates of the weights per epoch, 40 in all"),
        ("ab" * 1000, {"batch_size": 100, "bptt_steps": 100}, "1 update of the weights per epoch, 10 in all"),
        (["ab", "a"] * 20, {"max_iter": 1}, "40 updates of the weights per epoch, 40 in all"),
        ([[0, 1]] * 10, {"batch_size": 3}, "4 updates of the weights per epoch, 40 in all"),
        (["ab" * 40], {"bptt_steps": 10, "max_iter": 3}, "9 updates of the weights per epoch, 27 in all"),
    ],
)
def test_few_updates_are_a_warning(X, params, updates):
    with pytest.warns(UserWarning, match=f"max_iter=.*{updates}.* fewer than 300"):
        model = small(**params).fit(X)
    assert f"{model._state.n_updates} in all" in updates


def test_enough_updates_are_none():
    """Check the number of updates; on 20 KB the defaults once made two updates per epoch."""
    text = "the rain in spain stays mainly in the plain. " * 450
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = small().fit(text)
        assert model._state.n_updates >= 1000 and model.cross_entropy(text[:2000]) < 1.0
        small(max_iter=1, warm_start=True).initialize("ab").partial_fit("ab" * 50)  # one partial_fit does not warn


def test_updates_of_fits_before_count():
    model = small(max_iter=80, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit("ab" * 50)
        model.set_params(max_iter=1).fit("ab" * 50)
