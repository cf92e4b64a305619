"""Each symbol as an input, and as the target of the one before: of texts, and of pairs of sequences."""

from collections.abc import Mapping
from contextlib import contextmanager
from functools import partial

import numpy as np
from scipy.sparse import issparse

from numrnn.data.array_checks import check_list_plain
from numrnn.data.containers import check_container
from numrnn.data.conversion import to_sequences
from numrnn.data.sequences import Sequences
from numrnn.data.sources import SequenceSource
from numrnn.data.symbols.checks import check_symbols
from numrnn.io.messages import shown

__all__ = ["NextSymbols", "Pairs", "check_n_symbols", "errors_name", "is_text", "read_symbols", "shifted"]

_EXPECTED = "expected a text, an array of symbols or a list of them"


class NextSymbols(SequenceSource):
    """Sequences of symbols each of which is followed by one more: inputs and targets, views of one array.

    Networks take it in the place of `Sequences`.

    Parameters
    ----------
    values : ndarray of shape (n,), unsigned integers; or CardSymbols
    starts, lengths : ndarray of shape (N,), int64
        Sequence i reads ``values[starts[i] : starts[i] + lengths[i]]``; the target of a step is the next value.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn.data.symbols.next_symbols import NextSymbols
    >>> data = NextSymbols.in_streams(np.arange(12, dtype=np.uint8), 3, name="X")
    >>> for start, length in zip(data.offsets, data.lengths):
    ...     print(data.values[start : start + length], data.targets[start : start + length])
    [0 1 2] [1 2 3]
    [3 4 5] [4 5 6]
    [6 7 8] [7 8 9]
    """

    def __init__(self, values, starts, lengths):
        self.values, self.offsets, self.lengths = values, starts, lengths

    @classmethod
    def of(cls, sequences, *, name):
        """All symbols of sequences; a ValueError names one that has too few."""
        lengths = sequences.lengths - 1
        if lengths.min() < 1:
            i = int(np.argmax(lengths < 1))
            where = f"{name}[{i}]" if len(lengths) > 1 else name
            raise ValueError(
                f"{where} has {lengths[i] + 1} symbols: at least 2 are needed, to predict one from another"
            )
        return cls(sequences.values, sequences.offsets[:-1], lengths)

    @classmethod
    def in_streams(cls, values, count, *, name):
        """One long sequence cut into so many of equal length; the few symbols that are left are not read."""
        length = (len(values) - 1) // count
        if length < 1:
            raise ValueError(f"{name} has {len(values)} symbols, batch_size={count} streams need at least {count + 1}")
        return cls(values, np.arange(count, dtype=np.int64) * length, np.full(count, length, np.int64))

    @property
    def targets(self):
        """What follows each of `values` but the last."""
        return self.values[1:]

    def choose(self, ids):
        return NextSymbols(self.values, self.offsets[ids], self.lengths[ids])

    def steps(self, ids, first, counts):
        """Some steps of sequences: as `Sequences`, and where they lie in `values` and in `targets`.

        Parameters
        ----------
        ids : ndarray of shape (n,), int64
        first : int
            The first step.
        counts : ndarray of shape (n,), int64
            How many, of each.
        """
        offsets = np.concatenate([[0], np.cumsum(counts)])
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[ids] + first - offsets[:-1], counts)
        values = self.values[places]
        return getattr(values, "in_sequences", partial(Sequences, values))(offsets), places

    def gather(self, ids, out=None):
        return self.values, self.offsets[ids]

    def __len__(self):
        return len(self.lengths)


def is_text(X):
    """Whether X is a text, or a list of texts or of lists of tokens.

    Examples
    --------
    >>> from numrnn.data.symbols.next_symbols import is_text
    >>> is_text("abc"), is_text(["abc", "d"]), is_text([[0, 1], [2]])
    (True, True, False)
    """
    if isinstance(X, (str, bytes)):
        return True
    if not hasattr(X, "__getitem__") or isinstance(X, Sequences | Mapping) or hasattr(X, "columns") or issparse(X):
        return False
    if getattr(X, "ndim", 1) == 0 or not len(X) or hasattr(X, "__cuda_array_interface__"):
        return False
    first = next(iter(X))
    if isinstance(first, (list, tuple)) and first:
        first = first[0]
    return isinstance(first, (str, bytes))


