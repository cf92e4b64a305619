"""Read a language model's texts, and pair each symbol with the next one, including boundary symbols."""

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
        Vocabulary; None if texts consist of integers.
    n_symbols : int or "auto"
        Number of symbols, not counting the boundary symbol.
    boundaries : bool
        Whether texts are enclosed in boundary symbols, which have the number ``n_symbols``.
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
        """Return X as sequences of symbols, and whether X is a single text; with boundaries, texts may be empty."""
        if self.boundaries:  # boundary symbols are inserted on the host
            X = values_on_host(X, self.device, name)
        options = {"device": self.device, "name": name, "allow_empty": self.boundaries}
        return read_texts(X, self.vocabulary, self.n_symbols, **options)

    def next_symbols(self, sequences, *, name="X"):
        """Return sequences as `NextSymbols`, enclosed in boundary symbols if the model has them."""
        return NextSymbols.of(sequences, name=name) if self.end is None else shifted(sequences, self.end)

    def begun(self, sequences):
        """Return sequences with the boundary symbol before each of them, if the model has boundaries."""
        return sequences if self.end is None else with_beginnings(sequences, self.end)


def learn_boundaries(X, boundaries):
    """Return the parameter `boundaries` as a bool; "auto" is derived from X."""
    if boundaries != "auto":
        return bool(boundaries)
    return is_text(X) and not isinstance(X, (str, bytes))


def check_same_boundaries(boundaries, learnt):
    """Raise an error if training would continue with another value of `boundaries`."""
    if boundaries != "auto" and bool(boundaries) != learnt:
        found = f"={shown(boundaries)}: must be {learnt} to continue training"
        raise InputError("boundaries", (), found, "; pass the same parameters, or fit anew with warm_start=False")


def with_beginnings(sequences, end):
    """Return sequences with the boundary symbol before each of them."""
    steps = shifted(sequences, end)
    return Sequences.from_concatenated(steps.values[:-1], steps.lengths)
