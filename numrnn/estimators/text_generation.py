"""Texts that a language model writes."""

import math
from numbers import Integral, Real

import numpy as np

from numrnn.data.next_symbols import read_symbols
from numrnn.data.random import draw_seed, generator
from numrnn.estimators.constraints import check_number
from numrnn.estimators.prepared import predictor_of
from numrnn.generation import Writer
from numrnn.gpu.sequences import values_on_host


class TextGeneration:
    """The methods of `RNNLanguageModel` that write texts."""

    def generate(self, prompt, length, temperature=1.0, top_k=None, top_p=None, random_state=None):
        """Go on with a text.

        Parameters
        ----------
        prompt : str, or integers of shape (T,) if the model was fitted on integers
            What the network reads first: at least one symbol.
        length : int
            Symbols to write.
        temperature : float, default=1.0
            Probabilities are softmax(logits / temperature). Below 1 likely symbols become more likely; 0 takes the most
            likely one in every step, of equals the lower.
        top_k : int or None, default=None
            Draw from the `top_k` most probable symbols only.
        top_p : float or None, default=None
            Draw from the fewest symbols that together have at least this probability, the most probable ones (nucleus
            sampling, Holtzman et al. 2020); after `temperature` and `top_k`.
        random_state : int, RandomState instance or None, default=None
            The same int gives the same symbols, as does `stream`.

        Returns
        -------
        continuation : str or ndarray of shape (length,), int64
            What follows the prompt, without the prompt; tokens are joined by blanks.

        Raises
        ------
        ValueError, TypeError
            If an argument is invalid, naming the character of the prompt that is no symbol.

        Notes
        -----
        Draws are computed in float64 from the logits, which have the model's dtype, and one uniform number a symbol.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNLanguageModel
        >>> X = np.tile([0, 1, 2, 3], 500)
        >>> model = RNNLanguageModel((16,), batch_size=10, bptt_steps=20, max_iter=20, random_state=0).fit(X)
        >>> model.generate([0, 1], 6, temperature=0)
        array([2, 3, 0, 1, 2, 3])
        """
        check_number("length", length, Integral, lambda n: n >= 0, "an integer, not negative")
        parts = self._write(prompt, length, temperature, top_k, top_p, random_state)
        symbols = np.concatenate([np.zeros(0, np.int64), *parts])
        return symbols if self.vocabulary_ is None else self.vocabulary_.inverse_transform(symbols)

    def stream(self, prompt, length=None, temperature=1.0, top_k=None, top_p=None, random_state=None):
        """Go on with a text, symbol by symbol.

        Parameters
        ----------
        prompt, temperature, top_k, top_p, random_state : as in `generate`
        length : int or None, default=None
            Symbols to write; None: until the caller has enough.

        Yields
        ------
        symbol : str or int
            A character, a token or an integer; all of them are what `generate` returns.

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
            check_number("length", length, Integral, lambda n: n >= 0, "an integer, not negative, or None")
        parts = self._write(prompt, length, temperature, top_k, top_p, random_state)
        names = None if self.vocabulary_ is None else self.vocabulary_.symbols_
        # An expression: what is wrong with an argument is said at once, not when the first symbol is asked for.
        return (symbol if names is None else names[symbol] for part in parts for symbol in part.tolist())

    def _write(self, prompt, length, temperature, top_k, top_p, random_state):
        network = predictor_of(self, "cpu").network
        check_number("temperature", temperature, Real, lambda t: 0 <= t < math.inf, "a finite number, not negative")
        if top_k is not None:
            check_number("top_k", top_k, Integral, lambda k: k >= 1, "an integer of at least 1, or None")
        if top_p is not None:
            check_number("top_p", top_p, Real, lambda p: 0 < p <= 1, "a number above 0 and up to 1, or None")
        prompt = values_on_host(prompt, self.device, "prompt")
        symbols, is_one = read_symbols(prompt, self.vocabulary_, self._architecture.n_symbols, name="prompt")
        if not is_one:
            raise ValueError(f"prompt must be one text, got {len(prompt)} in a {type(prompt).__name__}")
        random = generator(draw_seed(random_state), "sampling")
        writer = Writer(network, temperature=temperature, top_k=top_k, top_p=top_p, random=random)
        writer.read(symbols.values)
        return writer.write(length)
