"""Choose the settings for the Japanese vowels by cross-validation on the 270 training utterances.

    python benchmarks/select_japanese_vowels.py

writes select_japanese_vowels.csv, one row per setting, best first within each cell, and prints the best rows, which
are what numrnn/cli/settings.py holds. The test utterances are never looked at. A row's accuracy is the mean over folds
and seeds, `spread` the standard deviation over the seeds; `scaled` tells whether the inputs were standardised.
"""

import csv
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, SequenceScaler
from numrnn.datasets import load_japanese_vowels

TABLE = Path(__file__).with_suffix(".csv")
FOLDS, SEEDS = 5, range(10)
GRID = {
    "cell": ("elman", "gru", "lstm"),
    "scaled": (False, True),
    "learning_rate_init": (0.001, 0.003, 0.01, 0.03),
    "learning_rate": ("constant", "cosine"),
    "alpha": (0.0, 0.01),
}
FIXED = {"hidden_layer_sizes": (64,), "batch_size": 32, "max_iter": 60}


def accuracies(setting, X, y):
    """The mean accuracy over the folds, for each seed."""
    setting = dict(setting)
    scaled = setting.pop("scaled")
    for seed in SEEDS:
        model = RNNClassifier(**FIXED, **setting, random_state=seed)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        yield cross_val_score(make_pipeline(SequenceScaler(), model) if scaled else model, X, y, cv=folds).mean()


def main():
    vowels = load_japanese_vowels()
    rows = []
    for values in product(*GRID.values()):
        setting = dict(zip(GRID, values, strict=True))
        by_seed = list(accuracies(setting, vowels.X_train, vowels.y_train))
        rows.append(setting | {"accuracy": f"{np.mean(by_seed):.4f}", "spread": f"{np.std(by_seed):.4f}"})
        print(rows[-1], flush=True)
    rows.sort(key=lambda row: (row["cell"], -float(row["accuracy"])))
    with open(TABLE, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for cell in GRID["cell"]:
        print("best:", next(row for row in rows if row["cell"] == cell))


if __name__ == "__main__":
    main()
