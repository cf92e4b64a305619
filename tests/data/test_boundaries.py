"""Test language models that learn where texts begin and end, and generation that stops at a text's end."""

import naive
import numpy as np
import pytest

from numrnn import RNNLanguageModel, Sequences, load
from numrnn.data import Vocabulary

NAMES = ["anna", "otto", "ida", "jo", "x", "anna-lena"]
RNG = np.random.default_rng(0)
RAGGED = [RNG.integers(0, 6, n) for n in (9, 2, 14, 1, 23)]
pytestmark = pytest.mark.filterwarnings("ignore:max_iter:UserWarning")


def small(**params):
    defaults = {"hidden_layer_sizes": (16,), "learning_rate_init": 0.02, "max_iter": 10, "random_state": 0}
    return RNNLanguageModel(**defaults | params)


@pytest.fixture(scope="module")
def writer():
    return small(max_iter=20).fit(NAMES * 100)


def test_names_begin_and_end(writer):
    assert writer.n_symbols_ == len(writer.vocabulary_) and writer.end_symbol_ == writer.n_symbols_
    written = [writer.generate("", 30, random_state=seed) for seed in range(200)]
    assert np.mean([name in NAMES for name in written]) > 0.9 and len(set(written)) > 3
    assert writer.generate("ann", 30, temperature=0) in ("a", "a-lena")
    assert writer.generate("", 2, random_state=0) == writer.generate("", 30, random_state=0)[:2]
    assert "".join(writer.stream("", random_state=3)) == writer.generate("", 30, random_state=3)


def test_the_end_is_one_more_symbol():
    """Check that boundaries=True gives the bits of a fit with the boundary's symbol at both ends of each sequence."""
    marked = [np.array([6, *x, 6]) for x in RAGGED]
    params = {"batch_size": 2, "bptt_steps": 5, "max_iter": 3}
    plain = small(n_symbols=7, **params).fit(marked)
    model = small(n_symbols=6, boundaries=True, **params).fit(RAGGED, X_val=RAGGED)
    assert (model.n_symbols_, model.end_symbol_, plain.end_symbol_) == (6, 6, None)
    assert model.loss_curve_ == plain.loss_curve_
    assert all(np.array_equal(plain.weights_[name], values) for name, values in model.weights_.items())
    assert model.cross_entropy(RAGGED) == plain.cross_entropy(marked) == model.validation_loss_curve_[-1]
    assert model.loss_and_grad(RAGGED)[0] == plain.loss_and_grad(marked)[0]
    np.testing.assert_array_equal(model.predict_proba(RAGGED), plain.predict_proba([x[:-1] for x in marked]))
    assert model.cross_entropy(Sequences.from_list(RAGGED)) == model.cross_entropy(RAGGED)
    expected = plain.generate([6], 30, random_state=1)
    end = np.flatnonzero(expected == 6)
    np.testing.assert_array_equal(model.generate([], 30, random_state=1), expected[: end[0]] if len(end) else expected)


def test_the_cross_entropy_counts_the_end():
    model = small(dtype="float64").initialize(NAMES)
    model.set_weights({name: 3 * values for name, values in model.weights_.items()})
    weights = {name: np.array(values, np.float64) for name, values in model.weights_.items()}
    end, losses, counts = model.end_symbol_, [], []
    for name in NAMES:
        x = np.array([end, *model.vocabulary_.transform(name), end])
        losses.append(naive.loss(weights, [x[:-1]], [x[1:]], cell="gru", output="step"))
        counts.append(len(x) - 1)
    assert model.cross_entropy(NAMES) == pytest.approx(np.average(losses, weights=counts), rel=1e-12)
    assert model.cross_entropy("anna") == pytest.approx(losses[0], rel=1e-12)
    # The probability of a text is that of its symbols and its end, one after another.
    chances = [model.predict_proba("anna"[:n])[k] for n, k in enumerate([*model.vocabulary_.transform("anna"), end])]
    assert -np.log(chances).mean() == pytest.approx(losses[0], rel=1e-12)
    assert model.predict_proba(["", "an"]).shape == (2, model.n_symbols_ + 1)


@pytest.mark.parametrize(
    ("X", "boundaries", "learnt"),
    [
        ("banana bandana", "auto", False),
        ("banana bandana", True, True),
        (["banana", "bandana"], "auto", True),
        (["banana", "bandana"], False, False),
        ([["ba", "na"], ["na"]], "auto", True),
        (np.array(["banana", "bandana"]), "auto", True),
        ([0, 1, 2, 1], "auto", False),
        ([[0, 1, 2], [1, 2]], "auto", False),
        ([[0, 1, 2], [1]], True, True),
        ([0, 1, 2, 1], True, True),
    ],
    ids=str,
)
def test_lists_of_texts_have_boundaries(X, boundaries, learnt, tmp_path):
    tokens = isinstance(X, list) and isinstance(X[0], list) and isinstance(X[0][0], str)
    model = small(boundaries=boundaries, vocabulary=Vocabulary("token") if tokens else None, max_iter=2).fit(X)
    assert (model.end_symbol_ is not None) == learnt
    assert model.V_.shape[0] == model.n_symbols_ + learnt
    model.save(tmp_path / "model")
    same = load(tmp_path / "model")
    assert same.boundaries == boundaries and same.end_symbol_ == model.end_symbol_
    assert same.cross_entropy(X) == model.cross_entropy(X)
    assert same.partial_fit(X).n_iter_ == 3
    prompt = "" if model.vocabulary_ is not None else []
    if learnt:
        assert np.array_equal(same.generate(prompt, 9, random_state=0), model.generate(prompt, 9, random_state=0))
    else:
        with pytest.raises(ValueError, match="prompt is empty"):
            model.generate(prompt, 9)


