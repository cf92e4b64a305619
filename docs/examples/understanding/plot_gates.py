"""
Watch the gates of an LSTM open and close
=========================================

An LSTM that has learned to add two marked numbers is opened up: its gates change at the marks and stand nearly still
between them, so that the first number is kept. The figures show this for one sequence and for all of them.
"""

# %%
# A trained network
# -----------------
# The adding problem of :doc:`/gallery/getting_started/plot_2_adding_problem`, with 30 steps.

from numrnn import RNNRegressor
from numrnn.datasets import make_adding_problem

X, y = make_adding_problem(2000, length=30, random_state=0)
X_test, y_test = make_adding_problem(500, length=30, random_state=1)
model = RNNRegressor((16,), cell="lstm", learning_rate_init=0.01, learning_rate="cosine", max_iter=40, random_state=0)
model.fit(X, y)
print(f"R2 = {model.score(X_test, y_test):.4f}")
assert model.score(X_test, y_test) > 0.98

# %%
# Gates over the steps
# --------------------
# :func:`~numrnn.inspection.gate_values` returns the values of all gates, between 0 (closed) and 1 (open). Dashed lines
# show the marked steps. The input gate decides how much of a step enters the memory cell, the forget gate how much of
# the cell is kept, and the output gate how much of it is shown.

import matplotlib.pyplot as plt
import numpy as np

from numrnn.inspection import gate_values

one = X_test[:1]
marked = np.flatnonzero(one[0, :, 1])
gates = {name: values[0] for name, values in gate_values(model, one).items()}

# sphinx_gallery_thumbnail_number = 1
figure, panels = plt.subplots(3, figsize=(7.5, 6), sharex=True, layout="constrained")
for panel, (gate, name) in zip(panels, (("i", "input"), ("f", "forget"), ("o", "output")), strict=True):
    image = panel.pcolormesh(gates[gate].T, cmap="viridis", vmin=0, vmax=1, rasterized=True)
    for step in marked:
        panel.axvline(step, color="white", linestyle="--", linewidth=1.2)
        panel.axvline(step + 1, color="white", linestyle="--", linewidth=1.2)
    panel.set(ylabel="unit", title=f"{name} gate")
panels[-1].set_xlabel("step")
figure.colorbar(image, ax=panels, label="value of the gate", shrink=0.6)
figure.suptitle("The gates react to the marked steps (between dashed lines)", fontsize="medium")

# %%
# Marked steps beside all others
# ------------------------------
# The means over all test sequences and units. On average, a mark opens the input gates, which lets the number in, and
# the forget gates keep most of the cell at all other steps.

values = gate_values(model, X_test)
marks = X_test[:, :, 1] > 0
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for shift, chosen, label in ((-0.2, ~marks, "other steps"), (0.2, marks, "marked steps")):
    axes.bar(np.arange(3) + shift, [values[gate][chosen].mean() for gate in "ifo"], width=0.4, label=label)
axes.set_xticks(range(3), ["input", "forget", "output"])
axes.set(ylabel="mean value", ylim=(0, 1), title="A mark opens the input gates")
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))

# %%
# Are gates stuck?
# ----------------
# :class:`~numrnn.inspection.GateDisplay` has a point for each unit and gate: how often it is closed and how often open.
# A gate that is always closed or always open, near 1 on an axis, learns nothing any more. This network has none: the
# axes end at a small fraction, and only one forget gate is fully open now and then.

from numrnn.inspection import GateDisplay

display = GateDisplay.from_estimator(model, X_test)
display.ax_.set_title("No gate is stuck")
plt.show()

# %%
# Read next: :doc:`/theory` on what the gates of GRU and LSTM change, and :doc:`/guide/inspection`.
