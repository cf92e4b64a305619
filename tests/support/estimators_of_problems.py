"""Make estimators with the weights of the problems of `problems.py`."""

import numpy as np

from numrnn import RNNClassifier, RNNRegressor


def estimator_of(problem, **options):
    """Return an estimator, float64, with the architecture and weights of a problem."""
    weights = problem.weights
    hidden = [len(v) for name, v in weights.items() if name.endswith(".W") and ".reverse." not in name]
    gates = {"elman": 1, "gru": 3, "lstm": 4}[problem.cell]
    common = {
        "cell": problem.cell,
        "activation": problem.activation,
        "output": problem.output,
        "pooling": problem.pooling,
        "bidirectional": any(".reverse." in name for name in weights),
        "initial_state": "learned" if "layers.0.s_0" in weights else "zero",
        "dtype": "float64",
        "random_state": 0,
        "n_jobs": 1,
    }
    if problem.X[0].dtype.kind in "iu":
        embedding = weights.get("embedding")
        common["n_symbols"] = len(embedding) if embedding is not None else weights["layers.0.U"].shape[1]
        common["embedding_size"] = None if embedding is None else embedding.shape[1]
    kind = RNNClassifier
    if problem.head == "identity":
        kind, common["scale_targets"] = RNNRegressor, False
    model = kind(tuple(size // gates for size in hidden), **common | options)
    return model.initialize(problem.X, _targets(problem)).set_weights(weights)


def _targets(problem):
    """Return y, in which each class occurs."""
    if problem.head != "softmax":
        return problem.y
    K = len(problem.weights["c"])
    y = np.concatenate([np.atleast_1d(each) for each in problem.y])
    y[:K] = np.arange(K)
    if problem.output == "sequence":
        return y
    return np.split(y, np.cumsum([len(x) for x in problem.X])[:-1])
