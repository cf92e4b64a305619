"""Lay out a language model's texts: each symbol with the symbol that follows it, boundaries included."""

from typing import NamedTuple

from numrnn.data.sequences import Sequences
from numrnn.data.symbols.next_symbols import NextSymbols, is_text, shifted
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.inputs import read_texts
from numrnn.io.messages import InputError, shown
from numrnn.network.architecture import values_on_host


class TextReader(NamedTuple):
    """Read the texts of a language model.

    Parameters
    ----------
    vocabulary : Vocabulary or None
        None if texts are integers.
    n_symbols : int or "auto"
        Number of symbols without the boundary symbol.
    boundaries : bool
        Whether texts are enclosed in a boundary symbol, ``n_symbols``.
    device : {"cpu", "cuda"}
    """

    vocabulary: Vocabulary | None
    n_symbols: int | str
    boundaries: bool
    device: str

    @property
    def end(self):
        """Return the boundary symbol, or None without boundaries."""
        return self.n_symbols if self.boundaries else None

    def read(self, X, *, name="X"):
        """Return texts or symbols as sequences, and whether X is a single one; with boundaries, texts may be empty."""
        if self.boundaries:  # they are put between the symbols on the host
            X = values_on_host(X, self.device, name)
        options = {"device": self.device, "name": name, "allow_empty": self.boundaries}
        return read_texts(X, self.vocabulary, self.n_symbols, **options)

    def next_symbols(self, sequences, *, name="X"):
        """Return sequences as `NextSymbols`, with boundaries if there are any."""
        return NextSymbols.of(sequences, name=name) if self.end is None else shifted(sequences, self.end)

    def begun(self, sequences):
        """Return sequences with the boundary symbol before each, if there are boundaries."""
        return sequences if self.end is None else with_beginnings(sequences, self.end)


def learn_boundaries(X, boundaries):
    """Return whether a fit learns where texts begin and end, given the parameter `boundaries`."""
    if boundaries != "auto":
        return bool(boundaries)
    return is_text(X) and not isinstance(X, (str, bytes))


def check_same_boundaries(boundaries, learnt):
    """Raise an error if training would continue with other boundaries."""
    if boundaries != "auto" and bool(boundaries) != learnt:
        found = f"={shown(boundaries)}: must be {learnt} to continue training"
        raise InputError("boundaries", (), found, "; pass the same parameters, or fit anew with warm_start=False")


def with_beginnings(sequences, end):
    """Return sequences with the boundary symbol before each."""
    steps = shifted(sequences, end)
    return Sequences.from_concatenated(steps.values[:-1], steps.lengths)
