"""
From an image to a word: spell the name of a digit
==================================================

The network reads an image of 8 x 8 pixels as one vector, in one step, and writes the name of the digit character by
character: "seven" takes five steps. Nobody tells it that there are ten classes; it learns to spell.
"""

# %%
# The data
# --------
# scikit-learn's handwritten digits: 64 numbers from 0 to 16, scaled to 0 to 1. A quarter of the images is the test set.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

names = "zero one two three four five six seven eight nine".split()
digits = load_digits()
X, X_test, y, y_test = train_test_split(
    digits.data / 16, [names[i] for i in digits.target], test_size=0.25, stratify=digits.target, random_state=0
)

# %%
# The network
# -----------
# With ``input="vector"``, the encoder reads each row of X in one step. Its state is the initial state of the decoder.

from numrnn import RNNSeq2Seq

model = RNNSeq2Seq(
    (64,), input="vector", batch_size=32, learning_rate_init=5e-3, learning_rate="cosine", max_iter=20, random_state=0
)
model.fit(X, y)

# %%
# What it writes
# --------------
# A word counts as right if all of its letters and its end are right. All words that the network writes are names of
# digits.

found = np.array(model.predict(X_test))
right = found == y_test
print(f"{right.mean():.1%} of {len(y_test)} test images get the right word")
print("words that are no digits:", sorted(set(found) - set(names)))
assert right.mean() > 0.95

# %%
# One image of each digit that is read correctly, and some that are not:

# sphinx_gallery_thumbnail_number = 1
correct = [np.flatnonzero(right & (found == name))[0] for name in names]
wrong = np.flatnonzero(~right)[:10]
figure, axes = plt.subplots(2, 10, figsize=(9, 2.9), layout="constrained")
for row, images in zip(axes, (correct, wrong), strict=True):
    for axis in row:
        axis.set_axis_off()
    for axis, i in zip(row, images, strict=False):
        axis.imshow(X_test[i].reshape(8, 8), cmap="gray_r")
        axis.set_title(found[i] if right[i] else f"{found[i]}\n(is {y_test[i]})", color="black" if right[i] else "C1")
figure.suptitle("Read correctly (above) and wrongly (below)", fontsize="medium")

# %%
# Which words are hard
# --------------------

fractions = [right[np.array(y_test) == name].mean() for name in names]
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.plot(names, fractions, "o")
axes.vlines(names, np.mean(right), fractions, color="C0", linewidth=1)
axes.axhline(np.mean(right), color="0.5", linestyle=":")
axes.set(ylabel="fraction of right words", ylim=(0.9, 1.005), title="Above and below the mean of all digits (dotted)")
plt.show()

# %%
# Read next: :doc:`/guide/seq2seq` for other inputs and outputs, and :doc:`/gallery/tasks/plot_dates` for texts that
# become other texts.
