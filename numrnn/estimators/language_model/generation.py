"""Generate texts with a language model."""

import math
from collections.abc import Iterator, Sequence
from numbers import Integral, Real

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike

from numrnn.data.random_streams import draw_seed, generator
from numrnn.estimators.problem import check_number
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.network.architecture import values_on_host
from numrnn.network.cpu.sampling import Writer


class TextGeneration:
    """Implement the methods of `RNNLanguageModel` that generate texts."""

    def generate(
        self,
        prompt: str | ArrayLike,
        length: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        random_state: int | RandomState | None = None,
        stop: str | int | Sequence[str] | Sequence[int] | None = None,
    ) -> str | np.ndarray | list[str]:
        """Continue a text.

        Parameters
        ----------
        prompt : str, or integers of shape (T,) if the model was fitted on integers
            Text of at least one symbol that the network reads first. A model with learned boundaries also accepts an
            empty prompt, which starts a new text.
        length : int
            Largest number of symbols to generate. Fewer symbols are returned if `stop` occurs, or if a model with
            learned boundaries ends the text.
        temperature : float, default=1.0
            Divisor of the logits before the softmax. Values below 1 favour likely symbols; 0 always chooses the most
            likely symbol (of equally likely ones, the first).
        top_k : int or None, default=None
            Sample from the `top_k` most probable symbols only.
        top_p : float or None, default=None
            Sample from the smallest set of most probable symbols that together have at least this probability (nucleus
            sampling, Holtzman et al. 2020). It is applied after `temperature` and `top_k`.
        random_state : int, RandomState instance or None, default=None
            Seed of the samples. With the same integer, `generate` and `stream` return the same symbols in every call.
        stop : str or list of str, or int or list of int if the model was fitted on integers; default=None
            Texts or symbols at which generation stops. The stop text is not returned, and its occurrences in the prompt
            do not count. With None, only `length` or the end of the text stops generation.

        Returns
        -------
        continuation : str or ndarray of shape (n,), int64, n <= length
            Generated text without the prompt; tokens are joined by blanks.

        Raises
        ------
        ValueError, TypeError
            If an argument is invalid. The message names characters of the prompt that are not in the vocabulary.

        Notes
        -----
        Each symbol is drawn with one uniform random number. Its probabilities are computed in float64 from the logits,
        which have the model's dtype.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNLanguageModel
        >>> X = np.tile([0, 1, 2, 3], 500)
        >>> model = RNNLanguageModel((16,), batch_size=10, bptt_steps=20, max_iter=20, random_state=0).fit(X)
        >>> model.generate([0, 1], 6, temperature=0)
        array([2, 3, 0, 1, 2, 3])
        >>> model.generate([0, 1], 6, temperature=0, stop=0)
        array([2, 3])

        A model that is fitted on a list of texts learns where they begin and end:

        >>> names = RNNLanguageModel((16,), learning_rate_init=0.02, random_state=0).fit(["anna", "otto"] * 200)
        >>> names.generate("", 20, temperature=0) in ("anna", "otto")
        True
        """
        check_number("length", length, Integral, lambda n: n >= 0, "a non-negative integer")
        parts, stops = self._write(prompt, length, temperature, top_k, top_p, random_state, stop)
        symbols = np.fromiter(until(parts, stops), np.int64) if stops else np.concatenate([np.zeros(0, int), *parts])
        return symbols if self.vocabulary_ is None else self.vocabulary_.inverse_transform(symbols)

    def stream(
        self,
        prompt: str | ArrayLike,
        length: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        random_state: int | RandomState | None = None,
        stop: str | int | Sequence[str] | Sequence[int] | None = None,
    ) -> Iterator[str | int]:
        """Continue a text and yield one symbol at a time.

        Parameters
        ----------
        prompt : as in `generate`
            Text to continue.
        length : int or None, default=None
            Largest number of symbols to generate. With None, generation goes on until the text ends or the caller stops
            iterating.
        temperature, top_k, top_p, random_state, stop : as in `generate`
            Options of sampling.

        Returns
        -------
        symbols : iterator of str or int
            Characters, tokens or integers; together they are the result of `generate`.

        Examples
        --------
        >>> from itertools import islice
        >>> from numrnn import RNNLanguageModel
        >>> model = RNNLanguageModel((4,), random_state=0).initialize("banana")
        >>> text = "".join(islice(model.stream("ba", random_state=1), 10))
        >>> text == model.generate("ba", 10, random_state=1)
        True
        """
        if length is not None:
            check_number("length", length, Integral, lambda n: n >= 0, "a non-negative integer, or None")
        parts, stops = self._write(prompt, length, temperature, top_k, top_p, random_state, stop)
        symbols = until(parts, stops) if stops else (symbol for part in parts for symbol in part.tolist())
        names = None if self.vocabulary_ is None else self.vocabulary_.symbols_
        # A generator expression, not `yield`: errors of arguments are raised now, not when the first symbol is
        # requested.
        return (symbol if names is None else names[symbol] for symbol in symbols)

    def _write(self, prompt, length, temperature, top_k, top_p, random_state, stop):
        """Return the generated symbols as arrays, and the sequences of symbols at which generation stops."""
        network, reader = self._predictor("cpu").network, self._reader()
        check_number("temperature", temperature, Real, lambda t: 0 <= t < math.inf, "a finite, non-negative number")
        if top_k is not None:
            check_number("top_k", top_k, Integral, lambda k: k >= 1, "an integer of at least 1, or None")
        if top_p is not None:
            check_number("top_p", top_p, Real, lambda p: 0 < p <= 1, "a number above 0 and up to 1, or None")
        symbols = _read_prompt(values_on_host(prompt, self.device, "prompt"), reader)
        stops = stop_symbols(stop, reader.vocabulary, reader.n_symbols)
        random = generator(draw_seed(random_state), "sampling")
        writer = Writer(network, temperature=temperature, top_k=top_k, top_p=top_p, random=random)
        writer.read(symbols)
        return writer.write(length), stops + ([[reader.end]] if reader.boundaries else [])


