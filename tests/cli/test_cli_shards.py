"""Test ``numrnn shard``, and the other commands on the shards that it writes."""

import json
import re
import resource

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

import numrnn
from numrnn.cli import main
from numrnn.data import open_shards
from numrnn.data.readers import table_blocks, tables
from numrnn.datasets import make_noisy_sines

SHORT = ("--hidden-layer-sizes", "5", "--max-iter", "2")


def arrays(seed, n=24):
    """Return values, lengths and labels of two classes that differ in their mean."""
    random = np.random.default_rng(seed)
    lengths, y = random.integers(2, 6, n), np.arange(n) % 2
    values = random.standard_normal((lengths.sum(), 3)) + 3 * np.repeat(y, lengths)[:, None]
    return values.astype(np.float32), lengths, np.array(["high", "low"])[y]


@pytest.fixture
def files(tmp_path):
    """Return a folder with two files of one format, the second with a test part, and one file that joins both."""
    first, second, test = (dict(zip(("values", "lengths", "y"), arrays(seed), strict=True)) for seed in range(3))
    test = {f"{name}_test": array for name, array in test.items()}
    both = {name: np.concatenate([first[name], second[name]]) for name in first}
    for name, content in (("a", first), ("b", second | test), ("both", both | test)):
        np.savez(tmp_path / f"{name}.npz", **content)
    return tmp_path


def write_table(path, values, lengths, y, weights=None):
    names = np.repeat([f"s{i}" for i in range(len(lengths))], lengths)
    columns = {"sequence": names, **{f"x{k}": values[:, k] for k in range(values.shape[1])}}
    columns["label"] = y if len(y) == len(values) else np.repeat(y, lengths)
    if weights is not None:
        columns["w"] = np.repeat(weights, lengths)
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.table(columns), path)
    else:
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        path.write_text("\n".join(",".join(map(str, row)) for row in ([*columns], *rows)) + "\n")
    return path


