"""Evaluate how well a language model predicts texts."""

import math
from functools import partial
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.utils.validation import check_is_fitted

from numrnn.data.batches import longest_first
from numrnn.data.conversion import from_steps
from numrnn.data.sources import Targets
from numrnn.data.symbols.next_symbols import form_of
from numrnn.estimators.problem import n_threads
from numrnn.network.architecture import values_on_host
from numrnn.training.objective import loss_and_gradient

TEXTS = 1024  # most texts that are evaluated together


class TextScores:
    """Implement the methods of `RNNLanguageModel` that evaluate texts."""

    def cross_entropy(self, X: Any) -> float:
        """Compute the cross-entropy of texts in nats per symbol.

        Parameters
        ----------
        X : as in `fit`
            Texts.

        Returns
        -------
        cross_entropy : float
            Mean of -log(probability) over all symbols except the first one of each text, in nats. With learned
            boundaries, the mean includes the first symbol and the end of each text: n + 1 predictions for n symbols.
            Each text starts from the initial state. The state is carried to the end of the text, independently of
            `bptt_steps` and `batch_size`.

        Examples
        --------
        >>> import math
        >>> from numrnn import RNNLanguageModel
        >>> model = RNNLanguageModel((4,), random_state=0).initialize("abcd")
        >>> model = model.set_weights({"V": [[0.0] * 4] * 4})
        >>> math.isclose(model.cross_entropy("abacad"), math.log(4), rel_tol=1e-6)
        True
        """
        network, reader = self._predictor().network, self._reader()
        sequences, _ = reader.read(X)
        return mean_cross_entropy(network, reader.next_symbols(sequences), n_threads(self.n_jobs))

    def score(self, X: Any, y: object = None) -> float:
        """Return the mean log-likelihood per symbol, the negative of the cross-entropy.

        Parameters
        ----------
        X : as in `fit`
            Texts.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Mean log-likelihood in nats; greater is better.
        """
        return -self.cross_entropy(X)

    def bits_per_symbol(self, X: Any) -> float:
        """Return the cross-entropy in bits: the mean size of a symbol after compression with the model.

        Parameters
        ----------
        X : as in `fit`
            Texts.

        Returns
        -------
        bits : float
            Cross-entropy in bits per symbol.
        """
        return self.cross_entropy(X) / math.log(2)

    def perplexity(self, X: Any) -> float:
        """Return the perplexity, the exponential of the cross-entropy in nats.

        Parameters
        ----------
        X : as in `fit`
            Texts.

        Returns
        -------
        perplexity : float
            Number of equally likely symbols that would be as hard to predict.
        """
        with np.errstate(over="ignore"):
            return float(np.exp(self.cross_entropy(X)))

    def accuracy(self, X: Any) -> float:
        """Compute the fraction of symbols to which the model gives the highest probability, given those before them.

        Parameters
        ----------
        X : as in `fit`
            Texts.

        Returns
        -------
        accuracy : float
            Fraction over the predictions of which `cross_entropy` is the mean: all symbols but the first of each text,
            or, with learned boundaries, all symbols and the end of each text. Of equally probable symbols, the first
            one counts as predicted.

        See Also
        --------
        surprisal : Compute the negative log-probability of each symbol.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNLanguageModel
        >>> X = np.tile([0, 1, 2, 3], 500)
        >>> model = RNNLanguageModel((16,), batch_size=10, bptt_steps=20, max_iter=20, random_state=0).fit(X)
        >>> model.accuracy(X[:100]) > 0.9
        True
        """
        _, right = self._at_each_step(X, _hits, bool)
        return float(np.concatenate(right).mean())

    def surprisal(self, X: Any) -> np.ndarray | list[np.ndarray]:
        """Compute the negative log-probability of each symbol given the symbols before it, in nats.

        Parameters
        ----------
        X : as in `fit`
            Texts.

        Returns
        -------
        surprisal : ndarray of shape (n,), float64, for a single text; list of such arrays for a list
            Entries in the order of the text. The first symbol of a text is given, not predicted: entry t belongs to
            symbol t + 1, and a text of T symbols has n = T - 1 entries. With learned boundaries the first symbol is
            predicted as well, and so is the end: entry t belongs to symbol t, the last one to the end of the text, and
            n = T + 1. The mean of all entries of all texts is `cross_entropy`.

        See Also
        --------
        cross_entropy : Compute the mean over all symbols.

        Notes
        -----
        The values of a text are bitwise the same alone and in a list. Memory is 8 bytes per symbol and a block of
        outputs, whatever the length of the texts.

        References
        ----------
        Hale: A probabilistic Earley parser as a psycholinguistic model. NAACL 2001.

        Examples
        --------
        >>> from numrnn import RNNLanguageModel
        >>> model = RNNLanguageModel((4,), random_state=0).initialize("abcd")
        >>> model.set_weights({"V": [[0.0] * 4] * 4}).surprisal("abc").round(4)  # log 4: all are equally probable
        array([1.3863, 1.3863])
        >>> model = RNNLanguageModel((4,), random_state=0).initialize(["ab", "b"])
        >>> [len(values) for values in model.surprisal(["ab", "b"])]  # with the ends of the texts
        [3, 2]
        """
        is_one, values = self._at_each_step(X, _surprisals, np.float64)
        return values[0] if is_one else values

    def _at_each_step(self, X, measure, dtype):
        """Return whether X is a single text, and for each text an array of `measure(logits, targets)`."""
        network, reader = self._predictor().network, self._reader()
        sequences, is_one = reader.read(values_on_host(X, self.device, "X"))
        data = reader.next_symbols(sequences)
        found = np.empty(len(data.targets), dtype)
        compute = partial(_measured, network, data, measure, n_threads(self.n_jobs))
        for places, values in _of_pieces(network, data, compute):
            found[places] = values
        return is_one, [found[a : a + n].copy() for a, n in zip(data.offsets, data.lengths, strict=True)]

    def predict_proba(self, X: Any, *, every_step: bool = False) -> Any:
        """Predict the probabilities of the symbol after each text, or after each symbol of it.

        Parameters
        ----------
        X : as in `fit`
            Texts of at least one symbol; with learned boundaries they may be empty.
        every_step : bool, default=False
            Whether to return the probabilities after each symbol instead of those after the last one. This needs memory
            for K numbers per symbol of X; `surprisal` needs memory for one.

        Returns
        -------
        probabilities : ndarray of shape (K,) for a single text, (N, K) for a list
            Probability of each symbol ``vocabulary_.symbols_[k]``, or integer k. With learned boundaries, the last one,
            k = `end_symbol_`, is the probability that the text ends. With ``every_step=True``, an array of shape (T, K)
            for a single text of T symbols, and otherwise a list of such arrays, or, in the form of X, `Sequences` or an
            array of shape (N, T, K). Row t has the probabilities after symbol t. With learned boundaries there are
            T + 1 rows, of which the first has the probabilities of the first symbol.

        Examples
        --------
        >>> from numrnn import RNNLanguageModel
        >>> model = RNNLanguageModel((4,), random_state=0).initialize("abcd")
        >>> model.predict_proba(["ab", "abc", "d"]).shape
        (3, 4)
        >>> [p.shape for p in model.predict_proba(["ab", "abc", "d"], every_step=True)]
        [(2, 4), (3, 4), (1, 4)]
        """
        check_is_fitted(self)
        reader = self._reader()
        if every_step:
            X = values_on_host(X, self.device, "X")
            sequences, is_one = reader.read(X)
            sequences, predictor = reader.begun(sequences), self._predictor()
            threads = n_threads(self.n_jobs, at_most=predictor.useful_threads(sequences))
            outputs, _ = predictor.predict(sequences, threads=threads)
            return outputs if is_one else from_steps(outputs, sequences.offsets, form_of(X))
        sequences, is_one = reader.read(X)
        sequences = reader.begun(sequences)
        architecture = self._architecture._replace(output="sequence")
        network = architecture.network(n_threads(self.n_jobs), device=self.device)
        outputs, _ = network.predict(self._state.theta, sequences)
        return outputs[0] if is_one else outputs

    def loss_and_grad(self, X: Any, y: object = None) -> tuple[float, dict[str, np.ndarray]]:
        """Compute the objective and its gradient at the current weights, without truncation.

        Parameters
        ----------
        X : as in `fit`
            Texts, which form one mini-batch; memory grows with their length up to `memory_limit`.
        y : None
            Ignored.

        Returns
        -------
        loss : float
            `cross_entropy` of X, plus alpha/2 times the sum of the squares of all U, W and V.
        gradient : dict of str to ndarray
            Gradient, with the names and shapes of `weights_`.

        Examples
        --------
        >>> from numrnn import RNNLanguageModel
        >>> model = RNNLanguageModel((4,), random_state=0).initialize("banana")
        >>> loss, gradient = model.loss_and_grad("banana")
        >>> gradient["V"].shape
        (3, 4)
        """
        check_is_fitted(self)
        reader = self._reader()
        data = reader.next_symbols(reader.read(X)[0])
        network = self._architecture.network(n_threads(self.n_jobs), self.memory_limit, device=self.device)
        return loss_and_gradient(network, self._state.theta, data, Targets(data.targets), self.alpha)


