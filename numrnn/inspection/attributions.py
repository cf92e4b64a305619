"""Measure the influence of each input at each step on an output of a fitted estimator."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from numrnn.data.sources import SequencesLike
from numrnn.inspection.arguments import check_choice, check_count
from numrnn.inspection.fitted import read_estimator, read_sequences
from numrnn.inspection.integrals import integrated_gradients
from numrnn.inspection.outputs import NUMBERS_AT_ONCE, explain, repeated
from numrnn.io.messages import InputError, shown

__all__ = ["attribute"]


def attribute(
    estimator: Any,
    X: SequencesLike,
    *,
    target: Any = None,
    method: Literal["gradient", "integrated", "occlusion"] = "gradient",
    baseline: float | ArrayLike = 0,
    n_steps: int = 64,
    output: Literal["logit", "probability"] = "logit",
) -> Any:
    r"""Measure the influence of each input at each step on one output.

    Let f be the output, x the inputs of a sequence and x' the baseline. The methods return for input d at step t

    - "gradient": the derivative :math:`\partial f / \partial x_{td}`;
    - "integrated": integrated gradients [1]_, the mean of :math:`\partial f / \partial x_{td}` over the line from x' to
      x, times :math:`x_{td} - x'_{td}`; their sum over inputs and steps is f(x) - f(x'). If f is steep, parts of the
      line are halved until this holds to about 1e-4;
    - "occlusion": f(x) - f(x with :math:`x_{td}` replaced by :math:`x'_{td}`), as in [2]_.

    Parameters
    ----------
    estimator : RNNClassifier or RNNRegressor
        Fitted estimator.
    X : as in `fit`
        Sequences, in memory.
    target : label, int, array-like of shape (N,), or tuple, optional
        Output to explain: a label of `classes_`, or the number of an output if y is multi-label or the estimator is a
        regressor; or one for each sequence. None means the predicted class of each sequence, or the only output of a
        regressor. If there is an output per step, a tuple (step, output); step -1 is the last step, and None means
        ``(-1, None)``.
    method : {"gradient", "integrated", "occlusion"}, default="gradient"
        What to compute. "integrated" takes at least `n_steps` gradients, "occlusion" T D predictions for a sequence of
        T steps.
    baseline : float or array-like of shape (D,), default=0
        Inputs that hold no information, x'; 0 is the mean of standardised inputs. For symbols, it replaces the row of
        the embedding (D is then `embedding_size`, or the number of symbols without an embedding). "gradient" uses it
        for symbols only.
    n_steps : int, default=64
        Number of points between x' and x at which "integrated" computes gradients; the points and weights are those of
        Gauss and Legendre. Each half of a part has at most 8 points.
    output : {"logit", "probability"}, default="logit"
        Whether f is the raw output, which is the prediction of a regressor in units of y, or a probability.

    Returns
    -------
    attributions : list of (T_i, D) arrays, Sequences, or array of shape (N, T, D) or (N, T), float64
        Influence of each input, in the form of X and in units of f (for "gradient", of f per unit of the input). For
        symbols there is one value per step: the sum over the embedding; "gradient" is then multiplied by the difference
        between embedding and baseline, which estimates the change that the symbol causes.

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid, or the estimator is of another class.

    Warns
    -----
    UserWarning
        If integrated gradients do not add up to f(x) - f(x') within 0.1 % and the rounding errors of the dtype.

    References
    ----------
    .. [1] Sundararajan, Taly, Yan: Axiomatic attribution for deep networks. ICML 2017, equation 1.
    .. [2] Zeiler, Fergus: Visualizing and understanding convolutional networks. ECCV 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import attribute
    >>> X = np.random.default_rng(0).normal(size=(40, 6, 2))
    >>> model = RNNRegressor((8,), dtype="float64", max_iter=5, random_state=0).fit(X, X[:, -1, 0])
    >>> attributions = attribute(model, X[:3], method="integrated")
    >>> attributions.shape
    (3, 6, 2)
    >>> difference = model.predict(X[:3]) - model.predict(np.zeros((3, 6, 2)))
    >>> bool(np.allclose(attributions.sum(axis=(1, 2)), difference))
    True
    """
    fitted, vectors = read_estimator(estimator), read_sequences(estimator, X)
    check_choice("method", method, _METHODS)
    check_count("n_steps", n_steps)
    data = vectors.data
    explained = explain(fitted, data, target, output)
    baseline = _checked_baseline(baseline, data.values)
    values = _METHODS[method](explained, data, baseline, int(n_steps), vectors.of_symbols)
    return vectors.in_form(values.sum(axis=1) if vectors.of_symbols else values)


def _gradients(explained, data, baseline, n_steps, whole_steps):
    gradient = explained.gradient(data)
    return gradient * (data.values - baseline) if whole_steps else gradient


def _integrated_gradients(explained, data, baseline, n_steps, whole_steps):
    return integrated_gradients(explained, data, baseline, n_steps, stacklevel=3)


def _occlusions(explained, data, baseline, n_steps, whole_steps):
    values = np.zeros(data.values.shape)
    for i, x in enumerate(data):
        rows = slice(data.offsets[i], data.offsets[i + 1])
        values[rows] = _occlusions_of(explained.of(np.array([i])), x, baseline, whole_steps)
    return values


def _occlusions_of(explained, x, baseline, whole_steps):
    """Return f(x) - f(x with one input, or step, replaced) for one sequence; those of a step are in its first input."""
    T, D = x.shape
    groups = 1 if whole_steps else D
    changes, places = np.empty(T * groups), np.arange(T * groups)
    full = explained.values(repeated(x, 1)[0])[0]
    most = max(1, NUMBERS_AT_ONCE // x.size)
    for some in np.split(places, range(most, len(places), most)):
        copies, inputs = repeated(x, len(some))
        steps, columns = np.divmod(some, groups)
        if whole_steps:
            inputs[np.arange(len(some)), steps] = baseline
        else:
            inputs[np.arange(len(some)), steps, columns] = np.broadcast_to(baseline, D)[columns]
        changes[some] = full - explained.of(np.zeros(len(some), np.int64)).values(copies)
    results = np.zeros((T, D))
    results[:, :groups] = changes.reshape(T, groups)
    return results


def _checked_baseline(baseline, values):
    """Return the baseline as a number or an array of shape (D,), float64."""
    try:
        checked = np.asarray(baseline, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("baseline", (), f"={shown(baseline)}: must be a number or an array of numbers") from error
    D = values.shape[1]
    if checked.shape not in ((), (D,)) or not np.isfinite(checked).all():
        raise InputError("baseline", (), f"={shown(baseline)}: must be a finite number or an array of shape ({D},)")
    return checked


_METHODS = {"gradient": _gradients, "integrated": _integrated_gradients, "occlusion": _occlusions}
