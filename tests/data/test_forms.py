import numpy as np
import pandas
import pytest
from scipy.sparse import csr_array

from numrnn import Sequences
from numrnn.data.conversion import from_steps, steps_to_sequences, targets_to_sequences, to_sequences
from numrnn.data.symbols.checks import check_symbols
from numrnn.data.validation import check_inputs, learn_inputs

F32 = np.float32


def ones(*lengths, columns=2, dtype=np.float64):
    return [np.ones((n, columns), dtype) for n in lengths]


def with_value(value, where=1):
    X = ones(3, 4, 2)
    X[where][1, 1] = value
    return X


def objects(items):
    return np.fromiter(items, object, len(items))


def random_list(seed, columns=3):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, columns)) for n in rng.integers(1, 9, 6)]


FORMS = [
    ("list", "list", lambda X: X),
    ("tuple", "list", tuple),
    ("object array", "list", objects),
    ("nested lists", "list", lambda X: [x.tolist() for x in X]),
    ("mixed dtypes", "list", lambda X: [x.astype("<f4" if i % 2 else ">f8") for i, x in enumerate(X)]),
    ("Fortran order", "list", lambda X: [np.asfortranarray(x) for x in X]),
    ("Sequences", "sequences", Sequences.from_list),
    ("Sequences, Fortran order", "sequences", lambda X: Sequences(np.asfortranarray(np.vstack(X)), bounds(X))),
]


