"""Sequences of symbols: the check that they are, and the narrowest integers that hold them."""

import numpy as np

from numrnn.data.sequences import Sequences

__all__ = ["check_symbols", "count_symbols"]


def check_symbols(sequences, n_symbols, *, name="X"):
    """Return sequences of symbols as unsigned integers that are as narrow as they may be.

    Parameters
    ----------
    sequences : Sequences
        As `numrnn.data.forms.to_sequences` returns them with ``allow_symbols=True``.
    n_symbols : int or "auto"
        Symbols are 0 to n_symbols - 1; "auto": the largest one is the last.
    name : str, default="X"
        What errors call the sequences.

    Returns
    -------
    symbols : Sequences
        Values of shape (sum of T_i,), uint8, uint16, uint32 or uint64; without a copy where they are so.

    Raises
    ------
    ValueError
        Naming the first sequence with something else than a symbol.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import Sequences
    >>> from numrnn.data.symbols import check_symbols
    >>> check_symbols(Sequences.from_list([np.array([0, 2]), np.array([1])]), 3).values
    array([0, 2, 1], dtype=uint8)
    """
    values = sequences.values
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must hold symbols because of n_symbols: 1-D arrays of integers, got {values.dtype} and "
            f"{'numbers' if values.ndim == 1 else 'vectors'}"
        )
    last = int(values.max()) if n_symbols == "auto" else n_symbols - 1
    for outside in ((values < 0) if values.dtype.kind == "i" else None, values > last):
        if outside is not None and outside.any():
            step = int(outside.argmax())
            i = int(np.searchsorted(sequences.offsets, step, side="right")) - 1
            raise ValueError(
                f"{name}[{i}] has the symbol {values[step]} in step {step - sequences.offsets[i]}, expected 0 to "
                f"{last} (n_symbols={last + 1})"
            )
    narrow = np.min_scalar_type(last)
    return sequences if values.dtype == narrow else Sequences(values.astype(narrow), sequences.offsets)


def count_symbols(sequences, n_symbols):
    """Number of symbols: what the parameter says, or the largest of checked sequences and one.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import Sequences
    >>> from numrnn.data.symbols import count_symbols
    >>> count_symbols(Sequences.from_list([np.array([0, 2])]), "auto")
    3
    """
    return int(sequences.values.max()) + 1 if n_symbols == "auto" else int(n_symbols)
