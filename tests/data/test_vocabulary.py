"""Test the conversion of texts to symbols and back."""

import json
import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from numrnn import Sequences
from numrnn.data import Vocabulary
from numrnn.data.symbols import units
from numrnn.io import decode, encode

TEXTS = {
    "ascii": "To be, or not to be:\nthat is the question.",
    "accents": "Příliš žluťoučký kůň",
    "astral": "a 😀 b 𝔘𝔫𝔦 😀",
    "zero": "a\0b",
    "surrogates": "caf\udce9 \ud83d\udcff \ude00",
    "highest": "\U0010ffff\x00\uffff",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("block", [1, 3, units.BLOCK])
def test_characters_there_and_back(text, block, monkeypatch):
    monkeypatch.setattr(units, "BLOCK", block)
    vocabulary = Vocabulary().fit(text)
    assert sorted(vocabulary.symbols_) == sorted(set(text))
    assert vocabulary.unknown_symbol_ is None
    assert Vocabulary(unknown=True).fit(text).transform(text + "\ufdd0")[-1] == 0
    symbols = vocabulary.transform(text)
    assert symbols.dtype == np.uint8 and symbols.shape == (len(text),)
    assert [vocabulary.symbols_[symbol] for symbol in symbols] == list(text)
    assert vocabulary.inverse_transform(symbols) == text
    many = [text, "", text[:3]]
    found = vocabulary.transform(many)
    assert isinstance(found, Sequences) and found.lengths.tolist() == [len(text), 0, 3]
    for form in (found, found.to_list(), tuple(x.tolist() for x in found), np.asarray(found)):
        assert vocabulary.inverse_transform(form) == many


@pytest.mark.parametrize(
    ("texts", "options", "symbols"),
    [
        ("banana", {}, ("a", "n", "b")),
        ("dcba", {}, ("a", "b", "c", "d")),
        (["ba", "", "ab", "c"], {}, ("a", "b", "c")),
        ("dcba", {"max_symbols": 3}, ("\ufffd", "a", "b")),
        ("dcba", {"unknown": True}, ("\ufffd", "a", "b", "c", "d")),
        ("dcba", {"unknown": False}, ("a", "b", "c", "d")),
        ("a\ufffdb", {"unknown": True}, ("\ufffd", "a", "b")),
        ("aA", {"unknown": True, "lowercase": True}, ("\ufffd", "a")),
        ("dcba", {"max_symbols": 9}, ("\ufffd", "a", "b", "c", "d")),
        ("a\ufffd\ufffd", {"max_symbols": 9}, ("\ufffd", "a")),
        ("a\ufffd\ufffd", {}, ("\ufffd", "a")),
        ("AaBb", {}, ("A", "B", "a", "b")),
        # the Kelvin sign's small letter is k; that of the capital I with a dot would be two characters
        ("AbB\u212ak\u0130", {"lowercase": True}, ("b", "k", "a", "\u0130")),
        ("to be or not to be", {"unit": "token"}, ("<unknown>", "be", "to", "not", "or")),
        ("c b a b", {"unit": "token", "max_symbols": 3}, ("<unknown>", "b", "a")),
        ("The the <unknown>", {"unit": "token"}, ("<unknown>", "The", "the", "unknown")),
        ([["<unknown>", "x"]], {"unit": "token"}, ("<unknown>", "x")),
        ("The the A", {"unit": "token", "lowercase": True}, ("<unknown>", "the", "a")),
        ([["New York", "Yes"], "yes"], {"unit": "token", "lowercase": True}, ("<unknown>", "yes", "new york")),
        ("Don't; 'I' we’ll -- x_1 3.5", {"unit": "token"}, "<unknown> 3.5 Don't I we’ll x_1".split()),
        ("a-b c", {"unit": "token", "tokenizer": str.split}, ("<unknown>", "a-b", "c")),
    ],
)
def test_the_most_frequent_come_first_then_the_order_of_code_points(texts, options, symbols):
    vocabulary = Vocabulary(**options).fit(texts)
    assert vocabulary.symbols_ == tuple(symbols)
    assert len(vocabulary) == vocabulary.n_symbols_ == len(symbols)
    has_unknown = options.get("unit") == "token" or "max_symbols" in options or options.get("unknown", False)
    assert vocabulary.unknown_symbol_ == (0 if has_unknown else None)


def test_the_unknown_is_symbol_0():
    letters = Vocabulary(max_symbols=3).fit("aaabbc")
    assert letters.transform("abcd\ufffd😀").tolist() == [1, 2, 0, 0, 0, 0]
    assert letters.inverse_transform([1, 0, 2]) == "a\ufffdb"
    words = Vocabulary("token", max_symbols=3).fit("a a a b b c")
    assert words.transform("a b c d").tolist() == [1, 2, 0, 0]
    assert words.transform(["b", ["d", "a b", "a"], ""]).to_list()[1].tolist() == [0, 0, 1]
    assert words.inverse_transform([[1, 0], []]) == ["a <unknown>", ""]


def test_capitals_become_small_letters_one_for_one():
    text = "Příliš ŽLUŤOUČKÝ \u212a \u0130 ΣΑΣ"
    vocabulary = Vocabulary(lowercase=True).fit(text)
    lowered = vocabulary.inverse_transform(vocabulary.transform(text))
    assert lowered == "příliš žluťoučký k \u0130 σας".replace("ς", "σ")


def test_an_empty_text_is_an_empty_sequence():
    for vocabulary in (Vocabulary().fit("ab"), Vocabulary("token").fit("a b")):
        assert vocabulary.transform("").shape == (0,)
        assert vocabulary.inverse_transform(vocabulary.transform("")) == ""
        assert len(vocabulary.transform([])) == 0
        assert vocabulary.inverse_transform([]) == vocabulary.inverse_transform(vocabulary.transform([])) == []
        for texts in ("", [], ["", ""]):
            with pytest.raises(ValueError, match="texts has no (character|token)"):
                clone(vocabulary).fit(texts)


@pytest.mark.parametrize(("n", "dtype"), [(1, "u1"), (256, "u1"), (257, "u2"), (65536, "u2"), (65537, "u4")])
def test_symbols_have_the_narrowest_type(n, dtype):
    text = "".join(map(chr, range(n)))
    letters = Vocabulary().fit(text)
    assert letters.transform([text]).values.dtype == letters.transform(text).dtype == dtype
    assert letters.transform(text).tolist() == list(range(n))
    words = Vocabulary("token", normalization=None).fit([list(text[1:]) + ["word"]])
    assert words.transform([["word"]]).values.dtype == words.transform("word").dtype == np.min_scalar_type(n)


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ("abcx", ValueError, r"texts has 'x' \(U\+0078\) at index 3, which is not among the 3 symbols"),
        (["ab", "", "caé"], ValueError, r"texts\[2\] has 'é' \(U\+00E9\) at index 2"),
        (["", "😀"], ValueError, r"texts\[1\] has '😀' \(U\+1F600\) at index 0"),
        (b"abc", TypeError, r"got bytes: pass texts.decode\('utf-8'\)"),
        (["abc", b"abc"], TypeError, r"texts\[1\] is b'abc' \(bytes\), expected a str: pass texts\[1\].decode"),
        (["abc", None], TypeError, r"texts\[1\] is None \(NoneType\)"),
        (["abc", float("nan")], TypeError, r"texts\[1\] is nan \(float\)"),
        ([["a", "b"]], TypeError, r"texts\[0\] is .* for lists of tokens, set unit='token'"),
        (np.zeros(3), TypeError, r"texts\[0\] is .*float64"),
        (7, TypeError, "texts must be a str or a list of str, got int"),
        (iter(["a"]), TypeError, "texts must be a str or a list of str, got list_iterator"),
    ],
)
def test_what_is_no_text_is_named(texts, error, message):
    vocabulary = Vocabulary().fit("abc")
    with pytest.raises(error, match=message):
        vocabulary.transform(texts)
    if error is TypeError:
        with pytest.raises(error, match=message):
            vocabulary.fit(texts)


