"""Compare parameters of language models and of sequence-to-sequence models on parts of the training data.

Texts are the beginning of War and Peace, of which the last tenth is held out. Pairs are generated: dates to ISO dates,
numbers to words, digits to sorted digits; a fourth is held out.
"""

import argparse
import datetime
import json
import time
import warnings
from pathlib import Path

import numpy as np

from numrnn import RNNLanguageModel, RNNSeq2Seq

SIZES = (20_000, 300_000)
LONG = 1_500_000  # characters, for the best two cells
FORMER = {"cell": "lstm", "learning_rate_init": 2e-3}
TEXTS = {
    "former default": FORMER,
    "rate .001": FORMER | {"learning_rate_init": 1e-3},
    "rate .005": FORMER | {"learning_rate_init": 5e-3},
    "rate .01": FORMER | {"learning_rate_init": 1e-2},
    "GRU": FORMER | {"cell": "gru"},
    "GRU, rate .003": FORMER | {"cell": "gru", "learning_rate_init": 3e-3},
    "GRU, rate .005": FORMER | {"cell": "gru", "learning_rate_init": 5e-3},
    "256 units": FORMER | {"hidden_layer_sizes": 256},
    "cosine": FORMER | {"learning_rate": "cosine"},
    "20 epochs": FORMER | {"max_iter": 20},
}
PAIRS = {
    f"{cell}, rate {rate}": {"cell": cell, "learning_rate_init": rate}
    for cell in ("gru", "lstm")
    for rate in (1e-3, 3e-3, 1e-2)
} | {"64 units": {"hidden_layer_sizes": 64}}
UNITS = "zero one two three four five six seven eight nine".split()


def dates(random):
    days = random.integers(0, 40_000, 1500)
    found = [datetime.date(1950, 1, 1) + datetime.timedelta(int(day)) for day in days]
    forms = ("%d %B %Y", "%d/%m/%Y", "%b %d, %Y")
    return [day.strftime(forms[i % 3]) for i, day in enumerate(found)], [day.isoformat() for day in found]


def words(random):
    numbers = [str(n) for n in random.integers(0, 10_000, 1500)]
    return numbers, [" ".join(UNITS[int(digit)] for digit in number) for number in numbers]


def sorted_digits(random):
    texts = ["".join(map(str, random.integers(0, 10, random.integers(3, 8)))) for _ in range(2000)]
    return texts, ["".join(sorted(text)) for text in texts]


def main():
    """Measure all settings and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="War and Peace as a text file")
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("choose_texts.json"))
    options = parser.parse_args()
    text, results = options.text.read_text(encoding="utf-8-sig"), {"texts, nats": {}, "pairs, percent": {}}
    for name, parameters in TEXTS.items():
        row = results["texts, nats"][name] = {}
        for size in (*SIZES, LONG) if name.endswith("rate .005") else SIZES:
            start, end = time.process_time(), size * 9 // 10
            model = RNNLanguageModel(**parameters, random_state=0, n_jobs=1).fit(text[:end])
            row[size] = {"nats": -model.score(text[end:size]), "seconds": time.process_time() - start}
        print(name, row, flush=True)
    for name, parameters in PAIRS.items():
        row = results["pairs, percent"][name] = {}
        for make in (dates, words, sorted_digits):
            X, y = make(np.random.default_rng(0))
            start, end = time.process_time(), len(X) * 3 // 4
            model = RNNSeq2Seq(**parameters, max_iter=30, random_state=0, n_jobs=1).fit(X[:end], y[:end])
            row[make.__name__] = {
                "percent": 100 * model.score(X[end:], y[end:]),
                "seconds": time.process_time() - start,
            }
        print(name, row, flush=True)
    options.results.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        main()