@pytest.mark.parametrize(
    "texts",
    [
        ["a", "b", "ab"],
        ["a"],
        ["", "ab"],
        ["a", "", "", "b"],
        ["a" * 500, "b"],
        ["\n", " ", "\u0301"],
        ["😀", "👨‍👩‍👧"],
        ["\ufffd", "a"],
        ["ab"] * 300,
        ("a", "bc"),
    ],
    ids=lambda texts: repr(texts)[:20],
)
def test_texts_of_one_symbol_or_none(texts):
    """Check texts of one symbol or none; a name of one letter once ended the fit with an error."""
    model = small(max_iter=2).fit(texts)
    assert np.isfinite(model.cross_entropy(texts)) and np.isfinite(model.loss_)
    assert isinstance(model.generate("", 5, random_state=0), str)
    assert small(max_iter=2).fit(texts).loss_curve_ == model.loss_curve_


@pytest.mark.parametrize("form", [list, tuple, lambda X: [np.array(x, int) for x in X], Sequences.from_list])
def test_sequences_of_symbols_may_be_empty_as_texts_may(form):
    X = form([np.array(x, int) for x in ([], [1, 0], [], [0])] * 3)
    expected = small(max_iter=2).fit(["", "ba", "", "a"] * 3).cross_entropy(["", "ab"])
    assert small(max_iter=2, boundaries=True).fit(X).cross_entropy([[], [0, 1]]) == expected
    with pytest.raises(ValueError, match=r"X\[2\] holds float64"):
        small(boundaries=True).fit([[0, 1], [], [0.5]])
    with pytest.raises(ValueError, match="X"):
        small(boundaries=True).fit([[], []])
    with pytest.raises(ValueError, match=r"X\[1\] is empty"):
        small(boundaries=False).fit([[0, 1], []])


def test_texts_without_a_word_are_empty_ones():
    model = small(vocabulary=Vocabulary("token"), max_iter=2).fit(["a b", "?!", "b"])
    assert model.cross_entropy("?!") == model.cross_entropy(["?!"]) == -np.log(model.predict_proba("")[-1])
    assert model.generate("?!", 5, random_state=0) == model.generate("", 5, random_state=0)


def test_training_continues_with_the_boundaries_that_were_learnt():
    model = small(max_iter=1, warm_start=True).fit(NAMES)
    assert model.fit("anna").end_symbol_ == model.n_symbols_ and model.n_iter_ == 2
    for boundaries in (False, True):
        other = small(boundaries=not boundaries, max_iter=1, warm_start=True).fit(NAMES[:4])
        with pytest.raises(ValueError, match=f"boundaries={boundaries}: must be .* to continue training"):
            other.set_params(boundaries=boundaries).fit(NAMES[:4])
    held = small(max_iter=3, early_stopping=True, validation_fraction=0.5).fit(NAMES)
    assert len(held.validation_scores_) == 3
    with pytest.raises(ValueError, match="'boundaries' parameter"):
        small(boundaries="yes").fit(NAMES)


@pytest.mark.parametrize("stop", ["o", "tt", ["zz", "tt"], ["tt", "otto"], "to", ["t", "to"], "\n", "ottoo"])
def test_writing_ends_before_a_stop(stop):
    model = small(max_iter=20, boundaries=False).fit("anna\notto\n" * 100)
    whole = model.generate("\nann", 40, temperature=0)
    assert whole[:8] == "a\notto\na"
    stops = [stop] if isinstance(stop, str) else stop
    # The one that is complete first counts, of those that are complete at once the longest.
    complete = [(whole.find(text) + len(text), whole.find(text)) for text in stops if text in whole]
    if any("z" in text for text in stops):
        with pytest.raises(ValueError, match=r"stop has 'z' \(U\+007A\) at index 0"):
            model.generate("\nann", 40, temperature=0, stop=stop)
        return
    expected = whole[: min(complete)[1]] if complete else whole
    assert model.generate("\nann", 40, temperature=0, stop=stop) == expected
    assert "".join(model.stream("\nann", 40, temperature=0, stop=stop)) == expected


def test_stops_of_tokens_integers_and_names(writer):
    words = small(vocabulary=Vocabulary("token"), max_iter=20).fit("one two three four " * 100)
    assert words.generate("one", 9, temperature=0, stop="four") == "two three"
    assert words.generate("one", 9, temperature=0, stop=["three four"]) == "two"
    numbers = small(max_iter=20).fit([0, 1, 2, 3] * 100)
    assert numbers.generate([0], 9, temperature=0, stop=[3, 0]).tolist() == [1, 2]
    assert list(numbers.stream([0], temperature=0, stop=np.int64(3))) == [1, 2]
    assert writer.generate("ann", 9, temperature=0, stop="a") == ""
    for model, prompt, stop, error, message in [
        (words, "one", "five", ValueError, "stop='five': must hold only tokens that the model knows"),
        (words, "one", "?", ValueError, "stop='[?]': must hold at least one token"),
        (words, "one", 3, TypeError, "stop=3: must be a string, a list of such items, or None"),
        (words, "one", [None], TypeError, r"stop=\[None\]: must be a string"),
        (writer, "a", "", ValueError, "stop='': must hold at least one character"),
        (writer, "a", "ù", ValueError, r"stop has 'ù' \(U\+00F9\) at index 0"),
        (numbers, [0], "a", TypeError, "stop='a': must be a symbol"),
        (numbers, [0], 4, ValueError, "stop=4: must hold symbols from 0 to 3"),
        (numbers, [0], [1, -1], ValueError, r"stop=\[1, -1\]: must hold symbols from 0 to 3"),
        (numbers, [0], True, TypeError, "stop=True: must be a symbol"),
    ]:
        with pytest.raises(error, match=message):
            model.stream(prompt, stop=stop)
