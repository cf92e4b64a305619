"""Return eigenvalues of W, singular values of the Jacobians of steps, and Lyapunov exponents."""

from typing import Any

import numpy as np

from numrnn.data.sources import SequencesLike
from numrnn.inspection.fitted import read_estimator, read_sequences
from numrnn.inspection.steps import GATES, layer_of, outputs_below

__all__ = ["jacobian_singular_values", "lyapunov_exponents", "recurrent_eigenvalues"]

SMALLEST = np.finfo(np.float64).tiny  # stands for 0, whose logarithm is not finite


def recurrent_eigenvalues(estimator: Any, *, layer: int = -1) -> dict[str, np.ndarray]:
    """Return the eigenvalues of the recurrent weights W of a layer.

    Parameters
    ----------
    estimator : RNNClassifier or RNNRegressor
        Fitted estimator.
    layer : int, default=-1
        Number of the layer, starting at 0; -1 is the last layer.

    Returns
    -------
    eigenvalues : dict of str to ndarray of shape (H,), complex128
        Eigenvalues, the largest modulus first, by the name of the part of W: "W" of an Elman cell; "r", "z" and "n" of
        a GRU; "i", "f", "g" and "o" of an LSTM. In a bidirectional network, those of the forward direction.

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid, or the estimator is of another class.

    References
    ----------
    - R. Pascanu, T. Mikolov, Y. Bengio: On the difficulty of training recurrent neural networks. ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import recurrent_eigenvalues
    >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
    >>> model = RNNRegressor((4,), cell="elman", random_state=0).initialize(X, X.sum(axis=(1, 2)))
    >>> np.abs(recurrent_eigenvalues(model)["W"]).round(5)  # W is orthogonal before training
    array([1., 1., 1., 1.])
    """
    fitted = read_estimator(estimator)
    direction, _ = layer_of(fitted, layer)
    names = GATES[direction.cell]
    parts = np.split(direction.parameters["W"], len(names))
    values = (np.linalg.eigvals(part).astype(np.complex128) for part in parts)
    return {name: each[np.argsort(-np.abs(each))] for name, each in zip(names, values, strict=True)}


def jacobian_singular_values(estimator: Any, X: SequencesLike, *, layer: int = -1) -> Any:
    r"""Return the singular values of the Jacobian :math:`\partial s_t / \partial s_{t-1}` of a layer at every step.

    Values above 1 are directions in which a step enlarges differences of states and gradients; values below 1 are
    directions in which it shrinks them.

    Parameters
    ----------
    estimator, X, layer : as in `hidden_states`
        Fitted estimator, sequences and number of the layer.

    Returns
    -------
    values : list of (T_i, S) arrays, Sequences, or array of shape (N, T, S), float64
        Singular values in the form of X, the largest first. S is H, or 2H for an LSTM, whose state comprises s_t and
        the memory. In a bidirectional network, those of the forward direction.

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid, or the estimator is of another class.

    References
    ----------
    - R. Pascanu, T. Mikolov, Y. Bengio: On the difficulty of training recurrent neural networks. ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import jacobian_singular_values
    >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
    >>> model = RNNRegressor((4,), cell="elman", random_state=0).initialize(X, X.sum(axis=(1, 2)))
    >>> values = jacobian_singular_values(model, X)
    >>> values.shape, bool(values.max() <= 1)  # W is orthogonal, and the slope of tanh is at most 1
    ((8, 5, 4), True)
    """
    fitted, vectors = read_estimator(estimator), read_sequences(estimator, X)
    runs = _jacobians(fitted, vectors.data, layer)
    return vectors.in_form(np.array([np.linalg.svd(J, compute_uv=False) for run in runs for J in run]))


def lyapunov_exponents(estimator: Any, X: SequencesLike, *, layer: int = -1) -> np.ndarray:
    """Estimate the Lyapunov exponents of a layer that is driven by sequences.

    Exponent k is the mean logarithm, per step, of the factor by which the k-th direction of a small difference of
    states grows. It is computed by a QR decomposition of the product of Jacobians at each step [1]_; sequences are
    weighted by their lengths. If the largest exponent is negative, the network forgets its past at that rate, and
    gradients vanish; if it is positive, they explode [2]_.

    Parameters
    ----------
    estimator, X, layer : as in `hidden_states`
        Fitted estimator, sequences and number of the layer.

    Returns
    -------
    exponents : ndarray of shape (S,), float64
        Exponents in nats per step, the largest first. S is H, or 2H for an LSTM. In a bidirectional network, those of
        the forward direction.

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid, or the estimator is of another class.

    References
    ----------
    .. [1] Benettin, Galgani, Giorgilli, Strelcyn: Lyapunov characteristic exponents for smooth dynamical
       systems. Meccanica 15, 1980.
    .. [2] Vogt, Puelma Touzel, Shlizerman, Lajoie: On Lyapunov exponents for RNNs. Frontiers in Applied
       Mathematics and Statistics 8, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import lyapunov_exponents
    >>> X = np.random.default_rng(0).normal(size=(2, 100, 2))
    >>> model = RNNRegressor((4,), cell="elman", random_state=0).initialize(X, X.sum(axis=(1, 2)))
    >>> bool(lyapunov_exponents(model, X)[0] < 0)
    True
    """
    fitted, vectors = read_estimator(estimator), read_sequences(estimator, X)
    sums = 0
    for run in _jacobians(fitted, vectors.data, layer):
        directions = None
        for J in run:
            directions, growth = np.linalg.qr(J if directions is None else J @ directions)
            sums = sums + np.log(np.maximum(np.abs(np.diag(growth)), SMALLEST))
    return np.sort(sums / vectors.data.lengths.sum())[::-1]


def _jacobians(fitted, data, layer):
    """Yield for each sequence an iterator of its Jacobians (S, S)."""
    direction, index = layer_of(fitted, layer)
    for x in data:
        inputs = outputs_below(fitted.architecture, fitted.weights, index, x)
        yield (step.by_state for step in direction.run(inputs))
