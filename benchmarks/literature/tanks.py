"""Measure cascaded tanks (Schoukens et al. 2016): simulate the level of the lower tank from the voltage of the pump.

The training series is cut into overlapping windows; the last fifth of them is for validation, after a gap of those that
overlap it. Units and dropout had the lowest validation loss among 16, 32, 64 and 128 units, without and with dropout.
"""

import numpy as np
from literature.protocol import run
from public_data import read_tanks

from numrnn import RNNRegressor

PUBLISHED = {"GRU": 0.396, "LSTM": 0.490, "Elman": 0.543}
WINDOW, STRIDE = 384, 16
COMMON = {"output": "step", "hidden_layer_sizes": 64, "dropout": 0.1, "max_iter": 300, "washout": 50}
VALIDATION = {"validation": "last", "gap": WINDOW // STRIDE, "validation_fraction": 0.2, "restore_best_weights": True}


def measure(folder, seed):
    """Return the root of the mean squared error of the test part, in volts, for each cell."""
    u, y, u_test, y_test = read_tanks(folder)
    X, X_test = ((x[:, None] - u.mean()) / u.std() for x in (u, u_test))
    windows = [slice(start, start + WINDOW) for start in range(0, len(u) - WINDOW + 1, STRIDE)]
    found = {}
    for cell in PUBLISHED:
        model = RNNRegressor(cell=cell.lower(), **COMMON, **VALIDATION, random_state=seed)
        model.fit([X[window] for window in windows], [y[window] for window in windows])
        found[cell] = float(np.sqrt(np.mean((model.predict([X_test])[0] - y_test) ** 2)))
    return found


if __name__ == "__main__":
    run("tanks", measure, __doc__, seeds=5)
