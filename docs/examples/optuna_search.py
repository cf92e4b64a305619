"""
A search that stops poor trials early
=====================================

Optuna proposes parameters; a callback reports each epoch's validation score, and ends the training of a trial that is
worse than most others were at the same epoch. The data are Japanese Vowels (bundled): 270 utterances of nine speakers.
One command runs the search, in a minute on two cores::

    pip install "numrnn[examples]"
    python docs/examples/optuna_search.py

The program prints a line for each trial, how many epochs pruning saved, and the accuracy of the best parameters on the
test part, which the search does not use, and saves a picture of the trials. The same command gives the same trials.

.. image:: /images/optuna_search.png
   :alt: Validation scores of 40 trials over the epochs; most end early.

The example :doc:`/gallery/training/plot_grid_search` runs with these pages.
"""

# sphinx_gallery_thumbnail_path = 'images/optuna_search.png'

import argparse

import matplotlib.pyplot as plt
import numpy as np
import optuna
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, SequenceScaler
from numrnn.datasets import load_japanese_vowels

EPOCHS = 60


# %%
# The callback
# ------------
# A callback is any object with one of the hooks of training; ``on_epoch_end`` ends it by returning True. Optuna is told
# the mean of the last five scores: on 68 utterances one alone jumps by more than trials differ.


class Pruning:
    """Report each epoch's score to a trial; end training when Optuna gives it up."""

    def __init__(self, trial):
        self.trial, self.pruned = trial, False

    def on_epoch_end(self, info):
        last = [record.validation_score for record in info.history[-5:]]
        self.trial.report(float(np.mean(last)), info.epoch)
        self.pruned = self.trial.should_prune()
        return self.pruned


# %%
# A trial
# -------
# The estimator of a trial is left with it, so that its epochs can be counted.


def build(params, callbacks=None):
    return RNNClassifier(
        hidden_layer_sizes=(params["units"],),
        cell=params["cell"],
        learning_rate_init=params["learning_rate_init"],
        dropout=params["dropout"],
        pooling=params["pooling"],
        batch_size=9,
        max_iter=EPOCHS,
        random_state=0,
        callbacks=callbacks,
    )


def objective(trial, X, y, X_val, y_val):
    params = {
        "cell": trial.suggest_categorical("cell", ["elman", "gru", "lstm"]),
        "units": trial.suggest_categorical("units", [8, 16, 32, 64]),
        "pooling": trial.suggest_categorical("pooling", ["last", "mean", "max"]),
        "learning_rate_init": trial.suggest_float("learning_rate_init", 1e-4, 1e-1, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
    }
    pruning = Pruning(trial)
    model = build(params, [pruning]).fit(X, y, X_val=X_val, y_val=y_val)
    trial.set_user_attr("epochs", model.n_iter_)
    if pruning.pruned:
        raise optuna.TrialPruned
    return float(np.mean(model.validation_scores_[-5:]))


# %%
# The search
# ----------


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--picture", default="optuna_search.png")
    arguments = parser.parse_args()
    trials = arguments.trials
    vowels = load_japanese_vowels()
    scaler = SequenceScaler().fit(vowels.X_train)
    kept, held = train_test_split(
        np.arange(len(vowels.y_train)), test_size=0.25, stratify=vowels.y_train, random_state=0
    )
    Z = scaler.transform(vowels.X_train)
    (X, y), (X_val, y_val) = (([Z[i] for i in ids], vowels.y_train[ids]) for ids in (kept, held))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=10)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0), pruner=pruner)
    study.optimize(lambda trial: objective(trial, X, y, X_val, y_val), n_trials=trials, callbacks=[show])

    epochs = sum(trial.user_attrs["epochs"] for trial in study.trials)
    pruned = sum(trial.state == optuna.trial.TrialState.PRUNED for trial in study.trials)
    print(f"{pruned} of {trials} trials pruned: {epochs} epochs in place of {trials * EPOCHS}")
    print("best:", study.best_params)
    model = make_pipeline(SequenceScaler(), build(study.best_params)).fit(vowels.X_train, vowels.y_train)
    print(f"accuracy on the part to test on: {model.score(vowels.X_test, vowels.y_test):.4f}")
    draw(study, arguments.picture)


def show(study, trial):
    end = "pruned" if trial.state == optuna.trial.TrialState.PRUNED else f"score {trial.value:.4f}"
    rate = trial.params["learning_rate_init"]
    about = f"{trial.params['cell']:5} {trial.params['units']:3} units, rate {rate:.4f}"
    print(f"{trial.number:3} {about}: {end} after {trial.user_attrs['epochs']} epochs", flush=True)


def draw(study, path):
    """Draw the scores of each trial over its epochs."""
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for trial in study.trials:
        colour = "0.7" if trial.state == optuna.trial.TrialState.PRUNED else "#0072B2"
        curve = trial.intermediate_values
        axes.plot(list(curve), list(curve.values()), color=colour, linewidth=1)
    curve = study.best_trial.intermediate_values
    axes.plot(list(curve), list(curve.values()), color="#D55E00", linewidth=2.5)
    for colour, label in (("#D55E00", "best"), ("#0072B2", "complete"), ("0.7", "pruned")):
        axes.plot([], [], color=colour, label=label)
    axes.set(xlabel="epoch", ylabel="validation accuracy", ylim=(0, 1.02), title="Pruned trials end early")
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=150)
    print(f"picture: {path}")


if __name__ == "__main__":
    main()
