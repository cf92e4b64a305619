import collections.abc
import copy
import pickle

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, train_test_split
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import type_of_target

from numrnn import RNNRegressor, Sequences
from numrnn.data.array_checks import checked_lengths


def ragged(seed, columns=None, dtype=np.float32, fewest=0):
    """Return random arrays of random lengths, a list."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(fewest, 9, rng.integers(1, 12))
    return [(rng.normal(size=(n, *(columns or ()))) * 9).astype(dtype) for n in lengths]


CASES = [(seed, columns, dtype) for seed in range(12) for columns in ((), (1,), (3,)) for dtype in "fdiqU"]


@pytest.mark.parametrize("seed, columns, dtype", CASES)
def test_round_trips(seed, columns, dtype):
    arrays = ragged(seed, columns, dtype)
    X = Sequences.from_list(arrays)
    assert X.values.dtype == np.result_type(*arrays)
    assert X.values.flags.c_contiguous
    assert X.offsets.dtype == X.lengths.dtype == np.int64
    assert len(X) == X.shape[0] == len(arrays)
    assert X.lengths.tolist() == [len(a) for a in arrays]
    for back in (X.to_list(), list(X), [X[i] for i in range(len(X))], [X[i - len(X)] for i in range(len(X))]):
        assert len(back) == len(arrays)
        for one, array in zip(back, arrays, strict=True):
            np.testing.assert_array_equal(one, array)
            assert np.shares_memory(one, X.values) or not one.size
    assert Sequences.from_list(X.to_list()) == X
    assert Sequences.from_concatenated(X.values, X.lengths) == X
    assert Sequences(X.values, X.offsets) == X
    padded = X.to_padded()
    assert padded.shape == (len(X), X.lengths.max(), *columns)
    assert Sequences.from_padded(padded, X.lengths) == X
    assert pickle.loads(pickle.dumps(X)) == X == copy.deepcopy(X)


@pytest.mark.parametrize("seed", range(20))
def test_indexing_is_that_of_an_object_array(seed):
    arrays = ragged(seed, (2,))
    X = Sequences.from_list(arrays)
    reference = np.fromiter(arrays, object, len(arrays))
    rng = np.random.default_rng(seed)
    n = len(arrays)
    mask = rng.random(n) < 0.5
    start, stop = np.sort(rng.integers(0, n + 1, 2))
    keys = [slice(start, stop), slice(stop, start), slice(None, None, -2), slice(-2, None), mask, mask.tolist()]
    keys += [rng.integers(-n, n, 7), rng.integers(0, n, 4).astype(np.uint8), [0, -1], [], np.array([], int)]
    for key in keys:
        for chosen in (X[key], X[key, ...], X[key, :]):
            expected = reference[np.asarray(key, int) if isinstance(key, list) and not key else key]
            assert isinstance(chosen, Sequences)
            assert len(chosen) == len(expected)
            assert all(np.array_equal(a, b) for a, b in zip(chosen, expected, strict=True))
    np.testing.assert_array_equal(X[np.int32(n - 1), ...], arrays[-1])


@pytest.mark.parametrize(
    "key, error",
    [
        (3, IndexError),
        (-4, IndexError),
        ([0, 3], IndexError),
        ([True, False], IndexError),
        ([[0]], IndexError),
        ([0.0, 1.0], IndexError),
        ((0, 1), IndexError),
        ((), IndexError),
        ("a", TypeError),
        (1.0, TypeError),
        (None, TypeError),
    ],
)
def test_wrong_keys(key, error):
    with pytest.raises(error):
        Sequences.from_concatenated(np.zeros(6), [1, 2, 3])[key]


def test_slices_and_constructors_do_not_copy(tmp_path):
    np.save(tmp_path / "values.npy", np.arange(24, dtype=np.float32).reshape(12, 2))
    values = np.load(tmp_path / "values.npy", mmap_mode="r")
    X = Sequences.from_concatenated(values, [3, 4, 5])
    for view in (X, X[1:], X[1], Sequences.from_array(values.reshape(3, 4, 2)), X.gather(np.array([1]))[0]):
        assert np.shares_memory(getattr(view, "values", view), values)
    assert not X[1].flags.writeable
    np.testing.assert_array_equal(X[[2, 0]][1], values[:3])


def test_gather_says_where_the_steps_lie():
    X = Sequences.from_list(ragged(3, (2,), fewest=1))
    ids = np.array([2, 0, 2])
    values, starts = X.gather(ids, out=None)
    for i, start in zip(ids, starts, strict=True):
        np.testing.assert_array_equal(values[start : start + X.lengths[i]], X[i])


def test_equality_shape_and_repr():
    X = Sequences.from_list([np.zeros((2, 3)), np.ones((4, 3))])
    same_steps = Sequences.from_concatenated(X.values, [3, 3])
    assert X == Sequences.from_list(X) and X != same_steps and X != X[:1] and X != X.to_list()
    assert X.shape == (2, None, 3) and Sequences.from_array([[1, 2]]).shape == (1, None)
    assert repr(X) == "Sequences(2 sequences of 2 to 4 steps, 3 columns, float64)"
    assert repr(same_steps[:0]) == "Sequences(0 sequences of 0 steps, 3 columns, float64)"
    assert isinstance(X, collections.abc.Sequence)


def test_numpy_sees_one_object_per_sequence():
    equal = Sequences.from_array(np.zeros((3, 4), int))
    assert np.asarray(equal).shape == (3,) and np.asarray(equal).dtype == object
    assert type_of_target(equal) == "unknown"
    with pytest.raises(ValueError, match="sequence"):
        np.asarray(equal, dtype=float)


def test_padding():
    X = Sequences.from_list([[1, 2, 3], [4]])
    assert X.to_padded(fill=-1).tolist() == [[1, 2, 3], [4, -1, -1]]
    assert Sequences.from_padded(X.to_padded(), [2, 0]).to_list()[0].tolist() == [1, 2]
    assert X[:0].to_padded().shape == (0, 0)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Sequences(np.zeros((2, 2, 2)), [0, 2]), r"values must have the shape .* got \(2, 2, 2\)"),
        (lambda: Sequences(np.zeros(3), [0.0, 3.0]), "offsets must be integers"),
        (lambda: Sequences(np.zeros(3), []), "offsets must be integers"),
        (lambda: Sequences(np.zeros(3), [0, 2]), "offsets must go from 0 to the number of steps, 3"),
        (lambda: Sequences(np.zeros(3), [1, 3]), "offsets must go from 0 to the number of steps, 3"),
        (lambda: Sequences(np.zeros(3), [0, 2, 1, 3]), "sequence 1 goes from 2 to 1"),
        (lambda: Sequences.from_concatenated(np.zeros(3), [4, -1]), r"lengths\[1\]=-1: must be at least 0"),
        (lambda: Sequences.from_concatenated(np.zeros(3), [1.0, 2.0]), "lengths must be integers"),
        (lambda: Sequences.from_concatenated(np.zeros(3), [4, 0]), r"lengths\[0\]=4: must be at most 3"),
        (
            lambda: Sequences.from_concatenated(np.zeros(3), [1, 1]),
            "lengths must add up to the 3 steps of values, got 2",
        ),
        (lambda: Sequences.from_concatenated(np.zeros(3), []), "lengths must add up to the 3 steps of values, got 0"),
        (lambda: Sequences.from_padded(np.zeros((2, 3)), [1, 4]), r"lengths\[1\]=4: must be at most 3"),
        (lambda: Sequences.from_padded(np.zeros((2, 3)), [1]), r"X must have the shape \(1, T, D\)"),
        (lambda: Sequences.from_array(np.zeros(3)), r"array must have the shape"),
        (lambda: Sequences.from_list([[1.0], [[1.0]]]), r"sequences\[1\] has shape \(1, 1\)"),
        (lambda: Sequences.from_list([[1], ["a"]]), r"sequences\[1\] has dtype <U1, but the first array has int64"),
        (lambda: Sequences.from_list([[1j]]), r"sequences\[0\] has dtype complex128: Complex data not supported"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("form", [list, Sequences.from_list])
def test_scikit_learn_splits_them(form):
    arrays = ragged(1, (2,), fewest=1)
    n = len(arrays)
    X, y, steps = form(arrays), np.arange(n), form([a[:, 0] for a in arrays])
    parts = train_test_split(X, y, steps, random_state=0)
    for X_part, y_part, steps_part in (parts[::2], parts[1::2]):
        assert type(X_part) is type(X) and len(X_part) == len(y_part)
        for x, i, step in zip(X_part, y_part, steps_part, strict=True):
            np.testing.assert_array_equal(x, arrays[i])
            np.testing.assert_array_equal(step, arrays[i][:, 0])
    for splitter, groups in ((KFold(3), None), (GroupKFold(2), y % 3)):
        for _, test in splitter.split(X, y, groups):
            assert len(_safe_indexing(X, test)) == len(test)


MOST = 2**63  # what an int64 no longer holds


@pytest.mark.parametrize(
    "lengths",
    [
        np.array([MOST, MOST, 3], np.uint64),  # the sum wraps to 3
        np.array([MOST - 1, MOST - 1, 5], np.int64),  # the sum wraps, too
        np.array([2**32] * 4, np.uint64),
        np.full(100, 3),
    ],
    ids=str,
)
def test_lengths_are_compared_with_the_steps_before_they_are_added_up(lengths):
    """Check lengths whose sum wraps around; an early version trusted the sum and read memory out of bounds."""
    for make in (lambda: Sequences.from_concatenated(np.zeros(3), lengths), lambda: checked_lengths(lengths, 3)):
        with pytest.raises(
            ValueError,
            match=r"lengths\[0\]=\d+: must be at most 3|lengths must add up to the 3 steps of values, got 300",
        ):
            make()
    with pytest.raises(ValueError, match=r"lengths\[0\]=\d+: must be at most 2"):
        Sequences.from_padded(np.zeros((len(lengths), 2)), lengths)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_offsets_that_wrap_are_seen_to_fall(dtype):
    """Check that falling offsets are found although each of their differences is positive in 64 bits."""
    offsets = np.array([0, 5, -MOST, -(2**62), -1, 7], np.int64).view(dtype)
    with pytest.raises(ValueError, match="offsets must not decrease"):
        Sequences(np.zeros(7), offsets)


def test_offsets_that_are_changed_afterwards_change_nothing():
    """Check that offsets are copied; an early version kept the caller's array, and a prediction crashed."""
    offsets = np.array([0, 2, 5])
    X = Sequences(np.arange(5.0), offsets)
    offsets[:] = 10**12
    assert X.lengths.tolist() == [2, 3]
    with pytest.raises(ValueError, match="read-only"):
        X.offsets[1] = 10**12


