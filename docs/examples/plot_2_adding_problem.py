"""
A long memory: the adding problem
=================================

Each step brings a random number and a mark; the marks of all but two steps are zero. The target, asked for after the
last step, is the sum of the two marked numbers (Hochreiter and Schmidhuber 1997). A model that always
answers 1 has a mean squared error of 1/6. To do better, a network must carry a number over many steps. Elman networks
fail at this, because their gradient vanishes on the way back; the gates of an LSTM were invented to prevent that.
"""

# %%
# One sequence
# ------------

import matplotlib.pyplot as plt

from numrnn.datasets import make_adding_problem

X, y = make_adding_problem(2000, length=50, random_state=0)
X_val, y_val = make_adding_problem(500, length=50, random_state=1)

figure, axes = plt.subplots(figsize=(8, 2.5), layout="constrained")
axes.bar(range(50), X[0, :, 0], color=["C1" if mark else "lightgrey" for mark in X[0, :, 1]])
axes.set(xlabel="step", ylabel="number", title=f"the marked numbers add up to {y[0]:.2f}")

# %%
# Two cells
# ---------
# The data given as ``X_val``, ``y_val`` are watched while the training goes on; ``validation_loss_curve_`` has their
# mean squared error after each epoch.

from numrnn import RNNRegressor

curves = {}
for cell in ("elman", "lstm"):
    model = RNNRegressor((32,), cell=cell, learning_rate_init=0.005, max_iter=60, random_state=0)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    curves[cell] = model.validation_loss_curve_
    print(f"{cell:6} mean squared error {curves[cell][-1]:.4f}")

# %%
# Plateau and fall
# ----------------
# A recurrent network that learns to remember often stays on a plateau for a while, and then falls off it. That is why
# ``tol`` never ends a training on its own: only early stopping looks at it.

figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
for cell, curve in curves.items():
    axes.semilogy(range(1, len(curve) + 1), curve, label=cell)
axes.axhline(1 / 6, color="grey", linestyle=":", label="always 1")
axes.set(xlabel="epoch", ylabel="mean squared error")
axes.legend(frameon=False)
