"""
Why is this review positive? Words coloured by influence
========================================================

A network reads short film reviews word by word. "Good" speaks for a positive review, "not good" for a negative one: the
picture shows how the influence of a word changes with the word before it, which no table of words can do.
"""

# %%
# Reviews
# -------
# Generated sentences with one or two judgements each, some of them denied. If there are two, the second counts, since
# it follows "but".

import numpy as np

GOOD = "good great funny moving clever beautiful charming".split()
BAD = "bad dull boring weak silly ugly tedious".split()
SUBJECTS = "the film,the plot,the acting,this story,the music,the ending,every scene".split(",")


def judgement(generator, positive):
    """Return a clause with this judgement; in four of ten cases it denies the opposite one."""
    denied = generator.random() < 0.4
    word = generator.choice(GOOD if positive != denied else BAD)
    adverb = generator.choice(["", " very", " really"])
    return f"{generator.choice(SUBJECTS)} is{' not' if denied else ''}{adverb} {word}"


def make_reviews(count, seed):
    """Return texts and labels."""
    generator, texts, labels = np.random.default_rng(seed), [], []
    for _ in range(count):
        positive = bool(generator.integers(2))
        text = judgement(generator, positive)
        if generator.random() < 0.5:
            text = f"{judgement(generator, not positive)}, but {text}"
        texts.append(text)
        labels.append("positive" if positive else "negative")
    return texts, labels


texts, labels = make_reviews(2000, seed=0)
test_texts, test_labels = make_reviews(500, seed=1)
for text, label in zip(texts[:4], labels[:4], strict=True):
    print(f"{label}: {text}")

# %%
# Two models
# ----------
# A bag of words with a logistic regression, and a GRU that reads words in their order. With ``vocabulary``, X may be a
# list of texts. The bag of words does no better than guessing: which words occur says nothing about these reviews.

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier
from numrnn.data import Vocabulary

bag = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, labels)
model = RNNClassifier((24,), vocabulary=Vocabulary("token"), embedding_size=8, max_iter=30, random_state=0)
model.fit(texts, labels)
print(f"test accuracy: bag of words {bag.score(test_texts, test_labels):.3f}", end=", ")
print(f"GRU {model.score(test_texts, test_labels):.3f}")
assert model.score(test_texts, test_labels) > 0.98

# %%
# Influence of words
# ------------------
# Integrated gradients distribute the output, in logits, over the words: red speaks for "positive", blue against it.
# "Good" is red alone and blue after "not". "Great" is blue, too, because the word "but" follows: the network has found
# out that the two judgements of a review always contradict each other.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

from numrnn.inspection import AttributionDisplay

examples = [
    "the film is good",
    "the film is not good",
    "the acting is not very dull",
    "the plot is really great but the ending is boring",
    "every scene is not clever but the music is charming",
]
figure, axes = plt.subplots(len(examples), figsize=(8, 5), layout="constrained")
for axis, text, probability in zip(axes, examples, model.predict_proba(examples)[:, 1], strict=True):
    AttributionDisplay.from_estimator(model, text.split(), target="positive", method="integrated", ax=axis)
    axis.set_title(f"probability of a positive review: {probability:.3f}", loc="left", fontsize=9)
    figure.axes[-1].set_ylabel("")

# %%
# One word in two contexts
# ------------------------
# The same numbers for all test reviews of one judgement: :func:`~numrnn.inspection.attribute` returns one value for
# each word.

from numrnn.inspection import attribute

single = [text.split() for text in test_texts if "but" not in text]
influences = attribute(model, single, target="positive", method="integrated")
last = np.array([values[-1] for values in influences])
words, denied = np.array([text[-1] for text in single]), np.array(["not" in text for text in single])

figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
for shift, chosen, label in ((-0.2, ~denied, "affirmed"), (0.2, denied, "after not")):
    means = [last[chosen & (words == word)].mean() for word in GOOD + BAD]
    axes.bar(np.arange(len(means)) + shift, means, width=0.4, label=label)
axes.axhline(0, color="0.3", linewidth=0.8)
axes.set_xticks(range(len(GOOD + BAD)), GOOD + BAD, rotation=40, ha="right")
axes.set(ylabel="influence (logit)", title='"Not" turns the influence of the adjective around')
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
assert last[~denied & np.isin(words, GOOD)].mean() > 0 > last[denied & np.isin(words, GOOD)].mean()
plt.show()

# %%
# Read next: :doc:`/guide/inspection` on the methods of attribution, :doc:`/guide/texts` on vocabularies, and
# ``docs/examples/sentiment.py``, which does this for 25,000 reviews of the Internet Movie Database.
