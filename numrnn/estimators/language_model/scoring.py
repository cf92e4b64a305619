"""Evaluate how well a language model predicts texts."""

import math
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from numrnn.data.batches import longest_first
from numrnn.data.sources import Targets
from numrnn.estimators.problem import n_threads
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

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probabilities of the symbol after each text.

        Parameters
        ----------
        X : as in `fit`
            Texts of at least one symbol; with learned boundaries they may be empty.

        Returns
        -------
        probabilities : ndarray of shape (K,) for a single text, (N, K) for a list
            Probability of each symbol k, which stands for ``vocabulary_.symbols_[k]`` if the model has a vocabulary.
            With learned boundaries, the last entry, k = `end_symbol_`, is the probability that the text ends.

        Examples
        --------
        >>> from numrnn import RNNLanguageModel
        >>> model = RNNLanguageModel((4,), random_state=0).initialize("abcd")
        >>> model.predict_proba(["ab", "abc", "d"]).shape
        (3, 4)
        """
        check_is_fitted(self)
        reader = self._reader()
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
    order = longest_first(data.lengths)
    groups = np.split(order, range(TEXTS, len(order), TEXTS))
    total = math.fsum(loss for ids in groups for loss in _losses(network, data, ids, threads))
    return total / int(data.lengths.sum())


def _losses(network, data, ids, threads):
    """Yield the summed losses of consecutive pieces of sequences; `ids` must be sorted by length, longest first."""
    first, state, left = 0, None, data.lengths[ids]
    while len(ids):
        steps = max(1, network.outputs_at_once // (len(ids) * network.layout.n_outputs))
        counts = np.minimum(left, steps)
        piece, places = data.steps(ids, first, counts)
        loss, state = network.summed_loss(piece, Targets(data.targets[places]), state, threads)
        yield loss
        first += steps
        going_on = int(np.count_nonzero(left > steps))
        ids, left, state = ids[:going_on], left[:going_on] - steps, state[:going_on]
