"""The steps of a language model's texts: each symbol with the one that follows it, boundaries among them."""

from numrnn.data.pairs import shifted
from numrnn.data.sequences import Sequences
from numrnn.data.symbols.next_symbols import NextSymbols, is_text
from numrnn.estimators.inputs import read_texts
from numrnn.io.messages import shown
from numrnn.network.cuda.device_sequences import values_on_host


def has_boundaries(estimator, X, continues):
    """Return whether a fit learns where texts begin and end.

    Parameters
    ----------
    estimator : RNNLanguageModel
    X : as in `fit`
    continues : bool
        Keep what was learnt; the parameter `boundaries` must agree.
    """
    boundaries = estimator.boundaries
    if not continues:
        return is_text(X) and not isinstance(X, (str, bytes)) if boundaries == "auto" else bool(boundaries)
    learnt = end_symbol_of(estimator) is not None
    if boundaries != "auto" and bool(boundaries) != learnt:
        raise ValueError(f"boundaries={shown(boundaries)}: training cannot continue, it began with {learnt}")
    return learnt


def read_with(estimator, X, n_symbols, boundaries, *, name="X"):
    """Return texts or symbols as sequences, and whether X is one; with boundaries a text may be empty.

    Parameters
    ----------
    estimator : RNNLanguageModel
        With its `vocabulary_`.
    X : as in `fit`
    n_symbols : int or "auto"
        Of texts, without their boundary.
    boundaries : bool
    name : str, default="X"
        What errors call X.
    """
    if boundaries:  # they are put between the symbols on the host
        X = values_on_host(X, estimator.device, name)
    return read_texts(estimator, X, n_symbols, name=name, allow_empty=boundaries)


def read_known(estimator, X, *, name="X"):
    """Return what a fitted model is to read, see `read_with`."""
    return read_with(estimator, X, n_text_symbols(estimator), end_symbol_of(estimator) is not None, name=name)


def end_symbol_of(estimator):
    """Return the symbol that begins and ends texts, the last of the network, or None if there are no boundaries."""
    end, last = estimator.end_symbol_, estimator._architecture.n_symbols - 1
    if end is not None and end != last:
        raise ValueError(f"end_symbol_={shown(end)}: must be {last}, the last symbol of the network")
    return None if end is None else last


def n_text_symbols(estimator):
    """Return the number of symbols that the network was made for, without the one that begins and ends texts."""
    return estimator._architecture.n_symbols - (end_symbol_of(estimator) is not None)


def next_symbols(estimator, sequences, *, name="X"):
    """Return the steps of sequences: from the beginning to the end if there are boundaries.

    Parameters
    ----------
    estimator : RNNLanguageModel
        With its `end_symbol_`.
    sequences : Sequences
    name : str, default="X"
        What errors call them.

    Returns
    -------
    steps : NextSymbols
    """
    if end_symbol_of(estimator) is None:
        return NextSymbols.of(sequences, name=name)
    return shifted(sequences, end_symbol_of(estimator))


def with_beginnings(sequences, end):
    """Return sequences with the symbol of the boundary before each.

    Examples
    --------
    >>> from numrnn import Sequences
    >>> from numrnn.estimators.language_model.inputs import with_beginnings
    >>> with_beginnings(Sequences.from_list([[0, 1], [1]]), end=2).to_list()
    [array([2, 0, 1], dtype=uint8), array([2, 1], dtype=uint8)]
    """
    steps = shifted(sequences, end)
    return Sequences.from_concatenated(steps.values[:-1], steps.lengths)
