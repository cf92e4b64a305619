"""Compare regression on targets in their own units with regression on targets that were standardised by hand."""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np

from numrnn import RNNRegressor


def targets(seed):
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


def main():
    """Measure three seeds and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("targets.json"))
    options = parser.parse_args()
    results = [targets(seed) for seed in range(options.seeds)]
    options.results.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        main()
