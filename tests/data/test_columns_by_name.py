"""Test names of columns: files are reordered by name, frames and sequences in another order raise errors."""

import json

import numpy as np
import pandas
import pytest

import numrnn
from numrnn import RNNClassifier, Sequences, SequenceScaler
from numrnn.cli import main
from numrnn.data import ShardWriter, open_shards

JAN = "unit,pulse,temperature,label\n1,60,36,a\n1,61,36.5,a\n2,70,38,b\n"
FEB = "label,temperature,pulse,unit\na,36,62,3\nb,39,80,4\n"
ROWS = [[60, 36], [61, 36.5], [70, 38], [62, 36], [80, 39]]
LABELS = np.arange(8) % 2
OTHERS = {
    "renamed": ("unit,pulse,temp,label\n5,62,36,a\n", "column 'temperature' is missing, column 'temp' is new"),
    "missing": ("unit,pulse,label\n5,62,a\n", "column 'temperature' is missing"),
    "extra": ("unit,pulse,temperature,label,x\n5,62,36,a,1\n", "column 'x' is new"),
    "twice": ("unit,pulse,pulse,label\n5,62,36,a\n", "column 'pulse' occurs twice"),
    "no target": (
        "unit,pulse,temperature\n5,62,36\n",
        "there is no column 'label'; the columns are unit, pulse, temperature",
    ),
}


def frames(order=("a", "b")):
    """Return frames of two classes, which differ in the first column."""
    random = np.random.default_rng(0)
    tables = [random.normal(size=(3 + i, 2)) + [6 * (i % 2), 0] for i in range(len(LABELS))]
    return [pandas.DataFrame(table, columns=["a", "b"])[list(order)] for table in tables]


def values(order=("a", "b")):
    return np.concatenate([frame.to_numpy() for frame in frames(order)])


def shards(folder, *orders):
    with ShardWriter(folder) as writer:
        for order in orders:
            writer.write(frames(order), LABELS)
    return open_shards(folder)


def shard(folder, *names):
    return main(["shard", *(str(folder / name) for name in names), "--output", str(folder / "out"), *OPTIONS])


OPTIONS = ("--sequence", "unit", "--target", "label")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_are_aligned(suffix, tmp_path):
    for name, text in (("jan", JAN), ("feb", FEB)):
        (tmp_path / f"{name}.csv").write_text(text)
        pandas.read_csv(tmp_path / f"{name}.csv").to_parquet(tmp_path / f"{name}.parquet")
    assert shard(tmp_path, f"jan.{suffix}", f"feb.{suffix}") == 0
    found = open_shards(tmp_path / "out")
    assert found.X.names == ("pulse", "temperature") == found.X.load().names
    assert found.X.load().values.tolist() == ROWS and found.y.tolist() == ["a", "b", "a", "b"]


@pytest.mark.parametrize("name", OTHERS)
def test_files_with_other_columns_are_refused(name, tmp_path, capsys):
    text, message = OTHERS[name]
    (tmp_path / "jan.csv").write_text(JAN)
    (tmp_path / "feb.csv").write_text(text)
    assert shard(tmp_path, "jan.csv", "feb.csv") == 2
    error = capsys.readouterr().err
    assert "feb.csv: " in error and message in error and not (tmp_path / "out").exists()


def test_writers_align_frames(tmp_path):
    X = shards(tmp_path / "data", "ab", "ba").X
    assert X.names == ("a", "b") and np.array_equal(X.load().values, np.concatenate([values(), values()]))
    with ShardWriter(tmp_path / "other") as writer:
        writer.write(frames())
        for wrong, message in (
            ([frame.rename(columns={"a": "c"}) for frame in frames()], "column 'a' is missing, column 'c' is new"),
            ([frame[["a"]] for frame in frames()], "column 'b' is missing"),
            ([frame.assign(c=1.0) for frame in frames()], "column 'c' is new"),
            ([frames()[0], frames("ba")[1]], r"X\[1\] has the columns \['b', 'a'\]"),
            ([frame.assign(a=pandas.Timestamp("2020")) for frame in frames()], r"X\[0\], column 'a' holds datetime"),
        ):
            with pytest.raises(ValueError, match=message):
                writer.write(wrong)
        writer.write([frame.to_numpy() for frame in frames()])  # no names, nothing to compare
    assert len(open_shards(tmp_path / "other").X) == 2 * len(LABELS)


