"""Report test results of the defaults, of the former defaults and of other settings; choose nothing by them."""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from defaults.data_sets import CHOOSING, REPORTED, quality

FORMER = {"cell": "elman", "learning_rate_init": 1e-3, "batch_size": 32, "hidden_layer_sizes": 64, "max_iter": 100}
DEFAULT = {"cell": "gru", "learning_rate_init": 3e-3, "batch_size": "auto", "hidden_layer_sizes": 64, "max_iter": 100}
TRIED = {
    "rate .001": DEFAULT | {"learning_rate_init": 1e-3},
    "rate .01": DEFAULT | {"learning_rate_init": 1e-2},
    "LSTM": DEFAULT | {"cell": "lstm"},
    "Elman, rate .003": DEFAULT | {"cell": "elman"},
    "128 units": DEFAULT | {"hidden_layer_sizes": 128},
    "early stopping": DEFAULT | {"early_stopping": True},
    "300 epochs": DEFAULT | {"max_iter": 300},
}

SLOW = ("128 units", "300 epochs")  # not tried on reviews


def measure(data, parameters, seeds):
    """Return the points on the test part, a mean over seeds, and the seconds of a fit."""
    points, seconds = [], []
    for seed in range(seeds):
        model = data.estimator(**parameters, **data.task, random_state=seed)
        start = time.perf_counter()
        model.fit(data.X, data.y)
        seconds.append(time.perf_counter() - start)
        loss = test_loss(model, data) if data.loss else None
        points.append(quality(data, loss, model.score(data.X_test, data.y_test)))
    return {"points": float(np.mean(points)), "each": points, "seconds": float(np.median(seconds))}


def test_loss(model, data):
    """Return the mean binary cross-entropy of a step and label."""
    steps, found = np.concatenate(data.y_test), np.concatenate(model.predict_proba(data.X_test)).clip(1e-7, 1 - 1e-7)
    return -(steps * np.log(found) + (1 - steps) * np.log1p(-found)).mean()


def main():
    """Measure all data sets, those never used for choosing with more settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder that holds the files of the data sets")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("report.json"))
    options = parser.parse_args()
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    for make in (*REPORTED, *CHOOSING):
        data = make(options.folder)
        settings = {"former": FORMER, "default": DEFAULT} | (TRIED if make in REPORTED else {})
        row = results.setdefault(make.__name__, {"chance": 0 if data.loss else 100 * data.chance})
        for name, parameters in settings.items():
            if name not in row and not (make.__name__ == "reviews" and name in SLOW):
                row[name] = measure(data, parameters, 1 if make.__name__ == "reviews" else options.seeds)
                options.results.write_text(json.dumps(results, indent=1) + "\n")
                print(make.__name__, name, row[name], flush=True)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        main()
