"""
Compare schedules of the learning rate
======================================

A large learning rate learns fast and ends restlessly. A schedule that lowers it, such as "cosine", gets the same start
and a lower loss at the end. The figure shows the rates and the validation losses of four schedules.
"""

# %%
# The task
# --------
# The adding problem: the target is the sum of two marked numbers out of 30 (see
# :doc:`/gallery/getting_started/plot_2_adding_problem`).

from numrnn import RNNRegressor
from numrnn.datasets import make_adding_problem

X, y = make_adding_problem(1500, length=30, random_state=0)
X_val, y_val = make_adding_problem(500, length=30, random_state=1)

# %%
# Four schedules
# --------------
# "adaptive" divides the rate by 5 after two epochs without improvement. A function gets the number of the epoch and
# returns a factor: here, the rate rises for five epochs and then falls by 8 % per epoch.


def warm_up(epoch):
    """Return the factor of the learning rate in an epoch."""
    return (epoch + 1) / 5 if epoch < 5 else 0.92 ** (epoch - 4)


models = {}
for name, schedule in (("constant", "constant"), ("cosine", "cosine"), ("adaptive", "adaptive"), ("warm-up", warm_up)):
    models[name] = RNNRegressor(
        (32,), learning_rate=schedule, learning_rate_init=0.02, n_iter_no_change=5, max_iter=50, random_state=0
    )
    models[name].fit(X, y, X_val=X_val, y_val=y_val)
    print(f"{name:9} final validation loss {models[name].history_['validation_loss'][-1]:.5f}")

# %%
# Rates and losses
# ----------------
# ``history_`` has one value per epoch of every quantity, and the display draws any of them for several fits.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

from numrnn.inspection import TrainingHistoryDisplay

figure, (rates, losses) = plt.subplots(2, figsize=(7.5, 5.6), sharex=True, height_ratios=(1, 1.6), layout="constrained")
TrainingHistoryDisplay.from_estimator(models, metric="learning_rate", ax=rates)
TrainingHistoryDisplay.from_estimator(models, metric="validation_loss", ax=losses)
rates.set(xlabel="", title="Lower rates at the end make the loss quiet and small")
rates.set_ylim(1e-5, None)
losses.get_legend().remove()
final = {name: model.history_["validation_loss"][-5:].mean() for name, model in models.items()}
assert final["cosine"] < 0.5 * final["constant"]

# %%
# How restless is the end?
# ------------------------
# The validation losses of the last ten epochs: the spread is what luck adds if training ends at an arbitrary epoch.

figure, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
last = [model.history_["validation_loss"][-10:] for model in models.values()]
axes.boxplot(last, orientation="horizontal", tick_labels=list(models), widths=0.6, medianprops={"color": "C1"})
axes.invert_yaxis()
axes.set(xscale="log", xlabel="validation loss", title="The last ten epochs of each fit")
plt.show()

# %%
# Read next: :doc:`/guide/training` on solvers and schedules, :doc:`/guide/choosing` on the learning rate, and
# :doc:`/gallery/training/plot_early_stopping`.
