"""Define a base class for all estimators: access to weights, saving, and links to the documentation."""

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from numrnn.data.array_checks import check_plain
from numrnn.data.containers import numbers_of_objects
from numrnn.estimators.saving import save_model
from numrnn.estimators.summary import facts_of, html_of, text_of
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.training.callbacks import CallbackSupportMixin


class WeightsByName:
    """Give access by name to the network's parameters, which are stored in one flat vector."""

    @property
    def weights_(self) -> dict[str, np.ndarray]:
        """Return a dict of read-only views of the parameters; the notation page lists their names and shapes."""
        self._check_has_weights("weights_")
        theta = self._state.theta.view()
        theta.flags.writeable = False
        return self._architecture.layout().views(theta)

    def set_weights(self, weights: Mapping[str, ArrayLike]) -> Self:
        """Replace parameters of a fitted or initialised estimator.

        Parameters
        ----------
        weights : dict of str to array-like
            New values, with the names and shapes of `weights_`. Parameters that the dict does not name keep their
            values.

        Returns
        -------
        self : estimator
            The estimator itself.

        Raises
        ------
        TypeError
            If `weights` is not a dict.
        ValueError
            If a name is unknown, a shape differs or a value is not finite. The estimator is not changed in this case.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNRegressor
        >>> model = RNNRegressor((4,)).initialize(np.zeros((8, 5, 2)), np.zeros(8))
        >>> model.set_weights({"c": [0.5]}).c_
        array([0.5], dtype=float32)
        """
        check_is_fitted(self)
        layout = self._architecture.layout()
        theta = self._state.theta.copy()
        views = layout.views(theta)
        if not isinstance(weights, Mapping):
            raise InputTypeError("weights", (), f"={shown(weights)}: must be a dict of arrays by the names in weights_")
        for name, values in weights.items():
            if name not in views:
                problem = f": unknown name {shown(name)}; the names of this network are {', '.join(views)}"
                raise InputError("weights", (), problem)
            check_plain(values, f"weights[{shown(name)}]")
            if isinstance(values, np.ndarray) and values.dtype == object:
                values = numbers_of_objects(values, f"weights[{shown(name)}]")
            try:
                values = np.asarray(values, dtype=theta.dtype)
            except (TypeError, ValueError, OverflowError) as error:
                problem = f"must be an array of numbers: {shown(error)}"
                raise InputError("weights", (shown(name),), problem) from error
            if values.shape != views[name].shape:
                problem = f"must have shape {views[name].shape}, got {values.shape}"
                raise InputError("weights", (shown(name),), problem)
            if not np.isfinite(values).all():
                problem = f"contains NaN or infinity, or a value too large for {values.dtype}"
                raise InputError("weights", (shown(name),), problem)
            views[name][...] = values
        # A new state, not a change in place: shallow copies of the estimator share the old state.
        self._state = replace(self._state, theta=theta)
        return self

    def _check_has_weights(self, name):
        if "_state" not in vars(self):
            # hasattr and scikit-learn's HTML display rely on AttributeError before fit.
            raise AttributeError(
                f"{type(self).__name__} has no attribute {shown(name)} before fit or initialize; call one of them first"
            )


class WeightsAccess(WeightsByName):
    """Give access to the network's parameters by the letters of the notation: `U_`, `W_`, `b_`, `V_` and `c_`."""

    @property
    def U_(self) -> list[np.ndarray]:
        """Return the list of the layers' input weights, each of shape (G*H, D) with the layer's D and H.

        In a bidirectional network, each layer has two entries in `U_`, in `W_` and in `b_`: first the one for the
        forward direction, then the one for the reverse direction.
        """
        return self._by_layer("U")

    @property
    def W_(self) -> list[np.ndarray]:
        """Return the list of the layers' recurrent weights, each of shape (G*H, H)."""
        return self._by_layer("W")

    @property
    def b_(self) -> list[np.ndarray]:
        """Return the list of the layers' biases, each of shape (G*H,)."""
        return self._by_layer("b")

    @property
    def V_(self) -> np.ndarray:
        """Return the output weights, of shape (K, H)."""
        self._check_has_weights("V_")
        return self.weights_["V"]

    @property
    def c_(self) -> np.ndarray:
        """Return the output biases, of shape (K,)."""
        self._check_has_weights("c_")
        return self.weights_["c"]

    def _by_layer(self, letter):
        self._check_has_weights(f"{letter}_")
        weights = self.weights_
        layout = self._architecture.layout()
        prefixes = [prefix for i in range(len(layout.hidden_layer_sizes)) for prefix in layout.prefixes(i)]
        return [weights[f"{prefix}{letter}"] for prefix in prefixes]


