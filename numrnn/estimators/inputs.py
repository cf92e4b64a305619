"""Texts that estimators read: vocabularies learnt, texts as symbols, X of classifiers and regressors."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from numrnn.data.conversion import to_sequences
from numrnn.data.symbols.next_symbols import check_n_symbols, errors_name, is_text, read_symbols
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.data.validation import Inputs, check_inputs, learn_inputs
from numrnn.io.messages import shown
from numrnn.network.architecture import reader_of
from numrnn.network.cuda.device_sequences import symbols_on_card


def learn_vocabulary(X, vocabulary, n_symbols):
    """Return a copy of the parameter `vocabulary` fitted on texts X, or None where there is none."""
    if vocabulary is None:
        return None
    _refuse_n_symbols(n_symbols)
    check_many(X, "X")
    return _fitted(X, vocabulary, "X", only_read=True)


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
        return _fitted(texts, Vocabulary() if vocabulary is None else vocabulary, name, only_read)
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


class InputReader(NamedTuple):
    """How a classifier or regressor reads X.

    Parameters
    ----------
    owner : str
        Name of the estimator's class, for errors.
    dtype : dtype
        Of what is no symbol.
    device : {"cpu", "cuda"}
        With "cuda" arrays on the card stay there.
    vocabulary : Vocabulary or None
        X is texts.
    n_symbols : int, "auto" or None
        X is symbols.
    inputs : Inputs or None
        What was learnt of X; None before.
    """

    owner: str
    dtype: np.dtype
    device: str
    vocabulary: Vocabulary | None = None
    n_symbols: int | str | None = None
    inputs: Inputs | None = None

    def learn(self, X):
        """Return X as checked `Sequences`, of symbols where there is a vocabulary, and what is learnt of it, `Inputs`.

        They are `DeviceSequences` where they are on the card that the estimator computes on.
        """
        kept = {"dtype": self.dtype, "n_symbols": self.n_symbols}
        if self.vocabulary is not None:
            sequences, _, inputs = learn_inputs(text_symbols(X, self.vocabulary, "X"), self.owner, **kept)
            return sequences, inputs
        with names_vocabulary(X, "X"):
            sequences, _, inputs = learn_inputs(X, self.owner, read=reader_of(self.device, X), **kept)
        return sequences, inputs

    def read(self, X, name="X"):
        """Return X as `learn` does, checked against what was learnt, and its form: of texts "list"."""
        kept = {"dtype": self.dtype, "n_symbols": self.n_symbols, "name": name}
        if self.vocabulary is not None:
            check_n_symbols(self.vocabulary, self.n_symbols)
            return check_inputs(text_symbols(X, self.vocabulary, name), self.inputs, **kept)[0], "list"
        with names_vocabulary(X, name):
            return check_inputs(X, self.inputs, read=reader_of(self.device, X), **kept)


def read_texts(X, vocabulary, n_symbols, *, device="cpu", name="X", allow_empty=False):
    """Return texts or symbols as sequences of symbols, and whether X is one; see `read_symbols`.

    With ``device="cuda"`` symbols on the card stay there.
    """
    if reader_of(device, X) is not to_sequences:
        if vocabulary is not None:
            raise TypeError(f"{name} must hold texts, like what the model was fitted on, got symbols on a GPU")
        return symbols_on_card(X, n_symbols, name=name)
    return read_symbols(X, vocabulary, n_symbols, name=name, allow_empty=allow_empty)


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


def _fitted(texts, vocabulary, name, only_read):
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
