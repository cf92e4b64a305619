"""
Dates as people write them to dates as computers do
===================================================

An encoder-decoder (:class:`~numrnn.RNNSeq2Seq`) with one GRU layer of 128 units on each side reads "Wednesday, March
3rd 2021", "3 Mar 21", "03.03.2021" or "2021/3/3" character by character, and writes "2021-03-03" in the same way. It
has no built-in knowledge of calendars. One command trains it, in about half a minute on two cores::

    pip install "numrnn[examples]"
    python docs/examples/dates.py

The program prints a row for each way of writing, and saves a picture:

.. image:: /images/dates.png
   :alt: The loss falls over twelve epochs; at least 99 % of the dates in each notation are right.

The smaller example :doc:`/gallery/tasks/plot_dates` runs with these pages, and :doc:`/guide/tasks` shows the results.
"""

# sphinx_gallery_thumbnail_path = 'images/dates.png'

import argparse
import datetime
import time

import numpy as np

from numrnn import RNNSeq2Seq

FIRST, LAST = datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)
TRAIN, WATCHED, TEST = 20000, 1000, 5000


# %%
# The data
# --------
# Dates of a hundred years, each in one of twelve ways; a year of two digits is the one within these hundred. The test
# is of dates, in their ways, that are not in the training part.


def ordinal(day):
    """Return a day as an ordinal number: 1st, 2nd, 3rd, 4th ..."""
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


WAYS = {
    "3 March 2021": lambda d: f"{d.day} {d:%B} {d.year}",
    "March 3, 2021": lambda d: f"{d:%B} {d.day}, {d.year}",
    "03/03/21 (day first)": lambda d: f"{d:%d/%m/%y}",
    "3.3.2021": lambda d: f"{d.day}.{d.month}.{d.year}",
    "2021/3/3": lambda d: f"{d.year}/{d.month}/{d.day}",
    "3 Mar 21": lambda d: f"{d.day} {d:%b} {d:%y}",
    "03-Mar-2021": lambda d: f"{d:%d-%b-%Y}",
    "Wednesday, March 3rd 2021": lambda d: f"{d:%A}, {d:%B} {ordinal(d.day)} {d.year}",
    "Wed 3 Mar 2021": lambda d: f"{d:%a} {d.day} {d:%b} {d.year}",
    "the 3rd of March, 2021": lambda d: f"the {ordinal(d.day)} of {d:%B}, {d.year}",
    "20210303": lambda d: f"{d:%Y%m%d}",
    "MARCH 3 '21": lambda d: f"{d:%B}".upper() + f" {d.day} '{d:%y}",
}


def make_dates(count, seed):
    """Return distinct dates as they are written, the same dates in ISO 8601, and the number of each way of writing."""
    random, days = np.random.default_rng(seed), (LAST - FIRST).days + 1
    ways = list(WAYS.values())
    written, iso, kinds = [], [], []
    for item in random.choice(days * len(ways), count, replace=False):
        date, kind = FIRST + datetime.timedelta(int(item) // len(ways)), int(item) % len(ways)
        written.append(ways[kind](date))
        iso.append(date.isoformat())
        kinds.append(kind)
    return written, iso, np.array(kinds)


# %%
# The network
# -----------
# The encoder's last state, 128 numbers, is all that the decoder knows of what was read.


def make_model(seed, epochs, units):
    """Return the encoder-decoder of the table, which prints its progress."""
    return RNNSeq2Seq(
        (units,),
        batch_size=64,
        learning_rate_init=4e-3,
        learning_rate="cosine",
        max_iter=epochs,
        random_state=seed,
        verbose=True,
    )


def main():
    parser = argparse.ArgumentParser(description="Dates in twelve ways of writing to ISO 8601.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--picture", default="dates.png")
    arguments = parser.parse_args()
    X, y, kinds = make_dates(TRAIN + WATCHED + TEST, arguments.seed)
    X_test, y_test, kinds = X[-TEST:], y[-TEST:], kinds[-TEST:]
    model = make_model(arguments.seed, arguments.epochs, arguments.units)
    started = time.perf_counter()
    model.fit(X[:TRAIN], y[:TRAIN], X_val=X[TRAIN:-TEST], y_val=y[TRAIN:-TEST])
    seconds = time.perf_counter() - started
    right = np.equal(model.predict(X_test), y_test)
    print("| way of writing | test dates | exactly right |\n|---|---|---|")
    for kind, name in enumerate(WAYS):
        chosen = kinds == kind
        print(f"| {name} | {chosen.sum()} | {right[chosen].mean():.4f} |")
    print(f"| all | {len(right)} | {right.mean():.4f} |")
    print(f"| all, five beams | {TEST} | {np.equal(model.predict(X_test, beam_width=5), y_test).mean():.4f} |")
    print(f"trained in {seconds:.0f} s")
    draw(model, right, kinds, arguments.picture)


# %%
# The picture
# -----------
# How the loss falls, and which ways of writing are hard.


def draw(model, right, kinds, path):
    """Draw the loss of each epoch, and the fraction of correct test dates for each way of writing."""
    import matplotlib.pyplot as plt  # here: benchmarks take the dates, and need no pictures

    figure, (left, ways) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    left.semilogy(model.loss_curve_, label="training")
    left.semilogy(model.validation_loss_curve_, label="held out")
    left.set(xlabel="epoch", ylabel="cross-entropy of a character, nats")
    left.legend()
    ways.barh(list(WAYS), [right[kinds == kind].mean() for kind in range(len(WAYS))])
    ways.invert_yaxis()
    ways.set(xlabel="exactly right", xlim=(min(0.95, right.mean() - 0.05), 1))
    figure.savefig(path)
    print(f"picture: {path}")


if __name__ == "__main__":
    main()
