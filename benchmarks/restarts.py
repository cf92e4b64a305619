"""Measure from how many places of a text a language model is stuck if it starts there with the initial state.

Each network is trained on the first four fifths of War and Peace, in 100 streams with chunks of 100 steps. After each
epoch, 400 extracts of 500 characters from the rest are read from the initial state; those with a cross-entropy of more
than 4 nats count as stuck.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from numrnn import RNNLanguageModel

STARTS, STEPS, STUCK = 400, 500, 4.0


class Watch:
    """Record the starts that are stuck and the cross-entropy of the test after each epoch."""

    def __init__(self, model, test):
        self.model, self.rows = model, []
        places = np.linspace(0, len(test) - STEPS - 1, STARTS).astype(int)
        self.extracts, self.test = [test[place : place + STEPS] for place in places], test

    def epoch(self):
        """Compute both figures."""
        losses = np.array([-self.model.score([extract]) for extract in self.extracts])
        self.rows.append({"stuck": int((losses > STUCK).sum()), "nats": round(-self.model.score(self.test), 4)})


def run(text, cell, seed, rate, epochs, threads):
    """Train one network and return the figures after each epoch."""
    train, test = text[: len(text) * 4 // 5], text[len(text) * 4 // 5 :]
    options = {"learning_rate_init": 2e-3, "clip_norm": 5.0, "batch_size": 100, "bptt_steps": 100, "n_jobs": threads}
    model = RNNLanguageModel((128,), cell=cell, random_state=seed, restart_rate=rate, boundaries=False, **options)
    watch = Watch(model, test)
    model.initialize(text)
    for _ in range(epochs):
        model.partial_fit(train)
        watch.epoch()
    return watch.rows


def main():
    """Measure the cells, seeds and rates asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="War and Peace as a text file")
    parser.add_argument("--cells", nargs="+", default=["gru", "lstm", "elman"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rates", nargs="+", type=float, default=[0.0, 0.02])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("restarts.json"))
    options = parser.parse_args()
    text = options.text.read_text(encoding="utf-8-sig")
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    for seed in options.seeds:
        for cell in options.cells:
            for rate in options.rates:
                name, start = f"{cell}, seed {seed}, rate {rate}", time.perf_counter()
                if len(results.get(name, [])) < options.epochs:
                    results[name] = run(text, cell, seed, rate, options.epochs, options.threads)
                    options.results.write_text(json.dumps(results, indent=1) + "\n")
                    print(name, results[name], f"{time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
