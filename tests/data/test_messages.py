"""Test errors about arguments: `InputError` and the functions that raise it."""

import copy
import pickle

import numpy as np
import pytest

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq, Sequences
from numrnn.cli.options import UsageError, names_options
from numrnn.cli.texts import names_lines
from numrnn.data import Vocabulary
from numrnn.data.readers.npz import Part
from numrnn.data.readers.text import TextLines, TextTable
from numrnn.io.messages import InputError, InputTypeError

NPZ = Part(np.zeros((1, 2)), np.zeros(1), None, "a.npz", ("values_test", "y_test"))
TABLE = TextTable(["a", "b"], ["c", "d"], "a.csv", "text", [2, 4], "label")


@pytest.mark.parametrize("kind", [InputError, InputTypeError])
def test_copies_say_the_same(kind):
    error = kind("X", (3, 1), "is empty", "; pass another")
    for twin in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is kind and str(twin) == str(error) == "X[3][1] is empty; pass another"
        assert (twin.parameter, twin.index, twin.problem, twin.hint) == ("X", (3, 1), "is empty", "; pass another")
    assert isinstance(error, ValueError) and isinstance(error, TypeError) == (kind is InputTypeError)


def test_another_place_has_no_hint():
    error = InputTypeError("keep", (), "=0: must be 1 or more", "; or pass none")
    assert str(error) == "keep=0: must be 1 or more; or pass none"
    assert str(error.at("--keep")) == "--keep=0: must be 1 or more" and type(error.at("--keep")) is InputTypeError
    assert str(InputError("y", (), ": column 'a' is new")) == "y: column 'a' is new"


@pytest.mark.parametrize(("part", "error", "message"), [
    (TABLE, InputError("X", (1,), "is empty"), "a.csv: line 4, column 'text' is empty"),
    (TABLE, InputTypeError("y", (0, 5), "is empty"), "a.csv: line 2, column 'label'[5] is empty"),
    (TABLE, InputError("y", (), "is empty"), "a.csv: column 'label' is empty"),
    (TABLE, InputError("X", (), "is empty"), "a.csv: column 'text' is empty"),
    (TABLE, InputError("X_val", (1,), "is empty"), "X_val[1] is empty"),
    (TextLines(["a"], "a.txt", [7]), InputError("X", (0,), "is empty"), "a.txt: line 7 is empty"),
    (TextLines(["a"], "a.txt", [7]), InputError("X", (), "is empty"), "a.txt is empty"),
    (Part("a", None), InputError("X", (), "is empty"), "the text is empty"),
    (Part(np.zeros((1, 2)), None), InputError("X", (0,), "is empty"), "X[0] is empty"),
    (NPZ, InputError("X", (3,), "is empty"), "a.npz: sequence 3 of values_test is empty"),
    (NPZ, InputError("X", (), "is empty"), "a.npz: values_test is empty"),
    (NPZ, InputError("y", (3, 1), "is empty"), "a.npz: y_test[3][1] is empty"),
    (NPZ._replace(y=Sequences.from_list([[1]])), InputError("y", (3,), "is empty"),
     "a.npz: sequence 3 of y_test is empty"),
])  # fmt: skip
def test_lines_are_named(part, error, message):
    with pytest.raises(type(error)) as caught, names_lines(part, "the text"):
        raise error
    assert str(caught.value) == message
    with pytest.raises(ValueError, match="of a library"), names_lines(part, "the text"):
        raise ValueError("X[0] of a library")


def test_options_are_named():
    with pytest.raises(UsageError, match="^--top-k must be 1; or 2$"), names_options("top_k", advice="; or 2"):
        raise InputError("top_k", (), "must be 1", "; or None")
    with pytest.raises(InputError, match="^top_p must be 1"), names_options("top_k"):
        raise InputError("top_p", (), "must be 1")


X, WORDS = np.zeros((4, 3, 2)), ["a", "b", "ab", "ba"]
READS = {"vocabulary": Vocabulary(unknown=False)}