def read_symbols(X, vocabulary, n_symbols, *, name="X", allow_empty=False):
    """Return texts or symbols as `Sequences` of symbols, checked, and whether X is one sequence.

    Parameters
    ----------
    X : str or list of str; or array of integers (T,), list of such arrays, array (N, T), or Sequences
    vocabulary : Vocabulary or None
        Given where X must be text.
    n_symbols : int or "auto"
        See `check_symbols`; a vocabulary must have as many, unless it is "auto".
    name : str, default="X"
        What errors call X.
    allow_empty : bool, default=False
        Whether texts and sequences of symbols may be empty.

    Returns
    -------
    sequences : Sequences
    is_one : bool

    Raises
    ------
    ValueError, TypeError
        Naming the sequence and the place at fault.

    Examples
    --------
    >>> from numrnn.data.symbols.next_symbols import read_symbols
    >>> read_symbols([0, 2, 1], None, "auto")
    (Sequences(1 sequences of 3 steps, uint8), True)
    >>> read_symbols([[0, 2, 1], [1]], None, "auto")
    (Sequences(2 sequences of 1 to 3 steps, uint8), False)
    """
    if not isinstance(X, (str, bytes, Sequences)):
        check_container(X, name, _EXPECTED)
    check_list_plain(X, name)
    X = X.to_numpy() if hasattr(X, "to_numpy") else X  # a series, of any index, or a data frame
    if not hasattr(X, "__len__") or getattr(X, "ndim", 1) == 0:
        raise TypeError(f"{name} must be a text, an array of symbols or a list of them, got {shown(X)}")
    if not len(X) and not (allow_empty and isinstance(X, str)):
        raise ValueError(f"{name} is empty: it must have at least one symbol")
    if is_text(X) != (vocabulary is not None):
        expected, got = ("texts", type(X).__name__) if vocabulary is not None else ("symbols, integers", "text")
        raise TypeError(f"{name} must hold {expected}, like what the model was fitted on, got {got}")
    if vocabulary is not None:
        if n_symbols != "auto":
            check_n_symbols(vocabulary, n_symbols)
        with errors_name("texts", name):
            symbols = vocabulary.transform(X)
        return (_one(symbols, name, allow_empty), True) if isinstance(X, str) else (symbols, False)
    if isinstance(X, Sequences) or np.ndim(X[0]):
        sequences, _ = to_sequences(X, dtype=np.float64, name=name, allow_symbols=True, allow_empty=allow_empty)
        return check_symbols(sequences, n_symbols, name=name), False
    with errors_name(f"{name}[0]", name):
        return check_symbols(_one(np.ascontiguousarray(X), name), n_symbols, name=name), True


def check_n_symbols(vocabulary, n_symbols, name="vocabulary_"):
    """Raise a ValueError unless a vocabulary has as many symbols as the network that reads them.

    Parameters
    ----------
    vocabulary : Vocabulary
    n_symbols : int
        Of the network.
    name : str, default="vocabulary_"
        What errors call the vocabulary.

    Examples
    --------
    >>> from numrnn.data import Vocabulary
    >>> from numrnn.data.symbols.next_symbols import check_n_symbols
    >>> check_n_symbols(Vocabulary().fit("banana"), 3)
    """
    if not len(vocabulary) == len(vocabulary.symbols_) == n_symbols:
        raise ValueError(
            f"{name} has {len(vocabulary.symbols_)} symbols, but the network was made for {n_symbols}: it was fitted "
            "anew. Fit a copy of it (sklearn.base.clone), or fit the estimator again"
        )


@contextmanager
def errors_name(wrong, name):
    """Let errors call something by the name that the caller knows: `name` in place of `wrong`."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if wrong not in str(error):  # a tokenizer's own, which may be of a class that takes more than a message
            raise
        raise type(error)(str(error).replace(wrong, name)) from error


def _one(values, name, allow_empty=False):
    if not len(values) and not allow_empty:
        raise ValueError(f"{name} has no symbol: it must have at least one")
    return Sequences(values, np.array([0, len(values)]))


class Pairs(SequenceSource):
    """Sequences to read, and what a decoder is to write of each.

    Training takes it in the place of `Sequences`; lengths are those of both sides together, so that a mini-batch drawn
    from pairs of about one length has about one amount of work in each.

    Parameters
    ----------
    source : Sequences
        What the encoder reads.
    target : NextSymbols
        What the decoder reads and what it is to predict, see `shifted`.

    Examples
    --------
    >>> from numrnn import Sequences
    >>> from numrnn.data.symbols.next_symbols import Pairs, shifted
    >>> source, target = Sequences.from_list([[5, 6, 7], [8]]), Sequences.from_list([[0, 1], [1]])
    >>> Pairs(source, shifted(target, end=2)).lengths
    array([6, 3])
    """

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.lengths = source.lengths + target.lengths

    def gather(self, ids, out=None):
        """Refuse: each side lies elsewhere, see `source` and `target`."""
        raise TypeError("pairs are gathered one side at a time")

    def choose(self, ids):
        return Pairs(self.source.choose(ids), self.target.choose(ids))

    def __len__(self):
        return len(self.lengths)


def shifted(sequences, end=None):
    """Return targets with what a decoder reads before each of them: in each step the target of the step before.

    Parameters
    ----------
    sequences : Sequences
        Symbols (sum of L_i,), or vectors (sum of L_i, K).
    end : int or None
        For symbols: the one that stands before the first, and is to be predicted after the last. None: a vector of
        zeros stands before the first, and a sequence ends with its last target.

    Returns
    -------
    steps : NextSymbols
        One array has inputs and targets: the target of a step is the next value. With `end` a sequence has L_i + 1
        steps, else L_i.

    Examples
    --------
    >>> from numrnn import Sequences
    >>> from numrnn.data.symbols.next_symbols import shifted
    >>> steps = shifted(Sequences.from_list([[0, 1, 0], [1]]), end=2)
    >>> for start, length in zip(steps.offsets, steps.lengths):
    ...     print(steps.values[start : start + length], steps.targets[start : start + length])
    [2 0 1 0] [0 1 0 2]
    [2 1] [1 2]
    """
    values, offsets, lengths = sequences.values, sequences.offsets, sequences.lengths
    count = len(lengths)
    places = np.arange(len(values)) + np.repeat(np.arange(1, count + 1), lengths)
    starts = offsets[:-1] + np.arange(count)
    if end is None:
        out = np.zeros((len(values) + count, *values.shape[1:]), values.dtype)
        out[places] = values
        return NextSymbols(out, starts, lengths)
    out = np.full(len(values) + count + 1, end, np.min_scalar_type(end))
    out[places] = values
    return NextSymbols(out, starts, lengths + 1)
