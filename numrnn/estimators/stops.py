"""Where a text that is written ends: at its end symbol, or before a text that the caller names."""

from numbers import Integral

import numpy as np

from numrnn.data.next_symbols import errors_name
from numrnn.messages import shown


def stop_symbols(stop, vocabulary, n_symbols):
    """Return the argument `stop` as lists of symbols, checked.

    Parameters
    ----------
    stop : str, int, list of them, or None
    vocabulary : Vocabulary or None
        None: the model writes integers.
    n_symbols : int
        Symbols go from 0 to n_symbols - 1.

    Returns
    -------
    stops : list of list of int
    """
    if stop is None:
        return []
    kind, expected = (Integral, "a symbol") if vocabulary is None else (str, "a text")
    given = list(stop) if isinstance(stop, (list, tuple, np.ndarray)) else [stop]
    for item in given:
        if not isinstance(item, kind) or isinstance(item, (bool, np.bool_)):
            raise TypeError(f"stop={shown(stop)}: must be {expected}, a list of them, or None")
    if vocabulary is None:
        for symbol in given:
            if not 0 <= symbol < n_symbols:
                raise ValueError(f"stop={shown(stop)}: symbols go from 0 to {n_symbols - 1}")
        return [[int(symbol)] for symbol in given]
    return [_symbols_of(text, vocabulary) for text in given]


def _symbols_of(text, vocabulary):
    with errors_name("texts", "stop"):
        symbols = vocabulary.transform(text).tolist()
    if not symbols:
        raise ValueError(f"stop={shown(text)}: must hold at least one {vocabulary.unit}")
    if vocabulary.unknown_symbol_ in symbols:
        raise ValueError(f"stop={shown(text)}: holds a {vocabulary.unit} that the model does not know")
    return symbols


def until(parts, stops):
    """Yield symbols up to the first of some sequences of them, which is left out.

    Parameters
    ----------
    parts : iterable of ndarray of shape (n,)
    stops : list of list of int
        If two end at one symbol, the longer one counts.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn.estimators.stops import until
    >>> list(until([np.array([0, 1, 0]), np.array([0, 2, 3])], [[0, 2], [4]]))
    [0, 1, 0]
    """
    held = []  # symbols that may be the beginning of a stop
    for part in parts:
        for symbol in part.tolist():
            held.append(symbol)
            found = max((len(stop) for stop in stops if held[-len(stop) :] == stop), default=0)
            if found:
                yield from held[:-found]
                return
            free = len(held) - max((_begun(held, stop) for stop in stops), default=0)
            yield from held[:free]
            del held[:free]
    yield from held


def _begun(held, stop):
    """Return how many of the last symbols are the beginning of a stop."""
    longest = min(len(held), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if held[-n:] == stop[:n]), 0)
