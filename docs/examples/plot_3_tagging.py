"""
A tag for each step: who speaks when
====================================

Nine men have said the vowels /ae/ many times. Five utterances of random speakers make a conversation; the network
has to predict for every frame, one each 6.4 ms, who is speaking. It gets one target per step, and no information about
where one speaker ends and the next begins.
"""

# %%
# Conversations
# -------------
# The utterances are real (:func:`~numrnn.datasets.load_japanese_vowels`), their order is drawn. Those of the test part
# meet in conversations of their own.

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
# ``output="step"`` takes an array of targets for each sequence, as long as the sequence; predictions come likewise.

from sklearn.metrics import classification_report

from numrnn import RNNClassifier

model = RNNClassifier((64,), cell="gru", output="step", learning_rate_init=0.005, max_iter=30, random_state=0)
model.fit(X, y)
predicted = model.predict(X_test)
print(classification_report(np.concatenate(y_test), np.concatenate(predicted), digits=3))

# %%
# Listening
# ---------
# Above, a conversation of the test: how probable the network thinks each speaker is, and in white who he is. Below, how
# often it is right, by how long somebody has been speaking: a voice is mostly known from its first frame, and better
# the more was heard of it.

figure, (above, below) = plt.subplots(2, figsize=(8, 5), layout="constrained")
above.imshow(model.predict_proba(X_test[:1])[0].T, aspect="auto", origin="lower", extent=(0, len(X_test[0]), 0.5, 9.5))
above.step(np.arange(len(X_test[0])), y_test[0], where="post", color="white")
above.set(xlabel="frame", ylabel="speaker", yticks=range(1, 10))
right = np.concatenate(predicted) == np.concatenate(y_test)
since = np.concatenate(spoken)
below.plot([right[since == n].mean() for n in range(20)], marker="o")
below.set(xlabel="frames that he has spoken for", ylabel="right", ylim=(0.8, 1), xticks=range(0, 20, 2))
