"""Convert texts to symbols and back."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from itertools import chain
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from numrnn.data.sequences import Sequences
from numrnn.data.sources import SequencesLike
from numrnn.data.symbols.stored_vocabulary import check_symbols, completed
from numrnn.data.symbols.units import (
    FORMS,
    RULE,
    count_characters,
    decode_characters,
    encode_characters,
    split_words,
    symbol_table,
    versions,
)
from numrnn.io.messages import InputError, InputTypeError, short_errors, shown

__all__ = ["Vocabulary"]

UNKNOWN = {"character": "\ufffd", "token": "<unknown>"}


# Texts and sequences cannot be put into a data frame, hence there is no `set_output`.
class Vocabulary(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    r"""Convert texts to sequences of symbols, one integer per character or word, and back.

    Symbols are numbered by decreasing frequency; equally frequent ones are ordered by code points. There is no padding
    symbol, since sequences may have any lengths.

    Parameters
    ----------
    unit : {"character", "token"}, default="character"
        Meaning of a symbol: a character (a Unicode code point) or a token (a word).
    max_symbols : int, default=None
        Largest number of symbols, at least 2, including the symbol for unknown characters or tokens. The least frequent
        characters or tokens get no symbol. None means that all of them get a symbol.
    unknown : bool or "auto", default="auto"
        Whether to reserve a symbol for characters and tokens that `fit` did not see. "auto" means True in three cases:
        for tokens; if `max_symbols` is set; and for texts in X of `RNNClassifier`, `RNNRegressor` and `RNNSeq2Seq`.
        Otherwise, "auto" means False. With False, an unknown character raises an error; False is not allowed for tokens
        or with `max_symbols`.
    lowercase : bool, default=False
        Whether to convert capitals to lower case. Each character remains one character: a capital whose lower-case form
        has two characters (the capital I with a dot) is not converted.
    normalization : {"auto", "NFC", "NFKC"} or None, default="auto"
        Unicode normalisation form to which texts are first converted. It gives the same symbols to different encodings
        of the same text, such as é as one code point or as two. "auto" means "NFC" for tokens and None for characters,
        so that `inverse_transform` returns characters unchanged.
    tokenizer : callable, default=None
        Function from a text (str) to its tokens, an iterable of str. By default, tokens are words between the default
        word boundaries of Unicode (UAX 29), in every script that separates words by spaces: ``don't``, ``3,000.50`` and
        ``x_1`` are one token each, but ``well-known`` is two tokens. Blanks, punctuation, symbols and emoji are
        dropped.
    last : int, default=None
        Number of symbols at the end of each text that `transform` returns; for example, a long review ends with its
        verdict. None means all symbols. `fit` counts all symbols in any case.

    Attributes
    ----------
    symbols_ : tuple of str
        Character or token of each symbol.
    n_symbols_ : int
        Number of symbols, equal to ``len(vocabulary)``.
    unknown_symbol_ : int or None
        Symbol of unknown characters or tokens: 0, or None if unknown characters raise an error (see `unknown`).
        `inverse_transform` returns U+FFFD (the replacement character) or ``<unknown>`` for it. In texts, U+FFFD and
        ``<unknown>`` always count as unknown.
    normalization_ : str or None
        Unicode normalisation form to which texts are converted.
    rule_ : str or None
        Rule by which texts are split into tokens: "UAX 29", or a regular expression if the vocabulary comes from a
        model file without this attribute. None for characters and with a `tokenizer`.
    versions_ : dict of str to str
        Versions of the library ``regex`` and of the Unicode database with which `fit` computed words and normalisation.

    See Also
    --------
    numrnn.Sequences : Store the symbols of many texts.

    Examples
    --------
    >>> from numrnn.data import Vocabulary
    >>> vocabulary = Vocabulary().fit("banana")
    >>> vocabulary.symbols_
    ('a', 'n', 'b')
    >>> vocabulary.transform("ban")
    array([2, 0, 1], dtype=uint8)

    The two most frequent words of two reviews get symbols, and a third review is converted:

    >>> reviews = ["Don't see it.", "See it? See it!"]
    >>> words = Vocabulary("token", max_symbols=3, lowercase=True).fit(reviews)
    >>> words.symbols_
    ('<unknown>', 'it', 'see')
    >>> words.transform(["I'd see it again."])
    Sequences(1 sequences of 4 steps, uint8)
    >>> words.inverse_transform([0, 2, 1, 0])
    '<unknown> see it <unknown>'

    Words may have any script, and accents may be written as one code point or as two:

    >>> Vocabulary("token").fit("caf\u00e9 cafe\u0301 यह अच्छी है").symbols_
    ('<unknown>', 'café', 'अच्छी', 'यह', 'है')
    """

    _parameter_constraints = {
        "unit": [StrOptions(set(UNKNOWN))],
        "max_symbols": [Interval(Integral, 2, None, closed="left"), None],
        "unknown": ["boolean", StrOptions({"auto"})],
        "lowercase": ["boolean"],
        "normalization": [StrOptions({"auto", *FORMS}), None],
        "tokenizer": [callable, None],
        "last": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        unit: Literal["character", "token"] = "character",
        *,
        max_symbols: int | None = None,
        unknown: bool | Literal["auto"] = "auto",
        lowercase: bool = False,
        normalization: str | None = "auto",
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        last: int | None = None,
    ):
        self.unit = unit
        self.max_symbols = max_symbols
        self.unknown = unknown
        self.lowercase = lowercase
        self.normalization = normalization
        self.tokenizer = tokenizer
        self.last = last

    def fit(self, texts: str | Sequence[Any], y: object = None) -> Self:
        """Learn the symbols of texts.

        Parameters
        ----------
        texts : str or list of str
            Texts. For tokens, an item of the list may be a list of tokens.
        y : None
            Ignored.

        Returns
        -------
        self : Vocabulary
            The fitted vocabulary.

        Raises
        ------
        ValueError
            If a parameter is out of range, or the texts are empty.
        TypeError
            If an item is not a text, but bytes, for example. The message names the first such item.

        Examples
        --------
        >>> from numrnn.data import Vocabulary
        >>> Vocabulary("token").fit([["to", "be"], "or not to be"]).symbols_
        ('<unknown>', 'be', 'to', 'not', 'or')
        """
        return self._fit(texts, "texts")

    def _fit(self, texts, name):
        """Learn the symbols of texts; `name` is their name in error messages."""
        self._check_parameters()
        form, rule = self._form_and_rule()
        texts, _ = self._checked(texts, form, name)
        if self.unit == "character":
            counts = count_characters(texts, self.lowercase)
        else:
            counts = Counter(chain.from_iterable(self._tokens(text, form, rule) for text in texts))
        first = (UNKNOWN[self.unit],) if self._has_unknown() else ()
        for symbol in first:
            del counts[symbol]
        if not counts:
            raise InputError(name, (), f"has no {self.unit}: there is nothing to learn symbols from")
        ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
        symbols = first + tuple(ranked[: None if self.max_symbols is None else self.max_symbols - 1])
        self._learn(symbols, form, rule, versions(rule, form) if rule or form else {})
        return self

    def transform(self, texts: str | Sequence[Any]) -> Any:
        """Convert texts to symbols.

        Parameters
        ----------
        texts : str or list of str
            Texts. For tokens, an item of the list may be a list of tokens.

        Returns
        -------
        symbols : ndarray of shape (T,), or Sequences
            An array for a single str, `Sequences` for a list. The dtype is the smallest sufficient one of uint8, uint16
            and uint32. An empty text becomes an empty sequence.

        Raises
        ------
        ValueError
            If a character is unknown and no symbol is reserved for unknown characters. The message names the character
            and its position.
        TypeError
            If an item is not a text, but bytes, for example. The message names the first such item.

        Examples
        --------
        >>> from numrnn.data import Vocabulary
        >>> vocabulary = Vocabulary().fit("abracadabra")
        >>> vocabulary.transform(["cab", "bad"]).to_list()
        [array([3, 0, 1], dtype=uint8), array([1, 0, 4], dtype=uint8)]
        >>> vocabulary.transform("card deck")
        Traceback (most recent call last):
        ...
        numrnn.io.messages.InputError: texts has ' ' (U+0020) at index 4, which is not among the 5 symbols: fit ...
        """
        return self._transform(texts, "texts")

    def _transform(self, texts, name):
        """Return the symbols of texts; `name` is their name in error messages."""
        check_is_fitted(self, "symbols_")
        form, rule = self.normalization_, self.rule_
        texts, is_one = self._checked(texts, form, name)
        kept = slice(None if self.last is None else -self.last, None)
        dtype = np.min_scalar_type(self.n_symbols_ - 1)
        if self.unit == "character":
            read = [text[kept] for text in texts]
            lengths = list(map(len, read))
            values = np.empty(sum(lengths), dtype)
            missing = encode_characters(read, self._table, values)
            if missing is not None:
                raise self._not_known(texts, lengths, missing, name, is_one)
        else:
            symbol_of, tokens = self._table.get, partial(self._tokens, form=form, rule=rule)
            each = [np.fromiter((symbol_of(token, 0) for token in tokens(text)), dtype)[kept] for text in texts]
            lengths = list(map(len, each))
            values = each[0] if is_one else np.concatenate([np.zeros(0, dtype), *each])
        return values if is_one else Sequences.from_concatenated(values, lengths)

    def inverse_transform(self, symbols: SequencesLike) -> Any:
        """Convert symbols to texts.

        Parameters
        ----------
        symbols : integers of shape (T,), list of such arrays, array of shape (N, T), or Sequences
            Symbols.

        Returns
        -------
        texts : str or list of str
            A str for a single array, otherwise a list. Tokens are joined by blanks, since their separators are not
            stored.

        Raises
        ------
        ValueError
            If a value is not a symbol. The message names the first such value.
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
        symbols = symbols.to_numpy() if hasattr(symbols, "to_numpy") else symbols  # a pandas Series or data frame
        if not hasattr(symbols, "__len__") or isinstance(symbols, (str, bytes, Set, Mapping)):
            problem = f"={shown(symbols)}: must be an array of symbols or a list of such arrays"
            raise InputTypeError("symbols", (), problem)
        is_list = isinstance(symbols, (list, tuple, Sequences))
        if np.ndim(symbols[0]) if len(symbols) else is_list:
            return [self._decoded(x, (i,)) for i, x in enumerate(symbols)]
        return self._decoded(symbols, ())

    def to_dict(self) -> dict[str, Any]:
        """Return parameters and symbols as JSON values.

        Returns
        -------
        content : dict
            The parameters, and the attributes ``symbols``, ``form`` (of normalisation), ``rule`` (for tokens) and
            ``versions``. `from_dict` builds an equal vocabulary from them.

        Raises
        ------
        TypeError
            If the vocabulary has a `tokenizer`, since a function cannot be stored.

        Examples
        --------
        >>> from numrnn.data import Vocabulary
        >>> content = Vocabulary().fit("banana").to_dict()
        >>> content["symbols"], content["unit"], content["form"]
        (['a', 'n', 'b'], 'character', None)
        """
        check_is_fitted(self, "symbols_")
        if self.tokenizer is not None:
            problem = f"={shown(self.tokenizer)}: a function cannot be stored; fit on lists of tokens without it"
            raise InputTypeError("tokenizer", (), problem)
        return {
            "unit": self.unit,
            "max_symbols": None if self.max_symbols is None else int(self.max_symbols),
            "unknown": self.unknown if isinstance(self.unknown, str) else bool(self.unknown),
            "lowercase": bool(self.lowercase),
            "normalization": self.normalization,
            "last": None if self.last is None else int(self.last),
            "form": self.normalization_,
            "rule": self.rule_,
            "versions": dict(self.versions_),
            "symbols": list(self.symbols_),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """Build a vocabulary from the result of `to_dict`.

        Parameters
        ----------
        content : dict
            Result of `to_dict`, possibly of an earlier version.

        Returns
        -------
        vocabulary : Vocabulary
            The fitted vocabulary.

        Raises
        ------
        ValueError
            If the content does not describe a vocabulary.

        Examples
        --------
        >>> from numrnn.data import Vocabulary
        >>> vocabulary = Vocabulary().fit("banana")
        >>> Vocabulary.from_dict(vocabulary.to_dict()) == vocabulary
        True
        """
        params, learnt = completed(content)
        vocabulary, symbols = cls(**params), tuple(learnt["symbols"])
        vocabulary._check_parameters()
        most = vocabulary.max_symbols
        if not isinstance(learnt["symbols"], (list, tuple)) or most is not None and len(symbols) > most:
            expected = f"a list of at most max_symbols={most} str"
            raise InputError("content['symbols']", (), f"={shown(learnt['symbols'])}: must be {expected}")
        first = UNKNOWN[vocabulary.unit] if vocabulary._has_unknown() else None
        check_symbols(symbols, first, vocabulary.unit == "character")
        vocabulary._learn(symbols, learnt["form"], learnt["rule"], learnt["versions"])
        return vocabulary

    def _check_parameters(self):
        try:
            self._validate_params()
        except ValueError:
            with short_errors():
                raise
        if self.tokenizer is not None and self.unit == "character":
            problem = f"={shown(self.tokenizer)}: must be None with unit='character'; set unit='token'"
            raise InputError("tokenizer", (), problem)
        if not self.unknown and (self.unit == "token" or self.max_symbols is not None):
            given = f"unit={shown(self.unit)} and max_symbols={shown(self.max_symbols)}"
            why = "which leave tokens or characters without a symbol of their own"
            raise InputError("unknown", (), f"=False: must be True or 'auto' with {given}, {why}")

    def _form_and_rule(self):
        """Return the normalisation form of texts, and the rule for splitting them into tokens; both may be None."""
        is_token = self.unit == "token"
        form = self.normalization if self.normalization != "auto" else "NFC" if is_token else None
        return form, RULE if is_token and self.tokenizer is None else None

    def _has_unknown(self):
        if self.unknown == "auto":
            return self.unit == "token" or self.max_symbols is not None
        return bool(self.unknown)

    def _learn(self, symbols, form, rule, versions):
        self.normalization_, self.rule_, self.versions_ = form, rule, versions
        self.symbols_ = symbols
        self.n_symbols_ = len(symbols)
        self.unknown_symbol_ = 0 if self._has_unknown() else None
        if self.unit == "character":
            self._table = symbol_table(symbols, 0 if self._has_unknown() else -1, self.lowercase)
        else:
            self._table = {token: symbol for symbol, token in enumerate(symbols)}

    def _checked(self, texts, form, name):
        """Return texts as a list of normalised texts, and whether `texts` is a single text."""
        if isinstance(texts, str):
            return [_normalized(_exact(texts), form)], True
        is_bytes = isinstance(texts, (bytes, bytearray))
        if is_bytes or not hasattr(texts, "__len__") or hasattr(texts, "columns") or isinstance(texts, (Set, Mapping)):
            hint = f": pass {name}.decode('utf-8')" if is_bytes else ""
            raise InputTypeError(name, (), f"must be a str or a list of str, got {type(texts).__name__}", hint)
        texts = [_exact(text) for text in texts]
        for i, text in enumerate(texts):
            if isinstance(text, (list, tuple)) and self.unit == "token":
                for token in text:
                    if not isinstance(token, str):
                        raise InputTypeError(name, (i,), f"has the token {_shown(token)}, expected a str")
            elif not isinstance(text, str):
                hint = self._hint(text, f"{name}[{i}]")
                raise InputTypeError(name, (i,), f"is {_shown(text)}, expected a str", hint)
        return texts if form is None else [_normalized(text, form) for text in texts], False

    def _hint(self, text, place):
        if isinstance(text, (bytes, bytearray)):
            return f": pass {place}.decode('utf-8')"
        return ": for lists of tokens, set unit='token'" if isinstance(text, (list, tuple)) else ""

    def _tokens(self, text, form, rule):
        if not isinstance(text, str):
            tokens = text
        elif rule is not None:
            tokens = split_words(text, rule)
        else:
            tokens = self.tokenizer(text)
            if not isinstance(tokens, Iterable):
                raise InputTypeError("tokenizer", (), f"returned {_shown(tokens)}, expected an iterable of str")
            tokens = list(tokens)
            for token in tokens:
                if not isinstance(token, str):
                    raise InputTypeError("tokenizer", (), f"returned the token {_shown(token)}, expected a str")
            tokens = _normalized(tokens, form)
        return map(str.lower, tokens) if self.lowercase else tokens

    def _not_known(self, texts, lengths, missing, name, is_one):
        ends = np.cumsum(lengths)
        i = int(np.searchsorted(ends, missing, side="right"))
        place = len(texts[i]) + missing - int(ends[i])
        character = texts[i][place]
        of = "" if self.normalization_ is None else f" in its {self.normalization_} form"
        return InputError(
            name,
            () if is_one else (i,),
            f"has {character!r} (U+{ord(character):04X}) at index {place}{of}, which is not among the "
            f"{self.n_symbols_} symbols",
            ": fit on it too, or set unknown=True to reserve a symbol for unknown characters",
        )

    def _decoded(self, symbols, index):
        symbols = np.asarray(symbols)
        if not symbols.size:
            return ""
        if symbols.ndim != 1 or symbols.dtype.kind not in "iu":
            found = f"got {symbols.dtype} of shape {symbols.shape}"
            raise InputError("symbols", index, f"must be integers of shape (T,), {found}")
        if symbols.min() < 0 or symbols.max() >= self.n_symbols_:
            place = int(np.argmax((symbols < 0) | (symbols >= self.n_symbols_)))
            problem = f"={symbols[place]}: must be a symbol from 0 to {self.n_symbols_ - 1}"
            raise InputError("symbols", (*index, place), problem)
        if self.unit == "character":
            return decode_characters(symbols, self.symbols_)
        return " ".join(map(self.symbols_.__getitem__, symbols.tolist()))

    def __len__(self):
        check_is_fitted(self, "symbols_")
        return self.n_symbols_

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        names = ("symbols_", "normalization_", "rule_")
        learnt = all(getattr(self, name, None) == getattr(other, name, None) for name in names)
        return learnt and self.get_params() == other.get_params()

    __hash__ = None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def _normalized(text, form):
    """Return a text or a list of tokens in a normalisation form; None returns them unchanged."""
    if form is None:
        return text
    return unicodedata.normalize(form, text) if isinstance(text, str) else [_normalized(part, form) for part in text]


def _exact(text):
    """Convert an instance of a subclass of str to a plain str, since a subclass may report another length."""
    return str.__str__(text) if isinstance(text, str) else text


def _shown(value):
    return f"{shown(value)} ({type(value).__name__})"
