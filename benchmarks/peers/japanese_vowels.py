"""Compare numrnn with skorch + PyTorch on Japanese vowels in one run, interleaved.

    pip install ".[peers]"
    python benchmarks/peers/japanese_vowels.py

Both sides get the same standardised inputs, architecture, solver and settings (numrnn/cli/presets.py). Times are
those of `fit` once both libraries are warm; the first call of each is reported separately. Both use one thread, which
is faster for PyTorch at this size; ``--threads 2`` gives both two.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from sklearn.utils import Bunch
from skorch import NeuralNetClassifier
from skorch.callbacks import GradientNormClipping, LRScheduler
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from numrnn import RNNClassifier, SequenceScaler
from numrnn.cli.presets import SETTINGS
from numrnn.datasets import load_japanese_vowels

CELLS = ("elman", "gru", "lstm")
MODULES = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class LastStep(nn.Module):
    """Apply a recurrent layer to packed sequences, and a linear layer to each sequence's last state."""

    def __init__(self, cell, n_inputs, n_hidden, n_classes):
        super().__init__()
        self.recurrent = MODULES[cell](n_inputs, n_hidden, batch_first=True)
        self.output = nn.Linear(n_hidden, n_classes)

    def forward(self, values, lengths):
        packed = pack_padded_sequence(values, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, state = self.recurrent(packed)
        return self.output((state[0] if isinstance(state, tuple) else state)[-1])


def settings_of(cell):
    """Return the parameters of the estimator without `scale`, because inputs are scaled beforehand."""
    return {name: value for name, value in SETTINGS["japanese_vowels"][cell].items() if name != "scale"}


def standardised(vowels):
    """Return the data sets with inputs scaled as `numrnn fit` scales them."""
    scaler = SequenceScaler().fit(vowels.X_train)
    return Bunch(**vowels | {"X_train": scaler.transform(vowels.X_train), "X_test": scaler.transform(vowels.X_test)})


def padded(X):
    """Return sequences in the form that skorch accepts: one padded array, and their lengths."""
    return {
        "values": pad_sequence([torch.from_numpy(x) for x in X], batch_first=True).numpy(),
        "lengths": np.array([len(x) for x in X]),
    }


def make_skorch(cell, settings):
    """Return skorch's equivalent of RNNClassifier(cell=cell, **settings), written as its users would write it."""
    callbacks = [("clip", GradientNormClipping(1.0))]
    if settings.get("learning_rate") == "cosine":
        callbacks.append(("schedule", LRScheduler("CosineAnnealingLR", T_max=settings["max_iter"])))
    return NeuralNetClassifier(
        LastStep,
        module__cell=cell,
        module__n_inputs=12,
        module__n_hidden=settings["hidden_layer_sizes"][0],
        module__n_classes=9,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__weight_decay=settings.get("alpha", 0.0),
        optimizer__param_groups=[("*bias*", {"weight_decay": 0.0})],
        lr=settings["learning_rate_init"],
        max_epochs=settings["max_iter"],
        batch_size=settings["batch_size"],
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=callbacks,
        verbose=0,
    )


def fit_numrnn(cell, vowels, seed, n_jobs):
    """Return test accuracy and seconds of fit."""
    model = RNNClassifier(cell=cell, random_state=seed, n_jobs=n_jobs, **settings_of(cell))
    started = time.perf_counter()
    model.fit(vowels.X_train, vowels.y_train)
    seconds = time.perf_counter() - started
    return model.score(vowels.X_test, vowels.y_test), seconds


def fit_skorch(cell, vowels, seed):
    """Return test accuracy and seconds of fit; padding once beforehand is not counted."""
    torch.manual_seed(seed)
    X_train, X_test = padded(vowels.X_train), padded(vowels.X_test)
    model = make_skorch(cell, settings_of(cell))
    started = time.perf_counter()
    model.fit(X_train, vowels.y_train - 1)
    seconds = time.perf_counter() - started
    return float((model.predict(X_test) == vowels.y_test - 1).mean()), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    vowels = standardised(load_japanese_vowels())
    sides = {
        "numrnn": lambda cell, seed: fit_numrnn(cell, vowels, seed, arguments.threads),
        "skorch": lambda cell, seed: fit_skorch(cell, vowels, seed),
    }
    print("| cell | side | accuracy, mean of seeds | each seed | seconds of fit, median | first fit |")
    print("|---|---|---|---|---|---|")
    for cell in CELLS:
        first = {name: fit(cell, 0)[1] for name, fit in sides.items()}
        runs = {name: [] for name in sides}
        for seed in range(arguments.seeds):
            for name, fit in sides.items():
                runs[name].append(fit(cell, seed))
        medians = {}
        for name, results in runs.items():
            scores, seconds = zip(*results, strict=True)
            medians[name] = statistics.median(seconds)
            each = " ".join(f"{score:.4f}" for score in scores)
            times = f"{medians[name]:.3f} | {first[name]:.2f}"
            print(f"| {cell} | {name} | {np.mean(scores):.4f} | {each} | {times} |")
        print(f"| {cell} | numrnn is {medians['skorch'] / medians['numrnn']:.1f} times as fast | | | | |", flush=True)


if __name__ == "__main__":
    main()
