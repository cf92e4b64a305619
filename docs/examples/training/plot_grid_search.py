"""
Search size and learning rate on ragged sequences
=================================================

``GridSearchCV`` takes a list of sequences of any lengths, and a pipeline with a scaler and a network, like any other
estimator of scikit-learn. The map of scores shows that many settings are equally good, and which learning rates are too
small or too large.
"""

# %%
# Data and pipeline
# -----------------
# 270 utterances of 7 to 26 steps, of nine speakers.

from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, SequenceScaler
from numrnn.datasets import load_japanese_vowels

vowels = load_japanese_vowels()
model = make_pipeline(SequenceScaler(), RNNClassifier(max_iter=15, random_state=0))

# %%
# The search
# ----------
# Parameters of the network are named by its step in the pipeline. Each of 15 settings is trained on two thirds of the
# utterances and scored on the rest, three times.

from sklearn.model_selection import GridSearchCV

units, rates = [(8,), (32,), (64,)], [0.0003, 0.001, 0.003, 0.01, 0.03]
grid = {"rnnclassifier__hidden_layer_sizes": units, "rnnclassifier__learning_rate_init": rates}
search = GridSearchCV(model, grid, cv=3).fit(vowels.X_train, vowels.y_train)
print("best:", search.best_params_)
print(f"cross-validated accuracy {search.best_score_:.3f}, test accuracy ", end="")
print(f"{search.score(vowels.X_test, vowels.y_test):.3f}")
assert search.score(vowels.X_test, vowels.y_test) > 0.94

# %%
# The map
# -------
# The means of ``cv_results_`` have the order of the grid: sizes, and for each of them all rates. A small learning rate
# does not get far in 15 epochs; the larger the network, the sooner it learns.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt
import numpy as np

scores = search.cv_results_["mean_test_score"].reshape(len(units), len(rates))
figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
image = axes.imshow(scores, cmap="viridis", vmin=0, vmax=1, aspect="auto")
for (row, column), score in np.ndenumerate(scores):
    axes.text(column, row, f"{score:.2f}", ha="center", va="center", color="white" if score < 0.6 else "black")
best = np.unravel_index(scores.argmax(), scores.shape)
axes.add_patch(plt.Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, edgecolor="C1", linewidth=3))
axes.set_xticks(range(len(rates)), rates)
axes.set_yticks(range(len(units)), [size for (size,) in units])
axes.set(xlabel="learning_rate_init", ylabel="hidden units", title="Accuracy in cross-validation; framed: the best")
figure.colorbar(image, label="accuracy")

# %%
# Is the difference real?
# -----------------------
# The three folds of a setting differ, too. A setting whose scores overlap with those of the best one may well be as
# good, and be smaller or more stable.

results = search.cv_results_
order = np.argsort(results["mean_test_score"])[::-1][:8]
folds = np.array([results[f"split{k}_test_score"] for k in range(3)])[:, order]
figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
axes.plot(folds.T, np.arange(len(order)), "o", color="C0", alpha=0.6)
axes.plot(folds.mean(axis=0), np.arange(len(order)), "|", color="C1", markersize=16, markeredgewidth=3)
names = [f"{p['rnnclassifier__hidden_layer_sizes'][0]} units, rate {p['rnnclassifier__learning_rate_init']}"
         for p in np.array(results["params"])[order]]  # fmt: skip
axes.set_yticks(range(len(order)), names)
axes.invert_yaxis()
axes.set(xlabel="accuracy of each fold, and mean (bar)", title="The eight best settings hardly differ")
plt.show()

# %%
# Read next: :doc:`/guide/search` for searches on many machines and for pruning, :doc:`/guide/choosing` for the order in
# which to change parameters, and ``docs/examples/optuna_search.py`` for a search that ends poor trials early.
