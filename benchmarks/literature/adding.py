"""Measure the adding problem over 600 steps (Bai, Kolter, Koltun 2018): the sum of the two marked numbers."""

import numpy as np
from literature.protocol import run

from numrnn import RNNRegressor
from numrnn.datasets import make_adding_problem

PUBLISHED = {"squared error": 5.3e-5}  # GRU; their LSTM's 0.164 is no better than a constant
N_TRAIN, N_VALIDATION, N_TEST, STEPS = 20_000, 1_000, 1_000, 600


def measure(folder, seed):
    """Return the mean squared error of the test part, with the weights that did best on the validation part."""
    (X, y), (X_val, y_val), (X_test, y_test) = (
        make_adding_problem(n, length=STEPS, random_state=3 * seed + part)
        for part, n in enumerate((N_TRAIN, N_VALIDATION, N_TEST))
    )
    model = RNNRegressor(
        (64,), learning_rate="cosine", max_iter=20, restore_best_weights=True, random_state=seed
    )  # fmt: skip
    model.fit(X, y, X_val=X_val, y_val=y_val)
    return {"squared error": float(np.mean((model.predict(X_test) - y_test) ** 2))}


if __name__ == "__main__":
    run("adding", measure, __doc__)
