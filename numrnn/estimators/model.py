"""What all estimators are: fitted networks that can be saved, with a page in the documentation."""

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from numrnn.estimators.saving import save_model
from numrnn.estimators.sklearn_callbacks import CallbackSupportMixin
from numrnn.estimators.weights_access import WeightsByName
from numrnn.messages import short_errors


class Model(WeightsByName, CallbackSupportMixin, BaseEstimator):
    """An estimator whose `fit` leaves its weights in `_state` and what they belong to in `_architecture`.

    A subclass lists in `_learnt` what a model file stores besides.
    """

    _doc_link_module = "numrnn"
    _doc_link_template = "https://numrnn.readthedocs.io/stable/api/{estimator_module}.{estimator_name}.html"

    def _doc_link_url_param_generator(self):
        return {"estimator_module": "numrnn", "estimator_name": type(self).__name__}

    def save(self, path):
        """Write the fitted estimator, its vocabularies included, to one safetensors file, see `numrnn.load`.

        Parameters
        ----------
        path : str or path-like
            Replaced in one go: the file is whole, old or new, at any time.

        Notes
        -----
        Weights, parameters, what `fit` learnt and the history are stored; the solver's running means are not, so that
        `partial_fit` after `load` goes on with the next epoch's shuffle but a fresh solver state. Functions and
        callbacks among the parameters are dropped with a warning. A ``RandomState`` is replaced by a seed. A vocabulary
        with a `tokenizer` cannot be stored: it is a function.
        """
        check_is_fitted(self)
        save_model(self, path)

    def _validate_params(self):
        with short_errors():
            super()._validate_params()

    def __sklearn_is_fitted__(self):
        return "_state" in vars(self)
