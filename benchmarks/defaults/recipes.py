"""Measure documented recipes on public data: chorales, appliances, tanks, and targets in their own units."""

import argparse
import csv
import json
import time
import warnings
from pathlib import Path

import numpy as np
from data_sets import read_ts
from scipy.io import loadmat
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, RNNRegressor, SequenceScaler

CHORALES = {
    "lstm": {"hidden_layer_sizes": 220, "dropout": 0.3},
    "gru": {"hidden_layer_sizes": 260, "dropout": 0.2, "recurrent_dropout": 0.2},
    "elman": {"hidden_layer_sizes": 470, "dropout": 0.1},
}
TANKS = [{"hidden_layer_sizes": units, "cell": cell} for cell in ("gru", "lstm") for units in (16, 32, 64)]
WASHOUT, WINDOW, STRIDE = 50, 256, 16


def chorales(folder, seed):
    """Return the negative log-likelihood of a frame of the test, and the epochs made, for each cell."""
    file = loadmat(folder / "JSB_Chorales.mat")
    parts = [[np.asarray(roll, np.float32) for roll in file[f"{name}data"][0]] for name in ("train", "valid", "test")]
    (X, y), (X_val, y_val), (X_test, y_test) = (
        ([roll[:-1] for roll in part], [roll[1:].astype(np.int64) for roll in part]) for part in parts
    )
    found = {}
    for cell, options in CHORALES.items():
        options = {"output": "step", "learning_rate_init": 2e-3, "batch_size": 8, "random_state": seed, **options}
        model = RNNClassifier(cell=cell, **options, max_iter=300, early_stopping=True)
        model.fit(X, y, X_val=X_val, y_val=y_val)
        rates, keys = np.concatenate(model.predict_proba(X_test)), np.concatenate(y_test)
        rates = rates.clip(1e-7, 1 - 1e-7)
        loss = -(keys * np.log(rates) + (1 - keys) * np.log1p(-rates)).sum(axis=1).mean()
        found[cell] = {"nll": float(loss), "epochs": model.n_iter_}
    return found


def appliances(folder, seed):
    """Return the accuracy on PLAID of a pipeline of two lines."""
    (X, y), (X_test, y_test) = (read_ts(folder / f"PLAID_{part}.ts", labels=str) for part in ("TRAIN", "TEST"))
    network = RNNClassifier(bidirectional=True, pooling="max", random_state=seed)
    model = make_pipeline(SequenceScaler(per_sequence=True, keep_scale=True), network).fit(X, y)
    return {"accuracy": float(model.score(X_test, y_test))}


def tanks(folder, seed):
    """Return the RMSE on the test of the setting with the lowest validation loss, for each cell.

    The training series is cut into overlapping windows, of which the last fifth is held out after a gap of those that
    overlap it.
    """
    with (folder / "cascaded_tanks.csv").open() as file:
        rows = [[float(row[name]) for name in ("uEst", "uVal", "yEst", "yVal")] for row in csv.DictReader(file)]
    u, u_test, y, y_test = np.array(rows).T
    starts = range(0, len(u) - WINDOW + 1, STRIDE)
    X, X_test = (u - u.mean()) / u.std(), (u_test - u.mean()) / u.std()
    windows = [X[i : i + WINDOW, None] for i in starts], [y[i : i + WINDOW] for i in starts]
    found = {}
    for setting in TANKS:
        options = {"output": "step", "washout": WASHOUT, "validation": "last", "gap": WINDOW // STRIDE}
        options |= {"validation_fraction": 0.2, "max_iter": 300, "restore_best_weights": True, "random_state": seed}
        model = RNNRegressor(**setting, **options).fit(*windows)
        errors = model.predict([X_test[:, None]])[0] - y_test
        row = {"rmse": float(np.sqrt(np.mean(errors[WASHOUT:] ** 2))), "all": float(np.sqrt(np.mean(errors**2)))}
        row |= {"validation": float(model.best_loss_), "units": setting["hidden_layer_sizes"]}
        cell = setting["cell"]
        found[cell] = min(found.get(cell, row), row, key=lambda row: row["validation"])
    return found


def targets(folder, seed):
    """Return R2 on raw targets and on those scaled by hand, for each kind of targets."""
    random = np.random.default_rng(seed)
    months = np.arange(144)
    passengers = (110 + 2.6 * months) * (1 + 0.2 * np.sin(2 * np.pi * months / 12)) + random.normal(0, 8, 144)
    X = np.array([passengers[i : i + 24] for i in range(119)])[:, :, None]
    X = (X - X.mean()) / X.std()
    walks = [random.normal(size=(steps, 2)) for steps in random.integers(10, 30, 200)]
    two = np.array([[300 * walk[-3:, 0].sum(), 0.03 * walk[-3:, 1].sum()] for walk in walks])
    prices = np.array([np.exp(np.log(1e4) + np.log(10) / (1 + np.exp(-walk.sum()))) for walk in walks])
    steps = [500 + 140 * np.cumsum(walk[:, 0]) / 3 for walk in walks]
    cases = {
        "passengers": (X, passengers[24:143], {}),
        "300 and 0.03": (walks, two, {}),
        "prices": (walks, prices, {}),
        "ragged steps": (walks, steps, {"output": "step"}),
    }
    return {name: _raw_and_scaled(*case, seed) for name, case in cases.items()}


def _raw_and_scaled(X, y, options, seed):
    end = len(X) * 3 // 4
    flat = np.concatenate(y[:end]) if options else np.asarray(y[:end])
    mean, scale = flat.mean(axis=0), flat.std(axis=0)
    scaled = [(target - mean) / scale for target in y]
    raw = RNNRegressor(**options, random_state=seed).fit(X[:end], y[:end])
    by_hand = RNNRegressor(**options, random_state=seed, scale_targets=False).fit(X[:end], scaled[:end])
    return {"raw": raw.score(X[end:], y[end:]), "by hand": by_hand.score(X[end:], scaled[end:])}


RECIPES = {"chorales": (chorales, 3), "appliances": (appliances, 3), "tanks": (tanks, 5), "targets": (targets, 3)}


def main():
    """Run the recipes asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder that holds the files of the data sets")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("recipes.json"))
    options = parser.parse_args()
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    for name in options.recipes:
        recipe, seeds = RECIPES[name]
        results[name] = []
        for seed in range(seeds):
            start = time.perf_counter()
            results[name].append(recipe(options.folder, seed) | {"seconds": round(time.perf_counter() - start)})
            print(name, seed, results[name][-1], flush=True)
            options.results.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        main()
