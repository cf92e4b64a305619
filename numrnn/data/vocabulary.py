"""Texts as symbols, and back."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from itertools import chain
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from numrnn.data.characters import count_characters, decode_characters, encode_characters, symbol_table
from numrnn.data.sequences import Sequences
from numrnn.messages import shown

__all__ = ["Vocabulary"]

TOKEN = re.compile(r"\w+(?:['\u2019]\w+)*")
UNKNOWN = {"character": "\ufffd", "token": "<unknown>"}


# Texts fit no data frame, hence no `set_output`.
class Vocabulary(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Texts as sequences of symbols: one number for each character, or for each word.

    Symbols are numbered by how often they occur, the most frequent first; of those that occur equally often, the one
    with the lower code points first. There is no symbol for padding: sequences have any lengths.

    Parameters
    ----------
    unit : {"character", "token"}, default="character"
        What a symbol stands for: a character (a Unicode code point), or a token, as a word is called here.
    max_symbols : int, default=None
        The largest number of symbols, at least 2, that of the unknown included: the less frequent have none. None = as
        many as the texts hold.
    lowercase : bool, default=False
        Whether capitals count as small letters. A character stays one character: one whose small letter would be two
        (the capital I with a dot) is left as it is.
    tokenizer : callable, default=None
        From a text (str) to its tokens, an iterable of str. None = runs of letters, digits and underscores, together
        with apostrophes inside them (``don't`` is one token); blanks and punctuation separate tokens and are dropped.
        The regular expression is ``\\w+(?:['’]\\w+)*``.
    last : int, default=None
        `transform` keeps no more than the last so many symbols of each text: a long review ends with its verdict.
        `fit` counts all. None = all.

    Attributes
    ----------
    symbols_ : tuple of str
        The character or the token of each symbol.
    n_symbols_ : int
        Their number, also ``len(vocabulary)``.
    unknown_symbol_ : int or None
        The symbol of whatever `fit` did not see, or left out: 0, where tokens are the unit or `max_symbols` is given.
        It reads U+FFFD (the replacement character) or ``<unknown>``, which are unknown in any text. Else None: every
        character of the texts has a symbol, and another one is an error.

    See Also
    --------
    numrnn.Sequences : What many texts become.

    Examples
    --------
    >>> from numrnn.data import Vocabulary
    >>> vocabulary = Vocabulary().fit("banana")
    >>> vocabulary.symbols_
    ('a', 'n', 'b')
    >>> vocabulary.transform("ban")
    array([2, 0, 1], dtype=uint8)

    The two most frequent words of two reviews, and what is left of a third one:

    >>> reviews = ["Don't see it.", "See it? See it!"]
    >>> words = Vocabulary("token", max_symbols=3, lowercase=True).fit(reviews)
    >>> words.symbols_
    ('<unknown>', 'it', 'see')
    >>> words.transform(["I'd see it again."])
    Sequences(1 sequences of 4 steps, uint8)
    >>> words.inverse_transform([0, 2, 1, 0])
    '<unknown> see it <unknown>'
    """

    _parameter_constraints = {
        "unit": [StrOptions(set(UNKNOWN))],
        "max_symbols": [Interval(Integral, 2, None, closed="left"), None],
        "lowercase": ["boolean"],
        "tokenizer": [callable, None],
        "last": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, unit="character", *, max_symbols=None, lowercase=False, tokenizer=None, last=None):
        self.unit = unit
        self.max_symbols = max_symbols
        self.lowercase = lowercase
        self.tokenizer = tokenizer
        self.last = last

    def fit(self, texts, y=None):
        """Learn the symbols of texts.

        Parameters
        ----------
        texts : str or list of str
            With tokens as the unit, an item of the list may be a list of tokens.
        y : ignored

        Returns
        -------
        self : Vocabulary

        Raises
        ------
        ValueError
            If a parameter is out of its range, or the texts hold nothing.
        TypeError
            If the texts are no texts (bytes, say), naming the first.

        Examples
        --------
        >>> from numrnn.data import Vocabulary
        >>> Vocabulary("token").fit([["to", "be"], "or not to be"]).symbols_
        ('<unknown>', 'be', 'to', 'not', 'or')
        """
        self._check_parameters()
        texts, _ = self._checked(texts)
        if self.unit == "character":
            counts = count_characters(texts, self.lowercase)
        else:
            counts = Counter(chain.from_iterable(map(self._tokens, texts)))
            _check_tokens(counts, "tokenizer gave")
        has_unknown = self._has_unknown()
        first = (UNKNOWN[self.unit],) if has_unknown else ()
        for symbol in first:
            del counts[symbol]
        if not counts:
            raise ValueError(f"texts hold no {self.unit} to learn")
        ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
        self._learn(first + tuple(ranked[: None if self.max_symbols is None else self.max_symbols - 1]))
        return self

    def transform(self, texts):
        """Return the symbols of texts.

        Parameters
        ----------
        texts : str or list of str
            With tokens as the unit, an item of the list may be a list of tokens.

        Returns
        -------
        symbols : ndarray of shape (T,), or Sequences
            The array of one str, the sequences of a list; of the narrowest of uint8, uint16 and uint32. An empty text
            is an empty sequence.

        Raises
        ------
        ValueError
            If a character has no symbol and there is none for the unknown, naming the character and its place.
        TypeError
            If the texts are no texts (bytes, say), naming the first.

        Examples
        --------
        >>> from numrnn.data import Vocabulary
        >>> vocabulary = Vocabulary().fit("abracadabra")
        >>> vocabulary.transform(["cab", "bad"]).to_list()
        [array([3, 0, 1], dtype=uint8), array([1, 0, 4], dtype=uint8)]
        >>> vocabulary.transform("card deck")
        Traceback (most recent call last):
        ...
        ValueError: texts has ' ' (U+0020) at 4, which is none of the 5 symbols: fit on it too, or set max_symbols...
        """
        check_is_fitted(self, "symbols_")
        texts, is_one = self._checked(texts)
        kept = slice(None if self.last is None else -self.last, None)
        dtype = np.min_scalar_type(self.n_symbols_ - 1)
        if self.unit == "character":
            read = [text[kept] for text in texts]
            lengths = list(map(len, read))
            values = np.empty(sum(lengths), dtype)
            missing = encode_characters(read, self._table, values)
            if missing is not None:
                raise ValueError(self._not_known(texts, lengths, missing, is_one))
        else:
            symbol_of = self._table.get
            each = [np.fromiter((symbol_of(token, 0) for token in self._tokens(text)), dtype)[kept] for text in texts]
            lengths = list(map(len, each))
            values = each[0] if is_one else np.concatenate([np.zeros(0, dtype), *each])
        return values if is_one else Sequences.from_concatenated(values, lengths)

    def inverse_transform(self, symbols):
        """Return the texts of symbols.

        Parameters
        ----------
        symbols : integers of shape (T,), list of such arrays, array of shape (N, T), or Sequences

        Returns
        -------
        texts : str or list of str
            One str for one array. Tokens are joined by blanks: what separated them is lost.

        Raises
        ------
        ValueError
            Naming the first place that holds no symbol.
        TypeError
            If `symbols` is neither an array nor a list.

        Examples
        --------
        >>> from numrnn.data import Vocabulary
        >>> vocabulary = Vocabulary().fit("banana")
        >>> vocabulary.inverse_transform([2, 0, 1])
        'ban'
        >>> vocabulary.inverse_transform([[2, 0], [1, 0, 1]])
        ['ba', 'nan']
        """
        check_is_fitted(self, "symbols_")
        symbols = symbols.to_numpy() if hasattr(symbols, "to_numpy") else symbols  # a series, of any index, or a frame
        if not hasattr(symbols, "__len__") or isinstance(symbols, (str, bytes, Set, Mapping)):
            raise TypeError(f"symbols={shown(symbols)}: must be an array of symbols or a list of such arrays")
        is_list = isinstance(symbols, (list, tuple, Sequences))
        if np.ndim(symbols[0]) if len(symbols) else is_list:
            return [self._decoded(x, f"symbols[{i}]") for i, x in enumerate(symbols)]
        return self._decoded(symbols, "symbols")

    def to_dict(self):
        """Return parameters and symbols as JSON values.

        Returns
        -------
        content : dict
            Keys ``unit``, ``max_symbols``, ``lowercase``, ``last`` and ``symbols``.

        Raises
        ------
        TypeError
            If there is a tokenizer: a function cannot be stored.

        Examples
        --------
        >>> from numrnn.data import Vocabulary
        >>> Vocabulary().fit("banana").to_dict()
        {'unit': 'character', 'max_symbols': None, 'lowercase': False, 'last': None, 'symbols': ['a', 'n', 'b']}
        """
        check_is_fitted(self, "symbols_")
        if self.tokenizer is not None:
            raise TypeError(
                f"a function cannot be stored: tokenizer={shown(self.tokenizer)}; fit without it, on lists of tokens"
            )
        return {
            "unit": self.unit,
            "max_symbols": None if self.max_symbols is None else int(self.max_symbols),
            "lowercase": bool(self.lowercase),
            "last": None if self.last is None else int(self.last),
            "symbols": list(self.symbols_),
        }

    @classmethod
    def from_dict(cls, content):
        """Undo `to_dict`.

        Parameters
        ----------
        content : dict

        Returns
        -------
        vocabulary : Vocabulary

        Raises
        ------
        ValueError
            If the content is not of a vocabulary.

        Examples
        --------
        >>> from numrnn.data import Vocabulary
        >>> vocabulary = Vocabulary().fit("banana")
        >>> Vocabulary.from_dict(vocabulary.to_dict()) == vocabulary
        True
        """
        if set(content) | {"last"} != {"unit", "max_symbols", "lowercase", "last", "symbols"}:
            raise ValueError(f"no vocabulary has the keys {sorted(content)}")
        params = {name: value for name, value in content.items() if name != "symbols"}
        vocabulary, symbols = cls(**params), tuple(content["symbols"])
        vocabulary._check_parameters()
        if vocabulary._has_unknown() and symbols[:1] != (UNKNOWN[vocabulary.unit],):
            raise ValueError(f"the first symbol must be {UNKNOWN[vocabulary.unit]!r}, got {symbols[:1]}")
        if not symbols or len(set(symbols)) < len(symbols) or not all(isinstance(symbol, str) for symbol in symbols):
            raise ValueError("symbols must be texts, each another one")
        if vocabulary.unit == "character" and set(map(len, symbols)) != {1}:
            raise ValueError("symbols must be single characters")
        vocabulary._learn(symbols)
        return vocabulary

    def _check_parameters(self):
        self._validate_params()
        if self.tokenizer is not None and self.unit == "character":
            raise ValueError("a tokenizer needs unit='token', got unit='character'")

    def _has_unknown(self):
        return self.unit == "token" or self.max_symbols is not None

    def _learn(self, symbols):
        self.symbols_ = symbols
        self.n_symbols_ = len(symbols)
        self.unknown_symbol_ = 0 if self._has_unknown() else None
        if self.unit == "character":
            self._table = symbol_table(symbols, 0 if self._has_unknown() else -1, self.lowercase)
        else:
            self._table = {token: symbol for symbol, token in enumerate(symbols)}

    def _checked(self, texts):
        """Return a list of texts, and whether it is one text that was given."""
        if isinstance(texts, str):
            return [texts], True
        is_bytes = isinstance(texts, (bytes, bytearray))
        if is_bytes or not hasattr(texts, "__len__") or hasattr(texts, "columns") or isinstance(texts, (Set, Mapping)):
            hint = ": pass texts.decode('utf-8')" if is_bytes else ""
            raise TypeError(f"texts must be a str or a list of str, got {type(texts).__name__}{hint}")
        texts = list(texts)
        for i, text in enumerate(texts):
            if isinstance(text, (list, tuple)) and self.unit == "token":
                _check_tokens(text, f"texts[{i}] has")
            elif not isinstance(text, str):
                raise TypeError(f"texts[{i}] is {_shown(text)}, expected a str{self._hint(text, i)}")
        return texts, False

    def _hint(self, text, i):
        if isinstance(text, (bytes, bytearray)):
            return f": pass texts[{i}].decode('utf-8')"
        return ": lists of tokens need unit='token'" if isinstance(text, (list, tuple)) else ""

    def _tokens(self, text):
        if not isinstance(text, str):
            tokens = text
        elif self.tokenizer is not None:
            tokens = self.tokenizer(text)
            if not isinstance(tokens, Iterable):
                raise TypeError(f"tokenizer gave {_shown(tokens)}, expected an iterable of str")
        else:
            tokens = map(re.Match.group, TOKEN.finditer(text))
        return map(str.lower, tokens) if self.lowercase else tokens

    def _not_known(self, texts, lengths, missing, is_one):
        ends = np.cumsum(lengths)
        i = int(np.searchsorted(ends, missing, side="right"))
        place = len(texts[i]) + missing - int(ends[i])
        character = texts[i][place]
        return (
            f"{'texts' if is_one else f'texts[{i}]'} has {character!r} (U+{ord(character):04X}) at {place}, which is "
            f"none of the {self.n_symbols_} symbols: fit on it too, or set max_symbols for a symbol of the unknown"
        )

    def _decoded(self, symbols, name):
        symbols = np.asarray(symbols)
        if not symbols.size:
            return ""
        if symbols.ndim != 1 or symbols.dtype.kind not in "iu":
            raise ValueError(f"{name} must be integers of shape (T,), got {symbols.dtype} of shape {symbols.shape}")
        if symbols.min() < 0 or symbols.max() >= self.n_symbols_:
            place = int(np.argmax((symbols < 0) | (symbols >= self.n_symbols_)))
            raise ValueError(f"{name}[{place}] is {symbols[place]}, symbols go from 0 to {self.n_symbols_ - 1}")
        if self.unit == "character":
            return decode_characters(symbols, self.symbols_)
        return " ".join(map(self.symbols_.__getitem__, symbols.tolist()))

    def __len__(self):
        check_is_fitted(self, "symbols_")
        return self.n_symbols_

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        learnt = getattr(self, "symbols_", None) == getattr(other, "symbols_", None)
        return learnt and self.get_params() == other.get_params()

    __hash__ = None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def _check_tokens(tokens, who):
    for token in tokens:
        if not isinstance(token, str):
            raise TypeError(f"{who} the token {_shown(token)}, expected a str")


def _shown(value):
    return f"{shown(value)} ({type(value).__name__})"
