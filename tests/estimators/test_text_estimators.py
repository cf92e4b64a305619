"""Test classifiers and regressors of texts against the same on symbols, in all methods and scikit-learn's tools."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, load
from numrnn.data import Vocabulary
from numrnn.data.symbols.units import OLD_RULE

TEXTS = ["a good film", "a bad film!", "Good, very good", "very bad", "not good; bad", "so so good", "bad bad", "good"]
LABELS = np.array(["+", "-", "+", "-", "-", "+", "-", "+"])
WORDS = Vocabulary("token", max_symbols=6, lowercase=True, last=3)


def small(kind=RNNClassifier, **params):
    common = {"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, "n_jobs": 1, "vocabulary": WORDS}
    return kind(**{**common, **params})


@pytest.mark.parametrize("kind", [RNNClassifier, RNNRegressor])
@pytest.mark.parametrize("vocabulary", [WORDS, Vocabulary(), Vocabulary("token")])
def test_texts_are_their_symbols(kind, vocabulary, tmp_path):
    y = LABELS if kind is RNNClassifier else np.arange(8.0)
    fitted = clone(vocabulary).set_params(unknown=True).fit(TEXTS)  # what estimators that only read make of "auto"
    X = fitted.transform(TEXTS)
    texts = small(kind, vocabulary=vocabulary, embedding_size=3).fit(TEXTS, y, X_val=TEXTS[:3], y_val=y[:3])
    symbols = small(kind, vocabulary=None, n_symbols=len(fitted), embedding_size=3)
    symbols.fit(X, y, X_val=X[:3], y_val=y[:3])
    assert texts.vocabulary_ == fitted and symbols.vocabulary_ is None and not hasattr(vocabulary, "symbols_")
    assert texts.validation_loss_curve_ == symbols.validation_loss_curve_ and texts.n_features_in_ == 1
    expected = symbols.predict(X)
    texts.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.vocabulary == vocabulary and loaded.vocabulary_ == fitted
    for model in (texts, loaded):
        for form in (TEXTS, tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object)):
            np.testing.assert_array_equal(model.predict(form), expected)
    if kind is RNNClassifier:
        np.testing.assert_array_equal(texts.predict_proba(TEXTS), symbols.predict_proba(X))
    np.testing.assert_array_equal(texts.transform(TEXTS), symbols.transform(X))
    assert texts.score(TEXTS, y) == symbols.score(X, y)
    assert texts.loss_and_grad(TEXTS, y)[0] == symbols.loss_and_grad(X, y)[0]
    np.testing.assert_array_equal(texts.partial_fit(TEXTS, y).V_, symbols.partial_fit(X, y).V_)
    assert texts.set_params(warm_start=True).fit(["good"] * 8, y).n_iter_ == 5
    assert texts.vocabulary_ == fitted
    assert small(kind, vocabulary=vocabulary).initialize(TEXTS, y).predict(["good film"]).shape == (1,)


def test_steps_of_texts():
    words = [text.lower().split() for text in TEXTS[:4]]
    y = [[len(word) for word in text] for text in words]
    model = small(RNNRegressor, output="step", vocabulary=Vocabulary("token")).fit(words, y)
    expected = model.predict(words)
    assert [len(steps) for steps in expected] == list(map(len, words))
    state = None
    for t, word in enumerate(words[0]):
        prediction, state = model.predict_step(word, state)
        assert prediction == expected[0][t]
    predictions, states = model.predict_step([text[0] for text in words])
    assert len(states) == 4
    np.testing.assert_array_equal(predictions, [steps[0] for steps in expected])
    letters = small(vocabulary=Vocabulary()).fit(TEXTS, LABELS)
    state = None
    for letter in TEXTS[1]:
        prediction, state = letters.predict_step(letter, state)
    assert prediction == letters.predict(TEXTS[1:2])[0]
    for model, x, message in ((letters, "ab", "one character, .*'ab'"), (letters, ["a", ""], "one character, .*''")):
        with pytest.raises(ValueError, match=message):
            model.predict_step(x)
    assert letters.predict_step(["a", "?"])[0].shape == (2,)
    with pytest.raises(TypeError, match="token 3"):
        small().fit(TEXTS, LABELS).predict_step([3])


def test_lists_of_texts_in_scikit_learns_tools():
    model = make_pipeline(small())
    parts = train_test_split(TEXTS, LABELS, test_size=2, stratify=LABELS, random_state=0)
    assert 0 <= model.fit(parts[0], parts[2]).score(parts[1], parts[3]) <= 1
    assert cross_val_score(model, TEXTS, LABELS, cv=StratifiedKFold(2)).shape == (2,)
    search = GridSearchCV(small(), {"vocabulary__last": [1, 3], "vocabulary__max_symbols": [4]}, cv=2)
    best = search.fit(TEXTS, LABELS).best_estimator_
    assert len(best.vocabulary_) == 4 and best.vocabulary_.last == search.best_params_["vocabulary__last"]
    assert WORDS.last == 3 and WORDS.max_symbols == 6


@pytest.mark.parametrize("kind", [RNNClassifier, RNNRegressor])
@pytest.mark.parametrize(
    ("X", "params", "message"),
    [
        (TEXTS, {"vocabulary": None}, r"X holds strings, expected numbers: set vocabulary=numrnn.data.Vocabulary\(\)"),
        (TEXTS, {"vocabulary": None, "n_symbols": 9}, "X holds strings, expected numbers: set vocabulary="),
        ([text.split() for text in TEXTS], {"vocabulary": None}, "X holds strings, expected numbers: set vocabulary="),
        (TEXTS, {"n_symbols": 9}, "n_symbols=9: must be None if X holds strings; set vocabulary="),
        (TEXTS, {"vocabulary": "token"}, "'vocabulary' parameter"),
        (TEXTS[0], {}, r"X is one string, .*\[X\]"),
        ([*TEXTS[:7], ""], {}, r"X\[7\] holds no token: ''"),
        ([*TEXTS[:7], "?!"], {}, r"X\[7\] holds no token: '\?!'"),
        ([*TEXTS[:7], ""], {"vocabulary": Vocabulary()}, r"X\[7\] holds no character"),
        ([*TEXTS[:7], 3], {}, r"X\[7\] is 3 \(int\), expected a str"),
        (np.zeros((8, 3)), {}, r"X\[0\] is array"),
        ([text.encode() for text in TEXTS], {}, r"X\[0\] is b.*decode"),
    ],
)
def test_mistakes(kind, X, params, message):
    y = np.arange(8) % 2
    model = small(kind, **params)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X, y)
    assert not hasattr(model, "vocabulary_")
    if params.get("vocabulary") is None and "n_symbols" not in params:
        reader = small(kind, vocabulary=None if "vocabulary" in params else WORDS)
        reader.fit(np.zeros((8, 3)) if "vocabulary" in params else TEXTS, y)
        for call in (reader.predict, lambda X: reader.fit(TEXTS, y, X_val=X, y_val=y), lambda X: reader.score(X, y)):
            with pytest.raises((ValueError, TypeError), match="X"):
                call(X)


def test_an_unseen_character_is_the_unknown_where_texts_are_only_read():
    """Check that unseen characters become the unknown symbol.

    One `ù` among 5,013 names once ended `predict` and `score`, and made `cross_val_score` nan.
    """
    names, y = ["anna", "otto", "ida", "jo"] * 5 + ["cù", "ùc"], ["f", "m", "f", "m"] * 5 + ["f", "m"]
    model = small(vocabulary=Vocabulary(), max_iter=1)
    scores = cross_val_score(model, names, y, cv=[(range(20), [20, 21]), (range(2, 22), [0, 1])])
    assert np.isfinite(scores).all()
    model.fit(names[:20], y[:20])
    assert model.vocabulary_.unknown_symbol_ == 0 and model.vocabulary.unknown == "auto"
    for odd in ("ù", "ùùù", "u\u0300", "😀", "\ufffd", "\0", "\ud83d", "\U0010ffff", "ANNA", "a" * 300 + "ù", "ﬁ"):
        found = model.predict_proba([odd, "anna"])
        assert np.isfinite(found).all() and np.array_equal(found[1], model.predict_proba(["anna"])[0])
    assert np.array_equal(model.predict_proba(["aù"]), model.predict_proba(["a?"]))
    numbers = small(RNNRegressor, vocabulary=Vocabulary(), max_iter=1).fit(names[:20], range(20))
    assert numbers.predict(["ù"]).shape == (1,)
    strict = small(vocabulary=Vocabulary(unknown=False), max_iter=1).fit(names[:20], y[:20])
    writer = RNNLanguageModel((2,), max_iter=1).fit(names[:20])
    for reader in (strict, writer):
        with pytest.raises(ValueError, match=r"X\[1\] has 'ù' \(U\+00F9\) at index 1, .* set unknown=True"):
            reader.predict_proba(["anna", "tù"])
    writer = RNNLanguageModel((2,), vocabulary=Vocabulary(unknown=True), max_iter=1).fit(names[:20])
    assert np.isfinite(writer.cross_entropy("tù"))


def test_auto_agrees_with_what_was_learnt():
    """Check that the "auto" options of a vocabulary agree with what was learned.

    Estimators learn an unknown symbol, and older files have neither it nor a normalization form.
    """
    model = small(vocabulary=Vocabulary(), max_iter=1, warm_start=True).fit(TEXTS, LABELS)
    assert model.fit(TEXTS, LABELS).n_iter_ == 2
    for changed in (Vocabulary(unknown=True), Vocabulary(normalization=None)):
        assert model.set_params(vocabulary=changed).fit(TEXTS, LABELS)
    for changed in (Vocabulary(unknown=False), Vocabulary(normalization="NFC")):
        with pytest.raises(ValueError, match="^vocabulary=.* to continue training"):
            model.set_params(vocabulary=changed).fit(TEXTS, LABELS)


def test_older_models_continue_without_what_they_did_not_learn():
    folder = Path(__file__).parents[1] / "golden" / "models" / "c1889c3"
    y = np.array(["low", "middle", "high"])[np.arange(12) % 3]
    texts = ["a fine film", "what a bore", "fine, fine", "a bore of a film"] * 3
    words = load(folder / "classifier_tokens.safetensors")
    assert words.vocabulary.normalization is None and words.vocabulary_.rule_ == OLD_RULE
    letters = load(folder / "regressor_characters.safetensors")
    assert letters.vocabulary.unknown is False and letters.vocabulary_.unknown_symbol_ is None
    with pytest.raises(ValueError, match=r"X\[0\] has 'ù'"):
        letters.predict(["ù"])
    for model, targets in ((words, y), (letters, np.arange(12.0))):
        epochs = model.n_iter_
        assert model.partial_fit(texts, targets).n_iter_ == epochs + 1
    writer = load(folder / "language_model_tokens.safetensors")
    assert writer.boundaries is False and writer.end_symbol_ is None and writer.batch_size == 100
    assert writer.partial_fit(texts).end_symbol_ is None
    book = load(folder / "language_model.safetensors")
    assert book.get_params()["vocabulary"] is None and book.partial_fit(" ".join(texts)).batch_size_ == 2


def test_faults_of_a_tokenizer_and_steps_of_no_text_are_told():
    """Check the errors about a faulty tokenizer and about values that are not texts.

    These once were "function takes exactly 5 arguments" and "'int' object is not iterable".
    """

    def fails(text):
        raise UnicodeDecodeError("utf-8", b"x", 0, 1, "a fault of the tokenizer")

    for tokenizer, error, message in (
        (fails, UnicodeDecodeError, "a fault of the tokenizer"),
        (lambda text: None, TypeError, r"tokenizer returned None \(NoneType\), expected an iterable of str"),
    ):
        with pytest.raises(error, match=message):
            RNNClassifier((2,), vocabulary=Vocabulary("token", tokenizer=tokenizer)).fit(["a", "b"], [0, 1])
    model = RNNClassifier((2,), vocabulary=Vocabulary(), random_state=0).initialize(["a", "b"], [0, 1])
    for x in (1, None):
        with pytest.raises(TypeError, match=f"x must be a character, or a list of one character per stream, got {x}"):
            model.predict_step(x)


@pytest.mark.parametrize("changed", [Vocabulary("token", max_symbols=6), Vocabulary(), None], ids=str)
def test_training_does_not_go_on_with_another_vocabulary(changed):
    model = small(warm_start=True).fit(TEXTS, LABELS).set_params(vocabulary=changed)
    before = model.V_.copy()
    with pytest.raises(ValueError, match="^vocabulary=.*: must be Vocab.* to continue training"):
        model.fit(TEXTS, LABELS)
    np.testing.assert_array_equal(model.set_params(vocabulary=clone(WORDS)).V_, before)
    assert model.fit(TEXTS, LABELS).n_iter_ == 4


def test_a_language_model_refuses_another_vocabulary_and_one_that_cuts_texts():
    text = "to be or not to be " * 9
    model = RNNLanguageModel((4,), batch_size=2, max_iter=1, warm_start=True).fit(text)
    assert model.set_params(vocabulary=Vocabulary()).fit(text).n_iter_ == 2
    with pytest.raises(ValueError, match="^vocabulary=.* to continue training"):
        model.set_params(vocabulary=Vocabulary("token")).fit(text)
    with pytest.raises(ValueError, match=r"vocabulary=.*must have last=None, because .* whole texts"):
        RNNLanguageModel(vocabulary=Vocabulary(last=3)).fit(text)
