"""
See a memory: the states of a network in two dimensions
=======================================================

A flip-flop remembers the last pulse, up or down, that it received. A GRU of 32 units learns to be two flip-flops at
once. Its states lie in a space of 32 dimensions, but a principal component analysis shows four places, one for each
memory, and the paths that pulses take between them.
"""

# %%
# Two flip-flops
# --------------
# Pulses of +1 and -1 arrive rarely in two inputs. The target at each step is the last pulse of each input (Sussillo and
# Barak 2013, with two inputs instead of three).

import matplotlib.pyplot as plt
import numpy as np


def make_pulses(count, steps, seed):
    """Return pulses of shape (count, steps, 2) and what is to be remembered, of the same shape."""
    generator = np.random.default_rng(seed)
    X = generator.choice([-1.0, 0.0, 1.0], size=(count, steps, 2), p=[0.05, 0.9, 0.05])
    X[:, 0] = generator.choice([-1.0, 1.0], size=(count, 2))  # something to remember from the beginning
    y = X.copy()
    for step in range(1, steps):
        y[:, step] = np.where(X[:, step] == 0, y[:, step - 1], X[:, step])
    return X, y


X, y = make_pulses(300, 60, seed=0)
X_test, y_test = make_pulses(50, 60, seed=1)

# %%
# Several targets per step
# ------------------------
# y has the shape (sequences, steps, targets).

from numrnn import RNNRegressor

model = RNNRegressor((32,), output="step", learning_rate_init=0.005, max_iter=60, random_state=0).fit(X, y)
print(f"R2 on new pulses: {model.score(X_test, y_test):.4f}")
assert model.score(X_test, y_test) > 0.98

# %%
# One sequence
# ------------
# Above the pulses and what the network remembers, below its 32 units: between two pulses, the state hardly moves.

from numrnn.inspection import HiddenStateDisplay

figure, (above, below) = plt.subplots(2, figsize=(8, 5.2), height_ratios=(1, 1.8), layout="constrained")
steps = np.arange(60) + 0.5
for number, (pulses, remembered) in enumerate(zip(X_test[0].T, model.predict(X_test[:1])[0].T, strict=True)):
    above.plot(steps, 2.6 * number + remembered, color=f"C{number}")
    above.bar(steps, pulses, bottom=2.6 * number, color="0.6", width=0.6)
above.set_yticks([0, 2.6], ["input 0", "input 1"])
above.set(xlim=(0, 60), title="Pulses (grey) and what the network remembers (lines)")
HiddenStateDisplay.from_estimator(model, X_test[0], ax=below)
below.set_title("Pulses move the hidden states, which then stay where they are")

# %%
# Two dimensions
# --------------
# :func:`~numrnn.inspection.hidden_states` returns the states in the form of X; scikit-learn's PCA reads one row per
# step.

from sklearn.decomposition import PCA

from numrnn.inspection import hidden_states

states = hidden_states(model, X_test)
pca = PCA(2).fit(states.reshape(-1, 32))
print(f"two dimensions of 32 hold {pca.explained_variance_ratio_.sum():.0%} of the variance")
assert pca.explained_variance_ratio_.sum() > 0.7

# %%
# Each point is the state after a step; its colour is what should be remembered then. The line is one sequence, which
# jumps from place to place.

# sphinx_gallery_thumbnail_number = 2
points, memories = pca.transform(states.reshape(-1, 32)), y_test.reshape(-1, 2)
figure, axes = plt.subplots(figsize=(6.8, 4.8), layout="constrained")
path = pca.transform(states[0])
axes.plot(*path.T, color="0.6", linewidth=0.9, zorder=1)
for memory, marker in (((-1, -1), "o"), ((-1, 1), "s"), ((1, -1), "^"), ((1, 1), "D")):
    chosen = (memories == memory).all(axis=1)
    name = " ".join("up" if each > 0 else "down" for each in memory)
    axes.scatter(*points[chosen].T, s=16, alpha=0.5, linewidths=0, marker=marker, label=name, zorder=2)
axes.set(xlabel="first principal component", ylabel="second principal component")
axes.set_title("Four memories are four places in the space of states")
axes.legend(title="last pulses", loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
# Read next: :doc:`/guide/inspection` for all displays, and :doc:`/gallery/understanding/plot_spectra` for what keeps
# states where they are.
