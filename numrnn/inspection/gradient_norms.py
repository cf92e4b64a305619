"""Measure how far gradients flow back through time."""

from typing import Any

import numpy as np
from sklearn.utils import Bunch

from numrnn.data.sources import SequencesLike, Targets, TargetsLike
from numrnn.inspection.fitted import read_estimator, read_sequences
from numrnn.inspection.steps import layer_of, outputs_below
from numrnn.io.messages import InputError
from numrnn.kernels.cpu import losses
from numrnn.network.interface import goal_of

__all__ = ["gradient_flow"]

FRACTION = 0.01  # of the largest norm, which defines the horizon


def gradient_flow(estimator: Any, X: SequencesLike, y: TargetsLike, *, layer: int = -1) -> Bunch:
    r"""Measure the norm of :math:`\partial L_i / \partial s_t` by lag, the number of steps before the last one.

    L_i is the loss of sequence i; with ``output="step"``, the loss of its last step. The derivative is total: it
    includes all paths through later steps and upper layers. For an LSTM, s_t comprises hidden state and memory. If the
    norms fall exponentially, gradients vanish [1]_ [2]_, and the network cannot learn from earlier steps.

    Parameters
    ----------
    estimator : RNNClassifier or RNNRegressor
        Fitted estimator, not bidirectional; after ``initialize(X, y)``, the flow is that before training.
    X, y : as in `fit`
        Sequences, in memory, and their targets.
    layer : int, default=-1
        Number of the layer, starting at 0; -1 is the last layer.

    Returns
    -------
    result : Bunch
        `norms` of shape (longest,): mean norm at lags 0, 1, ... over the sequences that are long enough; `counts`, the
        number of these sequences; `horizon`, the largest lag whose norm is at least 1 % of the largest norm.

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid, the network is bidirectional, or the estimator is of another class.

    References
    ----------
    .. [1] Bengio, Simard, Frasconi: Learning long-term dependencies with gradient descent is difficult. IEEE
       Transactions on Neural Networks 5, 1994.
    .. [2] Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks. ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import gradient_flow
    >>> X = np.random.default_rng(0).normal(size=(8, 50, 2))
    >>> y = X.sum(axis=(1, 2))
    >>> flows = [gradient_flow(RNNRegressor((16,), cell=cell, random_state=0).initialize(X, y), X, y)
    ...          for cell in ("elman", "lstm")]
    >>> [len(flow.norms) for flow in flows]
    [50, 50]
    """
    fitted, vectors = read_estimator(estimator), read_sequences(estimator, X)
    if fitted.architecture.bidirectional:
        problem = "is bidirectional: must read in one direction, since the reverse direction has no lag"
        raise InputError("estimator", (), problem)
    index = layer_of(fitted, layer)[1]
    data = vectors.data
    dtops = _dloss(fitted, data, estimator._targets(y, data, None)) @ fitted.weights["V"].astype(np.float64)
    sums, counts = np.zeros((2, int(data.lengths.max())))
    for x, dtop in zip(data, dtops, strict=True):
        norms = np.linalg.norm(_dstates(fitted, x, dtop, index), axis=1)[::-1]
        sums[: len(norms)] += norms
        counts[: len(norms)] += 1
    norms = sums / counts
    horizon = int(np.flatnonzero(norms >= FRACTION * norms.max())[-1])
    return Bunch(norms=norms, counts=counts.astype(np.int64), horizon=horizon)


def _dloss(fitted, data, targets):
    """Return the derivatives (N, K) of the loss of each sequence with respect to its last raw outputs."""
    network = fitted.network()
    logits, _ = network.predict(fitted.theta, data, raw=True)
    values = targets.values
    if fitted.architecture.output == "step":
        logits, values = logits[data.offsets[1:] - 1], values[data.offsets[1:] - 1]
    logits, goal = logits.copy(), goal_of(Targets(values), network.dtype)
    losses.summed_loss(network.head.loss, network.dtype.type(network.head.parameter), logits, *goal[:-1])
    return logits.astype(np.float64)  # the losses overwrite raw outputs with derivatives


def _dstates(fitted, x, dtop, index):
    """Return the derivatives (T, S) of a loss with respect to the states of layer `index`, given that by the top."""
    architecture, weights = fitted.architecture, fitted.weights
    last = len(architecture.hidden_layer_sizes) - 1
    douts = None
    for number in range(last, index - 1, -1):
        direction = layer_of(fitted, number)[0]
        inputs = outputs_below(architecture, weights, number, x)
        states = [direction.first_state(), *(step.state for step in direction.run(inputs))]
        H = direction.parameters["W"].shape[1]
        if douts is None:
            pooling = "last" if architecture.output == "step" else architecture.pooling
            douts = _READS[pooling](np.array(states[1:])[:, :H], dtop)
        dstates, dinputs = np.zeros((len(x), len(states[0]))), np.zeros(inputs.shape)
        dstate = np.zeros(len(states[0]))
        for t in range(len(x) - 1, -1, -1):
            dstate[:H] += douts[t]
            dstates[t] = dstate
            step = direction.step(inputs[t], states[t])
            dinputs[t] = step.by_input.T @ dstate
            dstate = step.by_state.T @ dstate
        douts = dinputs
    return dstates


def _read_last(states, dtop):
    douts = np.zeros(states.shape)
    douts[-1] = dtop
    return douts


def _read_mean(states, dtop):
    return np.broadcast_to(dtop / len(states), states.shape)


def _read_maximum(states, dtop):
    douts = np.zeros(states.shape)
    douts[states.argmax(axis=0), np.arange(states.shape[1])] = dtop
    return douts


_READS = {"last": _read_last, "mean": _read_mean, "max": _read_maximum}