def test_models_of_shards_know_their_columns(tmp_path):
    X, other = shards(tmp_path / "ab", "ab").X, shards(tmp_path / "ba", "ba").X
    model = RNNClassifier((4,), max_iter=60, learning_rate_init=0.03, random_state=0)
    model.fit(X, LABELS, X_val=other, y_val=LABELS)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert model.validation_scores_[-1] == model.score(X, LABELS) == 1
    model.save(tmp_path / "model")
    for fitted in (model, numrnn.load(tmp_path / "model")):
        assert np.array_equal(fitted.predict_proba(other), fitted.predict_proba(X))
        assert fitted.score(other, LABELS) == fitted.score(frames(), LABELS) == 1
        assert np.array_equal(fitted.transform(other[2:5]), fitted.transform(X[2:5]))
        with pytest.raises(ValueError, match="must be in the same order"):
            fitted.score(frames("ba"), LABELS)
        with pytest.raises(ValueError, match="X: the columns must have the same order .* 'a', 'b'; got 'b', 'a'"):
            fitted.predict(Sequences.from_list(frames("ba")))
        with pytest.raises(ValueError, match=r"x: the inputs must have the same order"):
            fitted.predict_step(frames("ba")[0])
        with pytest.raises(ValueError, match=r"x: the inputs must have the same order"):
            fitted.predict_step(frames("ba")[0].iloc[0])
        step = frames()[0].iloc[0]
        assert fitted.predict_step(step)[0] == fitted.predict_step(step.to_numpy())[0]
    with pytest.raises(ValueError, match="same order"):
        model.fit(X, LABELS, X_val=frames("ba"), y_val=LABELS)
    renamed = [frame.rename(columns={"b": "c"}) for frame in frames()]
    with ShardWriter(tmp_path / "ac") as writer:
        writer.write(renamed, LABELS)
    with pytest.raises(ValueError, match=r"/ac: column 'b' is missing, column 'c' is new"):
        model.predict(open_shards(tmp_path / "ac").X)


def test_scalers_of_shards_align_them(tmp_path):
    X, other = shards(tmp_path / "ab", "ab").X, shards(tmp_path / "ba", "ba").X
    scaler = SequenceScaler().fit(X)
    Z = scaler.transform(X)
    assert scaler.get_feature_names_out().tolist() == ["a", "b"] and Z.names == ("a", "b")
    assert np.array_equal(scaler.transform(other).load().values, Z.load().values)
    assert np.allclose(scaler.inverse_transform(scaler.transform(other)).load().values, X.load().values)
    assert np.array_equal(Z.of_columns(("b", "a"), "Z").load().values, Z.load().values[:, ::-1])
    assert np.array_equal(Z.of_columns(("b",), "Z").load().values, Z.load().values[:, 1:])
    assert scaler.transform(Sequences.from_list(frames())).names == ("a", "b")
    with pytest.raises(ValueError, match="same order"):
        scaler.transform(frames("ba"))


def test_sequences_keep_names():
    X = Sequences.from_list(frames())
    assert X.names == X[2:].names == X[[3, 1]].names == X[X.lengths > 4].names == ("a", "b")
    frame = pandas.concat(frames())
    assert Sequences.from_concatenated(frame, X.lengths).names == Sequences(frame, X.offsets).names == ("a", "b")
    assert Sequences.from_list([frame.to_numpy() for frame in frames()]).names is None
    assert Sequences.from_list([frame.set_axis([0, 1], axis=1) for frame in frames()]).names is None
    with pytest.raises(ValueError, match=r"sequences\[1\] has the columns \['b', 'a'\], but sequences\[0\] has"):
        Sequences.from_list([frames()[0], frames("ba")[1]])
    with pytest.raises(ValueError, match=r"names=\['a'\]: must be 2 str"):
        Sequences(np.zeros((3, 2)), [0, 3], ["a"])
    with pytest.raises(ValueError, match=r"y\[1\] has the columns"):
        numrnn.RNNRegressor(output="step").fit(frames(), [frames()[0], *frames("ba")[1:]])


def test_an_index_without_names_still_opens(tmp_path):
    shards(tmp_path / "data", "ab")
    path = tmp_path / "data" / "index.json"
    index = json.loads(path.read_text())
    assert index["names"] == ["a", "b"]
    for names, message in (
        (["a"], "1 names of columns, but columns=2"),
        ("ab", "must be a list of strings"),
        ([1, 2], "must be a list of strings"),
    ):
        path.write_text(json.dumps({entry: index[entry] for entry in index if entry != "checksum"} | {"names": names}))
        with pytest.raises(ValueError, match=message):
            open_shards(tmp_path / "data")
    del index["names"], index["checksum"]
    path.write_text(json.dumps(index))
    X = open_shards(tmp_path / "data").X
    assert X.names is None and not hasattr(SequenceScaler().fit(X), "feature_names_in_")


