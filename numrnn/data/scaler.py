"""Standardise the inputs of sequences."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from numrnn.data.conversion import from_steps
from numrnn.data.sequences import Sequences
from numrnn.data.sources import SequencesLike
from numrnn.data.validation import Inputs, check_inputs, learn_inputs

__all__ = ["SequenceScaler"]

DTYPES = (np.float64, np.float32)
# Steps whose float64 copy is alive at a time: sums in float64 must not double the memory that the data take.
BLOCK = 1 << 14


# Sequences fit no data frame, hence no `set_output`.
class SequenceScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Standardise each input over all steps of all sequences: ``z = (x - mean) / standard deviation``.

    This is the counterpart of `sklearn.preprocessing.StandardScaler` for sequences of any lengths. Every step has the
    same weight, so long sequences count more than short ones.

    Parameters
    ----------
    with_mean : bool, default=True
        Whether to subtract the mean.
    with_std : bool, default=True
        Whether to divide by the standard deviation. Constant inputs are divided by 1.

    Attributes
    ----------
    mean_ : ndarray of shape (D,), float64
        Mean of each input.
    var_ : ndarray of shape (D,), float64
        Variance of each input (the biased estimate, divided by the number of steps).
    scale_ : ndarray of shape (D,), float64
        Divisor of each input.
    n_samples_seen_ : int
        Number of steps seen.
    n_inputs_ : int
        Number of inputs per step, D; 1 for symbols and for the rows of a 2-D array of numbers.
    n_features_in_ : int
        D, or the number of columns if X was a 2-D array (the steps of univariate sequences).
    feature_names_in_ : ndarray of str
        Names of the inputs. Defined only if X had names that are all texts.

    See Also
    --------
    numrnn.RNNClassifier, numrnn.RNNRegressor : Estimators that usually follow in a pipeline.

    References
    ----------
    Blocks of steps are combined by the pairwise update of T. F. Chan, G. H. Golub, R. J. LeVeque (1983), "Algorithms
    for computing the sample variance: analysis and recommendations", The American Statistician 37(3), eq. 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import SequenceScaler
    >>> scaler = SequenceScaler().fit([np.array([[1.0], [2.0]]), np.array([[6.0]])])
    >>> scaler.mean_
    array([3.])
    >>> scaler.transform([np.array([[3.0], [3.0]])])
    [array([[0.],
           [0.]])]
    """

    def __init__(self, *, with_mean: bool = True, with_std: bool = True):
        self.with_mean = with_mean
        self.with_std = with_std

    def fit(self, X: SequencesLike, y: object = None) -> Self:
        """Compute the mean and standard deviation of each input.

        Parameters
        ----------
        X : list of arrays of shape (T_i, D), array of shape (N, T, D) or (N, T), or Sequences
            Sequences.
        y : None
            Ignored.

        Returns
        -------
        self : SequenceScaler
            The fitted scaler.

        Raises
        ------
        ValueError
            If a sequence is empty, is not finite or has another number of inputs. The message names it.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import SequenceScaler
        >>> SequenceScaler().fit(np.zeros((2, 5, 3))).n_samples_seen_
        10
        """
        return self._update(X, reset=True)

    def partial_fit(self, X: SequencesLike, y: object = None) -> Self:
        """Update the mean and standard deviation with more sequences.

        Parameters
        ----------
        X : list of arrays of shape (T_i, D), array of shape (N, T, D) or (N, T), or Sequences
            Sequences.
        y : None
            Ignored.

        Returns
        -------
        self : SequenceScaler
            The updated scaler.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import SequenceScaler
        >>> scaler = SequenceScaler().partial_fit([np.array([[1.0]])])
        >>> scaler.partial_fit([np.array([[2.0], [3.0]])]).mean_
        array([2.])
        """
        return self._update(X, reset=not hasattr(self, "n_samples_seen_"))

    def transform(self, X: SequencesLike) -> Any:
        """Standardise sequences.

        Parameters
        ----------
        X : list of arrays of shape (T_i, D), array of shape (N, T, D) or (N, T), or Sequences
            Sequences.

        Returns
        -------
        Z : list of arrays, array, or Sequences
            A standardised copy in the form of X; float32 if X is, and otherwise float64. Shards are standardised when
            they are read.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import SequenceScaler
        >>> SequenceScaler().fit_transform(np.array([[1.0, 2.0], [2.0, 3.0]]))
        array([[-1.41421356,  0.        ],
               [ 0.        ,  1.41421356]])
        """
        check_is_fitted(self)
        subtraction = [(np.subtract, self.mean_)] if self.with_mean else []
        return self._changed(X, subtraction + ([(np.divide, self.scale_)] if self.with_std else []))

    def inverse_transform(self, X: SequencesLike) -> Any:
        """Convert standardised sequences back to the original scale.

        Parameters
        ----------
        X : list of arrays of shape (T_i, D), array of shape (N, T, D) or (N, T), or Sequences
            Standardised sequences.

        Returns
        -------
        X_original : list of arrays, array, or Sequences
            A copy in the form of X.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import SequenceScaler
        >>> scaler = SequenceScaler().fit(np.array([[1.0, 2.0], [2.0, 3.0]]))
        >>> scaler.inverse_transform([np.array([[0.0]])])
        [array([[2.]])]
        """
        check_is_fitted(self)
        product = [(np.multiply, self.scale_)] if self.with_std else []
        return self._changed(X, product + ([(np.add, self.mean_)] if self.with_mean else []))

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: transformed sequences keep the form of X and are not tables of features.

        Parameters
        ----------
        transform : str, optional
            Ignored; scikit-learn's pipelines pass it on.

        Returns
        -------
        self : SequenceScaler
            The scaler itself.
        """
        return self

    def _changed(self, X, operations):
        sequences, form = check_inputs(X, Inputs.of(type(self).__name__, vars(self)), dtype=DTYPES)
        if not sequences.in_memory:
            for operation, operand in operations:
                sequences = sequences.changed(operation, operand)
            return sequences
        Z = np.array(sequences.values)
        for operation, operand in operations:
            # The arithmetic is float64 also for float32: an input far from zero must not lose its digits.
            operation(Z, operand, out=Z, casting="same_kind")
        return _in_form(Z, sequences, form, X)

    def _update(self, X, reset):
        if reset:
            sequences, _, inputs = learn_inputs(X, type(self).__name__, dtype=DTYPES)
            vars(self).pop("feature_names_in_", None)
            vars(self).update(inputs.attributes())
        else:
            sequences, _ = check_inputs(X, Inputs.of(type(self).__name__, vars(self)), dtype=DTYPES)
        n_steps, mean, var = (0, 0.0, 0.0) if reset else (self.n_samples_seen_, self.mean_, self.var_)
        for steps in _blocks(sequences):
            n_steps, mean, var = _merge(n_steps, mean, var, *_moments(steps))
        self.n_samples_seen_, self.mean_, self.var_ = n_steps, mean, var
        self.scale_ = np.where(_is_constant(n_steps, mean, var), 1.0, np.sqrt(var))
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _blocks(sequences):
    """Yield BLOCK steps at a time, regardless of where sequences begin."""
    in_files, rest = not sequences.in_memory, []
    for part in (block for _, block in sequences.blocks()) if in_files else [sequences]:
        values = np.concatenate([rest, part.values]) if len(rest) else part.values
        whole = len(values) // BLOCK * BLOCK
        yield from (values[start : start + BLOCK] for start in range(0, whole, BLOCK))
        rest = values[whole:]
    if len(rest):
        yield rest


def _moments(block):
    # Sums of differences from a step: a spread far smaller than the mean keeps its digits, a constant gives exactly 0.
    shifted = block - block[0].astype(np.float64)
    return len(block), block[0] + shifted.mean(axis=0), shifted.var(axis=0)


def _merge(n_a, mean_a, var_a, n_b, mean_b, var_b):
    n_steps = n_a + n_b
    share = n_b / n_steps
    shift = mean_b - mean_a
    return n_steps, mean_a + share * shift, (1 - share) * (var_a + share * shift**2) + share * var_b


def _is_constant(n_steps, mean, var):
    # A variance below the bound of its own rounding error (Chan, Golub, LeVeque, table 1) is that of a constant.
    epsilon = np.finfo(np.float64).eps
    return var <= n_steps * epsilon * var + (n_steps * mean * epsilon) ** 2


def _in_form(values, sequences, form, X):
    if isinstance(X, Sequences):
        return Sequences(values, sequences.offsets, X.names)
    return from_steps(values[:, 0] if form == "table" else values, sequences.offsets, form)
