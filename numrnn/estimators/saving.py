"""Save a fitted estimator as named arrays and a JSON header."""

import inspect
import warnings
from dataclasses import fields
from numbers import Integral

import numpy as np

from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.io import encode, write_model
from numrnn.io.messages import shown
from numrnn.network.architecture import hidden_sizes
from numrnn.training import columns_of

# Fields of the state that the header's counters leave out: theta and the history are stored in another form, the
# solver's state is not stored.
_APART = ("theta", "solver_state", "history")


def save_model(path, kind, parameters, architecture, learnt, state):
    """Write a fitted estimator to a model file; see `Model.save`.

    The header of format 1 has ``class``, ``params``, ``architecture`` (sizes, cell, head, ...), ``learnt`` (classes
    with their dtype, numbers and names of features, a vocabulary, ...), ``training`` (seed, counters) and ``history``
    (by column). The arrays are the network's parameters, with the names of `weights_`.
    """
    if kind.__module__.split(".")[0] != "numrnn":
        raise TypeError(f"save stores only numrnn's own classes, and {kind.__name__} is not one; pickle the estimator")
    counters = {field.name: getattr(state, field.name) for field in fields(state) if field.name not in _APART}
    header = {
        "class": kind.__name__,
        "params": _encoded_parameters(kind, parameters, state.seed),
        "architecture": encode(architecture.to_dict()),
        "learnt": {name: _encoded(value) for name, value in learnt.items()},
        "training": encode(counters),
        "history": encode(columns_of(state.history)),
    }
    write_model(path, architecture.layout().views(state.theta), header)


def _encoded(learnt):
    return {"vocabulary": learnt.to_dict()} if isinstance(learnt, Vocabulary) else encode(learnt)


def _encoded_parameters(kind, parameters, seed):
    """Encode the parameters; replace each parameter that cannot be stored by its default, with a warning."""
    defaults = inspect.signature(kind.__init__).parameters
    encoded = {}
    for name, value in parameters.items():
        if isinstance(value, np.random.RandomState):
            value = seed % 2**32  # RandomState accepts seeds below 2**32
        if name == "hidden_layer_sizes" and not isinstance(value, (Integral, list, tuple, np.ndarray)):
            value = list(hidden_sizes(value))  # a range or a Series cannot be encoded
        try:
            encoded[name] = encode(value)
        except TypeError as error:
            default = defaults[name].default
            warnings.warn(
                f"save: the parameter {name}={shown(value)} is not stored ({error}); after load it is {shown(default)}",
                stacklevel=4,
            )
            encoded[name] = encode(default)
            if name == "scoring" and parameters["monitor"] not in ("loss", "score"):
                parameters = parameters | {"monitor": "loss"}  # an entry of scoring, which load would not find
                encoded["monitor"] = encode("loss")
    return encoded
