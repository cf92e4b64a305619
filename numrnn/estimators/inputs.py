"""Read X of classifiers and regressors, and convert texts to symbols."""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from numrnn.data.conversion import to_sequences
from numrnn.data.symbols.next_symbols import check_n_symbols, is_text, read_symbols
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.data.validation import Inputs, check_inputs, learn_inputs
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.network.architecture import reader_of
from numrnn.network.cuda.device_sequences import symbols_on_card


def learn_vocabulary(X, vocabulary, n_symbols):
    """Return a copy of the parameter `vocabulary` that is fitted on texts X, or None if the parameter is None."""
    if vocabulary is None:
        return None
    _refuse_n_symbols(n_symbols)
    check_many(X, "X")
    return _fitted(X, vocabulary, "X", only_read=True)


def vocabulary_of(texts, vocabulary, *, n_symbols=None, name="X", parameter="vocabulary", only_read=False):
    """Return a copy of `vocabulary`, or a new vocabulary, fitted on `texts`; None if `texts` holds no texts.

    Parameters
    ----------
    texts : object
        X or y, which may or may not consist of texts.
    vocabulary : Vocabulary or None
    n_symbols : int, "auto" or None, default=None
        Parameter of the estimator; it must be None if there are texts.
    name, parameter : str
        Names of the argument `texts` and of the parameter `vocabulary` in error messages.
    only_read : bool, default=False
        Whether the texts are only inputs, never outputs; ``unknown="auto"`` then reserves a symbol for unknown
        characters.
    """
    if is_text(texts):
        _refuse_n_symbols(n_symbols)
        return _fitted(texts, Vocabulary() if vocabulary is None else vocabulary, name, only_read)
    if vocabulary is not None:
        found = f"={shown(vocabulary)}: must be None, since {name} (of type {type(texts).__name__}) holds no strings"
        raise InputTypeError(parameter, (), found, "; set it to None, or pass strings")
    return None


def check_same_vocabulary(vocabulary, fitted, name="vocabulary", default=None):
    """Raise an error if training would continue with a vocabulary other than the fitted one.

    Parameters of the vocabulary that are "auto" agree with any fitted vocabulary. If `vocabulary` is None but there is
    a fitted one, `default` is compared instead.
    """
    if vocabulary is None and fitted is not None:
        vocabulary = default
    same = vocabulary is fitted is None
    if vocabulary is not None and fitted is not None:
        learnt = fitted.get_params() | {
            "unknown": fitted.unknown_symbol_ is not None,
            "normalization": fitted.normalization_,
        }
        same = all(learnt[key] == value for key, value in vocabulary.get_params().items() if value != "auto")
    if not same:
        found = f"={shown(vocabulary)}: must be {shown(fitted)} to continue training"
        raise InputError(name, (), found, "; pass the same parameters, or fit anew with warm_start=False")


class InputReader(NamedTuple):
    """Read X of a classifier or regressor.

    Parameters
    ----------
    owner : str
        Class name of the estimator, for error messages.
    dtype : dtype
        Dtype of numbers.
    device : {"cpu", "cuda"}
        Device of the estimator; with "cuda", arrays on the GPU stay there.
    vocabulary : Vocabulary or None
        Vocabulary, if X consists of texts.
    n_symbols : int, "auto" or None
        Number of symbols, if X consists of symbols.
    inputs : Inputs or None
        Description of X that `fit` learned; None before the first fit.
    """

    owner: str
    dtype: np.dtype
    device: str
    vocabulary: Vocabulary | None = None
    n_symbols: int | str | None = None
    inputs: Inputs | None = None

    def learn(self, X):
        """Return X as checked `Sequences` (`DeviceSequences` on the GPU), and its description as `Inputs`."""
        kept = {"dtype": self.dtype, "n_symbols": self.n_symbols}
        if self.vocabulary is not None:
            sequences, _, inputs = learn_inputs(text_symbols(X, self.vocabulary, "X"), self.owner, **kept)
            return sequences, inputs
        try:
            sequences, _, inputs = learn_inputs(X, self.owner, read=reader_of(self.device, X), **kept)
        except (ValueError, TypeError) as error:
            _ask_for_vocabulary(X, "X", error)
            raise
        return sequences, inputs

    def read(self, X, name="X"):
        """Return X as `learn` does, checked against `inputs`, and the form of X ("list" for texts)."""
        kept = {"dtype": self.dtype, "n_symbols": self.n_symbols, "name": name}
        if self.vocabulary is not None:
            check_n_symbols(self.vocabulary, self.n_symbols)
            return check_inputs(text_symbols(X, self.vocabulary, name), self.inputs, **kept)[0], "list"
        try:
            return check_inputs(X, self.inputs, read=reader_of(self.device, X), **kept)
        except (ValueError, TypeError) as error:
            _ask_for_vocabulary(X, name, error)
            raise


