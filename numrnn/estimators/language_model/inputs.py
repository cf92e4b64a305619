"""The steps of a language model's texts: each symbol with the one that follows it, boundaries among them."""

from typing import NamedTuple

from numrnn.data.sequences import Sequences
from numrnn.data.symbols.next_symbols import NextSymbols, is_text, shifted
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.inputs import read_texts
from numrnn.io.messages import shown
from numrnn.network.architecture import values_on_host


class TextReader(NamedTuple):
    """How a language model reads texts.

    Parameters
    ----------
    vocabulary : Vocabulary or None
        None: texts are integers.
    n_symbols : int or "auto"
        Of texts, without their boundary.
    boundaries : bool
        Whether texts begin and end with a symbol of their own, ``n_symbols``.
    device : {"cpu", "cuda"}
    """

    vocabulary: Vocabulary | None
    n_symbols: int | str
    boundaries: bool
    device: str

    @property
    def end(self):
        """Return the symbol that begins and ends texts, or None if there are no boundaries."""
        return self.n_symbols if self.boundaries else None

    def read(self, X, *, name="X"):
        """Return texts or symbols as sequences, and whether X is one; with boundaries a text may be empty."""
        if self.boundaries:  # they are put between the symbols on the host
            X = values_on_host(X, self.device, name)
        options = {"device": self.device, "name": name, "allow_empty": self.boundaries}
        return read_texts(X, self.vocabulary, self.n_symbols, **options)

    def next_symbols(self, sequences, *, name="X"):
        """Return the steps of sequences, `NextSymbols`: from the beginning to the end if there are boundaries."""
        return NextSymbols.of(sequences, name=name) if self.end is None else shifted(sequences, self.end)

    def begun(self, sequences):
        """Return sequences with the symbol of the boundary before each, if there are boundaries."""
        return sequences if self.end is None else with_beginnings(sequences, self.end)


def learn_boundaries(X, boundaries):
    """Return whether a fit learns where texts begin and end, by the parameter `boundaries`."""
    if boundaries != "auto":
        return bool(boundaries)
    return is_text(X) and not isinstance(X, (str, bytes))


def check_same_boundaries(boundaries, learnt):
    """Raise an error if training is to continue with texts that begin and end otherwise."""
    if boundaries != "auto" and bool(boundaries) != learnt:
        raise ValueError(f"boundaries={shown(boundaries)}: training cannot continue, it began with {learnt}")


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
