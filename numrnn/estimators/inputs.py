"""Texts that estimators read: vocabularies learnt, texts as symbols, X of classifiers and regressors."""

from contextlib import contextmanager

import numpy as np
from sklearn.base import clone

from numrnn.data.conversion import to_sequences
from numrnn.data.symbols.next_symbols import check_n_symbols, errors_name, is_text, read_symbols
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.data.validation import validate_sequences
from numrnn.io.messages import shown
from numrnn.network.cuda.device_sequences import reader_of, symbols_on_card


def learn_vocabulary(estimator, X):
    """Return the parameter `vocabulary` fitted on texts X, or None where there is none."""
    if estimator.vocabulary is None:
        return None
    _refuse_n_symbols(estimator.n_symbols)
    check_many(X, "X")
    return _fit(estimator.vocabulary, X, "X", only_read=True)


def vocabulary_of(texts, vocabulary, *, n_symbols=None, name="X", parameter="vocabulary", only_read=False):
    """Return the vocabulary of what may be texts or not, of a parameter that need not be set.

    Parameters
    ----------
    texts : anything
    vocabulary : Vocabulary or None
        A copy of it is fitted; None: the default one.
    n_symbols : int, "auto" or None, default=None
        What the user set it to: not for texts.
    name, parameter : str
        What errors call the texts and the parameter.
    only_read : bool, default=False
        Whether the texts are read and never written, so that a vocabulary with ``unknown="auto"`` gets a symbol of the
        unknown.

    Returns
    -------
    vocabulary : Vocabulary or None
        None where the texts are none.
    """
    if is_text(texts):
        _refuse_n_symbols(n_symbols)
        return _fit(Vocabulary() if vocabulary is None else vocabulary, texts, name, only_read)
    if vocabulary is not None:
        raise TypeError(f"{parameter}={shown(vocabulary)} needs {name} of texts, got {type(texts).__name__}")
    return None


def check_same_vocabulary(vocabulary, fitted, name="vocabulary", default=None):
    """Raise an error if training is to continue with another vocabulary than the one that was learnt.

    Parameters
    ----------
    vocabulary : Vocabulary or None
        The parameter.
    fitted : Vocabulary or None
        What it was when the symbols were learnt, and they.
    name : str
        Of the parameter.
    default : Vocabulary or None, default=None
        What None means where there are texts.

    Notes
    -----
    A parameter of the vocabulary that is "auto" agrees with whatever was learnt.
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
        raise ValueError(
            f"training cannot continue with another {name}: the symbols are those of {shown(fitted)}, got "
            f"{shown(vocabulary)}"
        )


def read_inputs(estimator, X, *, dtype, n_symbols, reset=False):
    """Return X as checked `Sequences`, of symbols where there is a vocabulary, and its form; `DeviceSequences` where it
    is on the card that the estimator computes on.

    Parameters
    ----------
    estimator : RNNClassifier or RNNRegressor
        With its `vocabulary_`.
    X : as in `fit`
    dtype, n_symbols, reset : as in `numrnn.data.validation.validate_sequences`

    Returns
    -------
    sequences : Sequences
    form : {"list", "sequences", "array", "table"}
        Of texts "list".
    """
    vocabulary = estimator.vocabulary_
    if vocabulary is not None:
        if not reset:
            check_n_symbols(vocabulary, n_symbols)
        symbols = text_symbols(X, vocabulary, "X")
        return validate_sequences(estimator, symbols, dtype=dtype, reset=reset, n_symbols=n_symbols)[0], "list"
    with names_vocabulary(X, "X"):
        read = reader_of(estimator.device, X)
        return validate_sequences(estimator, X, dtype=dtype, reset=reset, n_symbols=n_symbols, read=read)


def read_texts(estimator, X, n_symbols, *, name="X", allow_empty=False):
    """Return texts or symbols as sequences of symbols, and whether X is one; see `read_symbols`. Symbols on a card stay
    there, for an estimator that computes on it.

    Parameters
    ----------
    estimator : RNNLanguageModel
        With its `vocabulary_`.
    X : as in `fit`
    n_symbols, name, allow_empty : as of `read_symbols`
    """
    if reader_of(estimator.device, X) is not to_sequences:
        if estimator.vocabulary_ is not None:
            raise TypeError(f"{name} must hold texts, like what the model was fitted on, got symbols on a GPU")
        return symbols_on_card(X, n_symbols, name=name)
    return read_symbols(X, estimator.vocabulary_, n_symbols, name=name, allow_empty=allow_empty)


def symbols_of(texts, vocabulary, name):
    """Return the symbols of many texts, some of which may have none."""
    check_many(texts, name)
    with errors_name("texts", name):
        return vocabulary.transform(texts)


def text_symbols(texts, vocabulary, name):
    """Return the symbols of many texts, each of which has at least one."""
    symbols = symbols_of(texts, vocabulary, name)
    empty = np.flatnonzero(symbols.lengths == 0)
    if empty.size:
        i = int(empty[0])
        raise ValueError(f"{name}[{i}] holds no {vocabulary.unit}: {list(texts)[i]!r:.40}; a text needs at least one")
    return symbols


def step_symbols(x, vocabulary):
    """Return the symbol of a character or a token, or those of a list of them, one of each stream."""
    single = isinstance(x, str)
    if not single and not hasattr(x, "__len__"):
        raise TypeError(f"x must be a {vocabulary.unit}, or one of each stream, got {shown(x)}")
    pieces = [x] if single else list(x)
    with errors_name("texts", "x"):
        symbols = vocabulary.transform([[piece] for piece in pieces] if vocabulary.unit == "token" else pieces)
    wrong = np.flatnonzero(symbols.lengths != 1)
    if wrong.size:
        raise ValueError(f"x must be one character, or one of each stream, got {pieces[wrong[0]]!r:.40}")
    return symbols.values[0] if single else symbols.values


@contextmanager
def names_vocabulary(X, name):
    """Let errors about texts, where there is no vocabulary, tell which parameter takes them."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if not is_text(X):
            raise
        raise ValueError(
            f"{name} holds texts: set vocabulary=numrnn.data.Vocabulary() to read characters, or Vocabulary('token') "
            "to read words"
        ) from error


def check_many(texts, name):
    """Raise a TypeError for one text in the place of many."""
    if isinstance(texts, str):
        raise TypeError(f"{name} is one text, expected a list of texts: pass [{name}]")


def _fit(vocabulary, texts, name, only_read):
    own = clone(vocabulary)
    if only_read and own.unknown == "auto":
        own.set_params(unknown=True)
    with errors_name("texts", name):
        return own.fit(texts)


def _refuse_n_symbols(n_symbols):
    if n_symbols is not None:
        raise ValueError(
            f"n_symbols={shown(n_symbols)} is for X of integers; for texts set vocabulary=Vocabulary(max_symbols=...)"
        )
