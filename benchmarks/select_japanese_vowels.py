"""Choose the settings for the Japanese vowels by cross-validation on the 270 training utterances.

    python benchmarks/select_japanese_vowels.py

writes select_japanese_vowels.csv, one row per setting, best first within each cell, and prints the best rows, which
are what numrnn/cli/presets.py holds. The test utterances are never looked at. A row's accuracy is the mean over folds
and seeds, `spread` the standard deviation over the seeds. Inputs are standardised: in a coarser grid that had both, no
cell's best row was without.
"""

import csv
from itertools import product
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, SequenceScaler
from numrnn.datasets import load_japanese_vowels

TABLE = Path(__file__).with_suffix(".csv")
FOLDS, SEEDS = 5, range(10)
GRID = {
    "cell": ("elman", "gru", "lstm"),
    "learning_rate_init": (0.002, 0.005, 0.01, 0.02, 0.03),
    "learning_rate": ("constant", "cosine"),
    "alpha": (0.0, 0.001, 0.01),
}
FIXED = {"hidden_layer_sizes": (64,), "batch_size": 32, "max_iter": 60}


def row_of(setting, X, y):
    """Return a row of the table: the setting, and the mean and spread of its accuracy over folds and seeds."""
    by_seed = []
    for seed in SEEDS:
        model = make_pipeline(SequenceScaler(), RNNClassifier(**FIXED, **setting, random_state=seed, n_jobs=1))
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        by_seed.append(cross_val_score(model, X, y, cv=folds).mean())
    return setting | {"accuracy": f"{np.mean(by_seed):.4f}", "spread": f"{np.std(by_seed):.4f}"}


def main():
    vowels = load_japanese_vowels()
    settings = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    rows = Parallel(n_jobs=-1, verbose=1)(delayed(row_of)(each, vowels.X_train, vowels.y_train) for each in settings)
    rows.sort(key=lambda row: (row["cell"], -float(row["accuracy"])))
    with open(TABLE, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for cell in GRID["cell"]:
        print("best:", next(row for row in rows if row["cell"] == cell))


if __name__ == "__main__":
    main()