def _read_prompt(prompt, reader):
    if reader.boundaries and reader.vocabulary is None and not len(prompt):
        return np.array([reader.end])
    symbols, is_one = reader.read(prompt, name="prompt")
    if not is_one:
        kind = "string" if reader.vocabulary is not None else "sequence of integers"
        found = f"must be one {kind}, got a {type(prompt).__name__} of {len(prompt)}"
        raise InputError("prompt", (), found, "; call the method once for each text")
    return reader.begun(symbols).values


def stop_symbols(stop, vocabulary, n_symbols):
    """Return the argument `stop` as lists of symbols, after checks."""
    if stop is None:
        return []
    kind, expected = (Integral, "a symbol (an integer)") if vocabulary is None else (str, "a string")
    given = list(stop) if isinstance(stop, (list, tuple, np.ndarray)) else [stop]
    for item in given:
        if not isinstance(item, kind) or isinstance(item, (bool, np.bool_)):
            raise InputTypeError("stop", (), f"={shown(stop)}: must be {expected}, a list of such items, or None")
    if vocabulary is None:
        for symbol in given:
            if not 0 <= symbol < n_symbols:
                raise InputError("stop", (), f"={shown(stop)}: must hold symbols from 0 to {n_symbols - 1}")
        return [[int(symbol)] for symbol in given]
    return [_symbols_of(text, vocabulary) for text in given]


def _symbols_of(text, vocabulary):
    symbols = vocabulary._transform(text, "stop").tolist()
    if not symbols:
        raise InputError("stop", (), f"={shown(text)}: must hold at least one {vocabulary.unit}")
    if vocabulary.unknown_symbol_ in symbols:
        raise InputError("stop", (), f"={shown(text)}: must hold only {vocabulary.unit}s that the model knows")
    return symbols


def until(parts, stops):
    """Yield symbols until one of several stop sequences occurs, which is not yielded.

    Parameters
    ----------
    parts : iterable of ndarray of shape (n,)
    stops : list of list of int
        Stop sequences. If two of them end at the same symbol, the longer one is cut off the output.
    """
    held = []  # last symbols, which may be the beginning of a stop sequence
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
    """Return the largest number of last symbols in `held` with which the stop sequence may have begun."""
    longest = min(len(held), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if held[-n:] == stop[:n]), 0)