class Model(WeightsByName, CallbackSupportMixin, BaseEstimator):
    """Define a base class for estimators with weights in `_state` and a description of the network in `_architecture`.

    A subclass lists in `_learnt` the names of the fitted attributes that a model file also stores.
    """

    _doc_link_module = "numrnn"
    _doc_link_template = "https://numrnn.readthedocs.io/stable/api/{estimator_module}.{estimator_name}.html"

    def _doc_link_url_param_generator(self):
        return {"estimator_module": "numrnn", "estimator_name": type(self).__name__}

    def save(self, path: str | PathLike) -> None:
        """Write the fitted estimator, including its vocabularies, to one safetensors file.

        Parameters
        ----------
        path : str or path-like
            File to write. An existing file is replaced atomically: at any time it holds the complete old or new model.

        See Also
        --------
        numrnn.load : Load a saved estimator.

        Notes
        -----
        The file stores the weights, the constructor parameters, the fitted attributes and the history. It does not
        store the solver's moving averages: `partial_fit` after `load` continues with the shuffle of the next epoch, but
        with a new solver state. Parameters that hold functions or callbacks are replaced by their defaults, with a
        warning; a ``RandomState`` is replaced by a seed. A vocabulary with a `tokenizer` cannot be stored, since the
        tokenizer is a function.
        """
        check_is_fitted(self)
        parameters = self.get_params(deep=False)
        save_model(path, type(self), parameters, self._architecture, self._what_was_learnt(), self._state)

    def summary(self) -> str:
        """Return a table of the network's parts with the shapes and numbers of their parameters.

        Returns
        -------
        text : str
            Table, followed by the number of epochs, the last losses and the seconds of the fit, if there was one.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
        >>> print(RNNRegressor((4,), random_state=0).initialize(X, X.sum(axis=(1, 2))).summary())
        RNNRegressor: gru, float32
        part      parameters                                number
        ----------------------------------------------------------
        layers.0  U (12, 2)  W (12, 4)  b (12,)  b_Wn (4,)      88
        output    V (1, 4)  c (1,)                               5
        ----------------------------------------------------------
        total                                                   93
        """
        check_is_fitted(self)
        return text_of(self._title(), self._architecture.layout().shapes, facts_of(vars(self).get("history_")))

    def _title(self):
        return f"{type(self).__name__}: {self.cell}, {self._architecture.dtype}"

    def _repr_html_inner(self):
        return super()._repr_html_inner() + self._network_as_html()

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        if "text/html" in bundle:
            bundle["text/html"] += self._network_as_html()
        return bundle

    def _network_as_html(self):
        """Return the parts of a fitted network and its learning curve, which follow scikit-learn's diagram."""
        if not self.__sklearn_is_fitted__():
            return ""
        return html_of(self._title(), self._architecture.layout().shapes, vars(self).get("history_"))

    def __sklearn_is_fitted__(self):
        return "_state" in vars(self)

    def _predictor(self, device=None):
        """Return the predictor for the current weights, on `device` or, if it is None, on the estimator's device.

        The predictor is cached in the state, not in the estimator: `fit`, `set_weights` and `load` create a new state,
        and copies of a state do not copy the predictor. Training changes the weights of a state in place and increments
        its `version`.
        """
        state = vars(self).get("_state")
        if state is None:
            check_is_fitted(self)
        prepared, version = state.prepared, state.version
        device = self.device if device is None else device
        if prepared is not None and prepared[:2] == (version, device):
            return prepared[2]
        predictor = self._architecture.predictor(state.theta, device)
        if version % 2 == 0:
            # The version was read before the weights: if they have changed since then, this predictor is never used.
            state.prepared = version, device, predictor
        return predictor
