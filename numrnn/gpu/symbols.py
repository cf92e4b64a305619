"""Symbols of language models that users have on the card."""

from numrnn.data.next_symbols import errors_name
from numrnn.data.symbols import check_symbols
from numrnn.gpu.device import from_card, memory_named, on_card, to_host, upload
from numrnn.gpu.sequences import DeviceSequences, to_device_sequences


class CardSymbols:
    """Symbols on the card in the place of an array of the host: parts of it, and choices from it, stay there.

    Parameters
    ----------
    array : device array of shape (n,), unsigned integers
    """

    def __init__(self, array):
        self.array, self.dtype, self.shape, self.itemsize = array, array.dtype, array.shape, array.itemsize

    def __len__(self):
        return len(self.array)

    def __getitem__(self, places):
        with memory_named():
            return CardSymbols(self.array[places if isinstance(places, slice) else upload(places)])

    def max(self):
        """The largest."""
        return self.array.max()

    def copy_to_host(self):
        """As an array of the host."""
        return to_host(self.array)

    def in_sequences(self, offsets):
        """Cut into sequences, as `Sequences` does it on the host."""
        return DeviceSequences(self, offsets[:-1], offsets[1:] - offsets[:-1])


def symbols_on_card(X, n_symbols, *, name="X"):
    """Return symbols on the card as sequences, checked, and whether X is one; see `read_symbols` of the host's.

    Parameters
    ----------
    X : device array of shape (T,) or (N, T), or list of device arrays of shape (T_i,)
    n_symbols : int or "auto"
    name : str, default="X"
        What errors call X.

    Returns
    -------
    sequences : DeviceSequences
        Values are `CardSymbols`.
    is_one : bool
    """
    is_one = on_card(X) and from_card(X).ndim == 1
    with errors_name(f"{name}[0]", name) if is_one else memory_named():
        read, _ = to_device_sequences([X] if is_one else X, dtype=None, name=name, allow_symbols=True)
        symbols = check_symbols(read, n_symbols, name=name)
    return CardSymbols(symbols.values).in_sequences(symbols.offsets), is_one
