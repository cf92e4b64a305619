"""Provide each symbol as an input and as the target of the previous step, for texts and for pairs of sequences."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from scipy.sparse import issparse

from numrnn.data.array_checks import check_list_plain
from numrnn.data.containers import check_container
from numrnn.data.conversion import to_sequences
from numrnn.data.sequences import Sequences
from numrnn.data.sources import SequenceSource
from numrnn.data.symbols.checks import check_symbols
from numrnn.io.messages import InputError, InputTypeError, shown

__all__ = ["NextSymbols", "Pairs", "check_n_symbols", "form_of", "is_text", "read_symbols", "shifted"]

_EXPECTED = "expected a str, an array of symbols or a list of them"


class NextSymbols(SequenceSource):
    """Hold sequences of symbols, as views of one array; the target of each step is the next symbol.

    Networks accept this class instead of `Sequences`.

    Parameters
    ----------
    values : ndarray of shape (n,), unsigned integers; or CardSymbols
    starts, lengths : ndarray of shape (N,), int64
        The inputs of sequence i are ``values[starts[i] : starts[i] + lengths[i]]``; the target of a step is the next
        value.

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
        """Return all symbols of sequences; a ValueError names the first sequence with fewer than two symbols."""
        lengths = sequences.lengths - 1
        if lengths.min() < 1:
            i = int(np.argmax(lengths < 1))
            count = "1 symbol" if lengths[i] == 0 else "no symbols"
            problem = f"has {count}, but needs at least 2, to predict one from another"
            raise InputError(name, (i,) if len(lengths) > 1 else (), problem)
        return cls(sequences.values, sequences.offsets[:-1], lengths)

    @classmethod
    def in_streams(cls, values, count, *, name, but=""):
        """Cut one long sequence into streams of equal length; the symbols left over at its end are not read.

        `but` is a part of error messages: it states which symbols of the sequence `name` are not in `values`.
        """
        length = (len(values) - 1) // count
        if length < 1:
            found = f"has {len(values)} symbols{but}, but batch_size={count} needs at least {count + 1}"
            raise InputError(name, (), f"{found}; reduce batch_size")
        return cls(values, np.arange(count, dtype=np.int64) * length, np.full(count, length, np.int64))

    @property
    def targets(self):
        """Return the next symbol for each of `values` except the last one."""
        return self.values[1:]

    def choose(self, ids):
        return NextSymbols(self.values, self.offsets[ids], self.lengths[ids])

    def steps(self, ids, first, counts):
        """Return some steps of sequences as `Sequences`, and their indices (the same in `values` and in `targets`).

        Parameters
        ----------
        ids : ndarray of shape (n,), int64
        first : int
            First step of the range in each sequence.
        counts : ndarray of shape (n,), int64
            Number of steps of each sequence.
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
    """Return whether X is a text, or a list of texts or of lists of tokens."""
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


def form_of(X):
    """Return the form of X, texts or sequences of symbols; `from_steps` returns results per step in this form."""
    if isinstance(X, Sequences):
        return "sequences"
    return "array" if getattr(X, "ndim", 1) == 2 else "list"


def read_symbols(X, vocabulary, n_symbols, *, name="X", allow_empty=False):
    """Return texts or symbols as checked `Sequences` of symbols, and whether X is a single sequence.

    Parameters
    ----------
    X : str or list of str; or array of integers (T,), list of such arrays, array (N, T), or Sequences
    vocabulary : Vocabulary or None
        Vocabulary for X if X must be text; None if X must be symbols.
    n_symbols : int or "auto"
        See `check_symbols`. Unless it is "auto", a vocabulary must have this number of symbols.
    name : str, default="X"
        Name of X in error messages.
    allow_empty : bool, default=False
        Whether texts and sequences of symbols may be empty.

    Raises
    ------
    ValueError, TypeError
        If a text or sequence is invalid. The message names the text or sequence and the position in it.

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
    X = X.to_numpy() if hasattr(X, "to_numpy") else X  # a pandas Series with any index, or a data frame
    if not hasattr(X, "__len__") or getattr(X, "ndim", 1) == 0:
        raise InputTypeError(name, (), f"={shown(X)}: must be a str, an array of symbols or a list of them")
    if not len(X) and not (allow_empty and isinstance(X, str)):
        raise InputError(name, (), "is empty: it must have at least one symbol")
    if is_text(X) != (vocabulary is not None):
        expected = "symbols (integers)" if vocabulary is None else "text (str)"
        raise InputTypeError(name, (), f"must hold {expected}, as in fit, got {shown(X)}")
    if vocabulary is not None:
        if n_symbols != "auto":
            check_n_symbols(vocabulary, n_symbols)
        symbols = vocabulary._transform(X, name)
        return (_one(symbols, name, allow_empty), True) if isinstance(X, str) else (symbols, False)
    if isinstance(X, Sequences) or np.ndim(X[0]):
        sequences, _ = to_sequences(X, dtype=np.float64, name=name, allow_symbols=True, allow_empty=allow_empty)
        return check_symbols(sequences, n_symbols, name=name), False
    return check_symbols(_one(np.ascontiguousarray(X), name), n_symbols, name=name, is_one=True), True


def check_n_symbols(vocabulary, n_symbols, name="vocabulary_"):
    """Raise a ValueError if the numbers of symbols of a vocabulary and of its network differ."""
    if not len(vocabulary) == len(vocabulary.symbols_) == n_symbols:
        found = f"has {len(vocabulary.symbols_)} symbols, but the network was made for {n_symbols}"
        way_out = "the vocabulary was fitted again: fit the estimator too, or fit sklearn.base.clone(vocabulary)"
        raise InputError(name, (), f"{found}: {way_out}")


def _one(values, name, allow_empty=False):
    if not len(values) and not allow_empty:
        raise InputError(name, (), "is empty: it must have at least one symbol")
    return Sequences(values, np.array([0, len(values)]))


class Pairs(SequenceSource):
    """Hold the inputs of an encoder and the inputs and targets of a decoder.

    Training accepts this class instead of `Sequences`. The length of a pair is the sum of the lengths of its two
    sequences, so that pairs of similar length in a mini-batch need about the same time.

    Parameters
    ----------
    source : Sequences
        Inputs of the encoder.
    target : NextSymbols
        Inputs and targets of the decoder, see `shifted`.

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
        """Raise an error, since both sides are stored separately in `source` and `target`."""
        raise TypeError("pairs cannot be gathered; gather the source or the target")

    def choose(self, ids):
        return Pairs(self.source.choose(ids), self.target.choose(ids))

    def __len__(self):
        return len(self.lengths)


def shifted(sequences, end=None):
    """Return targets together with the inputs of a decoder: the input of each step is the target of the previous step.

    Parameters
    ----------
    sequences : Sequences
        Symbols (sum of L_i,), or vectors (sum of L_i, K).
    end : int or None
        For symbols, the boundary symbol, which is the first input and the last target. For vectors, None: the first
        input is a vector of zeros, and no target is added.

    Returns
    -------
    steps : NextSymbols
        Inputs and targets in one array: the target of a step is the next value. With `end`, a sequence has L_i + 1
        steps; without it, L_i steps.

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
