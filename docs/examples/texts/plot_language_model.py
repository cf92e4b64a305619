"""
Write like a manual, and colour a text by surprise
==================================================

Python ships the text of its own language reference. A character model reads 400,000 characters of it for a few seconds,
then continues a sentence, and shows how surprised it is by each character of a passage that it has not read: beginnings
of words surprise it, their ends do not.
"""

# %%
# The text
# --------
# The topics of Python's ``help()``, without frames of tables and characters beyond ASCII. Runs of blanks become one
# blank, and the last 5 % are the test part.

import pydoc_data.topics
import re

text = re.sub(r"[^ -~\n]|[-=+*]{3,}|[|]", " ", "\n".join(pydoc_data.topics.topics.values()))
text = " ".join(text.split())
training, test = text[: len(text) * 95 // 100], text[len(text) * 95 // 100 :]
print(f"{len(text):,} characters, {len(set(text))} different ones: {training[1000:1080]}...")

# %%
# Training
# --------
# The model reads the text in parallel streams, a chunk of steps at a time. ``initialize`` collects the characters of
# all of the text, so that none in the test part is unknown; ``warm_start`` makes ``fit`` continue from there.

from numrnn import RNNLanguageModel

model = RNNLanguageModel(cell="gru", max_iter=8, learning_rate="cosine", warm_start=True, random_state=0)
model.initialize(text).fit(training, X_val=test)
bits = model.bits_per_symbol(test)
print(f"{bits:.2f} bits per character, accuracy {model.accuracy(test):.2f}")
assert bits < 2.6

# %%
# Writing
# -------
# At a low temperature, the model writes what is most likely and soon repeats itself; at 1, it draws characters with the
# probabilities that it predicts.

import textwrap

for temperature in (0.3, 0.6, 1.0):
    written = model.generate("The statement ", 200, temperature=temperature, random_state=0)
    print(f"temperature {temperature}:", *textwrap.wrap("The statement " + written, 100), "", sep="\n")

# %%
# Surprise
# --------
# ``surprisal`` returns the negative log-probability of each character, given those before it. A new model knows
# nothing: a passage costs log2(number of characters), about 6.5 bits for each. Here most characters cost less than one
# bit, and the dark ones are where words begin. :class:`~numrnn.inspection.AttributionDisplay` draws any number per
# character.

# sphinx_gallery_thumbnail_number = 1
import numpy as np

from numrnn.inspection import AttributionDisplay

start = test.index(". ", 3000) + 2
passage = test[start : start + 480]
surprise = model.surprisal(test[: start + 480])[-480:] / np.log(2)
display = AttributionDisplay(surprise, labels=list(passage), quantity="surprise, bits").plot()
display.ax_.set_title("Beginnings of words surprise the model")
print(f"median {np.median(surprise):.2f}, mean {surprise.mean():.2f} bits")

# %%
# The mean surprise by position in a word says the same in numbers:

import matplotlib.pyplot as plt

of_test = model.surprisal(test) / np.log(2)  # of all characters but the first
positions, since = np.empty(len(test), dtype=int), 0
for i, character in enumerate(test):
    since = since + 1 if character.isalpha() else 0
    positions[i] = since
means = [of_test[positions[1:] == n].mean() for n in range(1, 11)]
figure, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
axes.bar(range(1, 11), means)
axes.set(xlabel="letter of the word", ylabel="bits per letter", xticks=range(1, 11))
axes.set_title("The more of a word is known, the less its letters surprise")
assert means[0] > 1.5 * means[4]
plt.show()

# %%
# Read next: :doc:`/guide/texts` on vocabularies, streams and sampling; ``docs/examples/war_and_peace.py`` trains on a
# novel (:doc:`/guide/tasks` shows what it writes).