def bounds(X):
    return np.concatenate([[0], np.cumsum([len(x) for x in X])])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("form, make", [f[1:] for f in FORMS], ids=[f[0] for f in FORMS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ragged_forms(form, make, dtype, seed):
    X = random_list(seed)
    sequences, found = to_sequences(make(X), dtype=dtype)
    assert found == form
    assert sequences.values.dtype == dtype and sequences.values.flags.c_contiguous
    np.testing.assert_array_equal(sequences.offsets, bounds(X))
    np.testing.assert_allclose(sequences.values, np.vstack(X), rtol=1e-7)


@pytest.mark.parametrize(
    "X, form, values",
    [
        (np.arange(12.0).reshape(2, 3, 2), "array", np.arange(12.0).reshape(6, 2)),
        (np.arange(12).reshape(2, 3, 2).transpose(0, 2, 1), "array", [[0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9, 11]]),
        ([[1, 2, 3], [4, 5, 6]], "table", [[1], [2], [3], [4], [5], [6]]),
        (np.array([[1, 2], [3, 4]], object), "table", [[1], [2], [3], [4]]),
        (np.array([[True, False]]), "table", [[1], [0]]),
        ([[1, 2, 3], [4]], "list", [[1], [2], [3], [4]]),
        ([np.array([1, 2]), np.array([3, 4])], "list", [[1], [2], [3], [4]]),
        (Sequences.from_list([[1, 2], [3]]), "sequences", [[1], [2], [3]]),
    ],
)
def test_forms_of_one_length_and_of_one_input(X, form, values):
    sequences, found = to_sequences(X, dtype=F32)
    assert (found, sequences.values.dtype) == (form, F32)
    np.testing.assert_array_equal(sequences.values, values)


@pytest.mark.parametrize("dtype, expected", [("f4", "f4"), ("f8", "f8"), ("f2", "f8"), ("i4", "f8"), ("?", "f8")])
def test_a_tuple_of_dtypes_keeps_what_it_names(dtype, expected):
    for X in (ones(2, 3, dtype=dtype), np.ones((2, 3, 2), dtype), Sequences.from_list(ones(2, 3, dtype=dtype))):
        assert to_sequences(X, dtype=(np.float64, np.float32))[0].values.dtype == expected


def test_symbols_stay_integers_where_they_are_allowed():
    for dtype in ("u1", "u2", "i4", "i8", ">u2"):
        array = np.array([[1, 2], [0, 1]], dtype)
        for X in (list(array), Sequences.from_list(list(array)), array, [array[0].tolist(), array[1]]):
            symbols, _ = to_sequences(X, dtype=F32, allow_symbols=True)
            assert symbols.values.dtype.kind in "iu" and symbols.values.tolist() == [1, 2, 0, 1]
            assert check_symbols(symbols, 3).values.dtype == np.uint8
            assert check_symbols(symbols, 300).values.dtype == np.uint16
            assert to_sequences(X, dtype=F32)[0].values.shape == (4, 1)
    narrow = Sequences.from_list([np.array([1, 2], "u1"), np.array([0], "u1")])
    assert check_symbols(to_sequences(narrow, dtype=F32, allow_symbols=True)[0], 3).values is narrow.values


def test_nothing_is_copied_that_fits(tmp_path):
    np.save(tmp_path / "X.npy", np.ones((2, 5, 3), F32))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    S = Sequences.from_array(X)
    assert to_sequences(S, dtype=F32)[0] is S
    for same in (X, [X[0]]):
        values = to_sequences(same, dtype=F32)[0].values
        assert np.shares_memory(values, X) and type(values) is np.ndarray and not values.flags.writeable


ERRORS = [
    ("empty", [np.ones((2, 2)), np.ones((0, 2))], r"X\[1\] is empty"),
    ("empty 1-D", [np.ones((2, 2)), []], r"X\[1\] is empty, of shape \(0,\), but the first array has shape \(2, 2\)"),
    ("empty first", [[], np.ones((2, 2))], r"X\[0\] is empty"),
    ("empty in Sequences", Sequences(np.ones((3, 2)), [0, 2, 2, 3]), r"X\[1\] is empty"),
    ("empty in an array", np.ones((2, 0, 3)), r"X\[0\] is empty"),
    ("no inputs", [np.ones((2, 0))], r"X\[0\] has shape \(2, 0\): a step needs at least one input"),
    ("no inputs, array", np.ones((1, 2, 0)), r"X\[0\] has shape \(2, 0\)"),
    ("wrong D", [*ones(2, 3), np.ones((3, 5))], r"X\[2\] has shape \(3, 5\), but the first array has shape \(2, 2\)"),
    ("NaN", with_value(np.nan), r"X\[1\] contains NaN in step 1"),
    ("NaN, Sequences", Sequences.from_list(with_value(np.nan, 2)), r"X\[2\] contains NaN in step 1"),
    ("NaN, array", np.stack([np.ones((3, 2)), np.full((3, 2), np.nan)]), r"X\[1\] contains NaN in step 0"),
    ("NaN, table", np.array([[1.0, 2.0], [3.0, np.nan]]), r"X\[1\] contains NaN in step 1"),
    ("inf", with_value(-np.inf, 0), r"X\[0\] contains infinity or a value too large for .*float32.* in step 1"),
    ("too large", with_value(1e300), r"X\[1\] contains infinity or a value too large for .*float32.* step 1"),
    ("complex", [np.ones((2, 2)), np.ones((2, 2), complex)], r"X\[1\] has dtype complex128: Complex data"),
    ("complex table", np.ones((2, 2), complex), "X has dtype complex128: Complex data"),
    ("complex Sequences", Sequences.from_array(np.ones((2, 2, 1), complex)), r"X\[0\] .*: Complex data"),
    ("strings", [np.ones((1, 1)), np.array([["a"]])], r"X\[1\] has dtype <U1, expected numbers"),
    ("strings, Sequences", Sequences.from_list([["a"]]), r"X\[0\] has dtype <U1"),
    ("strings, table", np.array([["a", "b"]]), "X holds strings, such as 'a', expected numbers"),
    ("objects", [np.ones((1, 1)), np.array([["1"]], object)], r"X\[1\]\[0\]\[0\] is '1' \(str\), expected a number"),
    ("object table", np.array([[1, 2], [3, "a"]], object), r"X\[1\]\[1\] is 'a' \(str\), expected a number"),
    ("dates", [np.zeros((2, 1), "M8[s]")], r"X\[0\] has dtype datetime64\[s\]"),
    ("ragged within", [np.ones((2, 2)), [[1, 2], [3]]], r"X\[1\] must be an array .*: its steps differ in length"),
    ("number", [np.ones((2, 2)), 3.0], r"X\[1\] is 3.0, expected an array of shape \(steps, columns\)"),
    ("None", [np.ones((2, 2)), None], r"X\[1\] is None"),
    ("dict", [{"a": 1}], r"X\[0\] is {'a': 1}"),
    ("4-D list", [np.ones((2, 2, 2))], r"X\[0\] has shape \(2, 2, 2\)"),
    ("4-D", np.ones((2, 2, 2, 2)), "Found array with dim 4"),
    (
        "mixed dimensions",
        [np.ones((2, 1)), np.ones(2)],
        r"X\[1\] has shape \(2,\), but the first array has shape \(2, 1\)",
    ),
    ("no sequences", [], r"Found array with 0 sample\(s\)"),
    ("no sequences, array", np.ones((0, 2, 2)), r"Found array with 0 sample\(s\)"),
    ("no sequences, table", np.ones((0, 2)), r"Found array with 0 sample\(s\)"),
    ("no sequences, Sequences", Sequences(np.ones((0, 2)), [0]), r"Found array with 0 sample\(s\)"),
    ("no sequences, objects", objects([]), r"Found array with 0 sample\(s\)"),
    ("no columns", np.ones((2, 0)), r"0 feature\(s\) \(shape=\(2, 0\)\) while a minimum of 1 is required"),
    ("1-D", np.ones(3), "Reshape your data either using"),
    ("1-D list", [1.0, 2.0], "Reshape your data either using"),
    ("scalar", np.array(3.0), "Reshape your data either using"),
    ("transposed list", [np.ones((2, n)) for n in (5, 6)], r"X\[1\] has .* look transposed.* pass \[x.T for x in X\]"),
]


@pytest.mark.parametrize("X, message", [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS])
def test_errors_name_the_sequence(X, message):
    with pytest.raises(ValueError, match=message):
        to_sequences(X, dtype=F32)


@pytest.mark.parametrize(
    "X, message",
    [
        ([np.ones((1, 2)), csr_array(np.ones((1, 2)))], r"X\[1\] is sparse, but must be dense"),
        (csr_array(np.ones((1, 2))), "[Ss]parse"),
        (np.array([[1, 2], [3, {}]], object), r"X\[1\]\[1\] is {} .*argument must be .* string.* number"),
    ],
)
def test_type_errors(X, message):
    with pytest.raises(TypeError, match=message):
        to_sequences(X, dtype=F32)


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("columns", [(), (1,), (4,)])
def test_steps_go_back_to_the_form_they_came_in(seed, columns):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, 5)
    arrays = [rng.normal(size=(n, *columns)) for n in lengths]
    equal = rng.normal(size=(5, 4, *columns))
    for form, y in (("list", arrays), ("sequences", Sequences.from_list(arrays)), ("array", equal), ("table", equal)):
        steps = steps_to_sequences(y)
        back = from_steps(steps.values, steps.offsets, form)
        assert type(back) is type(y) and len(back) == 5
        assert all(np.array_equal(a, b) for a, b in zip(back, y, strict=True))
    assert back.shape == equal.shape


X3 = Sequences.from_list(ones(2, 3, 1))


@pytest.mark.parametrize(
    "y, values",
    [
        ([[0, 1], [1, 1, 2], [0]], [0, 1, 1, 1, 2, 0]),
        ([["a", "b"], ["b", "long", "a"], ["a"]], ["a", "b", "b", "long", "a", "a"]),
        (Sequences.from_list([[0, 1], [1, 1, 2], [0]]), [0, 1, 1, 1, 2, 0]),
        (objects([[0.5, 1], [1, 1, 2], [0]]), [0.5, 1, 1, 1, 2, 0]),
        ([np.ones((n, 2)) for n in (2, 3, 1)], np.ones((6, 2))),
    ],
)
def test_targets_of_steps(y, values):
    targets = targets_to_sequences(y, X3)
    np.testing.assert_array_equal(targets.values, values)
    np.testing.assert_array_equal(targets.offsets, X3.offsets)


TARGET_ERRORS = [
    ([[0, 1], [1, 1], [0]], r"y\[1\] has 2 steps, but its sequence has 3"),
    ([[0, 1], [1, 1, 1]], r"y has 2 sequences, but X has 3 sequences: .*inconsistent numbers of samples: \[3, 2\]"),
    (np.zeros((3, 3)), r"y\[0\] has 3 steps, but its sequence has 2"),
    ([[0, 1], [1, np.nan, 1], [0]], r"y\[1\] contains NaN in step 1"),
    ([[0, 1], [1, 1, 1], np.zeros((1, 2))], r"y\[2\] has shape \(1, 2\), but the first array has shape \(2,\)"),
    ([[0, 1], ["a", "b", "c"], [0]], r"y\[1\] has dtype <U1, but the first array has int64"),
    ([[0, 1], [1, 1, 1j], [0]], r"y\[1\] has dtype complex128: Complex data"),
    ([0, 1, 2], r"y has shape \(3,\), but every step of a sequence needs a value"),
    (np.zeros(3), r"y has shape \(3,\), but every step of a sequence needs a value"),
    (None, r"y has shape \(\)"),
]


@pytest.mark.parametrize("y, message", TARGET_ERRORS)
def test_errors_of_targets_name_the_sequence(y, message):
    with pytest.raises(ValueError, match=message):
        targets_to_sequences(y, X3)


FITTED = [
    # fitted on, then given, error (None: taken)
    (np.ones((4, 6)), np.ones((3, 6)), None),
    (np.ones((4, 6)), np.ones((3, 5)), "X has 5 features, but BaseEstimator is expecting 6 features as input"),
    (np.ones((4, 6)), ones(3, 2, columns=1), None),
    (np.ones((4, 6)), np.ones((2, 3, 1)), None),
    (ones(3, 2, columns=1), np.ones((3, 9)), None),
    (ones(3, 2, columns=3), ones(9, columns=3), None),
    (ones(3, 2, columns=3), np.ones((2, 5, 3)), None),
    (ones(3, 2, columns=3), ones(5, 4), r"X has 2 features, but .* X\[0\] has shape \(5, 2\), .*\(steps, 3\)$"),
    (
        ones(3, 2, columns=3),
        np.ones((9, 3)),
        r"univariate sequences, one per row. If it is a single sequence, pass \[X\]",
    ),
    (ones(3, 2, columns=3), list(np.ones((9, 3))), r"if it is a single sequence, pass \[X\]"),
    (ones(3, 2, columns=3), np.ones((4, 3, 9)), r"X looks transposed, .* pass X.transpose\(0, 2, 1\)"),
    (ones(3, 2, columns=3), [np.ones((3, 9))] * 2, r"X looks transposed, .* pass \[x.T for x in X\]"),
]


@pytest.mark.parametrize("fitted, given, message", FITTED)
def test_what_fits_a_fitted_estimator(fitted, given, message):
    sequences, form, inputs = learn_inputs(fitted, "BaseEstimator", dtype=F32)
    assert inputs.n_inputs == sequences.values.shape[1]
    assert inputs.n_features == (6 if form == "table" else inputs.n_inputs)
    if message is None:
        assert len(check_inputs(given, inputs, dtype=F32)[0]) == len(given)
    else:
        with pytest.raises(ValueError, match=message):
            check_inputs(given, inputs, dtype=F32)


def test_data_frames():
    frames = [pandas.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}), pandas.DataFrame({"a": [True], "b": [2]})]
    sequences, form, inputs = learn_inputs(frames, "BaseEstimator", dtype=F32)
    np.testing.assert_array_equal(sequences.values, [[1, 0.5], [2, 1.5], [1, 2]])
    assert form == "list" and inputs.names.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"X\[1\] has the columns \['b', 'a'\], but X\[0\] has \['a', 'b'\]"):
        learn_inputs([frames[0], frames[1][["b", "a"]]], "BaseEstimator", dtype=F32)
    with pytest.raises(ValueError, match="feature names should match"):
        check_inputs([frames[0][["b", "a"]]], inputs, dtype=F32)
    with pytest.raises(ValueError, match=r"X\[1\], column 'a' holds 'x'"):
        to_sequences([frames[0], pandas.DataFrame({"a": ["x"], "b": [1]})], dtype=F32)
    table, form, inputs = learn_inputs(frames[0], "BaseEstimator", dtype=F32)
    assert form == "table" and table.lengths.tolist() == [2, 2] and inputs.n_features == 2
    labels = steps_to_sequences([pandas.Series(["x", "y"]), pandas.Series(["z"])])
    assert labels.values.tolist() == ["x", "y", "z"]
