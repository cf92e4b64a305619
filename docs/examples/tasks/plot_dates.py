"""
Convert dates to ISO format, and look into the beam
===================================================

An encoder-decoder reads dates such as "March 3, 2021" or "3 Mar 21" character by character and writes "2021-03-03".
One notation is ambiguous: "08/06/21" is written by people who put the day first and by others who put the month first.
The beam shows that the network is certain of all other dates and undecided about this one.
"""

# %%
# The data
# --------
# 8,000 dates of ten years in five notations, the last of which is ambiguous. Another 500 dates are the test set.

import datetime

import numpy as np

NOTATIONS = {
    "3 March 2021": "{d.day} {d:%B} {d.year}",
    "March 3, 2021": "{d:%B} {d.day}, {d.year}",
    "3 Mar 21": "{d.day} {d:%b} {d:%y}",
    "20210303": "{d:%Y%m%d}",
    "03/03/21": ("{d:%d/%m/%y}", "{d:%m/%d/%y}"),  # each in half of the cases
}


def make_dates(count, seed):
    """Return dates as they are written, the same dates in ISO 8601, and the notation of each."""
    generator, first = np.random.default_rng(seed), datetime.date(2015, 1, 1)
    written, iso, notations = [], [], []
    for day in generator.integers(3652, size=count):
        date = first + datetime.timedelta(days=int(day))
        notation = generator.choice(list(NOTATIONS))
        form = NOTATIONS[notation]
        form = form if isinstance(form, str) else form[generator.integers(2)]
        written.append(form.format(d=date))
        iso.append(date.isoformat())
        notations.append(notation)
    return written, iso, np.array(notations)


X, y, _ = make_dates(8000, seed=0)
X_test, y_test, notations = make_dates(500, seed=1)
for pair in zip(X[:4], y[:4], strict=True):
    print(*pair, sep="  ->  ")

# %%
# The network
# -----------
# An encoder and a decoder of 96 GRU units each. Texts need no preparation: characters are the default.

from numrnn import RNNSeq2Seq

model = RNNSeq2Seq((96,), cell="gru", learning_rate_init=0.006, learning_rate="cosine", max_iter=10, random_state=0)
model.fit(X, y)

right = np.array(model.predict(X_test, beam_width=5)) == y_test
for notation in NOTATIONS:
    print(f"{notation:14} {right[notations == notation].mean():.3f}")
assert right[notations != "03/03/21"].mean() > 0.95

# %%
# What is in the beam
# -------------------
# The decoder gives a probability to each whole date. ``loss_and_grad`` returns the negative log-probability per
# character, the end symbol included, so the probabilities of all dates of a year take a second. Their sum over the
# dates that share a prefix is the probability of this prefix, which is what a beam search ranks.


def probabilities(text, year=2021):
    """Return the probability of each date of a year as the ISO form of a text."""
    days = [datetime.date(year, 1, 1) + datetime.timedelta(days=n) for n in range(365)]
    return {day.isoformat(): np.exp(-11 * model.loss_and_grad([text], [day.isoformat()])[0]) for day in days}


def beam(of_dates, width=5):
    """Yield for each length the most probable prefixes and their probabilities."""
    for length in range(11):
        sums = {}
        for date, probability in of_dates.items():
            sums[date[:length]] = sums.get(date[:length], 0.0) + probability
        yield dict(sorted(sums.items(), key=lambda item: -item[1])[:width])


# %%
# Each line is a prefix in a beam of width five, as thick as it is probable. "8 Jun 21" is one line, and "08/06/21"
# splits at the month: the network gives about one half each to June and August. A greedy search has to take one of the
# two.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt


def draw_beam(axes, of_dates):
    """Draw the prefixes of the beam as a tree from left to right."""
    prefixes, heights = list(beam(of_dates)), {}
    for rank, date in enumerate(sorted(prefixes[-1], key=prefixes[-1].get, reverse=True)):
        heights |= {date[:n]: -rank for n in range(10, -1, -1) if date[:n] not in heights}
    for length, step in enumerate(prefixes[1:], 1):
        for prefix, probability in step.items():
            if prefix in heights:
                ends = heights[prefix[:-1]], heights[prefix]
                axes.plot((length - 1, length), ends, color="#a6cee3", linewidth=1 + 9 * probability, zorder=1)
                axes.text(length, ends[1], prefix[-1], ha="center", va="center", family="monospace", size=12)
    for date, probability in prefixes[-1].items():
        axes.text(10.7, heights[date], f"{probability:.1%}", va="center")
    axes.set(xlim=(0, 12.5), ylim=(-4.6, 0.6))
    axes.set_axis_off()


figure, panels = plt.subplots(2, figsize=(7, 5), layout="constrained")
most = {}
for panel, text in zip(panels, ("8 Jun 21", "08/06/21"), strict=True):
    of_dates = probabilities(text)
    draw_beam(panel, of_dates)
    panel.set_title(f'The beam after reading "{text}"')
    most[text] = max(of_dates.values())
assert most["8 Jun 21"] > 0.9 > most["08/06/21"]
plt.show()

# %%
# Read next: :doc:`/guide/seq2seq` describes greedy and beam search, and ``docs/examples/dates.py`` trains a larger
# network on twelve notations of dates of a hundred years (:doc:`/guide/tasks` shows its results).
