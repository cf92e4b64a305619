"""How well a language model predicts texts, and what it expects to follow them."""

import math
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from numrnn.data.batches import longest_first
from numrnn.data.sources import Targets
from numrnn.estimators.problem import n_threads
from numrnn.training.objective import loss_and_gradient

TEXTS = 1024  # in a piece, at most


class TextScores:
    """The methods of `RNNLanguageModel` that judge texts."""

    def cross_entropy(self, X: Any) -> float:
        """Compute how well the model predicts texts.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        cross_entropy : float
            The mean of -log(probability) of all symbols but the first of each text, in nats. With learned boundaries
            it is the mean over all symbols and the end of each text: n + 1 predictions for n symbols. The state starts
            at zero with a text and is carried through all of it, whatever `bptt_steps` and `batch_size`.

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
        """Return the negative of the cross-entropy: the mean log-likelihood of a symbol.

        Parameters
        ----------
        X : as in `fit`
        y : ignored

        Returns
        -------
        score : float
            In nats; the greater the better.
        """
        return -self.cross_entropy(X)

    def bits_per_symbol(self, X: Any) -> float:
        """Return the cross-entropy in bits: what a compressor based on the model needs for a symbol.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        bits : float
        """
        return self.cross_entropy(X) / math.log(2)

    def perplexity(self, X: Any) -> float:
        """Return e to the cross-entropy: among how many symbols the model is in doubt, on average.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        perplexity : float
        """
        with np.errstate(over="ignore"):
            return float(np.exp(self.cross_entropy(X)))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Compute the probabilities of the symbol that follows texts.

        Parameters
        ----------
        X : as in `fit`
            A text may have one symbol; with learned boundaries it may be empty.

        Returns
        -------
        probabilities : ndarray of shape (K,) for one text, (N, K) for many
            By symbol: of ``vocabulary_.symbols_[k]``, or of the integer k. With learned boundaries the last one,
            k = `end_symbol_`, is the probability that the text ends.

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
        """Compute the objective and its gradient at the present weights, each text back to its first step.

        Parameters
        ----------
        X : as in `fit`
            All texts are one mini-batch, so memory grows with their length, up to `memory_limit`.
        y : ignored

        Returns
        -------
        loss : float
            `cross_entropy` of X, plus alpha/2 (sum of the squares of all U, W and V).
        gradient : dict of str to ndarray
            By the names in `weights_`, in their shapes.

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
    """Mean of -log(probability of the symbol that follows), in nats, over all steps.

    Parameters
    ----------
    network : Network
        With the weights of its last `pack`.
    data : NextSymbols
        States begin at zero with a sequence, and are carried through all of it.
    threads : int
        At most.

    Returns
    -------
    mean : float
    """
    order = longest_first(data.lengths)
    groups = np.split(order, range(TEXTS, len(order), TEXTS))
    total = math.fsum(loss for ids in groups for loss in _losses(network, data, ids, threads))
    return total / int(data.lengths.sum())


def _losses(network, data, ids, threads):
    """Losses of the pieces of sequences, the longest first."""
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