def test_a_table_is_not_taken_for_the_names_of_its_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["ab", "ba"]})
    with pytest.raises(TypeError, match="got DataFrame"):
        Vocabulary().fit(frame)
    assert Vocabulary().fit_transform(frame["text"]).to_list()[1].tolist() == [1, 0]


def test_a_token_that_is_no_str_is_named():
    with pytest.raises(TypeError, match=r"texts\[1\] has the token 3 \(int\)"):
        Vocabulary("token").fit(["a", ["b", 3]])
    with pytest.raises(TypeError, match=r"tokenizer returned the token 1 \(int\)"):
        Vocabulary("token", tokenizer=lambda text: map(len, text.split())).fit("a b")


@pytest.mark.parametrize(
    ("symbols", "error", "message"),
    [
        ([0, 3], ValueError, r"symbols\[1\]=3: must be a symbol from 0 to 2"),
        ([[0], [1, -1]], ValueError, r"symbols\[1\]\[1\]=-1: must be"),
        (np.array([0.0]), ValueError, r"symbols must be integers of shape \(T,\), got float64 of shape \(1,\)"),
        (np.zeros((1, 1, 1), int), ValueError, r"symbols\[0\] must be integers"),
        ([True], ValueError, "got bool"),
        ("abc", TypeError, "symbols='abc': must be an array of symbols"),
        (2, TypeError, "symbols=2: must be an array of symbols or a list of such arrays"),
    ],
)
def test_what_is_no_symbol_is_named(symbols, error, message):
    with pytest.raises(error, match=message):
        Vocabulary().fit("abc").inverse_transform(symbols)


