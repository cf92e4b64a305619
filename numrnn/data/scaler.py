"""Standardise the inputs of sequences."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from numrnn.data.conversion import from_steps
from numrnn.data.moments import Moments
from numrnn.data.sequences import Sequences
from numrnn.data.sources import SequencesLike
from numrnn.data.validation import Inputs, check_inputs, learn_inputs
from numrnn.io.messages import InputError, InputTypeError, shown

__all__ = ["SequenceScaler"]

DTYPES = (np.float64, np.float32)
# Number of steps that are converted to float64 at a time: a copy of all data in float64 would need too much memory.
BLOCK = 1 << 14


# Sequences cannot be put into a data frame, hence `set_output` does nothing.
class SequenceScaler(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Standardise each input over all steps of all sequences: ``z = (x - mean) / standard deviation``.

    This is the counterpart of `sklearn.preprocessing.StandardScaler` for sequences of any lengths. Every step has the
    same weight, so long sequences count more than short ones. With ``per_sequence=True``, the mean and the standard
    deviation are computed for each sequence separately.

    Parameters
    ----------
    with_mean : bool, default=True
        Whether to subtract the mean.
    with_std : bool, default=True
        Whether to divide by the standard deviation. Constant inputs are divided by 1.
    method : {"standard", "robust"}, default="standard"
        With "robust", the median replaces the mean. The distance between the quartiles, divided by 1.349 (its value for
        normal data of variance 1), replaces the standard deviation. "robust" needs all data in memory at once: neither
        `partial_fit` nor shards are supported.
    per_sequence : bool, default=False
        Whether each sequence is standardised by its own mean and standard deviation. This removes differences of level
        and scale between sequences. Since it needs whole sequences, it cannot be used with `predict_step`; with
        ``output="step"``, each prediction depends on later steps of its sequence. Shards are not supported.
    keep_scale : bool, default=False
        Whether to add, for each input, the decadic logarithm of its scale in the sequence as a further input. It needs
        ``per_sequence=True``. The added inputs are the same in all steps of a sequence, and are standardised over the
        sequences of `fit`. If an input is constant in a sequence, the smallest scale of this input in the data of `fit`
        is used.

    Attributes
    ----------
    mean_ : ndarray of shape (D,), float64
        Mean of each input, or its median with ``method="robust"``. With ``per_sequence=True``, `mean_`, `var_` and
        `scale_` are not defined.
    var_ : ndarray of shape (D,), float64
        Variance of each input (the biased estimate, divided by the number of steps). Defined with
        ``method="standard"`` only.
    scale_ : ndarray of shape (D,), float64
        Divisor of each input.
    log_scale_mean_, log_scale_var_, log_scale_std_, log_scale_min_ : ndarray of shape (D,), float64
        Mean, variance, divisor and smallest value of the decadic logarithms of the scales of all sequences. Defined
        with ``keep_scale=True`` only.
    n_samples_seen_ : int
        Number of steps in the data of `fit` and `partial_fit`; with ``per_sequence=True``, number of sequences.
    n_inputs_ : int
        Number of inputs per step, D. It is 1 for a 2-D array of numbers, whose rows are univariate sequences.
    n_features_in_ : int
        Number of columns if X was a 2-D array (they are steps of univariate sequences); otherwise D.
    feature_names_in_ : ndarray of str
        Names of the inputs. Defined only if the columns of X had names, all of them str.

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

    Each sequence is standardised separately, with the logarithm of its scale as a second input:

    >>> scaler = SequenceScaler(per_sequence=True, keep_scale=True)
    >>> scaler.fit_transform([np.array([[0.01], [0.03]]), np.array([[100.0], [300.0]])])
    [array([[-1., -1.],
           [ 1., -1.]]), array([[-1.,  1.],
           [ 1.,  1.]])]
    """

    def __init__(
        self,
        *,
        with_mean: bool = True,
        with_std: bool = True,
        method: Literal["standard", "robust"] = "standard",
        per_sequence: bool = False,
        keep_scale: bool = False,
    ):
        self.with_mean = with_mean
        self.with_std = with_std
        self.method = method
        self.per_sequence = per_sequence
        self.keep_scale = keep_scale

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
            If a parameter is invalid, or a sequence is empty, is not finite or has a different number of inputs. The
            message names the parameter or sequence.

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
            A standardised copy in the form of X; float32 if X is float32, otherwise float64. Shards are standardised
            when they are read.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import SequenceScaler
        >>> SequenceScaler().fit_transform(np.array([[1.0, 2.0], [2.0, 3.0]]))
        array([[-1.41421356,  0.        ],
               [ 0.        ,  1.41421356]])
        """
        check_is_fitted(self, self._needed)
        if self.per_sequence:
            return self._each_by_itself(X)
        subtraction = [(np.subtract, self.mean_)] if self.with_mean else []
        return self._changed(X, subtraction + ([(np.divide, self.scale_)] if self.with_std else []))

    def inverse_transform(self, X: SequencesLike) -> Any:
        """Convert standardised sequences back to the original scale; not defined with ``per_sequence=True``.

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
        if self.per_sequence:
            raise InputError("per_sequence", (), "=True: must be False for inverse_transform; means are not kept")
        check_is_fitted(self, self._needed)
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

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of transformed inputs; the names of logarithms of scales end with "_log_scale".

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the inputs. The default is `feature_names_in_` or, if X had no names, "x0", "x1" and so on.

        Returns
        -------
        names : ndarray of str
            Names of the columns of transformed sequences.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import SequenceScaler
        >>> SequenceScaler(per_sequence=True, keep_scale=True).fit(np.zeros((2, 5, 1))).get_feature_names_out().tolist()
        ['x0', 'x0_log_scale']
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        if not self.keep_scale:
            return names
        return np.array([*names, *(f"{name}_log_scale" for name in names)], dtype=object)

    def _changed(self, X, operations):
        sequences, form = check_inputs(X, Inputs.of(type(self).__name__, vars(self)), dtype=DTYPES)
        if not sequences.in_memory:
            for operation, operand in operations:
                sequences = sequences.changed(operation, operand)
            return sequences
        Z = np.array(sequences.values)
        for operation, operand in operations:
            # The arithmetic is in float64 even for float32: an input far from zero must keep its digits.
            operation(Z, operand, out=Z, casting="same_kind")
        return _in_form(Z, sequences, form, X)

    def _each_by_itself(self, X):
        sequences, form = check_inputs(X, Inputs.of(type(self).__name__, vars(self)), dtype=DTYPES)
        self._check_in_memory(sequences)
        steps, found = self._own_moments(sequences)
        centres = [moments.mean if self.with_mean else 0.0 for moments in found]
        divisors = [moments.divisors if self.with_std else 1.0 for moments in found]
        Z = [(x - centre) / divisor for x, centre, divisor in zip(steps, centres, divisors, strict=True)]
        if self.keep_scale:
            logs = (self._log_scales(found) - self.log_scale_mean_) / self.log_scale_std_
            Z = [np.hstack([z, np.broadcast_to(log, z.shape)]) for z, log in zip(Z, logs, strict=True)]
        values = np.concatenate(Z).astype(sequences.values.dtype)
        if isinstance(X, Sequences):
            names = None if X.names is None else self.get_feature_names_out(X.names)
            return Sequences(values, sequences.offsets, names)
        one_column = form == "table" and not self.keep_scale
        return from_steps(values[:, 0] if one_column else values, sequences.offsets, form)

    def _own_moments(self, sequences):
        """Return the steps of each sequence in float64, and their moments."""
        moments_of = Moments.robust if self.method == "robust" else Moments.of
        steps = [np.asarray(x, np.float64).reshape(len(x), -1) for x in sequences]
        return steps, [moments_of(x) for x in steps]

    def _log_scales(self, found, constant=None):
        """Return the logarithms of the sequences' scales (N, D); `constant` replaces those of constant inputs."""
        constant = self.log_scale_min_ if constant is None else constant
        return np.array([np.where(m.constant, constant, np.log10(m.divisors)) for m in found])

    def _learn_log_scales(self, found, reset):
        least = self._log_scales(found, constant=np.inf).min(axis=0)
        least = np.where(np.isinf(least), 0.0, least)  # an input that is constant in all sequences
        self.log_scale_min_ = least if reset else np.minimum(self.log_scale_min_, least)
        before = () if reset else (self.n_samples_seen_, self.log_scale_mean_, self.log_scale_var_)
        moments = Moments(*before).merged(Moments.of(self._log_scales(found)))
        self.log_scale_mean_, self.log_scale_var_, self.log_scale_std_ = moments.mean, moments.var, moments.divisors

    def _check_parameters(self, reset):
        if self.method not in ("standard", "robust"):
            raise InputError("method", (), f'={shown(self.method)}: must be "standard" or "robust"')
        for name in ("with_mean", "with_std", "per_sequence", "keep_scale"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise InputTypeError(name, (), f"={shown(getattr(self, name))}: must be True or False")
        if self.keep_scale and not self.per_sequence:
            raise InputError("keep_scale", (), "=True: needs per_sequence=True; without it sequences share one scale")
        if not reset and self.method == "robust":
            raise InputError("method", (), '="robust": quartiles need all data at once; use fit, or method="standard"')

    def _check_in_memory(self, sequences):
        if not sequences.in_memory and (self.per_sequence or self.method == "robust"):
            name = "per_sequence" if self.per_sequence else "method"
            value = shown(getattr(self, name))
            raise InputError(name, (), f"={value}: needs sequences in memory, but X is in shards", "; pass X.load()")

    def _update(self, X, reset):
        self._check_parameters(reset)
        if reset:
            sequences, _, inputs = learn_inputs(X, type(self).__name__, dtype=DTYPES)
            for name in [name for name in vars(self) if name.endswith("_")]:
                delattr(self, name)
            vars(self).update(inputs.attributes())
        else:
            sequences, _ = check_inputs(X, Inputs.of(type(self).__name__, vars(self)), dtype=DTYPES)
        self._check_in_memory(sequences)
        if self.per_sequence:
            if self.keep_scale:
                self._learn_log_scales(self._own_moments(sequences)[1], reset)
            self.n_samples_seen_ = len(sequences) + (0 if reset else self.n_samples_seen_)
            return self
        if self.method == "robust":
            steps = np.asarray(sequences.values, np.float64).reshape(len(sequences.values), -1)
            moments = Moments.robust(steps)
        else:
            moments = Moments(*(() if reset else (self.n_samples_seen_, self.mean_, self.var_)))
            for steps in _blocks(sequences):
                moments = moments.merged(Moments.of(steps))
            self.var_ = moments.var
        self.n_samples_seen_, self.mean_, self.scale_ = moments.n_steps, moments.mean, moments.divisors
        return self

    @property
    def _needed(self):
        """Return the name of an attribute that `fit` sets with the present parameters, which may have changed since."""
        if not self.per_sequence:
            return "mean_"
        return "log_scale_min_" if self.keep_scale else "n_samples_seen_"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _blocks(sequences):
    """Yield arrays of BLOCK steps (the last may have fewer), which may begin or end within a sequence."""
    in_files, rest = not sequences.in_memory, []
    for part in (block for _, block in sequences.blocks()) if in_files else [sequences]:
        values = np.concatenate([rest, part.values]) if len(rest) else part.values
        whole = len(values) // BLOCK * BLOCK
        yield from (values[start : start + BLOCK] for start in range(0, whole, BLOCK))
        rest = values[whole:]
    if len(rest):
        yield rest


def _in_form(values, sequences, form, X):
    if isinstance(X, Sequences):
        return Sequences(values, sequences.offsets, X.names)
    return from_steps(values[:, 0] if form == "table" else values, sequences.offsets, form)