@pytest.mark.parametrize(("call", "parameter", "index"), [
    (lambda: Vocabulary().fit(WORDS).transform(["a", "c"]), "texts", (1,)),
    (lambda: Vocabulary().fit([]), "texts", ()),
    (lambda: RNNClassifier((2,)).fit(WORDS, [0, 1, 0, 1]), "X", ()),
    (lambda: RNNClassifier((2,), vocabulary=Vocabulary()).fit(["a", "b", b"c"], [0, 1, 0]), "X", (2,)),
    (lambda: RNNClassifier((2,), vocabulary=Vocabulary("token")).fit(["a", "b", "?"], [0, 1, 0]), "X", (2,)),
    (lambda: RNNClassifier((2,), n_symbols=3).fit([[0, 1], [3]], [0, 1]), "X", (1,)),
    (lambda: RNNClassifier((2,)).fit(X, [0] * 4), "y", ()),
    (lambda: RNNRegressor((2,)).fit(X, [0, 1, np.inf, 2]), "y", (2,)),
    (lambda: RNNRegressor((2,)).fit(X, [0, 1, 2, 3], [1, 1, 1, -1]), "sample_weight", (3,)),
    (lambda: RNNLanguageModel((2,)).fit([[0, 1], [1]]), "X", (1,)),
    (lambda: RNNLanguageModel((2,), n_symbols=2).fit([0, 1, 2]), "X", ()),
    (lambda: RNNLanguageModel((2,)).fit(WORDS, X_val=["a", "c"]), "X_val", (1,)),
    (lambda: RNNSeq2Seq((2,)).fit(WORDS, ["a", "", "b", "a"]), "y", (1,)),
    (lambda: RNNSeq2Seq((2,), input="vector").fit([[1, 2], [3, np.nan]], [[0], [1]]), "X", (1, 1)),
])  # fmt: skip
def test_texts_symbols_and_targets_are_told_by_fields(call, parameter, index):
    with pytest.raises(InputError) as caught:
        call()
    assert (caught.value.parameter, caught.value.index) == (parameter, index)


def labels_of_steps(place, label):
    """Return labels of sequences of 3, 4 and 2 steps, one of which is another kind."""
    y = [np.array(["a", "b", "a"], object), np.array(["a", "b", "a", "b"], object), np.array(["a", "b"], object)]
    y[place[0]][place[1]] = label
    return y


@pytest.mark.parametrize("label", [3, np.datetime64("2020-01-01").astype(object)])
def test_labels_of_steps_are_named_by_sequence_and_step(label):
    """Check that an invalid label is named by sequence and step; an early version counted the steps of all."""
    X = [np.zeros((3, 1)), np.zeros((4, 1)), np.zeros((2, 1))]
    with pytest.raises(InputError) as error:
        RNNClassifier((2,), output="step").initialize(X, labels_of_steps((1, 2), label))
    assert error.value.index == (1, 2)


def test_labels_in_columns_are_named_by_row_and_column():
    """Check that an invalid label of a 2-D y is named by row and column."""
    y = np.array([["a", "b"], ["a", 1]], object)
    with pytest.raises(InputError) as error:
        RNNClassifier((2,)).initialize(np.zeros((2, 3, 1)), y)
    assert (error.value.parameter, error.value.index) == ("y", (1, 1))


@pytest.mark.parametrize(("weights", "index"), [
    ([1, -1, 1], (1,)),
    ([[1, 1, 1], [1, 1, -2, 1], [1, 1]], (1, 2)),
])  # fmt: skip
def test_weights_are_named_as_they_were_given(weights, index):
    """Check that a negative weight is named by its sequence, and by its step if there is one per step."""
    X = [np.zeros((3, 1)), np.zeros((4, 1)), np.zeros((2, 1))]
    y = [np.zeros(3), np.zeros(4), np.zeros(2)]
    with pytest.raises(InputError) as error:
        RNNRegressor((2,), output="step").fit(X, y, sample_weight=weights)
    assert (error.value.parameter, error.value.index) == ("sample_weight", index)


def test_the_command_line_gives_no_advice_for_python():
    """Check that advice for Python is a hint, which another place leaves out."""
    vocabulary = Vocabulary().fit("banana")
    with pytest.raises(InputError, match="unknown=True") as error:
        vocabulary.transform(["band"])
    assert "unknown=True" not in str(error.value.at("may.csv: line 2"))