def test_padding_of_nan_tells_lengths():
    X = np.arange(12.0).reshape(2, 3, 2)
    X[0, 2] = X[1, 1:] = np.nan
    found = Sequences.from_padded(X)
    assert found.lengths.tolist() == [2, 1] and found == Sequences.from_padded(X, [2, 1])
    X[0, 0, 0] = np.nan  # a hole is no padding
    assert Sequences.from_padded(X).lengths.tolist() == [2, 1]
    assert Sequences.from_padded([[1, 2], [3, 4]]).lengths.tolist() == [2, 2]
    assert Sequences.from_padded([[np.nan, np.nan], [3, np.nan]]).lengths.tolist() == [0, 1]
    assert Sequences.from_padded(np.zeros((2, 0))).lengths.tolist() == [0, 0]
    with pytest.raises(ValueError, match="X must have the shape"):
        Sequences.from_padded(np.array(3.0))
    with pytest.raises(TypeError, match="X is of type float, expected a padded array of shape"):
        Sequences.from_padded(3.0)
    with pytest.raises(ValueError, match=r"in step 1; if it is padding, pass Sequences.from_padded\(X\)"):
        RNNRegressor().fit(X[1:], [0])
    with pytest.raises(ValueError, match=r"X\[0\] contains NaN in step 0, column 0; replace or remove such values$"):
        RNNRegressor().fit(X[:1], [0])
