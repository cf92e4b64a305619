"""Compare the guide's runs on movie reviews and on War and Peace, character by character, with PyTorch.

    pip install ".[peers,examples]"
    python benchmarks/peers/chapter.py --text war_and_peace.txt --threads 2 --json chapter.json
    python benchmarks/peers/chapter.py --sections reviews --networks stacked --seeds 1
    python benchmarks/peers/chapter.py --text war_and_peace.txt --limit 50000 --epochs 1        (a smoke run)

Both sides train on the same data by the same protocol with the same number of threads; their epochs alternate. A short
training of another network beforehand keeps compilation and first allocations out of the times. PyTorch is written in
two ordinary ways, and the one that is faster in the run counts. PyTorch starts from encoded symbols; numrnn's epochs
start from the user's data. A figure with a target is printed as the relation that holds.

Sections:

reviews        RNNClassifier: 20,000 reviews to train, 5,000 to test, the last 200 of the 5,000 most frequent words,
               embedding 32, mini-batches of 64, Adam 1e-3, clipping at 1. "single" is an LSTM of 50 units for 3 epochs,
               "stacked" two of them with dropout 0.2 for 7
war_and_peace  RNNLanguageModel: the first 80 % in 100 streams of 100 steps, states carried, Adam 2e-3, clipping at 5,
               128 units, 4 epochs; cross-entropy of the last 10 %, all of it from a state of zeros
"""

import argparse
import importlib
import json
from typing import NamedTuple

from machine import machine
from measure import refuse_distorted_environment

SECTIONS = {"reviews": "reviews", "war_and_peace": "long_text"}


class Options(NamedTuple):
    """Hold the options of the command line."""

    threads: int
    seeds: int
    epochs: int | None
    limit: int | None  # reviews of either part, or characters
    networks: list
    cells: list
    text: str | None
    forget_bias: bool


def main():
    options, sections, file = _arguments()
    refuse_distorted_environment()
    import torch

    torch.set_num_threads(options.threads)
    report = {"options": options._asdict(), "machine": machine(["torch"]), "sections": {}}
    print(f"{report['machine']}, {options.threads} threads")
    for name in sections:
        report["sections"][name] = importlib.import_module(SECTIONS[name]).run(options)
    missed = sum(not figure["met"] for rows in report["sections"].values() for row in rows for figure in row["figures"])
    print(f"\n{missed} targets missed")
    if file:
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(report, stream, indent=1)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", nargs="+", default=list(SECTIONS), choices=list(SECTIONS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3, help="of the reviews; a text takes seed 0 alone")
    parser.add_argument("--epochs", type=int, help="in place of those of each network")
    parser.add_argument("--limit", type=int, help="reviews to train and to test on, or characters to read, at most")
    parser.add_argument("--networks", nargs="+", default=["single", "stacked"], choices=["single", "stacked"])
    parser.add_argument("--cells", nargs="+", default=["elman", "gru", "lstm"], choices=["elman", "gru", "lstm"])
    parser.add_argument("--text", help="War and Peace, or another text in UTF-8")
    parser.add_argument("--forget-bias", action="store_true", help="also PyTorch with a forget bias of 1, on reviews")
    parser.add_argument("--json", help="file for the figures")
    arguments = vars(parser.parse_args())
    sections, file = arguments.pop("sections"), arguments.pop("json")
    if "war_and_peace" in sections and not arguments["text"]:
        parser.error("the section war_and_peace needs --text; or choose --sections reviews")
    return Options(**arguments), sections, file


if __name__ == "__main__":
    main()
