"""The .npz format: every allowed form is read, everything else is refused with the file and array at fault."""

import numpy as np
import pytest

from numrnn.data.readers import read_npz
from numrnn.data.sequences import Sequences

VALUES, LENGTHS = np.arange(10.0).reshape(5, 2), np.array([2, 3])


def written(folder, **arrays):
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64"])
def test_sequences_come_back(tmp_path, dtype):
    data = read_npz(written(tmp_path, values=VALUES, lengths=LENGTHS.astype(dtype), y=np.array(["a", "b"])))
    assert [x.tolist() for x in data.train.X.to_list()] == [VALUES[:2].tolist(), VALUES[2:].tolist()]
    assert data.train.y.tolist() == ["a", "b"]
    assert data.test is None


@pytest.mark.parametrize(
    ("y", "per_step"),
    [(np.arange(2), False), (np.ones((2, 3)), False), (np.arange(5), True), (np.ones((5, 3)), True)],
)
def test_rows_of_y_tell_what_has_a_target(tmp_path, y, per_step):
    read = read_npz(written(tmp_path, values=VALUES, lengths=LENGTHS, y=y)).train.y
    assert isinstance(read, Sequences) == per_step
    np.testing.assert_array_equal(read.values if per_step else read, y)
    if per_step:
        assert read.lengths.tolist() == [2, 3]


def test_targets_and_test_part_are_optional(tmp_path):
    data = read_npz(written(tmp_path, values=VALUES, lengths=LENGTHS, values_test=VALUES[:3], lengths_test=[3]))
    assert data.train.y is None and data.test.y is None
    assert data.test.X.lengths.tolist() == [3]


def test_a_step_may_be_one_number_or_one_symbol(tmp_path):
    numbers = read_npz(written(tmp_path, values=np.arange(5.0), lengths=LENGTHS)).train.X
    symbols = read_npz(written(tmp_path, values=np.arange(5), lengths=LENGTHS)).train.X
    assert numbers.values.shape == (5, 1) and symbols.values.shape == (5,)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"values": VALUES}, "'lengths' is missing"),
        ({"lengths": LENGTHS}, "'values' is missing"),
        ({"values": VALUES, "lengths": LENGTHS, "y_tset": LENGTHS}, "unknown array 'y_tset'; the names known are"),
        ({"values": VALUES, "lengths": LENGTHS, "y_test": LENGTHS}, "'values_test' is missing"),
        ({"values": VALUES[None], "lengths": LENGTHS}, r"values must have the shape .*, got \(1, 5, 2\)"),
        ({"values": VALUES.astype(str), "lengths": LENGTHS}, "values must hold numbers, got dtype <U"),
        ({"values": VALUES.astype(complex), "lengths": LENGTHS}, "values must hold numbers, got dtype complex"),
        ({"values": VALUES, "lengths": [2.0, 3.0]}, "lengths must be integers of shape .*, got float64"),
        ({"values": VALUES, "lengths": [[2, 3]]}, "lengths must be integers of shape .*, got int64 of shape"),
        ({"values": VALUES, "lengths": [2, 4]}, "lengths add up to 6 steps, values hold 5"),
        ({"values": VALUES, "lengths": [0, 5]}, r"lengths\[0\]=0: must be at least 1"),
        ({"values": VALUES, "lengths": np.array([2**63, 5], np.uint64)}, r"lengths\[0\]=9223372036854775808: must be"),
        ({"values": VALUES[:0], "lengths": LENGTHS[:0]}, "there are no sequences"),
        ({"values": VALUES, "lengths": LENGTHS, "y": [1, 2, 3]}, r"y must have one row per sequence \(2\) or per step"),
        ({"values": VALUES, "lengths": LENGTHS, "y": 1}, "y must have one row per sequence"),
        ({"values": VALUES, "lengths": LENGTHS, "y": np.array([{}, 1])}, "not a readable .npz file of plain arrays"),
        (
            {"values": VALUES, "lengths": LENGTHS, "values_test": VALUES[:, :1], "lengths_test": LENGTHS},
            r"values of shape \(5, 2\) and values_test of shape \(5, 1\) do not fit",
        ),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_npz(written(tmp_path, **arrays))
    assert "data.npz" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"values,lengths\n1,2\n"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a readable .npz file"):
        read_npz(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_npz(tmp_path / "none.npz")
    np.save(tmp_path / "array.npy", VALUES)
    with pytest.raises(ValueError, match="not a readable .npz file"):
        read_npz(tmp_path / "array.npy")


def test_no_advice_to_load_unsafely(tmp_path):
    """NumPy takes a text for a pickle, and says how to load it; this went on to the user."""
    path = tmp_path / "book.npz"
    path.write_text("It was a dark night.")
    with pytest.raises(ValueError, match="not a readable .npz file of plain arrays$"):
        read_npz(path)
