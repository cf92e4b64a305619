"""Convert characters to symbols and back, and split texts into words.

Characters are converted in blocks, since copies of a whole text may exceed memory.
"""

import re
import unicodedata
from collections import Counter
from functools import cache

import numpy as np
import regex

from numrnn.io.messages import InputError

__all__ = [
    "FORMS",
    "OLD_RULE",
    "RULE",
    "count_characters",
    "decode_characters",
    "encode_characters",
    "split_words",
    "symbol_table",
    "versions",
]

# Number of characters of a block: its 256 KB of UTF-32 fit in the processor's cache.
BLOCK = 1 << 16
CODE_POINTS = 0x110000


def count_characters(texts, lowercase):
    """Count the characters of a list of texts; with `lowercase`, capitals count as lower-case letters."""
    counts = np.zeros(0, np.int64)
    for codes in _blocks(texts):
        found = np.bincount(codes)
        if len(found) > len(counts):
            counts, found = found, counts
        counts[: len(found)] += found
    characters = Counter()
    for code in np.flatnonzero(counts).tolist():
        characters[_lowered(chr(code)) if lowercase else chr(code)] += int(counts[code])
    return characters


def symbol_table(symbols, missing, lowercase):
    """Return an int32 array with the symbol of each code point, for `encode_characters`.

    After the entry of the highest code point that has a symbol, one last entry stands for all higher code points.

    Parameters
    ----------
    symbols : sequence of str
        Symbols, each a single character.
    missing : int
        Entry for all characters that are not symbols.
    lowercase : bool
        Whether capitals get the symbol of their lower-case letter.
    """
    codes = np.array([ord(symbol) for symbol in symbols])
    capitals, small = _capitals() if lowercase else np.zeros((2, 0), np.int64)
    known = np.isin(small, codes)
    table = np.full(max(codes.max(), capitals[known].max(initial=0)) + 2, missing, np.int32)
    table[codes] = np.arange(len(codes))
    table[capitals[known]] = table[small[known]]
    return table


def encode_characters(texts, table, out):
    """Write the symbols of texts, concatenated, to a buffer.

    Parameters
    ----------
    texts : list of str
    table : ndarray of int32
        See `symbol_table`.
    out : ndarray of unsigned integers, of shape (characters of all texts,)

    Returns
    -------
    place : int or None
        Index in the concatenated texts of the first character whose symbol is negative. None if there is no such
        character; then `out` is complete.
    """
    start = 0
    for codes in _blocks(texts):
        symbols = np.take(table, codes, mode="clip")
        if symbols.min() < 0:
            return start + int(np.argmax(symbols < 0))
        out[start : start + len(symbols)] = symbols
        start += len(symbols)
    if start != len(out):
        problem = f"have {start} characters, but their lengths add up to {len(out)}; pass plain str"
        raise InputError("texts", (), problem)
    return None


def decode_characters(symbols, characters):
    """Return the text for an integer array of symbols, of shape (T,), given the character of each symbol."""
    codes = np.array([ord(character) for character in characters], "<u4")
    parts = (codes[symbols[start : start + BLOCK]] for start in range(0, len(symbols), BLOCK))
    return "".join(part.tobytes().decode("utf-32-le", "surrogatepass") for part in parts)


def _blocks(texts):
    """Yield arrays of the code points of texts, in order; short texts are joined."""
    parts, n_characters = [], 0
    for text in texts:
        for start in range(0, len(text), BLOCK):
            parts.append(text[start : start + BLOCK])
            n_characters += len(parts[-1])
            if n_characters >= BLOCK:
                yield _code_points("".join(parts))
                parts, n_characters = [], 0
    if parts:
        yield _code_points("".join(parts))


def _code_points(text):
    # open(errors="surrogateescape") converts bytes that cannot be decoded to lone surrogates.
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _lowered(character):
    small = character.lower()
    return small if len(small) == 1 else character


@cache
def _capitals():
    """Return the code points of all characters with a lower-case letter, and of their lower-case letters."""
    pairs = [(code, ord(_lowered(chr(code)))) for code in range(CODE_POINTS)]
    codes = np.array([pair for pair in pairs if pair[0] != pair[1]])
    return codes[:, 0], codes[:, 1]


FORMS = ("NFC", "NFKC")
RULE = "UAX 29"
OLD_RULE = r"\w+(?:['\u2019]\w+)*"  # rule of vocabularies in files without a rule

# Rule of UAX 29 for texts of ASCII characters only: twice as fast as the general rule.
_ASCII = re.compile(r"\w+(?:(?:(?<=[A-Za-z])[:.'](?=[A-Za-z])|(?<=[0-9])[,;.'](?=[0-9]))\w+)*", re.ASCII)
# Invisible characters that UAX 29 includes in the word before them. They are removed, so that words that differ only in
# these characters are the same.
_INVISIBLE = "\u00ad\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u202f\u2060\u2066\u2067\u2068\u2069\ufeff"


def split_words(text, rule=RULE):
    """Return the words of a text.

    Parameters
    ----------
    text : str
    rule : {"UAX 29", OLD_RULE}
        "UAX 29" returns the segments between Unicode's default word boundaries that begin with a letter, a digit or an
        underscore, without invisible characters at their ends, such as direction marks. `OLD_RULE` returns the matches
        of the regular expression `OLD_RULE`.

    Examples
    --------
    >>> from numrnn.data.symbols.units import split_words
    >>> split_words("Don't pay 3,000.50 to state-of-the-art l'été!")
    ["Don't", 'pay', '3,000.50', 'to', 'state', 'of', 'the', 'art', "l'été"]
    """
    if rule == OLD_RULE:
        return _old().findall(text)
    if text.isascii():
        return _ASCII.findall(text)
    return [word.rstrip(_INVISIBLE) for word in _unicode().findall(text)]


def versions(rule, form):
    """Return the versions of the libraries that split words and normalise texts, as a dict of str."""
    found = {"regex": regex.__version__} if rule == RULE else {}
    return found | ({"unicodedata": unicodedata.unidata_version} if form is not None else {})


@cache
def _old():
    return re.compile(OLD_RULE)


@cache
def _unicode():
    # `before` is not a part of the word: up to version 2026.8, `regex` includes an apostrophe, or marks at the
    # beginning of a line, in the word after them.
    before = r"['\u2019\u202f\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]*"
    return regex.compile(rf"(?w)\b{before}([\p{{L}}\p{{N}}\p{{Pc}}\p{{WB=ALetter}}].*?)\b", regex.V1 | regex.DOTALL)