def mean_cross_entropy(network, data, threads):
    """Return the mean of -log(probability of the next symbol) over all steps, in nats.

    Parameters
    ----------
    network : Network
        Network with packed weights.
    data : NextSymbols
        Sequences. Each starts from the initial state, and the state is carried to the end of the sequence.
    threads : int
        Largest number of threads.
    """

    def summed(piece, places, state):
        return network.summed_loss(piece, Targets(data.targets[places]), state, threads)

    return math.fsum(loss for _, loss in _of_pieces(network, data, summed)) / int(data.lengths.sum())


def _of_pieces(network, data, compute):
    """Yield, for each piece of the texts (longest texts first), the indices of its targets and the result of `compute`.

    A piece consists of some consecutive steps of several texts. `compute(piece, places, state)` returns a result and
    the states after the piece. The outputs of a piece are at most `network.outputs_at_once` numbers, unless the piece
    has a single step.
    """
    order = longest_first(data.lengths)
    for ids in np.split(order, range(TEXTS, len(order), TEXTS)):
        first, state, left = 0, None, data.lengths[ids]
        while len(ids):
            steps = max(1, network.outputs_at_once // (len(ids) * network.layout.n_outputs))
            counts = np.minimum(left, steps)
            piece, places = data.steps(ids, first, counts)
            result, state = compute(piece, places, state)
            yield places, result
            first += steps
            going_on = int(np.count_nonzero(left > steps))
            ids, left, state = ids[:going_on], left[:going_on] - steps, state[:going_on]


def _measured(network, data, measure, threads, piece, places, state):
    threads = min(threads, network.work.useful_threads(piece))
    logits, state = network.predict_packed(piece, state, True, threads)
    return measure(logits, data.targets[places]), state


def _hits(logits, targets):
    return logits.argmax(axis=1) == targets


def _surprisals(logits, targets):
    logits = logits.astype(np.float64)
    return logsumexp(logits, axis=1) - logits[np.arange(len(logits)), targets]
