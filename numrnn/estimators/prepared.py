"""The predictor of a fitted estimator, kept until its weights change."""

from sklearn.utils.validation import check_is_fitted


def predictor_of(estimator, device=None):
    """Return what predicts with the present weights.

    It is kept on the estimator's state, not on the estimator: a fit, `set_weights` or `load` makes a new state, and
    copies of a state leave it behind. Training changes a state's weights in place; `version` tells.

    Parameters
    ----------
    estimator : any of numrnn's
    device : {"cpu", "cuda"}, optional
        None: the estimator's.

    Returns
    -------
    predictor : Predictor, or EncoderDecoder with its weights packed

    Raises
    ------
    NotFittedError
    """
    state = vars(estimator).get("_state")
    if state is None:
        check_is_fitted(estimator)
    prepared, version = state.prepared, state.version
    device = estimator.device if device is None else device
    if prepared is not None and prepared[:2] == (version, device):
        return prepared[2]
    predictor = estimator._architecture.predictor(state.theta, device)
    if version % 2 == 0:
        # With the version that was read before the weights: should they have changed since, it is never used.
        state.prepared = version, device, predictor
    return predictor
