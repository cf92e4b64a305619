"""Test the errors about foreign containers and values that are not numbers."""

from collections import namedtuple
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq, Sequences, SequenceScaler
from numrnn.data import ShardWriter, Vocabulary

pandas = pytest.importorskip("pandas")
X = np.random.default_rng(0).normal(size=(8, 5, 2))
PackedSequence = namedtuple("PackedSequence", "data batch_sizes sorted_indices unsorted_indices")


class NestedTensor:
    """Stand for PyTorch's nested tensor."""

    is_nested = True

    def __len__(self):
        return 8

    def __getitem__(self, i):
        return X[i]

    def __array__(self, *_args, **_kwargs):
        raise RuntimeError("numpy conversion for NestedTensor not supported")


def frames(**columns):
    return [pandas.DataFrame(columns) for _ in range(8)]


NESTED = pandas.DataFrame({"x": [pandas.Series([1.0, 2.0])] * 8})
LEVELS = pandas.DataFrame(X.reshape(40, 2), index=pandas.MultiIndex.from_product([range(8), range(5)]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": np.zeros((1000, 1000)).tolist()}, r"X is of type dict.*pass list\(X.values\(\)\)"),
        (iter(X), r"X is of type iterator.*pass list\(X\)"),
        ((x for x in X), r"X is of type generator.*pass list\(X\)"),
        ({1, 2}, "X is of type set"),
        (5, "X is of type int"),
        (None, "X is None"),
        (object(), "X is of type object"),
        (memoryview(b"abc"), "X is of type memoryview"),
        (csr_matrix(X[:, :, 0]), r"X is of type scipy.sparse.*pass X.toarray\(\)"),
        ([csr_matrix(x) for x in X], r"X\[0\] is sparse.*pass X\[0\].toarray\(\)"),
        (PackedSequence(X[0], np.ones(3), None, None), "pad_packed_sequence"),
        (NestedTensor(), r"X.unbind\(\)"),
        (NESTED, "its cells hold series.*numpy.column_stack"),
        (LEVELS, r"more than one level.*X.groupby\(level=0\)"),
        ([{"a": 1}] * 8, r"X\[0\] is {'a': 1}, expected an array"),
        ([X[0], None, *X[2:]], r"X\[1\] is None, expected an array"),
        ([None] * 8, r"X\[0\] is None, expected an array"),
        (frames(a=[1.0], when=pandas.to_datetime(["2020-01-01"])), r"X\[0\], column 'when' holds datetime64.*dates"),
        (frames(a=pandas.to_timedelta([1])), r"X\[0\], column 'a' holds timedelta64.*durations"),
        (frames(a=["True", "False"]), r"X\[0\], column 'a' holds 'True' \(str\) in row 0"),
        (frames(a=["1_000", "2"]), "column 'a' holds '1_000'"),
        (frames(a=["1", "2"]), "column 'a' holds '1'"),
        (frames(a=[Decimal(1)]), r"column 'a' holds Decimal\('1'\)"),
        (frames(a=pandas.Categorical(["x", "y"])), "column 'a' holds 'x'"),
        (pandas.DataFrame({"a": ["1_000"] * 8, "b": range(8)}), "X, column 'a' holds '1_000'"),
        (np.array(["2020"] * 40, "M8[D]").reshape(8, 5), "dtype datetime64"),
    ],
)
def test_what_is_no_sequence_is_named_with_the_way_out(data, message):
    with pytest.raises((TypeError, ValueError), match=message) as raised:
        RNNRegressor((4,), max_iter=1).fit(data, np.arange(8.0))
    assert len(str(raised.value)) <= 500


