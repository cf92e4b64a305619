"""Measure JSB Chorales (Bai, Kolter, Koltun 2018, table 1): predict the keys of the next step from all before it."""

import numpy as np
from literature.protocol import run
from public_data import read_chorales

from numrnn import RNNClassifier

PUBLISHED = {"LSTM": 8.45, "GRU": 8.43, "Elman": 8.91}
SETTINGS = {
    "LSTM": {"cell": "lstm", "hidden_layer_sizes": 220, "dropout": 0.3, "recurrent_dropout": 0.2},
    "GRU": {"cell": "gru", "hidden_layer_sizes": 260, "dropout": 0.3, "recurrent_dropout": 0.3},
    "Elman": {"cell": "elman", "hidden_layer_sizes": 470, "dropout": 0.1},
}
COMMON = {"output": "step", "learning_rate_init": 2e-3, "batch_size": 8, "max_iter": 300, "early_stopping": True}


def measure(folder, seed):
    """Return the negative log-likelihood of a frame of the test part for each cell."""
    (X, y), (X_val, y_val), (X_test, y_test) = read_chorales(folder)
    found = {}
    for name, setting in SETTINGS.items():
        model = RNNClassifier(**setting, **COMMON, random_state=seed).fit(X, y, X_val=X_val, y_val=y_val)
        rates, keys = np.concatenate(model.predict_proba(X_test)).clip(1e-7, 1 - 1e-7), np.concatenate(y_test)
        found[name] = float(-(keys * np.log(rates) + (1 - keys) * np.log1p(-rates)).sum(axis=1).mean())
    return found


if __name__ == "__main__":
    run("chorales", measure, __doc__)