def test_models_of_some_columns(tmp_path, capsys):
    """Check that the other commands drop the columns that `fit` dropped."""
    for name, order in (("ab", "ab"), ("ba", "ba")):
        shards(tmp_path / name, order)
    model, ab, ba = (str(tmp_path / name) for name in ("model", "ab", "ba"))
    words = ["fit", ab, "--output", model, "--hidden-layer-sizes", "4", "--max-iter", "2", "--quiet"]
    assert main([*words, "--drop", "b"]) == 0
    assert numrnn.load(f"{model}/model.safetensors").feature_names_in_.tolist() == ["a"]
    capsys.readouterr()
    outputs = []
    for data in (ab, ba):
        assert main(["predict", model, data]) == 0 and main(["score", model, data]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    for option, message in (
        (["--inputs", "c"], "there is no column 'c'; the columns are a, b"),
        (["--drop", "a,b"], "must leave at least one column as an input"),
        (["--inputs", "a", "--drop", "b"], "cannot be combined"),
    ):
        assert main([*words, *option]) == 2 and message in capsys.readouterr().err
    assert main(["fit", "japanese_vowels", "--output", model, "--drop", "b"]) == 2
    assert "has no names of columns" in capsys.readouterr().err


FRAMES = [pandas.DataFrame({"p": [0.0, 1.0, i], "t": [1.0, 0.5, -i]}) for i in range(8)]
SWAPPED = [frame[["t", "p"]] for frame in FRAMES]
TABLE = pandas.DataFrame({"u": [0, 1] * 4, "v": [1, 1, 0, 0] * 2})


@pytest.mark.parametrize(
    ("kind", "options", "y", "other"),
    [
        (numrnn.RNNRegressor, {"output": "step"}, FRAMES, SWAPPED),
        (numrnn.RNNRegressor, {}, TABLE, TABLE[["v", "u"]]),
        (numrnn.RNNClassifier, {}, TABLE, TABLE[["v", "u"]]),
        (numrnn.RNNSeq2Seq, {}, FRAMES, SWAPPED),
    ],
    ids=["steps", "targets", "labels", "pairs"],
)
def test_columns_of_targets_in_another_order_are_refused(kind, options, y, other, tmp_path):
    model = kind((2,), cell="elman", max_iter=1, random_state=0, **options).fit(FRAMES, y)
    names = list(y[0].columns if isinstance(y, list) else y.columns)
    assert model.target_names_in_.tolist() == names
    model.save(tmp_path / "model")
    again = numrnn.load(tmp_path / "model")
    for method in (model.score, model.partial_fit, model.loss_and_grad, again.score):
        with pytest.raises(ValueError, match=f"y: the columns must have the same order .*'{names[0]}', '{names[1]}'"):
            method(FRAMES, other)
    with pytest.raises(ValueError, match="y_val: the columns must have the same order"):
        model.fit(FRAMES, y, X_val=FRAMES, y_val=other)
    plain = [frame.to_numpy() for frame in y] if isinstance(y, list) else y.to_numpy()
    assert model.score(FRAMES, plain) == model.score(FRAMES, y)
    assert not hasattr(model.fit(FRAMES, plain), "target_names_in_")


def test_steps_of_frames_are_aligned(tmp_path):
    steps = pandas.DataFrame(np.arange(6.0).reshape(2, 3), columns=["t0", "t1", "t2"])
    with ShardWriter(tmp_path / "out") as writer:
        for frame in (steps, steps[["t2", "t0", "t1"]], steps[["t0", "t1"]]):
            writer.write(frame)
    found = open_shards(tmp_path / "out").X.load().to_list()
    assert [x.ravel().tolist() for x in found] == [[0, 1, 2], [3, 4, 5]] * 2 + [[0, 1], [3, 4]]


@pytest.mark.parametrize("make", [lambda frame: frame, lambda frame: [frame] * 8], ids=["frame", "frames"])
def test_a_column_that_is_there_twice_is_named(make, tmp_path):
    X = make(pandas.DataFrame(np.ones((8, 3)), columns=["a", "b", "a"]))
    fit = RNNClassifier((4,), max_iter=1).fit
    for read in (lambda: fit(X, LABELS), lambda: SequenceScaler().fit(X), lambda: _write(tmp_path / "x", X)):
        with pytest.raises(ValueError, match=r"X(\[0\])? has the column 'a' twice"):
            read()
    with pytest.raises(ValueError, match=r"sequences\[0\] has the column 'a' twice"):
        Sequences.from_list([pandas.DataFrame(np.ones((8, 3)), columns=["a", "b", "a"])])


def _write(folder, X):
    with ShardWriter(folder) as writer:
        writer.write(X)


def test_columns_of_targets_are_written_in_one_order(tmp_path):
    with ShardWriter(tmp_path / "out") as writer:
        writer.write(FRAMES, FRAMES)
        for y in (SWAPPED, [frame.rename(columns={"t": "u"}) for frame in FRAMES]):
            with pytest.raises(ValueError, match="y: .*(in what was written before, 'p', 't'|'t' is missing)"):
                writer.write(FRAMES, y)
        writer.write(FRAMES, FRAMES)
    assert len(open_shards(tmp_path / "out").X) == 16