NO_SEQUENCES = [
    {"a": "text"}, {"ab", "c"}, iter(["ab"]), (c for c in "ab"), 5, None, csr_matrix(X[:, :, 0]), NESTED, LEVELS,
    PackedSequence(X[0], np.ones(3), None, None),
]  # fmt: skip
READERS = {
    "X of a language model": lambda data, _: RNNLanguageModel((4,), max_iter=1).fit(data),
    "X of pairs": lambda data, _: RNNSeq2Seq((4,), max_iter=1).fit(data, ["a"] * 8),
    "X of a scaler": lambda data, _: SequenceScaler().fit(data),
    "X of shards": lambda data, writer: writer.write(data),
    "X of from_padded": lambda data, _: Sequences.from_padded(data),
    "array of from_array": lambda data, _: Sequences.from_array(data),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("data", NO_SEQUENCES, ids=lambda data: type(data).__name__)
def test_all_readers_refuse_containers_by_name(reader, data, tmp_path):
    with ShardWriter(tmp_path / "shards") as writer:
        writer.write(X)
        with pytest.raises(TypeError, match=rf"{reader.split()[0]} (is|must) ") as raised:
            READERS[reader](data, writer)
    assert len(str(raised.value)) <= 500


@pytest.mark.parametrize("data", [*NO_SEQUENCES[:2], *NO_SEQUENCES[4:]], ids=lambda data: type(data).__name__)
def test_from_list_takes_iterables_of_arrays(data):
    with pytest.raises(TypeError):
        Sequences.from_list(data)
    for good in (iter(X), {"a": X[0]}.values(), tuple(X), X):
        np.testing.assert_array_equal(Sequences.from_list(good)[0], X[0])


WITHOUT = {
    "frame": (pandas.DataFrame({"a": [1.0, np.nan] * 4, "b": 1.0}), r"X\[1\] .* in step 0, column 'a'"),
    "NA": (pandas.DataFrame({"a": 1.0, "b": pandas.array([1, None] * 4, "Int64")}), r"X\[1\] .* in step 1, column 'b'"),
    "frames": (frames(a=[1, 2], b=pandas.array([1, None], dtype="Int64")), r"X\[0\] .* in step 1, column 'b'"),
    "frames of one": (frames(a=[1, np.nan]), r"X\[0\] .* in step 1, column 'a'"),
    "names": (Sequences(np.where(np.arange(2) == 1, np.nan, X[0]), [0, 2, 5], ["a", "b"]), "step 0, column 'b'"),
    "array": (np.where(np.arange(2) == 1, np.nan, X), r"X\[0\] .* in step 0, column 1"),
    "NA in lists": ([[1.0, pandas.NA]] * 8, r"X\[0\] .* in step 1"),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_a_missing_value_names_its_column(name):
    data, message = WITHOUT[name]
    with pytest.raises(ValueError, match=message):
        SequenceScaler().fit(data)


TEXTS = [["a", "b"], np.array(["a", "b"]), [["1", "2"]] * 8, np.full((8, 2), "1"), np.full((8, 2, 2), "1"), "abc"]


@pytest.mark.parametrize("texts", TEXTS, ids=["list", "array", "nested", "2-D", "3-D", "one"])
def test_texts_are_no_numbers_and_vocabularies_read_them(texts):
    for fit in (SequenceScaler().fit, lambda data: RNNRegressor((4,), max_iter=1).fit(data, np.arange(8.0))):
        with pytest.raises((TypeError, ValueError), match="X holds (texts|strings).*data.Vocabulary|X is of type str"):
            fit(texts)


def test_complex_numbers_are_refused_by_name_and_shortly():
    for data, name in ((X * 1j, "X has"), (list(X * 1j), r"X\[0\] has")):
        with pytest.raises(ValueError, match=f"{name} dtype complex128: Complex data not supported") as raised:
            RNNRegressor((4,), max_iter=1).fit(data, np.arange(8.0))
        assert len(str(raised.value)) <= 500


LONG = "x" * 10_000
LONG_VALUES = {
    "parameter": lambda: RNNClassifier((4,), cell=LONG).fit(X, np.arange(8) % 2),
    "label": lambda: RNNClassifier((4,), class_weight={LONG: 2}).fit(X, np.arange(8) % 2),
    "labels": lambda: RNNClassifier((4,)).fit(X, [LONG, 1] * 4),
    "unseen": lambda: RNNClassifier((4,)).fit(X, np.arange(8) % 2, X_val=X, y_val=[LONG] * 8),
    "tokens": lambda: Vocabulary("token").fit([[LONG, 3]]),
    "text": lambda: Vocabulary().fit("ab").transform(LONG),
    "tokenizer": lambda: Vocabulary("token", tokenizer=lambda text: 3).fit([LONG]),
    "unit": lambda: Vocabulary(LONG).fit("ab"),
    "step": lambda: RNNRegressor((4,)).fit([[LONG]] * 8, np.arange(8.0)),
}


@pytest.mark.parametrize("name", LONG_VALUES)
def test_messages_about_long_values_are_short(name):
    with pytest.raises((TypeError, ValueError)) as raised:
        LONG_VALUES[name]()
    assert len(str(raised.value)) <= 500


def test_shards_take_no_number_that_would_be_infinity(tmp_path):
    with ShardWriter(tmp_path / "shards", dtype="float32") as writer:
        with pytest.raises(ValueError, match=r"X\[1\] has 1e\+39 in step 1, column 'b': too large a number"):
            writer.write([*frames(a=[1, 2.0], b=[1, 2.0])[:1], *frames(a=[1, 2.0], b=[1, 1e39])])
        with pytest.raises(ValueError, match=r"X\[1\] has 1e\+39 in step 0, column 0"):
            writer.write(np.where(np.arange(8)[:, None, None] == 1, 1e39, X))
        writer.write(np.full_like(X, np.nan))


@pytest.mark.parametrize("kind", [RNNClassifier, RNNRegressor])
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, None] * 4, r"y\[1\] is None"),
        ([0, float("nan")] * 4, r"y\[1\] is nan"),
        (np.array([0, 1, None, 3, 4, 5, 6, 7], object), r"y\[2\] is None"),
        ({"a": 1}, "y is of type dict"),
        ((n for n in range(8)), "y is of type generator"),
        ("abc", "y is of type str"),
        ({1}, "y is of type set"),
        (["a", 1] * 4, r"y\[1\] is 1, but the first label is 'a'"),
    ],
)
def test_a_target_that_is_missing_or_no_target_is_named(kind, targets, message):
    with pytest.raises((TypeError, ValueError), match=message):
        kind((4,), max_iter=1).fit(X, targets)


