"""The words of texts, by the rules that vocabularies store."""

import re
import unicodedata
from functools import cache

import regex

__all__ = ["FORMS", "OLD_RULE", "RULE", "split_words", "versions"]

FORMS = ("NFC", "NFKC")
RULE = "UAX 29"
OLD_RULE = r"\w+(?:['\u2019]\w+)*"  # of vocabularies from before rules were stored

# The words of UAX 29 in texts of ASCII: twice as fast as those in others.
_ASCII = re.compile(r"\w+(?:(?:(?<=[A-Za-z])[:.'](?=[A-Za-z])|(?<=[0-9])[,;.'](?=[0-9]))\w+)*", re.ASCII)
# Marks that UAX 29 counts with the word beside them: two words that differ in these alone are one.
_INVISIBLE = "\u00ad\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u202f\u2060\u2066\u2067\u2068\u2069\ufeff"


def split_words(text, rule=RULE):
    """Return the words of a text.

    Parameters
    ----------
    text : str
    rule : {"UAX 29", OLD_RULE}
        "UAX 29": the segments between Unicode's default word boundaries that begin with a letter, a digit or an
        underscore;
        narrow no-break spaces and marks of direction at their ends are dropped. `OLD_RULE`: the matches of that regular
        expression.

    Returns
    -------
    words : list of str

    Examples
    --------
    >>> from numrnn.data.symbols.words import split_words
    >>> split_words("Don't pay 3,000.50 to state-of-the-art l'été!")
    ["Don't", 'pay', '3,000.50', 'to', 'state', 'of', 'the', 'art', "l'été"]
    """
    if rule == OLD_RULE:
        return _old().findall(text)
    if text.isascii():
        return _ASCII.findall(text)
    return [word.rstrip(_INVISIBLE) for word in _unicode().findall(text)]


def versions(rule, form):
    """Return what the words of a rule, and the normalization form of texts, depend on: a dict of str to str."""
    found = {"regex": regex.__version__} if rule == RULE else {}
    return found | ({"unicodedata": unicodedata.unidata_version} if form is not None else {})


@cache
def _old():
    return re.compile(OLD_RULE)


@cache
def _unicode():
    # What stands before a word is left out: `regex` up to 2026.8 takes an apostrophe, or marks that begin a line, for a
    # part of the word after them.
    before = r"['\u2019\u202f\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]*"
    return regex.compile(rf"(?w)\b{before}([\p{{L}}\p{{N}}\p{{Pc}}\p{{WB=ALetter}}].*?)\b", regex.V1 | regex.DOTALL)
