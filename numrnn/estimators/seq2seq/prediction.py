"""Predict sequences with an encoder-decoder, and score the predictions."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from numrnn.data.array_checks import check_plain
from numrnn.data.sources import SequencesLike, TargetsLike
from numrnn.data.symbols.next_symbols import check_n_symbols
from numrnn.estimators.problem import check_number, n_threads
from numrnn.estimators.seq2seq.fitting import pairs_of, targets_of
from numrnn.io.messages import InputError, shown
from numrnn.network.decoding import write_by_beams, write_greedily, write_vectors
from numrnn.training.objective import loss_and_gradient


class PairPrediction:
    """Implement the methods of `RNNSeq2Seq` that predict and evaluate."""

    def predict(
        self,
        X: SequencesLike,
        *,
        beam_width: int = 1,
        length_penalty: float = 0.0,
        max_length: int | None = None,
        lengths: ArrayLike | None = None,
    ) -> Any:
        """Predict a target sequence for each sequence of X.

        Parameters
        ----------
        X : as in `fit`
            Input sequences.
        beam_width : int, default=1
            Number of hypotheses that a beam search keeps in each step. 1 is a greedy search, which takes the most
            probable symbol in each step (of equally probable ones, the first). Each hypothesis that ends is set aside,
            and the beam continues with one hypothesis less.
        length_penalty : float, default=0.0
            Exponent a >= 0 of the length penalty (Wu et al. 2016). The prediction is the finished hypothesis with the
            greatest ``log p / ((5 + n) / 6)^a``, where n is its number of symbols, including the end symbol. 0 selects
            the most probable hypothesis; greater values, such as 0.6, favour longer ones.
        max_length : int or None, default=None
            Largest number of symbols to predict if the end symbol does not occur. None means twice the length of the
            longest training target.
        lengths : int, array-like of int of shape (N,), or None, default=None
            Number of vectors to predict for each sequence, if targets are real vectors. None means the common length of
            the training targets; if they had different lengths, None raises an error.

        Returns
        -------
        y : list of str, or list of ndarray
            Texts, arrays of symbols, or arrays of real vectors. Symbols have shape (L_i,) and dtype int64. Vectors have
            shape (L_i, K), or (L_i,) if the targets had that form, and dtype float64 (with ``scale_targets=False``, the
            model's dtype).

        Raises
        ------
        ValueError, TypeError
            If an argument is invalid. The message names the argument.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNSeq2Seq
        >>> X = [[0, 1], [1, 0], [1, 1], [0, 0]] * 25
        >>> y = [[a, b, a, b] for a, b in X]
        >>> model = RNNSeq2Seq((16,), n_symbols=2, learning_rate_init=0.02, random_state=0).fit(X, y)
        >>> model.predict([[1, 0]])
        [array([1, 0, 1, 0])]
        >>> model.predict([[1, 0]], beam_width=3, length_penalty=0.6)
        [array([1, 0, 1, 0])]
        """
        network = self._predictor()
        check_number("beam_width", beam_width, Integral, lambda n: n >= 1, "an integer of at least 1")
        check_number(
            "length_penalty", length_penalty, Real, lambda a: 0 <= a < math.inf, "a finite, non-negative number"
        )
        reader, target = self._readers()
        source = reader.read(X)
        threads = n_threads(self.n_jobs)
        if target.n_symbols is None:
            _refuse_for_vectors(beam_width, max_length)
            states = network.read(source, threads)
            written = write_vectors(network, states, self._lengths(lengths, len(source)), threads)
            written = [target.scale.restored(row) for row in written]
            return [row[:, 0] for row in written] if self._one_column else written
        if lengths is not None:
            problem = (
                f"={shown(lengths)}: must be None for symbols, which end with the end symbol; pass max_length instead"
            )
            raise InputError("lengths", (), problem)
        if max_length is None:
            max_length = 2 * self.longest_target_
        check_number("max_length", max_length, Integral, lambda n: n >= 1, "an integer of at least 1, or None")
        if self.target_vocabulary_ is not None:
            check_n_symbols(self.target_vocabulary_, target.n_symbols, "target_vocabulary_")
        written = self._write(network, source, threads, beam_width, length_penalty, max_length)
        return written if self.target_vocabulary_ is None else self.target_vocabulary_.inverse_transform(written)

    def score(self, X: SequencesLike, y: TargetsLike) -> float:
        """Compare the predictions with y.

        Parameters
        ----------
        X, y : as in `fit`
            Test pairs.

        Returns
        -------
        score : float
            For texts and symbols, the fraction of sequences that a greedy search predicts exactly. For real vectors, R2
            over all steps of predictions that have the lengths of y.
        """
        network, (reader, target) = self._predictor(), self._readers()
        source = reader.read(X)
        targets = target.read(y, len(source))
        threads = n_threads(self.n_jobs)
        if target.n_symbols is None:
            written = write_vectors(network, network.read(source, threads), targets.lengths, threads)
            return float(r2_score(targets.values, np.concatenate(written)))  # R2 does not depend on units
        longest = max(int(targets.lengths.max()), 2 * self.longest_target_)
        written = self._write(network, source, threads, 1, 0.0, longest)
        return float(np.mean([np.array_equal(found, wanted) for found, wanted in zip(written, targets, strict=True)]))

    def loss_and_grad(self, X: SequencesLike, y: TargetsLike) -> tuple[float, dict[str, np.ndarray]]:
        """Compute the objective and its gradient at the current weights.

        Parameters
        ----------
        X, y : as in `fit`
            Pairs.

        Returns
        -------
        loss : float
            Mean loss over all target steps with teacher forcing, plus alpha/2 times the sum of the squares of all U, W
            and V.
        gradient : dict of str to ndarray
            Gradient, with the names and shapes of `weights_`.

        Examples
        --------
        >>> from numrnn import RNNSeq2Seq
        >>> model = RNNSeq2Seq((4,), random_state=0).initialize(["ab", "b"], ["ba", "b"])
        >>> loss, gradient = model.loss_and_grad(["ab", "b"], ["ba", "b"])
        >>> gradient["decoder.V"].shape
        (3, 4)
        """
        check_is_fitted(self)
        reader, target = self._readers()
        source = reader.read(X)
        data = pairs_of(source, target.read(y, len(source)), target)
        network = self._architecture.network(n_threads(self.n_jobs), self.memory_limit, device=self.device)
        return loss_and_gradient(network, self._state.theta, data, targets_of(data), self.alpha)

    def _write(self, network, source, threads, beam_width, length_penalty, max_length):
        states = network.read(source, threads)
        options = {"end": self._architecture.decoder.n_symbols - 1, "max_length": int(max_length), "threads": threads}
        if beam_width == 1:
            return write_greedily(network, states, **options)
        return write_by_beams(network, states, width=int(beam_width), length_penalty=float(length_penalty), **options)

    def _lengths(self, lengths, count):
        """Return the number of vectors to predict for each sequence."""
        if lengths is None:
            if not self._one_length:
                why = "the training targets had different lengths; pass one length for each sequence of X"
                raise InputError("lengths", (), f"must be given: {why}")
            lengths = self.longest_target_
        check_plain(lengths, "lengths")
        values = np.asarray(lengths)
        if values.dtype.kind not in "iu" or values.shape not in ((), (count,)) or values.min() < 1:
            expected = f"must be an integer of at least 1, or {count} such integers, one for each sequence"
            raise InputError("lengths", (), f"{expected}, got {shown(lengths)}")
        return np.broadcast_to(values, (count,)).astype(np.int64)


def _refuse_for_vectors(beam_width, max_length):
    if beam_width != 1:
        raise InputError(
            "beam_width", (), f"={shown(beam_width)}: must be 1 for real vectors; beam search needs symbols"
        )
    if max_length is not None:
        problem = f"={shown(max_length)}: must be None for real vectors, which have no end symbol; pass lengths instead"
        raise InputError("max_length", (), problem)
