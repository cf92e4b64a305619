"""Test that fingerprints tell data sets apart, and read little of large ones."""

import numpy as np
import pytest

from numrnn import Sequences
from numrnn.data.fingerprint import BLOCK_BYTES, BLOCKS, fingerprint
from numrnn.data.sources import Targets
from numrnn.data.symbols.next_symbols import NextSymbols, Pairs, shifted


def test_what_differs_is_named():
    data = Sequences(np.arange(24.0).reshape(12, 2), [0, 5, 12])
    targets, given = Targets(np.array([0, 1]), np.array([1.0, 2.0])), np.zeros((2, 3))
    marks = fingerprint(data, targets, given)
    assert marks == fingerprint(Sequences(data.values.copy(), data.offsets), targets, given)
    for name, other in {
        "values": (Sequences(data.values + 1, data.offsets), targets, given),
        "lengths": (Sequences(data.values, [0, 6, 12]), targets, given),
        "targets": (data, targets._replace(values=np.array([1, 1])), given),
        "weights": (data, targets._replace(weights=None), given),
        "states": (data, targets, given + 1),
    }.items():
        found = fingerprint(*other)
        assert {key for key in marks if marks[key] != found.get(key)} == {name}


def test_dtype_and_shape_count():
    values = np.zeros((4, 2))
    marks = [fingerprint(Sequences(array, [0, 4]))["values"] for array in (values, values.astype("f4"), values[:, :1])]
    assert len(set(marks)) == 3


@pytest.mark.parametrize("place", [0, -1])
def test_little_of_a_large_array_is_read(place, tmp_path):
    values = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (1 << 20, 8))
    reads = []

    class Counted(np.memmap):
        def __getitem__(self, key):
            part = super().__getitem__(key)
            reads.append(part.nbytes)
            return part

    data = Sequences(values, [0, len(values)])
    data.values = values.view(Counted)
    before = fingerprint(data)
    assert sum(reads) <= BLOCKS * BLOCK_BYTES
    values[place] = 1
    assert fingerprint(data)["values"] != before["values"]


def test_texts_and_pairs():
    symbols = Sequences(np.array([0, 1, 0, 1, 1], np.uint8), [0, 3, 5])
    assert fingerprint(NextSymbols.of(symbols, name="X"))["steps"] == 3
    marks = fingerprint(Pairs(symbols, shifted(symbols, end=2)))
    assert marks["source steps"] == 5 and marks["target steps"] == 7
