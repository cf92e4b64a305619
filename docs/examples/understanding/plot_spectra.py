"""
Vanishing and exploding gradients, and where they come from
===========================================================

An Elman network multiplies its state by the same matrix W at every step. If the eigenvalues of W are well inside the
unit circle, the gradient vanishes on its way back; if they are outside, it explodes as long as the units are not
saturated. The figure shows spectrum and gradient side by side for three scales of W.
"""

# %%
# Three networks
# --------------
# ``initialize`` sets the initial weights without training, and ``set_weights`` replaces some of them. The initial W is
# orthogonal, so all of its eigenvalues lie on the unit circle; the other two networks have 0.8 W and 1.2 W.

import numpy as np

from numrnn import RNNRegressor

generator = np.random.default_rng(0)
X = 0.02 * generator.standard_normal((50, 60, 2))  # small inputs: tanh is nearly linear
y = X.sum(axis=(1, 2))

models = {}
for scale in (0.8, 1.0, 1.2):
    model = RNNRegressor((32,), cell="elman", dtype="float64", random_state=0).initialize(X, y)
    models[f"{scale} W"] = model.set_weights({"layers.0.W": scale * model.weights_["layers.0.W"]})

# %%
# Spectra and gradients
# ---------------------
# Above are the eigenvalues of the recurrent weights and the unit circle, below the norms of the gradients by lag: the
# number of steps back from the last one. At 0.8 W, the gradient loses 20 % per step; at 1.2 W, it is largest for the
# earliest step.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

from numrnn.inspection import SpectrumDisplay, gradient_flow

figure = plt.figure(figsize=(8, 6), layout="constrained")
grid = figure.add_gridspec(2, 3, height_ratios=(1, 1.1))
norms = {}
flow = figure.add_subplot(grid[1, :])
for column, ((name, model), verdict) in enumerate(zip(models.items(), ("vanish", "persist", "explode"), strict=True)):
    circle = figure.add_subplot(grid[0, column])
    SpectrumDisplay.from_estimator(model, ax=circle)
    circle.collections[0].set_color(f"C{column}")
    circle.set(title=f"{name}: gradients {verdict}", xlim=(-1.4, 1.4), ylim=(-1.4, 1.4))
    norms[name] = gradient_flow(model, X, y).norms
    flow.semilogy(norms[name] / norms[name][0], color=f"C{column}", label=name)
    flow.text(len(norms[name]), norms[name][-1] / norms[name][0], name, va="center", color=f"C{column}")
flow.set(xlabel="lag: steps before the last one", ylabel="norm of the gradient, relative to lag 0", xlim=(0, 64))
assert norms["0.8 W"][-1] < 1e-4 * norms["0.8 W"][0] and norms["1.2 W"][-1] > norms["1.2 W"][0]

# %%
# Saturation stops the explosion
# ------------------------------
# Larger inputs drive tanh to its limits, where its derivative is small. The Lyapunov exponent is the growth of a small
# difference of states per step, in nats, for the inputs at hand: above 0 it grows, below it shrinks.

from numrnn.inspection import lyapunov_exponents

sizes = [0.02, 0.1, 0.3, 1.0, 3.0]
figure, axes = plt.subplots(figsize=(6.8, 3.4), layout="constrained")
for name, model in models.items():
    largest = [lyapunov_exponents(model, X[:5] / 0.02 * size)[0] for size in sizes]
    axes.plot(sizes, largest, "o-", label=name)
axes.axhline(0, color="0.5", linewidth=0.8)
axes.set(xscale="log", xlabel="standard deviation of the inputs", ylabel="largest Lyapunov exponent")
axes.set_title("Strong inputs make every network forget")
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))

# %%
# Singular values
# ---------------
# Eigenvalues of W do not tell it all, since the Jacobian of a step is W times the derivatives of tanh. Its singular
# values show how much a step can stretch (above 1) or shrink a difference in each direction: with inputs of size one,
# all steps of the orthogonal W shrink, some directions nearly to nothing.

display = SpectrumDisplay.from_estimator(models["1.0 W"], X[:5] / 0.02, kind="singular_values")
display.ax_.set_title("Jacobians of the steps with inputs of size one")
plt.show()

# %%
# Read next: :doc:`/theory` derives the product of Jacobians, and
# :doc:`/gallery/getting_started/plot_2_adding_problem` shows what an LSTM makes of it.