@pytest.mark.parametrize("options", [(), ("--scale", "--early-stopping")])
def test_shards_do_what_their_files_do(options, files, capsys):
    parts, shards = [str(files / f"{name}.npz") for name in ("a", "b")], str(files / "shards")
    assert main(["shard", *parts, "--output", shards, "--shard-size", "500B"]) == 0
    told = capsys.readouterr().out
    assert "train: 48 sequences of 2 to 5 steps, 3 inputs a step, float32, in " in told and "test: 24 sequences" in told
    assert main(["info", shards]) == 0 and "one target per sequence" in capsys.readouterr().out
    outputs = []
    for data, folder in ((str(files / "both.npz"), "of_file"), (shards, "of_shards")):
        model = str(files / folder)
        assert main(["fit", data, "--output", model, *SHORT, *options]) == 0
        capsys.readouterr()
        assert main(["predict", model, data, "--proba"]) == 0 and main(["score", model, data, "--json"]) == 0
        weights = numrnn.load(f"{model}/model.safetensors").weights_
        outputs.append([capsys.readouterr().out, {name: array.tolist() for name, array in weights.items()}])
        report = json.loads((files / folder / "report.json").read_text())
        outputs[-1].append(report["scores"])
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("rows", [7, 1 << 16])
def test_tables(suffix, rows, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(table_blocks, "ROWS", rows)
    values, lengths, y = arrays(0)
    weights = np.linspace(0, 1, len(lengths))
    table = write_table(tmp_path / f"table{suffix}", values, lengths, y, weights)
    options = ("--target", "label", "--weight", "w", "--shard-size", "300B")
    assert main(["shard", str(table), "--output", str(tmp_path / "shards"), *options]) == 0
    found = open_shards(tmp_path / "shards")
    assert found.X.n_shards > 2 and found.X.dtype == np.float32
    assert np.array_equal(found.X.load().values, values) and np.array_equal(found.X.lengths, lengths)
    assert np.array_equal(found.y, y) and np.array_equal(found.sample_weight, weights)
    assert main(["fit", str(tmp_path / "shards"), "--output", str(tmp_path / "model"), *SHORT]) == 0
    model = numrnn.RNNClassifier((5,), max_iter=2, random_state=0, output="sequence").fit(found.X, y, weights)
    saved = numrnn.load(tmp_path / "model" / "model.safetensors")
    assert all(np.array_equal(saved.weights_[name], array) for name, array in model.weights_.items())


@pytest.mark.parametrize("dtype", [None, "float64"])
def test_a_target_of_each_step(dtype, tmp_path):
    X, y = make_noisy_sines(12, (4, 8), random_state=0)
    table = write_table(tmp_path / "sines.csv", np.concatenate(X), [len(x) for x in X], np.concatenate(y))
    options = () if dtype is None else ("--dtype", dtype)
    shards = str(tmp_path / "shards")
    assert main(["shard", str(table), "--output", shards, "--target", "label", "--step-targets", *options]) == 0
    found = open_shards(shards)
    assert found.X.dtype == (dtype or "float32")
    assert np.array_equal(found.y.values, np.concatenate(y))
    assert main(["fit", shards, "--output", str(tmp_path / "model"), *SHORT]) == 0
    assert numrnn.load(tmp_path / "model" / "model.safetensors").output == "step"


def test_labels_are_read_as_one(tmp_path, monkeypatch):
    """Check that labels have one type, although single blocks of rows may look like another type."""
    monkeypatch.setattr(table_blocks, "ROWS", 2)
    for name, labels, kind in (("f", ["1", "2.5"], "f"), ("u", ["1", "a"], "U"), ("i", ["1", "2"], "i")):
        path = tmp_path / f"{name}.csv"
        path.write_text("sequence,x,y\n" + "".join(f"{i},0.5,{label}\n" * 2 for i, label in enumerate(labels)))
        assert main(["shard", str(path), "--output", str(tmp_path / name), "--target", "y"]) == 0
        found = open_shards(tmp_path / name).y
        assert found.dtype.kind == kind and [str(label) for label in found] == [
            str(found.dtype.type(x)) for x in labels
        ]


@pytest.mark.parametrize("labels", [("01", "a"), ("a", "01"), ("1.50", "a"), ("+1", "a"), ("007", "7"), ("+1", "1")])
def test_labels_are_kept_as_they_are_written(labels, tmp_path, monkeypatch):
    """Check that labels keep their spelling if one block holds numbers and another one texts.

    Once, "01" became '1' in one block and '01' in the other, and "007" and "7" became one class.
    """
    monkeypatch.setattr(table_blocks, "ROWS", 2)
    path = tmp_path / "table.csv"
    path.write_text("sequence,x,y\n" + "".join(f"{i},0.5,{label}\n" * 2 for i, label in enumerate(labels)))
    assert main(["shard", str(path), "--output", str(tmp_path / "shards"), "--target", "y"]) == 0
    assert open_shards(tmp_path / "shards").y.tolist() == list(labels)


MISTAKES = {
    "no such file": ("none.npz", None, (), "no such file"),
    "no such table": ("none.csv", None, (), "none.csv: no such file"),
    "another kind": (
        "a.txt",
        "x",
        (),
        "expected an .npz, .csv, .tsv or .parquet file; for a text file, pass --task lang",
    ),
    "no parquet": ("a.parquet", "x", (), "not a readable .parquet file"),
    "empty": ("a.csv", "", (), "a.csv: the file is empty"),
    "no rows": ("a.csv", "sequence,x\n", (), "names of columns, but no rows"),
    "no column": ("a.csv", "id,x\n1,2\n", (), "there is no column 'sequence'; the columns are id, x"),
    "no target": ("a.csv", "sequence,x\n1,2\n", ("--target", "y"), "there is no column 'y'"),
    "no inputs": ("a.csv", "sequence,y\n1,2\n", ("--target", "y"), "no columns are left"),
    "a word": ("a.csv", "sequence,x\n1,2\n1,two\n", (), "a.csv: line 3, column 'x' is 'two', expected a number"),
    "a short row": ("a.csv", "sequence,x\n1,2\n1\n", (), "a.csv: line 3 has 1 cells, but the first line has 2"),
    "two places": ("a.csv", "sequence,x\n1,2\n2,2\n1,2\n", (), "sequence '1' are in two places"),
    "a target that changes": ("a.csv", "sequence,x,y\n7,2,1\n7,2,0\n", ("--target", "y"), "'y' changes within .*'7'"),
    "no text": ("a.csv", "sequence,x\n1,\udcff\n", (), "a.csv: not UTF-8: .* in line 2; if it has another"),
    "a long field": ("a.csv", f"sequence,x\n1,{'2' * 200_000}\n", (), "a.csv: line 2: field larger than field limit"),
    "a long label": (
        "a.csv",
        f"sequence,x,y\n1,2,a\n2,2,{'b' * 2000}\n",
        ("--target", "y"),
        "line 3: column 'y' has a cell of 2000",
    ),
    "a long header": (
        "a.csv",
        "x," * 60_000 + "\n",
        (),
        r"there is no column 'sequence'; the columns are x, x, .* \.\.\.$",
    ),
    "no number": ("a.csv", "sequence,x\n1,2\nb7,\n", (), "a.csv: line 3, column 'x' is empty, expected a number"),
    "no label": ("a.csv", "sequence,x,y\n1,2,a\n2,2,\n", ("--target", "y"), "a.csv: line 3, column 'y' is empty"),
    "NaN": ("a.csv", "sequence,x,y\n1,2,nan\n2,2,3\n", ("--target", "y"), "line 2, column 'y' is 'nan', expected a f"),
    "a size": ("a.csv", "sequence,x\n1,2\n", ("--shard-size", "big"), "--shard-size='big': must be a number of bytes"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing(name, tmp_path, capsys):
    file, content, options, message = MISTAKES[name]
    if content is not None:
        (tmp_path / file).write_text(content, encoding="utf-8", errors="surrogateescape")
    before = sorted(tmp_path.iterdir())
    assert main(["shard", str(tmp_path / file), "--output", str(tmp_path / "shards"), *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and re.search(message, error), error
    assert sorted(tmp_path.iterdir()) == before


def test_parquet_that_is_damaged_or_nested(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"sequence": np.arange(1000), "x": np.random.default_rng(0).random(1000)}), path)
    content = bytearray(path.read_bytes())
    content[300:400] = b"x" * 100
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a.parquet: not a readable .parquet file"):
        list(tables.read_step_table(path, tables.Columns("sequence")))
    parquet.write_table(pyarrow.table({"sequence": [1, 2], "x": [[1.0], [2.0]]}), path)
    with pytest.raises(ValueError, match=r"a.parquet: column 'x' holds list"):
        list(tables.read_step_table(path, tables.Columns("sequence")))


@pytest.mark.serial
def test_a_disk_that_is_full(files, capsys):
    """Check the error of a full disk, which a limit on the size of files simulates."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        assert main(["shard", str(files / "both.npz"), "--output", str(files / "shards")]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert capsys.readouterr().err == f"numrnn: error: --output {files / 'shards'}: File too large\n"
    assert not list(files.glob("shards*"))


def test_a_directory_that_is_there(files, capsys):
    assert main(["shard", str(files / "a.npz"), "--output", str(files)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert main(["fit", str(files), "--output", str(files / "model")]) == 2
    assert "it is not a directory of shards, or it is incomplete" in capsys.readouterr().err


def test_files_that_are_verified(files, capsys):
    shards = files / "shards"
    assert main(["shard", str(files / "both.npz"), "--output", str(shards)]) == 0
    assert main(["info", "--verify", str(shards)]) == 0
    assert "6 files match their checksums\ntrain: 48 sequences" in capsys.readouterr().out
    changed = shards / "test" / "00000.values.npy"
    content = changed.read_bytes()
    changed.write_bytes(content[:-1] + b"\x3f")
    assert main(["info", str(shards)]) == 0
    assert main(["info", "--verify", str(shards)]) == 2
    assert f"files that do not match their checksums: {changed}; restore them" in capsys.readouterr().err
    for name in ([], ["japanese_vowels"], [str(files / "both.npz")], [str(files)]):
        assert main(["info", "--verify", *name]) == 2
        assert "pass a directory of shards" in capsys.readouterr().err


def test_shards_without_checksums_are_not_verified(files, capsys):
    shards = files / "shards"
    assert main(["shard", str(files / "a.npz"), "--output", str(shards)]) == 0
    index = json.loads((shards / "index.json").read_text())
    del index["checksum"], index["shards"][0]["sha256"]
    (shards / "index.json").write_text(json.dumps(index))
    assert main(["info", str(shards)]) == 0
    assert main(["info", "--verify", str(shards)]) == 2
    assert "the index has no checksums" in capsys.readouterr().err
