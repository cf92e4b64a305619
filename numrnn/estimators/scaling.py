"""A scaler and a network as one network."""

import numpy as np

__all__ = ["fold_scaler"]


def fold_scaler(estimator, scaler):
    """Change a network trained on standardised inputs so that it takes the inputs as they were.

    U ((x - mean) / scale) + b = (U / scale) x + (b - U (mean / scale)): the same function, up to rounding, and one
    model to save instead of two.

    Parameters
    ----------
    estimator : RNNClassifier or RNNRegressor
        Fitted on what `scaler` returned; its first layer's U and b are replaced.
    scaler : SequenceScaler
        Fitted.

    Returns
    -------
    estimator : the same estimator

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNClassifier, SequenceScaler
    >>> from numrnn.datasets import load_japanese_vowels
    >>> from numrnn.estimators.scaling import fold_scaler
    >>> vowels = load_japanese_vowels()
    >>> scaler = SequenceScaler().fit(vowels.X_train)
    >>> model = RNNClassifier(max_iter=1, random_state=0).fit(scaler.transform(vowels.X_train), vowels.y_train)
    >>> before = model.predict_proba(scaler.transform(vowels.X_test))
    >>> np.allclose(fold_scaler(model, scaler).predict_proba(vowels.X_test), before, atol=1e-5)
    True
    """
    weights = {name: np.array(values, dtype=np.float64) for name, values in estimator.weights_.items()}
    U = weights["layers.0.U"] / scaler.scale_
    weights["layers.0.b"] -= U @ scaler.mean_
    weights["layers.0.U"] = U
    estimator.set_weights(weights)
    return estimator
