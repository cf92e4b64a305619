"""
Stop when the validation loss rises
===================================

A network with more weights than data learns the noise: its training loss falls on, while the validation loss rises.
With ``early_stopping``, ``fit`` ends soon after the best epoch and keeps its weights.
"""

# %%
# Little and noisy data
# ---------------------
# 150 noisy sines of different lengths. The target is the frequency, measured with an error.

import numpy as np

from numrnn import RNNRegressor


def make_sines(count, seed, noise=0.5):
    """Return noisy sines and their measured frequencies."""
    generator = np.random.default_rng(seed)
    frequencies = generator.uniform(0.05, 0.2, size=count)
    lengths, phases = generator.integers(20, 60, size=count), generator.uniform(0, 2 * np.pi, size=count)
    X = [
        (np.sin(2 * np.pi * f * np.arange(n) + p) + noise * generator.standard_normal(n))[:, None]
        for f, n, p in zip(frequencies, lengths, phases, strict=True)
    ]
    return X, frequencies + 0.02 * generator.standard_normal(count)


X, y = make_sines(150, seed=0)
X_val, y_val = make_sines(150, seed=1)
X_test, y_test = make_sines(500, seed=2)

# %%
# With and without
# ----------------
# ``X_val`` and ``y_val`` are watched in both fits. Without them, a tenth of X would be held out.

options = {"learning_rate_init": 0.005, "max_iter": 80, "random_state": 0}
models = {
    "to the end": RNNRegressor((64,), **options).fit(X, y, X_val=X_val, y_val=y_val),
    "early stopping": RNNRegressor((64,), early_stopping=True, **options).fit(X, y, X_val=X_val, y_val=y_val),
}
for name, model in models.items():
    print(f"{name:15} {model.n_iter_:3} epochs, test R2 {model.score(X_test, y_test):.3f}")
stopped = models["early stopping"]
print("best epoch:", stopped.best_iter_)
assert stopped.score(X_test, y_test) > models["to the end"].score(X_test, y_test)

# %%
# Two fits in one figure
# ----------------------
# :class:`~numrnn.inspection.TrainingHistoryDisplay` draws the training loss and, dashed, the validation loss of each.
# Up to the epoch at which the second fit stops, both are the same: the seed is the same.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

from numrnn.inspection import TrainingHistoryDisplay

display = TrainingHistoryDisplay.from_estimator(models)
best = stopped.history_["validation_loss"][stopped.best_iter_ - 1]
display.ax_.plot(stopped.best_iter_, best, "o", color="black", markersize=8, zorder=5)
display.ax_.annotate(
    f"best epoch, {stopped.best_iter_}",
    (stopped.best_iter_, best),
    xytext=(30, 34),
    textcoords="offset points",
    arrowprops={"arrowstyle": "-"},
)
display.ax_.set_title("The training loss falls on while the validation loss rises")

# %%
# Predictions
# -----------
# Both models predict the test set, which neither has seen. The one that was stopped is closer to the diagonal.

figure, panels = plt.subplots(1, 2, figsize=(7, 3.6), sharex=True, sharey=True, layout="constrained")
for panel, (name, model) in zip(panels, models.items(), strict=True):
    panel.plot([0.02, 0.23], [0.02, 0.23], color="0.5", linewidth=0.8)
    panel.scatter(y_test, model.predict(X_test), s=8, alpha=0.5, linewidths=0)
    panel.set(title=f"{name}: R² = {model.score(X_test, y_test):.2f}", xlabel="measured frequency")
    panel.set_box_aspect(1)
panels[0].set_ylabel("prediction")
plt.show()

# %%
# Read next: :doc:`/guide/training` on ``monitor``, ``validation`` and other means against overfitting, and
# :doc:`/gallery/training/plot_schedules` on learning rates.