def read_texts(X, vocabulary, n_symbols, *, device="cpu", name="X", allow_empty=False):
    """Return texts or symbols as sequences of symbols, and whether X is a single text; see `read_symbols`.

    With ``device="cuda"``, symbols on the GPU stay there.
    """
    if reader_of(device, X) is not to_sequences:
        if vocabulary is not None:
            raise InputTypeError(name, (), "must hold strings, as in fit, but holds symbols on a GPU; pass strings")
        return symbols_on_card(X, n_symbols, name=name)
    return read_symbols(X, vocabulary, n_symbols, name=name, allow_empty=allow_empty)


def symbols_of(texts, vocabulary, name):
    """Return the symbols of a list of texts, which may be empty."""
    check_many(texts, name)
    return vocabulary._transform(texts, name)


def text_symbols(texts, vocabulary, name):
    """Return the symbols of a list of texts; each text must have at least one symbol."""
    symbols = symbols_of(texts, vocabulary, name)
    empty = np.flatnonzero(symbols.lengths == 0)
    if empty.size:
        i = int(empty[0])
        found = f"holds no {vocabulary.unit}: {list(texts)[i]!r:.40}"
        raise InputError(name, (i,), f"{found}; a text must have at least one: leave empty texts out")
    return symbols


def step_symbols(x, vocabulary):
    """Return the symbol of a character or token x, or an array of symbols if x is a list with one per stream."""
    single = isinstance(x, str)
    if not single and not hasattr(x, "__len__"):
        expected = f"must be a {vocabulary.unit}, or a list of one {vocabulary.unit} per stream"
        raise InputTypeError("x", (), f"{expected}, got {shown(x)}")
    pieces = [x] if single else list(x)
    symbols = vocabulary._transform([[piece] for piece in pieces] if vocabulary.unit == "token" else pieces, "x")
    wrong = np.flatnonzero(symbols.lengths != 1)
    if wrong.size:
        expected = "must be one character, or a list of one character per stream"
        raise InputError("x", (), f"{expected}, got {pieces[wrong[0]]!r:.40}")
    return symbols.values[0] if single else symbols.values


def _ask_for_vocabulary(X, name, error):
    """Raise an error that names the parameter `vocabulary` if X consists of texts."""
    if is_text(X):
        way_out = ": set vocabulary=numrnn.data.Vocabulary() to read characters, or Vocabulary('token') to read words"
        raise InputError(name, (), "holds strings, expected numbers", way_out) from error


def check_many(texts, name):
    """Raise a TypeError if a single text is passed instead of a list of texts."""
    if isinstance(texts, str):
        raise InputTypeError(name, (), "is one string, expected a list of strings", f": pass [{name}]")


def _fitted(texts, vocabulary, name, only_read):
    own = clone(vocabulary)
    if only_read and own.unknown == "auto":
        own.set_params(unknown=True)
    return own._fit(texts, name)


def _refuse_n_symbols(n_symbols):
    if n_symbols is not None:
        way_out = "; set vocabulary=Vocabulary(max_symbols=...) to limit their symbols"
        raise InputError("n_symbols", (), f"={shown(n_symbols)}: must be None if X holds strings", way_out)
