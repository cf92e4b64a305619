"""Pairs of sequences of different lengths, as an encoder-decoder reads them."""

import numpy as np

from numrnn.data.sources import SequenceSource
from numrnn.data.symbols.next_symbols import NextSymbols

__all__ = ["Pairs", "shifted"]


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
    >>> from numrnn.data.pairs import Pairs, shifted
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
    >>> from numrnn.data.pairs import shifted
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