@pytest.mark.parametrize("kind", [RNNClassifier, RNNRegressor])
@pytest.mark.parametrize("rows", [[[0, 1, None, 1, 0]] * 8, [np.array([0, 1, None, 1, 0], object)] * 8])
def test_a_missing_target_of_a_step_is_named(kind, rows):
    with pytest.raises(ValueError, match=r"y\[0\]\[2\] is None"):
        kind((4,), max_iter=1, output="step").fit(X, rows)


@pytest.mark.parametrize("targets", [["1", "2"] * 4, [Decimal(1)] * 8])
def test_texts_and_decimals_are_no_numbers(targets):
    with pytest.raises(ValueError, match="y must hold numbers, got"):
        RNNRegressor((4,), max_iter=1).fit(X, targets)


NO_NUMBERS = [np.datetime64("2024-01-01", "ns"), np.timedelta64(5, "s"), date(2024, 1, 1), "1_000", "2", Decimal(1)]
FORMS_OF_OBJECTS = {
    "array": lambda value: np.array([[[1.0, value]] * 2] * 8, object),
    "table": lambda value: np.array([[1.0, value]] * 8, object),
    "list of arrays": lambda value: [np.array([[1.0, value]] * 2, object)] * 8,
    "nested lists": lambda value: [[[1.0, value]] * 2] * 8,
    "Sequences": lambda value: Sequences(np.array([[1.0, value]] * 8, object), [0, 4, 8]),
}


@pytest.mark.parametrize("form", FORMS_OF_OBJECTS.values(), ids=FORMS_OF_OBJECTS)
@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: type(value).__name__)
def test_objects_are_numbers_or_refused_in_every_form(form, value, tmp_path):
    with ShardWriter(tmp_path / "shards") as writer:
        for read in (SequenceScaler().fit, writer.write):
            with pytest.raises((TypeError, ValueError), match=r"X.*(1\] is .*expected a number|has dtype <U)"):
                read(form(value))
        writer.write(form(2.5))
    assert SequenceScaler().fit(form(2)).mean_.max() in (1.5, 2)  # a table has one input


@pytest.mark.parametrize("value", ["1_0", Decimal(1), np.timedelta64(1, "s")], ids=lambda value: type(value).__name__)
def test_weights_that_are_no_numbers_are_refused(value, tmp_path):
    weights = np.array([1.0] * 7 + [value], object)
    with pytest.raises(ValueError, match=r"sample_weight\[7\] is"):
        RNNRegressor((4,), max_iter=1).fit(X, np.arange(8.0), weights)
    with ShardWriter(tmp_path / "shards") as writer:
        for wrong in (weights, np.array(["1_0"] * 8)):
            with pytest.raises((TypeError, ValueError), match="sample_weight.*expected (a number|numbers)"):
                writer.write(X, np.arange(8.0), wrong)
        writer.write(X, np.arange(8.0), np.ones(8, object))


def test_a_weight_that_is_no_weight_is_named():
    with pytest.raises(ValueError, match=r"sample_weight\[1\] is -1.0: weights must be finite and non-negative"):
        RNNRegressor((4,), max_iter=1).fit(X, np.arange(8.0), [1, -1] * 4)


def test_frames_of_numbers_are_read():
    data = frames(a=[1, 2], b=[0.5, 1.5], c=[True, False], d=np.array([1, 2.5], object))
    assert RNNRegressor((4,), max_iter=1).fit(data, np.arange(8.0)).n_inputs_ == 4


def test_a_weight_of_an_unknown_class_is_named():
    with pytest.raises(ValueError, match=r"class_weight\[5\]=2: y has no such class; its classes are \[0, 1\]"):
        RNNClassifier((4,), class_weight={5: 2}).fit(X, np.arange(8) % 2)


def test_pipelines_may_ask_for_frames():
    pipeline = make_pipeline(SequenceScaler(), RNNRegressor((4,), max_iter=1)).set_output(transform="pandas")
    assert pipeline.fit(X, np.arange(8.0)).predict(X).shape == (8,)


def test_targets_of_other_kinds_are_named():
    X, dates = np.zeros((6, 3, 2)), pandas.date_range("2024", periods=6)
    cases = [
        (RNNRegressor, np.zeros((6, 3, 1)), "y: Found array with dim 3"),
        (RNNClassifier, [], "y: Found array with 0 sample"),
        (RNNRegressor, pandas.DataFrame({"a": dates, "b": 1.0}), "y: column 'a' holds dates"),
        (RNNClassifier, [Decimal(i % 2) for i in range(6)], r"y\[0\] is Decimal\('0'\) .*: y must hold labels"),
        (RNNClassifier, [{}] * 6, r"y\[0\] is {} \(dict\)"),
        (RNNClassifier, [csr_matrix(np.eye(2))] * 6, r"y\[0\] is a sparse array"),
    ]
    for kind, y, message in cases:
        with pytest.raises((ValueError, TypeError), match=message):
            kind((2,)).fit(X, y)
