"""Read the weights of a fitted estimator, and sequences as the vectors that its first layer reads."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from numrnn.data.conversion import from_steps
from numrnn.data.sequences import Sequences
from numrnn.estimators.problem import n_threads
from numrnn.estimators.supervised import BaseRNN
from numrnn.inspection.arguments import is_integer
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.network.architecture import Architecture
from numrnn.network.input_gradients import vectors_of


class Fitted(NamedTuple):
    """Hold a classifier or regressor as a network that reads vectors: numbers, rows of the embedding, or one-hot."""

    architecture: Architecture  # without symbols
    weights: dict  # arrays by name, without the embedding
    estimator: Any
    threads: int

    @property
    def theta(self):
        """Return the weights as one flat vector."""
        return flat(self.architecture, self.weights)

    def network(self):
        """Return a network of this architecture on the estimator's device."""
        return self.architecture.network(self.threads, device=self.estimator.device)


class Vectors(NamedTuple):
    """Hold the sequences of X as vectors, and the form of X."""

    data: Sequences  # values of shape (steps, D)
    form: str
    of_symbols: bool
    plain: bool  # whether the sequences of X are 1-D: numbers without the axis D

    def in_form(self, values):
        """Return results per step in the form of X."""
        squeezes = self.plain and values.ndim == 2 and values.shape[1] == 1
        return from_steps(values[:, 0] if squeezes else values, self.data.offsets, self.form)


def read_estimator(estimator):
    """Return a fitted classifier or regressor as `Fitted`; raise an error for other estimators."""
    if not isinstance(estimator, BaseRNN):
        problem = f"={shown(estimator)}: must be an RNNClassifier or RNNRegressor"
        raise InputTypeError("estimator", (), problem, "; of a pipeline, pass the last step")
    check_is_fitted(estimator)
    architecture = estimator._architecture
    read = architecture._replace(n_inputs=architecture.layout().n_inputs, n_symbols=None, embedding_size=None)
    weights = {name: values for name, values in estimator.weights_.items() if name != "embedding"}
    return Fitted(read, weights, estimator, n_threads(estimator.n_jobs))


def read_sequences(estimator, X):
    """Return X as `Vectors`, after the checks of `predict`."""
    theta = estimator._state.theta
    data, form = estimator._reader(theta.dtype)._replace(device="cpu").read(X)
    if not data.in_memory:
        raise InputError("X", (), "is in shards: must be in memory; pass X[ids] of some sequences, or X.load()")
    layout = estimator._architecture.layout()
    vectors = Sequences(vectors_of(layout, theta, data.values), data.offsets)
    return Vectors(vectors, form, layout.n_symbols is not None, _is_plain(X, form))


def read_layer(architecture, layer):
    """Return the index of a layer from 0; `layer` may count from the end."""
    count = len(architecture.hidden_layer_sizes)
    if not is_integer(layer) or not -count <= layer < count:
        raise InputError("layer", (), f"={shown(layer)}: must be an integer from {-count} to {count - 1}")
    return int(layer) % count


def flat(architecture, weights):
    """Return named weights as one flat vector in the order of the architecture."""
    layout = architecture.layout()
    theta = np.empty(layout.size, architecture.dtype)
    for name, view in layout.views(theta).items():
        view[...] = weights[name]
    return theta


def _is_plain(X, form):
    if form == "table":
        return True
    first = X.values if form == "sequences" else X[0]
    return np.ndim(first) == 1
