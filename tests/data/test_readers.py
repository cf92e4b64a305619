"""Test the .npz format: allowed forms are read, for all others the error names the file and the array."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from numrnn.data.readers.npz import read_npz
from numrnn.data.sequences import Sequences

VALUES, LENGTHS = np.arange(10.0).reshape(5, 2), np.array([2, 3])
ITEMS = VALUES.tobytes()


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
        ({"values": VALUES, "lengths": LENGTHS, "y_tset": LENGTHS}, "unknown array 'y_tset'; known names are"),
        ({"values": VALUES, "lengths": LENGTHS, "y_test": LENGTHS}, "'values_test' is missing"),
        ({"values": VALUES[None], "lengths": LENGTHS}, r"values must have the shape .*, got \(1, 5, 2\)"),
        ({"values": VALUES.astype(str), "lengths": LENGTHS}, "values must hold numbers, got dtype <U"),
        ({"values": VALUES.astype(complex), "lengths": LENGTHS}, "values must hold numbers, got dtype complex"),
        ({"values": VALUES, "lengths": [2.0, 3.0]}, "lengths must be integers of shape .*, got float64"),
        ({"values": VALUES, "lengths": [[2, 3]]}, "lengths must be integers of shape .*, got int64 of shape"),
        ({"values": VALUES, "lengths": [2, 4]}, "lengths must add up to the 5 steps of values, got 6"),
        ({"values": VALUES, "lengths": [0, 5]}, r"lengths\[0\]=0: must be at least 1"),
        ({"values": VALUES, "lengths": np.array([2**63, 5], np.uint64)}, r"lengths\[0\]=9223372036854775808: must be"),
        ({"values": VALUES[:0], "lengths": LENGTHS[:0]}, "there are no sequences"),
        ({"values": VALUES, "lengths": LENGTHS, "y": [1, 2, 3]}, r"y must have one row per sequence \(2\) or per step"),
        ({"values": VALUES, "lengths": LENGTHS, "y": 1}, "y must have one row per sequence"),
        ({"values": VALUES, "lengths": LENGTHS, "y": np.array([{}, 1])}, "not a readable .npz file of plain arrays"),
        (
            {"values": VALUES, "lengths": LENGTHS, "values_test": VALUES[:, :1], "lengths_test": LENGTHS},
            r"values_test has shape \(5, 1\), but values has shape \(5, 2\)",
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
    """Check that the error about a text file does not repeat NumPy's advice to load pickles, which it once did."""
    path = tmp_path / "book.npz"
    path.write_text("It was a dark night.")
    with pytest.raises(ValueError, match="not a readable .npz file of plain arrays") as caught:
        read_npz(path)
    assert "pickle" not in str(caught.value)


def member(header=None, shape=(5, 2), descr="<f8", items=ITEMS, version=b"\x01\x00"):
    """Return the bytes of an .npy array, parts of which may be wrong."""
    if header is None:
        header = repr({"descr": descr, "fortran_order": False, "shape": shape})
    header = header.encode("latin1") + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version[0] == 1 else "<I", len(header)) + header + items


def archive(path, content, compression=zipfile.ZIP_STORED, **others):
    """Write an .npz file with the given bytes as its array of values."""
    lengths = io.BytesIO()
    np.save(lengths, LENGTHS)
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("lengths.npy", lengths.getvalue())
        for name, array in {"values.npy": content, **others}.items():
            file.writestr(name, array)
    return path


def test_arrays_of_every_order_and_version_are_read(tmp_path):
    path = tmp_path / "data.npz"
    for write in (np.savez, np.savez_compressed):
        for values in (VALUES, np.asfortranarray(VALUES), VALUES.astype(">i2"), VALUES > 3, VALUES.astype("f2")[::-1]):
            write(path, values=values, lengths=LENGTHS)
            found = read_npz(path).train.X.values
            assert np.array_equal(found, values) and found.dtype.kind == values.dtype.kind
    archive(path, member(version=b"\x02\x00"))
    assert np.array_equal(read_npz(path).train.X.values, VALUES)


