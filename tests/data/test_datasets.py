"""Test that bundled data match their description, and synthetic tasks their definition."""

import numpy as np
import pytest

from numrnn.datasets import load_japanese_vowels, make_adding_problem, make_copy_task, make_noisy_sines

GENERATORS = (make_adding_problem, make_copy_task, make_noisy_sines)


def test_japanese_vowels_are_whole():
    vowels = load_japanese_vowels()
    for X, y, counts in (
        (vowels.X_train, vowels.y_train, [30] * 9),
        (vowels.X_test, vowels.y_test, [31, 35, 88, 44, 29, 24, 40, 50, 29]),
    ):
        assert len(X) == len(y) == sum(counts)
        assert np.bincount(y)[1:].tolist() == counts
        assert {(x.dtype.name, x.shape[1]) for x in X} == {("float32", 12)}
    assert {min(map(len, vowels.X_train)), max(map(len, vowels.X_test))} == {7, 29}
    assert "CC BY 4.0" in vowels.DESCR and "10.24432/C5NS47" in vowels.DESCR
    assert (len(vowels.feature_names), len(vowels.target_names)) == (12, 9)


def test_adding_problem_adds_what_is_marked():
    X, y = make_adding_problem(n=500, length=11, random_state=0)
    marks = X[:, :, 1]
    assert set(np.unique(marks)) == {0.0, 1.0}
    assert (marks[:, :5].sum(axis=1) == 1).all() and (marks[:, 5:].sum(axis=1) == 1).all()
    assert (marks.sum(axis=0) > 0).all()
    np.testing.assert_allclose((X[:, :, 0] * marks).sum(axis=1), y, rtol=1e-6)
    assert 0.15 < np.mean((y - 1) ** 2) < 0.185


def test_copy_task_copies():
    options = {"n": 50, "length": 7, "random_state": 1, "n_memory": 3, "n_symbols": 4}
    X, y = make_copy_task(**options, one_hot=False)
    assert X.shape == y.shape == (50, 13)
    assert set(np.unique(X[:, :3])) == {1, 2, 3, 4}
    assert (X[:, 9] == 5).all() and (np.delete(X[:, 3:], 6, axis=1) == 0).all()
    assert (y[:, :-3] == 0).all() and (y[:, -3:] == X[:, :3]).all()
    one_hot, _ = make_copy_task(**options)
    assert one_hot.dtype == np.float32 and (one_hot.argmax(axis=2) == X).all() and (one_hot.sum(axis=2) == 1).all()


def test_noisy_sines_tell_the_next_value():
    X, y = make_noisy_sines(n=30, length=(4, 9), random_state=0, noise=0.0)
    assert {len(x) for x in X} == set(range(4, 10))
    for values, target in zip(X, y, strict=True):
        np.testing.assert_array_equal(values[1:, 0], target[:-1])
    noisy, _ = make_noisy_sines(n=30, length=200, random_state=0, noise=0.3)
    clean, _ = make_noisy_sines(n=30, length=200, random_state=0, noise=0.0)
    assert np.std(np.array(noisy) - np.array(clean)) == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("make", GENERATORS)
def test_the_seed_decides(make):
    (X, y), (X_again, y_again), (X_other, _) = (make(n=3, length=8, random_state=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(X, X_again)
    np.testing.assert_array_equal(y, y_again)
    assert not np.array_equal(X, X_other)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (make_adding_problem, {"n": 0}, "n must be at least 1, got 0"),
        (make_adding_problem, {"length": 1}, "length must be at least 2, got 1"),
        (make_copy_task, {"length": 0}, "length must be at least 1"),
        (make_copy_task, {"n_memory": 0}, "n_memory must be at least 1"),
        (make_copy_task, {"n_symbols": 1}, "n_symbols must be at least 2"),
        (make_noisy_sines, {"length": 0}, "length must be at least 1"),
        (make_noisy_sines, {"length": (5, 4)}, "the largest length must be at least 5, got 4"),
        (make_noisy_sines, {"noise": -1}, "noise must be at least 0"),
    ],
)
def test_bad_options_are_named(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
