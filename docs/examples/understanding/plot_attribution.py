"""
Find the steps that decide: three methods of attribution
========================================================

Recordings of a rhythm contain one abnormal beat or none. A classifier is told only which recordings have one, not where
it is. Gradient, integrated gradients and occlusion ask the trained network which steps decided. The last two point at
the beat; the gradient is less clear.
"""

# %%
# Recordings
# ----------
# A beat every 12 steps or so, each 3 steps wide. An abnormal beat is wider and has a dip before it.

import matplotlib.pyplot as plt
import numpy as np


def make_recordings(count, seed):
    """Return recordings, whether they have an abnormal beat, and where it is (-1: nowhere)."""
    generator = np.random.default_rng(seed)
    X, places = np.empty((count, 120, 1)), np.full(count, -1)
    steps = np.arange(120)
    for i in range(count):
        beats = np.cumsum(generator.integers(11, 14, size=10))
        beats = beats[beats < 115]
        signal = 0.1 * generator.standard_normal(120) + sum(np.exp(-(((steps - beat) / 1.5) ** 2)) for beat in beats)
        if generator.random() < 0.5:
            places[i] = place = generator.choice(beats[1:-1])
            signal += 0.5 * np.exp(-(((steps - place - 2) / 3.0) ** 2)) - 0.6 * np.exp(
                -(((steps - place + 4) / 1.5) ** 2)
            )
        X[i, :, 0] = signal
    return X, np.where(places >= 0, "abnormal", "normal"), places


X, y, _ = make_recordings(800, seed=0)
X_test, y_test, places = make_recordings(300, seed=1)

# %%
# Training
# --------
# ``pooling="max"`` lets the output read the largest value of each unit over all steps, since the decisive step may be
# anywhere.

from numrnn import RNNClassifier

model = RNNClassifier((16,), pooling="max", learning_rate_init=0.01, max_iter=30, random_state=0).fit(X, y)
print(f"test accuracy {model.score(X_test, y_test):.3f}")
assert model.score(X_test, y_test) > 0.95

# %%
# Which steps?
# ------------
# :func:`~numrnn.inspection.attribute` returns one number per input and step, in the form of X. The figure shows one
# abnormal recording and the influences of its steps on the class "abnormal".

# sphinx_gallery_thumbnail_number = 1
from numrnn.inspection import AttributionDisplay, attribute

abnormal = np.flatnonzero(places >= 0)
influences = {
    method: attribute(model, X_test[abnormal], target="abnormal", method=method)
    for method in ("gradient", "integrated", "occlusion")
}
first, place = X_test[abnormal[0]], places[abnormal[0]]
figure, panels = plt.subplots(4, figsize=(7.5, 7), sharex=True, layout="constrained")
panels[0].plot(np.arange(120) + 0.5, first[:, 0], color="0.2")
panels[0].set(title="A recording; the abnormal beat is shaded", ylabel="signal")
for panel, (method, values) in zip(panels[1:], influences.items(), strict=True):
    AttributionDisplay(values[0]).plot(ax=panel)
    panel.set_title(method)
for panel in panels:
    panel.axvspan(place - 7, place + 8, color="C4", alpha=0.2, linewidth=0)
for panel in panels[:-1]:
    panel.set_xlabel("")

# %%
# How well do they point?
# -----------------------
# The share of the influence, by absolute value, within 7 steps of the abnormal beat. The beat takes 15 of 120 steps, so
# that influences at random places would have a share of 12 %.


def share(values):
    """Return the mean share of the influence near the abnormal beat."""
    near = np.abs(np.arange(120) - places[abnormal, None]) <= 7
    strength = np.abs(values[:, :, 0])
    return ((strength * near).sum(axis=1) / strength.sum(axis=1)).mean()


shares = {method: share(values) for method, values in influences.items()}
figure, axes = plt.subplots(figsize=(7, 2.4), layout="constrained")
axes.barh(list(shares), list(shares.values()))
axes.axvline(15 / 120, color="C1", linestyle="--")
axes.invert_yaxis()
axes.set(
    xlabel="share of the influence near the abnormal beat",
    xlim=(0, 1),
    title="Integrated gradients and occlusion point at the beat (dashed: by chance)",
)
assert shares["integrated"] > 0.8 and shares["occlusion"] > 0.8
plt.show()

# %%
# A gradient says what a small change of a step would do. It may be large at a step that did not contribute, and zero
# where the maximum of a unit was reached long before, hence the difference.

# %%
# Read next: :doc:`/guide/inspection` explains which method to choose, and :doc:`/gallery/texts/plot_reviews` does this
# for words.
