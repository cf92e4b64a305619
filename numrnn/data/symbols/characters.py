"""Texts as code points, a block at a time: a text may be far larger than what is left of the memory."""

from collections import Counter
from functools import cache

import numpy as np

__all__ = ["count_characters", "decode_characters", "encode_characters", "symbol_table"]

# Characters at a time: 256 KB as UTF-32, which stay in the cache.
BLOCK = 1 << 16
CODE_POINTS = 0x110000


def count_characters(texts, lowercase):
    """Count the characters of texts.

    Parameters
    ----------
    texts : list of str
    lowercase : bool
        Whether to count a capital as its small letter.

    Returns
    -------
    counts : Counter
        Character to number.
    """
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
    """Return what `encode_characters` looks symbols up in.

    Parameters
    ----------
    symbols : sequence of str
        One character each.
    missing : int
        What stands for every other character.
    lowercase : bool
        Whether a capital has the symbol of its small letter.

    Returns
    -------
    table : ndarray of int32
        Symbol by code point, up to the highest that has one; the last entry is for all code points above.
    """
    codes = np.array([ord(symbol) for symbol in symbols])
    capitals, small = _capitals() if lowercase else np.zeros((2, 0), np.int64)
    known = np.isin(small, codes)
    table = np.full(max(codes.max(), capitals[known].max(initial=0)) + 2, missing, np.int32)
    table[codes] = np.arange(len(codes))
    table[capitals[known]] = table[small[known]]
    return table


def encode_characters(texts, table, out):
    """Write the symbols of texts, one after another.

    Parameters
    ----------
    texts : list of str
    table : ndarray of int32
        See `symbol_table`.
    out : ndarray of unsigned integers, of shape (characters of all texts,)

    Returns
    -------
    place : int or None
        The first character, of all texts one after another, whose symbol is negative; `out` is complete where there
        is none.
    """
    start = 0
    for codes in _blocks(texts):
        symbols = np.take(table, codes, mode="clip")
        if symbols.min() < 0:
            return start + int(np.argmax(symbols < 0))
        out[start : start + len(symbols)] = symbols
        start += len(symbols)
    if start != len(out):
        raise ValueError(f"the texts have {start} characters, not {len(out)} as they say")
    return None


def decode_characters(symbols, characters):
    """Return the text of symbols.

    Parameters
    ----------
    symbols : ndarray of integers, of shape (T,)
    characters : sequence of str
        The character of each symbol.

    Returns
    -------
    text : str
    """
    codes = np.array([ord(character) for character in characters], "<u4")
    parts = (codes[symbols[start : start + BLOCK]] for start in range(0, len(symbols), BLOCK))
    return "".join(part.tobytes().decode("utf-32-le", "surrogatepass") for part in parts)


def _blocks(texts):
    """Yield the code points of texts one after another, short texts together."""
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
    # Lone surrogates are what open(errors="surrogateescape") makes of bytes that are no text.
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _lowered(character):
    small = character.lower()
    return small if len(small) == 1 else character


@cache
def _capitals():
    """Code points of all characters that have a small letter, and of these."""
    pairs = [(code, ord(_lowered(chr(code)))) for code in range(CODE_POINTS)]
    codes = np.array([pair for pair in pairs if pair[0] != pair[1]])
    return codes[:, 0], codes[:, 1]
