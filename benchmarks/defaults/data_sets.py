"""Load the training and test parts of the data sets by which default parameters are chosen and reported."""

import math
from typing import Any, NamedTuple

import numpy as np
from public_data import read_chorales, read_mnist_1d, read_reviews, read_tanks, read_ts
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from numrnn import RNNClassifier, RNNRegressor, SequenceScaler
from numrnn.data import Vocabulary
from numrnn.datasets import load_japanese_vowels, make_adding_problem, make_noisy_sines


class DataSet(NamedTuple):
    """Hold the parts of a data set, and the parameters that describe its task."""

    estimator: type
    X: Any
    y: Any
    X_test: Any
    y_test: Any
    task: dict
    splits: int = 1  # splits of the training part on which parameters are compared
    loss: bool = False  # whether the loss is compared, relative to `chance`, and not the score
    chance: float = 0.0  # loss or score of a constant prediction
    overlap: int = 0  # windows on either side that share steps with a window


def vowels(folder):
    data = load_japanese_vowels()
    X, X_test = _scaled(data.X_train, data.X_test)
    return DataSet(RNNClassifier, X, data.y_train, X_test, data.y_test, {}, splits=3, chance=1 / 9)


def plaid(folder):
    return _by_its_own_scale(folder, "PLAID")


def osu_leaf(folder):
    return _classes(folder, "OSULeaf", splits=2)


def basic_motions(folder):
    return _classes(folder, "BasicMotions", splits=3)


def arrow_head(folder):
    return _classes(folder, "ArrowHead", splits=3)


def tecator(folder):
    (X, y), (X_test, y_test) = (read_ts(folder / f"Tecator_{part}.ts") for part in ("TRAIN", "TEST"))
    X, X_test = _scaled(X, X_test)
    return DataSet(RNNRegressor, X, *_standardised(y, X_test, y_test), {}, splits=3)


def mnist_1d(folder):
    (X, y), (X_test, y_test) = read_mnist_1d()
    X, X_test = _scaled(X, X_test)
    return DataSet(RNNClassifier, X, y, X_test, y_test, {}, chance=0.1)


def adding(folder):
    X, y = make_adding_problem(2000, length=50, random_state=0)
    X_test, y_test = make_adding_problem(1000, length=50, random_state=1)
    return DataSet(RNNRegressor, X, *_standardised(y, X_test, y_test), {})


def noisy_sines(folder):
    X, y = make_noisy_sines(200, random_state=0)
    X_test, y_test = make_noisy_sines(200, random_state=1)
    return DataSet(RNNRegressor, X, y, X_test, y_test, {"output": "step"}, splits=3)


def chorales(folder):
    (X, y), _, (X_test, y_test) = read_chorales(folder)
    rate = np.concatenate(y).mean(axis=0).clip(1e-4, 1)
    steps = np.concatenate(y_test)
    chance = -(steps * np.log(rate) + (1 - steps) * np.log1p(-rate)).mean()
    return DataSet(RNNClassifier, X, y, X_test, y_test, {"output": "step"}, loss=True, chance=float(chance))


def tanks(folder):
    """Cut the training series into overlapping windows of 256 steps, whose first 50 are read without loss."""
    u, y, u_test, y_test = read_tanks(folder).astype(np.float32)
    u_test, y_test = (u_test - u.mean()) / u.std(), (y_test - y.mean()) / y.std()
    u, y = (u - u.mean()) / u.std(), (y - y.mean()) / y.std()
    windows = [slice(i, i + 256) for i in range(0, 769, 32)]
    X, targets = [u[window, None] for window in windows], [y[window] for window in windows]
    task = {"output": "step", "washout": 50}
    return DataSet(RNNRegressor, X, targets, [u_test[:, None]], [y_test], task, splits=3, overlap=8)


def reviews(folder):
    texts, labels = read_reviews(folder)
    order = np.random.default_rng(0).permutation(len(texts))[:6000]
    words = Vocabulary("token", max_symbols=5000, lowercase=True, last=200)
    texts, labels = [texts[i] for i in order], labels[order]
    task = {"vocabulary": words, "embedding_size": 32}
    return DataSet(RNNClassifier, texts[:4000], labels[:4000], texts[4000:], labels[4000:], task, chance=0.5)


CHOOSING = (vowels, basic_motions, osu_leaf, plaid, mnist_1d, adding, chorales, tanks)
REPORTED = (reviews, noisy_sines, arrow_head, tecator)


def splits_of(data):
    """Yield ids of training and validation sequences; a fourth is held out, or a third of overlapping windows."""
    if data.overlap:
        ids = np.arange(len(data.X))
        for held in np.array_split(ids, data.splits):
            yield ids[(ids < held[0] - data.overlap) | (ids > held[-1] + data.overlap)], held
        return
    stratify = data.estimator is RNNClassifier and np.ndim(data.y[0]) == 0
    splitter = (StratifiedShuffleSplit if stratify else ShuffleSplit)(data.splits, test_size=0.25, random_state=0)
    yield from splitter.split(np.zeros(len(data.X)), data.y if stratify else None)


def quality(data, loss, score):
    """Return a score in points: percent of accuracy or R^2, or the percentage of a constant prediction's loss saved."""
    return 100 * (1 - loss / data.chance if data.loss else score)


def _classes(folder, name, splits):
    (X, y), (X_test, y_test) = (read_ts(folder / f"{name}_{part}.ts", labels=str) for part in ("TRAIN", "TEST"))
    X, X_test = _scaled(X, X_test)
    return DataSet(RNNClassifier, X, y, X_test, y_test, {}, splits, chance=1 / len(set(y)))


def _by_its_own_scale(folder, name):
    """Standardise each series by itself; the logarithm of its scale is a second input."""
    parts = [read_ts(folder / f"{name}_{part}.ts", labels=str) for part in ("TRAIN", "TEST")]
    (X, y), (X_test, y_test) = parts
    logs = np.log10([x.std() + 1e-12 for x in X])

    def scaled(x):
        scale = x.std() + 1e-12
        log = (math.log10(scale) - logs.mean()) / logs.std()
        return np.column_stack([(x[:, 0] - x.mean()) / scale, np.full(len(x), log)]).astype(np.float32)

    X, X_test = ([scaled(x) for x in part] for part in (X, X_test))
    return DataSet(RNNClassifier, X, y, X_test, y_test, {}, chance=1 / len(set(y)))


def _scaled(X, X_test):
    scaler = SequenceScaler().fit(X)
    return scaler.transform(X), scaler.transform(X_test)


def _standardised(y, X_test, y_test):
    mean, scale = y.mean(), y.std()
    return (y - mean) / scale, X_test, (y_test - mean) / scale
