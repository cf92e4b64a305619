"""
Predict in the units of the target, however large
=================================================

Targets of a regression need no scaling: the network learns standardised targets and predicts in the units of y. The
figure shows the fit of an electric load in megawatts with and without it. Without, the network would have to grow
weights of many thousands, and predicts hardly more than zero.
"""

# %%
# Hourly load
# -----------
# A generated load of a town: it depends on the hour of the day, the day of the week and the temperature, in a range of
# about 30,000 to 70,000 MW. Each week is a sequence of 168 steps. The inputs are known in advance.

import matplotlib.pyplot as plt
import numpy as np


def rush(hour, peak, width):
    """Return a bell around an hour of the day, the same every day."""
    return np.exp(-(((hour - peak + 12) % 24 - 12) ** 2) / width)


def make_weeks(count, seed):
    """Return hour, weekend and temperature of each step, and the load in MW."""
    generator = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(count):
        hour = np.arange(168) % 24
        weekend = (np.arange(168) >= 120).astype(float)
        warmth = generator.uniform(-5, 25) + 5 * np.sin(2 * np.pi * (hour - 9) / 24) + generator.normal(size=168)
        heating = np.convolve(np.maximum(15 - warmth, 0), np.exp(-np.arange(12) / 4) / 4)[:168]  # houses cool slowly
        daily = rush(hour, 9, 12) + 1.2 * rush(hour, 19, 10)
        load = 35000 + 14000 * daily * (1 - 0.4 * weekend) + 700 * heating + 600 * generator.normal(size=168)
        X.append(np.column_stack([np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24), weekend, warmth]))
        y.append(load)
    return X, y


X, y = make_weeks(80, seed=0)
X_test, y_test = make_weeks(20, seed=1)
print(f"load: mean {np.mean(y):,.0f} MW, standard deviation {np.std(y):,.0f} MW")

# %%
# With and without
# ----------------
# ``scale_targets="auto"``, the default, learns mean and scale of the training targets. Scores and predictions are in MW
# in both cases. The second fit ends with a warning, which says what to do.

import textwrap
import warnings

from sklearn.pipeline import make_pipeline

from numrnn import RNNRegressor, SequenceScaler

models = {}
for scale_targets in (True, False):
    network = RNNRegressor((32,), output="step", washout=12, scale_targets=scale_targets, max_iter=60, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        models[scale_targets] = make_pipeline(SequenceScaler(), network).fit(X, y)
    print(f"scale_targets={scale_targets}: R2 = {models[scale_targets].score(X_test, y_test):.3f}")
    for each in caught:
        print(textwrap.fill(f"warning: {each.message}", 100))
scaled = models[True][-1]
print(f"learned: mean {scaled.target_mean_.item():,.0f} MW, scale {scaled.target_scale_.item():,.0f} MW")
assert models[True].score(X_test, y_test) > 0.9 > models[False].score(X_test, y_test)

# %%
# A week that neither has seen
# ----------------------------

# sphinx_gallery_thumbnail_number = 1
figure, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
axes.axvspan(120, 168, color="0.94")
axes.plot(y_test[0] / 1000, color="0.7", linewidth=4, label="load")
axes.plot(models[True].predict(X_test[:1])[0] / 1000, color="C0", label="scaled targets (default)")
axes.plot(models[False].predict(X_test[:1])[0] / 1000, color="C1", linestyle="--", label="scale_targets=False")
axes.set(ylabel="load, GW", xlim=(0, 168), ylim=(0, None), xticks=np.arange(7) * 24 + 12)
axes.set_xticklabels("Mon Tue Wed Thu Fri Sat Sun".split())
axes.set_title("Large targets are learned only if they are scaled, which is the default")
figure.legend(loc="outside lower center", ncols=3)

# %%
# Errors in units
# ---------------
# The error by hour of the day, in MW, beside the noise of the data (600 MW). The first day of each week is left out:
# the network does not know how cold it was before, on which the heating depends.

errors = np.concatenate([(p - t)[24:] for p, t in zip(models[True].predict(X_test), y_test, strict=True)])
hours = np.tile(np.arange(24), 6 * len(X_test))
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.plot([np.sqrt(np.mean(errors[hours == hour] ** 2)) for hour in range(24)], "o-")
axes.axhline(600, color="0.5", linestyle=":")
axes.text(23, 540, "noise of the data", ha="right", color="0.4")
axes.set(xlabel="hour of the day", ylabel="RMSE, MW", xticks=range(0, 24, 3), ylim=(0, None))
axes.set_title("The error is close to the noise at any hour")
plt.show()

# %%
# Read next: :doc:`/guide/training` on scales of inputs and targets, and
# :doc:`/gallery/tasks/plot_system_identification` for another regression per step.