@pytest.mark.parametrize(
    "options",
    [
        {"unit": "word"},
        {"max_symbols": 1},
        {"max_symbols": 2.5},
        {"lowercase": "yes"},
        {"tokenizer": str.split},
        {"unknown": "yes"},
        {"unknown": False, "max_symbols": 3},
        {"unknown": False, "unit": "token"},
    ],
)
def test_wrong_parameters_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Vocabulary(**options).fit("abc")


@pytest.mark.parametrize(
    "vocabulary",
    [Vocabulary(), Vocabulary(max_symbols=np.int64(4), lowercase=True), Vocabulary("token", lowercase=True)],
)
def test_copies_are_equal_and_encode_alike(vocabulary):
    text = "The Three bees of the \udce9 bee"
    assert clone(vocabulary) == vocabulary
    vocabulary.fit(text)
    assert clone(vocabulary) != vocabulary
    header = json.loads(json.dumps(encode(vocabulary.to_dict())))
    stored = Vocabulary.from_dict(decode(header))
    for copy in (stored, pickle.loads(pickle.dumps(vocabulary)), clone(vocabulary).fit(text)):
        assert copy == vocabulary and not copy != vocabulary
        assert copy.transform(text[:9]).tolist() == vocabulary.transform(text[:9]).tolist()
    assert vocabulary != clone(vocabulary).fit("another text")
    assert vocabulary != Vocabulary(max_symbols=5).fit(text)
    assert vocabulary != "vocabulary"


def test_it_is_an_estimator():
    vocabulary = Vocabulary("token", max_symbols=9)
    assert repr(vocabulary) == "Vocabulary(max_symbols=9, unit='token')"
    assert vocabulary.set_params(lowercase=True).get_params() == {
        "last": None,
        "lowercase": True,
        "max_symbols": 9,
        "normalization": "auto",
        "tokenizer": None,
        "unit": "token",
        "unknown": "auto",
    }
    for method in (len, Vocabulary.to_dict, lambda v: v.transform("a"), lambda v: v.inverse_transform([0])):
        with pytest.raises(NotFittedError):
            method(vocabulary)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"symbols": ["\ufffd", "a", "a"]}, "distinct str"),
        ({"symbols": ["\ufffd", 1]}, "must be a list of distinct str"),
        ({"symbols": []}, "must be a list that begins with"),
        ({"symbols": ["a", "b"]}, "must be a list that begins with"),
        ({"symbols": ["\ufffd", "ab"]}, "single characters"),
        ({"unit": "word"}, "unit"),
        ({"more": 1}, "keys"),
    ],
)
def test_a_damaged_dictionary_is_refused(change, message):
    content = Vocabulary(max_symbols=3).fit("abc").to_dict()
    with pytest.raises(ValueError, match=message):
        Vocabulary.from_dict(content | change)


def test_the_last_symbols_of_each_text_are_kept():
    texts = ["abcabc", "", "ca"]
    vocabulary = Vocabulary(last=2).fit(texts)
    assert vocabulary.symbols_ == ("a", "c", "b")  # fit counts all symbols
    assert vocabulary.inverse_transform(vocabulary.transform(texts)) == ["bc", "", "ca"]
    assert vocabulary.inverse_transform(vocabulary.transform("abca")) == "ca"
    assert len(vocabulary.transform("xab")) == 2  # x is not read, so that it needs no symbol
    with pytest.raises(ValueError, match=r"texts\[1\] has 'x' \(U\+0078\) at index 3"):
        vocabulary.transform(["ab", "abcx"])
    words = Vocabulary("token", last=2).fit(["to be or not to be"])
    assert words.inverse_transform(words.transform([["not", "to", "be"], "be"])) == ["to be", "be"]
    assert Vocabulary.from_dict(words.to_dict()) == words
    with pytest.raises(ValueError, match="last"):
        Vocabulary(last=0).fit("a")


def test_a_tokenizer_cannot_be_stored():
    with pytest.raises(TypeError, match="tokenizer"):
        Vocabulary("token", tokenizer=str.split).fit("a b").to_dict()


@pytest.mark.serial
@pytest.mark.parametrize("form", ["one text", "many texts"])
def test_long_texts_take_a_few_bytes_beyond_themselves(form):
    n_characters = 20_000_000
    text = "Well, Prince, so Genoa... 😀" * (n_characters // 27)
    texts = text if form == "one text" else [text[start : start + 1000] for start in range(0, len(text), 1000)]
    tracemalloc.start()
    try:
        vocabulary = Vocabulary().fit(texts)
        fit_peak = tracemalloc.get_traced_memory()[1]
        symbols = vocabulary.transform(texts)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        kept = tracemalloc.get_traced_memory()[0]
        if form == "one text":
            assert vocabulary.inverse_transform(symbols) == text
            # parts and whole of the new text, 4 bytes a character with an emoji in it
            assert tracemalloc.get_traced_memory()[1] - kept <= 8 * len(text) + 20_000_000
    finally:
        tracemalloc.stop()
    assert fit_peak <= 1.5 * len(text)
    assert peak <= 2 * len(text)
