"""
A label for each step: who speaks when
======================================

Five utterances of random speakers make a conversation. For every frame, one each 6.4 ms, the network has to say who is
speaking, without being told where one speaker ends and the next begins. It is right in about 90 % of the frames, and
better the longer somebody has been speaking.
"""

# %%
# Conversations
# -------------
# The utterances are real (:func:`~numrnn.datasets.load_japanese_vowels`), their order is drawn at random. Test
# utterances form conversations of their own.

import matplotlib.pyplot as plt
import numpy as np

from numrnn import SequenceScaler
from numrnn.datasets import load_japanese_vowels

vowels = load_japanese_vowels()
scaler = SequenceScaler().fit(vowels.X_train)


def conversations(X, y, count, seed):
    """Join five utterances each; return frames, the speaker of each frame, and how many frames he has spoken for."""
    drawn = np.random.default_rng(seed).integers(len(X), size=(count, 5))
    lengths = [[len(X[i]) for i in row] for row in drawn]
    frames = scaler.transform([np.concatenate([X[i] for i in row]) for row in drawn])
    speakers = [np.repeat(y[row], length) for row, length in zip(drawn, lengths, strict=True)]
    spoken = [np.concatenate([np.arange(n) for n in length]) for length in lengths]
    return frames, speakers, spoken


X, y, _ = conversations(vowels.X_train, vowels.y_train, 500, seed=0)
X_test, y_test, spoken = conversations(vowels.X_test, vowels.y_test, 100, seed=1)
print(f"{len(X)} conversations of {min(map(len, X))} to {max(map(len, X))} frames")

# %%
# One target per step
# -------------------
# With ``output="step"``, y has an array for each sequence, as long as the sequence, and so have the predictions.

from numrnn import RNNClassifier
from numrnn.metrics import step_accuracy

model = RNNClassifier((64,), output="step", learning_rate_init=0.005, max_iter=30, random_state=0).fit(X, y)
predicted = model.predict(X_test)
print(f"{step_accuracy(y_test, predicted):.1%} of the test frames are right")
assert step_accuracy(y_test, predicted) > 0.85

# %%
# Listening in
# ------------
# The probabilities of one test conversation, frame by frame. The black line is the true speaker. It is the first one in
# which 85 to 95 % of the frames are right, as in most of them.

# sphinx_gallery_thumbnail_number = 1
accuracies = [np.mean(p == t) for p, t in zip(predicted, y_test, strict=True)]
which = next(i for i, accuracy in enumerate(accuracies) if 0.85 < accuracy < 0.95)
steps = len(X_test[which])
figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
image = axes.imshow(
    model.predict_proba(X_test[which : which + 1])[0].T, cmap="YlGnBu", vmin=0, vmax=1, aspect="auto", origin="lower",
    extent=(0, steps, 0.5, 9.5), interpolation="nearest",
)  # fmt: skip
axes.stairs(y_test[which], np.arange(steps + 1), baseline=None, color="black", linewidth=1.5)
axes.set(xlabel="frame", ylabel="speaker", yticks=range(1, 10))
axes.set_title("The network (colour) follows the true speaker (line)")
figure.colorbar(image, label="probability")

# %%
# When it is wrong
# ----------------
# A change of speaker takes the network a few frames: it is least often right at the first ones.

right = np.concatenate(predicted) == np.concatenate(y_test)
since = np.concatenate(spoken)
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
axes.plot(np.arange(1, 21), [right[since == n].mean() for n in range(20)], marker="o")
axes.set(xlabel="frames since the speaker began", ylabel="fraction of right frames", xticks=range(2, 21, 2))
axes.set_title("The more frames are heard, the better")
plt.show()

# %%
# Read next: :doc:`/guide/metrics` for scores of labels per step, :doc:`/guide/training` for bidirectional networks,
# which read a conversation from both ends, and :doc:`/gallery/tasks/plot_streaming` for predictions while data arrive.
