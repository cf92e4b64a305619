"""
Watch a stream: predict each value before it arrives
====================================================

A model that was trained on whole sequences reads a stream one value at a time with ``predict_step``. Its prediction
errors on a vibration sensor raise an alarm when a bearing begins to fail, within a few steps and without any example of
a failure.
"""

# %%
# A healthy sensor
# ----------------
# Two vibrations whose frequencies differ a little from recording to recording, and noise. The target of each step is
# the next value.

import matplotlib.pyplot as plt
import numpy as np


def make_recording(steps, generator):
    """Return the values of a healthy sensor."""
    t = np.arange(steps)
    slow, fast = generator.uniform(0.9, 1.1, size=2) * (2 * np.pi / 25, 2 * np.pi / 7)
    phases = generator.uniform(0, 2 * np.pi, size=2)
    return np.sin(slow * t + phases[0]) + 0.5 * np.sin(fast * t + phases[1]) + 0.05 * generator.standard_normal(steps)


generator = np.random.default_rng(0)
recordings = [make_recording(length, generator) for length in generator.integers(150, 250, size=100)]
X, y = [r[:-1, None] for r in recordings], [r[1:] for r in recordings]

# %%
# Training
# --------
# The first predictions of a sequence are poor, since the network has to find out the frequencies and phases: they are
# left out of the loss as ``washout``.

from numrnn import RNNRegressor

model = RNNRegressor((32,), output="step", washout=30, learning_rate_init=0.01, max_iter=60, random_state=0).fit(X, y)

# %%
# The stream
# ----------
# After step 300 a small vibration appears that the network has never seen. ``predict_step`` takes a value and a state,
# and returns the prediction of the next value and the next state. The state is all that has to be kept of a stream.

stream = make_recording(500, generator)
stream[300:] += 0.25 * np.sin(2 * np.pi / 3.1 * np.arange(200))

expected, state = np.full(500, np.nan), None
for step in range(499):
    prediction, state = model.predict_step(stream[step : step + 1, None], state)
    expected[step + 1] = prediction[0]

# %%
# An alarm is raised when the mean of the last ten absolute errors is above all such means of the training recordings.

errors = np.abs(stream - expected)
recent = np.convolve(np.nan_to_num(errors), np.full(10, 0.1))[:500]
healthy = [np.convolve(np.abs(p - t)[30:], np.full(10, 0.1), "valid") for p, t in zip(model.predict(X), y, strict=True)]
limit = np.max(np.concatenate(healthy))
alarm = 50 + np.flatnonzero(recent[50:] > limit)[0]
print(f"alarm at step {alarm}; the change is at step 300")
assert 300 <= alarm < 330

# %%
# The change is hard to see in the values, but the errors grow at once.

# sphinx_gallery_thumbnail_number = 1
figure, (values, below) = plt.subplots(2, figsize=(8, 4.8), sharex=True, layout="constrained")
values.plot(stream, color="0.65", linewidth=2.5, label="value")
values.plot(expected, color="C0", linewidth=1, label="predicted before it arrives")
values.set(ylabel="vibration", title=f"The vibration changes at step 300, the alarm comes at step {alarm}")
below.plot(errors, color="0.75", linewidth=1, label="absolute error")
below.plot(recent, color="C0", label="mean of ten")
below.axhline(limit, color="C1", linestyle="--", label="limit")
below.axvline(alarm, color="C1")
below.set(xlabel="step", ylabel="error", ylim=(0, 1), xlim=(200, 400))
for axes in (values, below):
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axes.axvspan(300, 500, color="C4", alpha=0.15, linewidth=0)
plt.show()

# %%
# Streams beside whole sequences
# ------------------------------
# The predictions have the same bits as those of ``predict``, which reads the whole sequence at once:

whole = model.predict([stream[:499, None]])[0]
assert (whole == expected[1:]).all()

# %%
# Read next: :doc:`/guide/streaming` for many streams at once and for pieces of several steps, and :doc:`/guide/saving`
# for the file from which another process reads the model.
