"""
Identify a system: simulate two cascaded tanks
==============================================

Water is pumped into an upper tank, flows through a hole into a lower tank, and from there out. The upper tank may
overflow. From the voltage of the pump alone, a GRU simulates the level of the lower tank with less than a tenth of the
error of a linear filter, because the tanks are not linear.
"""

# %%
# The tanks
# ---------
# The flow through a hole is proportional to the square root of the level (Bernoulli). A tenth of what overflows from
# the upper tank falls into the lower one. The sensor adds noise.

import matplotlib.pyplot as plt
import numpy as np


def make_record(steps, seed, noise=0.02):
    """Return the voltage of the pump and the measured level of the lower tank."""
    generator = np.random.default_rng(seed)
    held = generator.integers(10, 50, size=steps)  # the voltage is constant for 10 to 50 steps
    voltage = np.repeat(generator.uniform(0.5, 6.0, size=steps), held)[:steps]
    upper, lower, level = 4.0, 4.0, np.empty(steps)
    for t in range(steps):
        upper += 0.15 * voltage[t] - 0.25 * np.sqrt(upper)
        overflow, upper = max(upper - 10.0, 0.0), np.clip(upper, 0.0, 10.0)
        lower += 0.25 * np.sqrt(upper) + 0.1 * overflow - 0.25 * np.sqrt(lower)
        lower = level[t] = np.clip(lower, 0.0, 12.0)
    return voltage, level + noise * generator.standard_normal(steps)


records = [make_record(600, seed) for seed in range(12)]
X, y = [u[:, None] for u, _ in records[:-1]], [level for _, level in records[:-1]]
u_test, level_test = records[-1]

# %%
# A simulation is a regression per step
# -------------------------------------
# ``output="step"`` predicts the level at every step from the voltages so far. The level at the first steps depends on
# how full the tanks were before, which the network cannot know: ``washout=50`` leaves the first 50 steps of each record
# out of the loss and of the score.

from sklearn.pipeline import make_pipeline

from numrnn import RNNRegressor, SequenceScaler

network = RNNRegressor(
    (32,), output="step", washout=50, batch_size=2, learning_rate_init=0.01, learning_rate="cosine", max_iter=100,
    random_state=0,
)  # fmt: skip
model = make_pipeline(SequenceScaler(), network).fit(X, y)
simulated = model.predict([u_test[:, None]])[0]

# %%
# A linear filter
# ---------------
# For comparison, a ridge regression of the level on the last 100 voltages, the classical linear model of a system.

from sklearn.linear_model import RidgeCV


def lagged(u, lags=100):
    """Return a row of the last voltages for each step."""
    padded = np.concatenate([np.full(lags - 1, u[0]), u])
    return np.lib.stride_tricks.sliding_window_view(padded, lags)


linear = RidgeCV(np.logspace(-2, 4, 13)).fit(
    np.concatenate([lagged(u)[50:] for u, _ in records[:-1]]), np.concatenate([level[50:] for level in y])
)
filtered = linear.predict(lagged(u_test))


def rmse(prediction):
    """Return the root mean squared error after the washout."""
    return np.sqrt(np.mean((prediction - level_test)[50:] ** 2))


print(f"RMSE of the GRU {rmse(simulated):.3f}, of the linear filter {rmse(filtered):.3f}; noise 0.02")
assert rmse(simulated) < 0.5 * rmse(filtered)

# %%
# The simulation
# --------------
# Neither model has seen a level of this record. The linear filter is too high after strong pumping, when part of the
# water is lost by overflow, and falls below zero when the tank is empty.

# sphinx_gallery_thumbnail_number = 1
figure, (pump, tank, error) = plt.subplots(
    3, figsize=(8, 6), sharex=True, height_ratios=(1, 2.4, 1), layout="constrained"
)
pump.plot(u_test, color="0.4")
pump.set(ylabel="pump, V")
tank.axvspan(0, 50, color="0.93")
tank.text(25, -1.1, "washout", ha="center", color="0.4")
tank.plot(level_test, color="0.7", linewidth=4, label="measured")
tank.plot(filtered, color="C1", linestyle="--", label=f"linear, RMSE {rmse(filtered):.2f}")
tank.plot(simulated, color="C0", label=f"GRU, RMSE {rmse(simulated):.2f}")
tank.set(ylabel="level", title="The GRU simulates the level of the lower tank from the pump alone", ylim=(-1.5, None))
error.plot(filtered - level_test, color="C1", linestyle="--")
error.plot(simulated - level_test, color="C0")
error.set(xlabel="step", ylabel="error", ylim=(-3, 3), xlim=(0, 600))
figure.legend(*tank.get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %%
# Read next: :doc:`/guide/training` on scales and washout, :doc:`/gallery/tasks/plot_streaming` for a model that reads
# measurements as they arrive, and :doc:`/gallery/training/plot_scale_targets` for the units of targets.
