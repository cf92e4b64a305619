"""Return hidden states and gates of a fitted estimator at every step."""

from typing import Any

import numpy as np
from sklearn.utils import Bunch

from numrnn.data.sources import SequencesLike
from numrnn.inspection.fitted import flat, read_estimator, read_layer, read_sequences
from numrnn.inspection.steps import STEPS_WITH_GATES, directions_of, outputs_below
from numrnn.io.messages import InputError

__all__ = ["gate_saturation", "gate_values", "hidden_states"]

CLOSED, OPEN = 0.1, 0.9


def hidden_states(estimator: Any, X: SequencesLike, *, layer: int = -1) -> Any:
    """Return the hidden states s_t of a layer at every step.

    Parameters
    ----------
    estimator : RNNClassifier or RNNRegressor
        Fitted estimator.
    X : as in `fit`
        Sequences, in memory.
    layer : int, default=-1
        Number of the layer, starting at 0 with the layer that reads the inputs; -1 is the last layer.

    Returns
    -------
    states : list of (T_i, H) arrays, Sequences, or array of shape (N, T, H)
        Hidden states in the form of X. In a bidirectional network, the forward and the reverse direction are
        concatenated, (T_i, 2H).

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid, or the estimator is of another class.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import hidden_states
    >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
    >>> model = RNNRegressor((4,), max_iter=2, random_state=0).fit(X, X.sum(axis=(1, 2)))
    >>> states = hidden_states(model, X)
    >>> states.shape, bool((states[:, -1] == model.transform(X)).all())
    ((8, 5, 4), True)
    """
    fitted, vectors = read_estimator(estimator), read_sequences(estimator, X)
    index = read_layer(fitted.architecture, layer)
    sizes = fitted.architecture.hidden_layer_sizes[: index + 1]
    width = sizes[-1] * fitted.architecture.directions
    shown = fitted.architecture._replace(
        hidden_layer_sizes=sizes, n_outputs=width, head="identity", output="step", pooling="last"
    )
    weights = fitted.weights | {"V": np.eye(width), "c": np.zeros(width)}  # the outputs are the states
    network = fitted._replace(architecture=shown).network()
    return vectors.in_form(network.predict(flat(shown, weights), vectors.data, raw=True)[0])


def gate_values(estimator: Any, X: SequencesLike, *, layer: int = -1) -> dict[str, Any]:
    """Return the gates of a GRU or LSTM layer at every step.

    Parameters
    ----------
    estimator, X, layer : as in `hidden_states`
        Fitted estimator, sequences and number of the layer.

    Returns
    -------
    gates : dict of str to list of (T_i, H) arrays, Sequences, or array of shape (N, T, H), float64
        Values from 0 to 1 in the form of X, by the name of the gate: "r" and "z" of a GRU; "i", "f" and "o" of an LSTM.
        In a bidirectional network, the directions are concatenated, (T_i, 2H).

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid, the cell has no gates, or the estimator is of another class.

    References
    ----------
    - K. Cho et al.: Learning phrase representations using RNN encoder-decoder. EMNLP 2014.
    - F. A. Gers, J. Schmidhuber, F. Cummins: Learning to forget. Neural Computation 12, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import gate_values
    >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
    >>> model = RNNRegressor((4,), cell="lstm", max_iter=2, random_state=0).fit(X, X.sum(axis=(1, 2)))
    >>> gates = gate_values(model, X)
    >>> {name: values.shape for name, values in gates.items()}
    {'i': (8, 5, 4), 'f': (8, 5, 4), 'o': (8, 5, 4)}
    """
    fitted, vectors = read_estimator(estimator), read_sequences(estimator, X)
    index = read_layer(fitted.architecture, layer)
    names = STEPS_WITH_GATES.get(fitted.architecture.cell)
    if names is None:
        raise InputError("estimator", (), f"has cell='{fitted.architecture.cell}', which has no gates")
    parts = []
    for direction in directions_of(fitted.architecture, fitted.weights, index):
        rows = []
        for x in vectors.data:
            inputs = outputs_below(fitted.architecture, fitted.weights, index, x)
            own = [list(step.gates.values()) for step in direction.run(inputs)]
            rows += own[::-1] if direction.reads_back else own
        parts.append(np.array(rows))  # (steps, gates, H)
    values = np.concatenate(parts, axis=2)
    return {name: vectors.in_form(values[:, number]) for number, name in enumerate(names)}


def gate_saturation(estimator: Any, X: SequencesLike, *, layer: int = -1) -> dict[str, Bunch]:
    """Measure how often each unit's gates are closed (below 0.1) or open (above 0.9).

    Parameters
    ----------
    estimator, X, layer : as in `hidden_states`
        Fitted estimator, sequences and number of the layer.

    Returns
    -------
    saturation : dict of str to Bunch
        By the name of the gate (see `gate_values`): the fractions `closed` and `open` of all steps, each of shape (H,).

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid, the cell has no gates, or the estimator is of another class.

    References
    ----------
    - A. Karpathy, J. Johnson, L. Fei-Fei: Visualizing and understanding recurrent networks. ICLR workshop 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> from numrnn.inspection import gate_saturation
    >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
    >>> model = RNNRegressor((4,), max_iter=2, random_state=0).fit(X, X.sum(axis=(1, 2)))
    >>> gate_saturation(model, X)["z"].open.shape
    (4,)
    """
    saturation = {}
    for name, values in gate_values(estimator, X, layer=layer).items():
        rows = np.concatenate(list(values))
        saturation[name] = Bunch(closed=(rows < CLOSED).mean(axis=0), open=(rows > OPEN).mean(axis=0))
    return saturation
