"""
Remember for fifty steps: an LSTM beside an Elman network
=========================================================

Each step brings a random number and a mark, and the marks of all but two steps are zero. The target is the sum of the
two marked numbers (Hochreiter and Schmidhuber 1997). An LSTM solves this task; an Elman network of the same size does
not get beyond predicting the mean, and the figure of its gradients shows why.
"""

# %%
# One sequence
# ------------

import matplotlib.pyplot as plt

from numrnn.datasets import make_adding_problem

X, y = make_adding_problem(2000, length=50, random_state=0)
X_val, y_val = make_adding_problem(500, length=50, random_state=1)

figure, axes = plt.subplots(figsize=(8, 2.5), layout="constrained")
axes.bar(range(50), X[0, :, 0], color=["C1" if mark else "0.8" for mark in X[0, :, 1]])
axes.set(xlabel="step", ylabel="number", title=f"The two marked numbers add up to {y[0]:.2f}")

# %%
# Two cells
# ---------
# The two networks differ in their cell only. With ``X_val`` and ``y_val``, ``fit`` also records the validation loss
# after each epoch. The network is trained on standardised targets, so that a loss of 1 means no better than the mean.

from numrnn import RNNRegressor

models = {}
for name, cell in (("Elman", "elman"), ("LSTM", "lstm")):
    models[name] = RNNRegressor((32,), cell=cell, learning_rate_init=0.005, max_iter=60, random_state=0)
    models[name].fit(X, y, X_val=X_val, y_val=y_val)
    print(f"{name:5}  R2 = {models[name].score(X_val, y_val):.3f} on the validation part")
assert models["LSTM"].score(X_val, y_val) > 0.95 > 0.5 > models["Elman"].score(X_val, y_val)

# %%
# Learning curves and gradients
# -----------------------------
# Recurrent networks that learn to remember often stay on a plateau before the loss falls. This is why nothing but
# ``max_iter`` ends a fit unless you ask for early stopping.
#
# Below them, :class:`~numrnn.inspection.GradientFlowDisplay` shows the norm of the derivative of the loss with
# respect to the hidden state by lag, that is, by the number of steps before the last one. Marks are up to 49 steps away
# from the end. The horizon is the largest lag at which the gradient has at least 1 % of its largest norm.

# sphinx_gallery_thumbnail_number = 2
from numrnn.inspection import GradientFlowDisplay, TrainingHistoryDisplay

figure, (curves, flow) = plt.subplots(2, 1, figsize=(7, 6.4), layout="constrained")
TrainingHistoryDisplay.from_estimator(models, metric="validation_loss", ax=curves)
curves.axhline(1, color="0.5", linestyle=":")
curves.set_title("The LSTM leaves the plateau of the mean, the Elman network does not")
GradientFlowDisplay.from_estimator(models, X_val[:100], y_val[:100], ax=flow)
flow.set_title("Gradients of the Elman network do not reach the marks")

# %%
# Does it use the two numbers?
# ----------------------------
# The predictions of the LSTM lie on the diagonal, those of the Elman network near the mean.

figure, panels = plt.subplots(1, 2, figsize=(7, 3.5), sharex=True, sharey=True, layout="constrained")
for panel, (name, model), colour in zip(panels, models.items(), ("C0", "C1"), strict=True):
    panel.plot([0, 2], [0, 2], color="0.5", linewidth=0.8)
    panel.scatter(y_val, model.predict(X_val), s=8, alpha=0.6, linewidths=0, color=colour)
    panel.set(title=f"{name}: R² = {model.score(X_val, y_val):.2f}", xlabel="sum of the marked numbers")
    panel.set_box_aspect(1)
panels[0].set_ylabel("prediction")
plt.show()

# %%
# Read next: :doc:`/theory` derives why gradients vanish, :doc:`/gallery/understanding/plot_gates` looks at the gates of
# an LSTM, and :doc:`/guide/choosing` at the choice of a cell.
