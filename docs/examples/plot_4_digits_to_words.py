"""
One to many: the name of a digit in a picture
=============================================

The network reads a picture of 8 x 8 pixels as one vector, in one step, and writes the digit's name character by
character: "seven" takes five steps. It is not told that there are ten classes; it learns to spell.
"""

# %%
# The data
# --------
# scikit-learn's handwritten digits: 64 numbers from 0 to 16, scaled to 0 to 1. A quarter of the pictures is the test.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from numrnn import RNNSeq2Seq

names = "zero one two three four five six seven eight nine".split()
digits = load_digits()
X, X_test, y, y_test = train_test_split(
    digits.data / 16, [names[i] for i in digits.target], test_size=0.25, stratify=digits.target, random_state=0
)

# %%
# The network
# -----------
# ``input="vector"``: each row of X is read by the encoder in one step. Its state is where the decoder begins.

model = RNNSeq2Seq(
    (64,), input="vector", batch_size=32, learning_rate_init=5e-3, learning_rate="cosine", max_iter=20, random_state=0
)
model.fit(X, y)

# %%
# What it writes
# --------------
# A word counts if all of its letters and its end are right.

found = model.predict(X_test)
print("| digit | test pictures | exactly right |\n|---|---|---|")
for name in names:
    right = [word == name for word, wanted in zip(found, y_test, strict=True) if wanted == name]
    print(f"| {name} | {len(right)} | {np.mean(right):.3f} |")
print(f"| all | {len(y_test)} | {model.score(X_test, y_test):.3f} |")
print("no words:", sorted(set(found) - set(names)))

# %%
# Some pictures, and those that it reads wrongly; beneath them what it writes.

wrong = [i for i in range(len(found)) if found[i] != y_test[i]][:8]
figure, axes = plt.subplots(2, 8, figsize=(9, 3), layout="constrained")
for axis in axes.ravel():
    axis.axis("off")
for row, ids in zip(axes, (range(8), wrong), strict=True):
    for axis, i in zip(row, ids, strict=False):
        axis.imshow(X_test[i].reshape(8, 8), cmap="gray_r")
        axis.set_title(found[i] if found[i] == y_test[i] else f"{found[i]}\n({y_test[i]})", fontsize=9)