HEADERS = {
    "a shape of 1e9 x 3": member(shape=(10**9, 3)),
    "a shape of 2**62 x 2**62": member(shape=(2**62, 2**62)),
    "a negative shape": member(shape=(-5, -2)),
    "no items of any number": member(shape=(0, 2**62), items=b""),
    "too few items": member(items=ITEMS[:-8]),
    "too many items": member(items=ITEMS + bytes(8)),
    "texts of 300,000,000": member(descr="<U300000000", shape=(0,), items=b""),
    "texts of any length": member(descr="<U99999999999", shape=(0,), items=b""),
    "no bytes an item": member(descr="<U0", shape=(10,), items=b""),
    "texts that are none": member(descr="<U20", shape=(1,), items=b"\xff" * 80),
    "objects": member(descr="|O"),
    "records": member(descr=[("a", "<f4"), ("b", "<f4")], shape=(10,)),
    "arrays in arrays": member(descr="(2,)f8", shape=(5,)),
    "no type": member(descr="banana"),
    "a type of another kind": member(descr=7),
    "code": member(header="__import__('os').getcwd()"),
    "no syntax": member(header="{'descr': '<f8', 'shape': (5, 2"),
    "an indent": member(header="  \n {'descr'"),
    "brackets": member(header="[" * 5000),
    "signs": member(header="-" * 9000 + "1"),
    "a long header": member(header=" " * 60000),
    "NUL": member(header="\0" * 100),
    "a long number": member(header="{'descr': '<f8', 'fortran_order': False, 'shape': (%s,)}" % ("9" * 5000)),
    "version 3": member(version=b"\x03\x00"),
    "version 7": member(version=b"\x07\x00"),
    "a header of 4 GB": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}",
    "no header": b"\x93NUMPY",
    "nothing": b"",
    "a pickle": b"\x80\x04N.",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_lie(name, tmp_path):
    path = archive(tmp_path / "data.npz", HEADERS[name])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="data.npz: not a readable .npz file of plain arrays") as caught:
            read_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 500 + len(str(path)) and "\n" not in str(caught.value)


def changed(path, before, after):
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after))
    return path


def flagged(path, local, central, value):
    """Set two bytes in all headers of members."""
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        at = content.find(mark)
        while at >= 0:
            content[at + place : at + place + 2] = struct.pack("<H", value)
            at = content.find(mark, at + 1)
    path.write_bytes(content)
    return path


def bomb(path):
    """Write an archive that compresses 10 MB of zeros to a few bytes, and whose directory claims 4 GB."""
    archive(path, member(shape=(10**7,), descr="|i1", items=bytes(10**7)), zipfile.ZIP_DEFLATED)
    size = 10**7 + len(member(shape=(10**7,), descr="|i1", items=b""))
    return changed(path, struct.pack("<I", size), struct.pack("<I", 4 * 10**9))


ARCHIVES = {
    "encrypted": (lambda path: flagged(archive(path, member()), 6, 8, 1), "is encrypted"),
    "strongly encrypted": (lambda path: flagged(archive(path, member()), 6, 8, 0x40), "not a readable"),
    "patched": (lambda path: flagged(archive(path, member()), 6, 8, 0x20), "not a readable"),
    "unknown version": (lambda path: flagged(archive(path, member()), 4, 6, 200), "not a readable"),
    "unknown method": (lambda path: flagged(archive(path, member()), 8, 10, 99), "compressed by method 99"),
    "another method": (lambda path: archive(path, member(), zipfile.ZIP_LZMA), "compressed by method 14"),
    "a bomb": (bomb, "claims 4000000000 bytes"),
    "two of one name": (lambda path: archive(path, member(), **{"values": member()}), "two arrays are called 'values'"),
    "a flipped bit": (lambda path: changed(archive(path, member()), ITEMS, VALUES[::-1].tobytes()), "CRC"),
    "a long comment": (
        lambda path: changed(archive(path, member()), b"\x0b\0\0\0\0\0", b"\x0b\0\0\0\x38\0"),
        "lists 1 arrays, expected 2",
    ),
    "a long name": (lambda path: archive(path, member(), **{"x" * 9999: b""}), "unknown array"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_that_lie(name, tmp_path):
    make, message = ARCHIVES[name]
    path = make(tmp_path / "data.npz")
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"data.npz: .*{message}") as caught:
            read_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 500 + len(str(path))
