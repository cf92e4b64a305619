"""Compare RNNLanguageModel with PyTorch's recurrent layers on War and Peace, character by character."""

import statistics
import sys
from pathlib import Path

from measure import Figure, Table, epochs_in_turns, fastest
from torch_text import CLIP, RATE, STEPS, STREAMS, UNITS, WAYS, TorchText

from numrnn import RNNLanguageModel

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples"))
from war_and_peace import read_parts

EPOCHS = 4
RATIOS = {"elman": 3, "gru": 3, "lstm": 2}
MARGIN = 0.02  # nats that numrnn may be behind
SAMPLE = 10 * STREAMS * STEPS  # characters that both sides train on before anything is timed
COLUMNS = ["cell", "numrnn s", "PyTorch s", "PyTorch / numrnn", "numrnn nats - PyTorch nats"]


class NumrnnText:
    """Train the language model and compute its cross-entropy."""

    def __init__(self, cell, text, training, threads):
        self.training = training
        self.model = RNNLanguageModel(
            (UNITS,), cell=cell, batch_size=STREAMS, bptt_steps=STEPS, learning_rate_init=RATE, clip_norm=CLIP,
            n_jobs=threads, random_state=0,
        ).initialize(text)  # fmt: skip

    def epoch(self):
        self.model.partial_fit(self.training)

    def cross_entropy(self, test):
        return self.model.cross_entropy(test)


def run(options):
    """Measure a row for each cell."""
    text, *_ = read_parts(options.text)
    text = text[: options.limit]
    training, test = text[: len(text) * 8 // 10], text[len(text) * 9 // 10 :]
    table = Table("War and Peace: seconds of an epoch, cross-entropy of the test", COLUMNS)
    for cell in options.cells:
        sample = training[:SAMPLE]
        NumrnnText(cell, text, sample, options.threads).epoch()
        ways = {way: TorchText(cell, text, sample, way) for way in WAYS}
        way = fastest({name: side.train for name, side in ways.items()})
        sides = {
            "numrnn": NumrnnText(cell, text, training, options.threads),
            "torch": TorchText(cell, text, training, way),
        }
        times = epochs_in_turns(sides, options.epochs or EPOCHS)
        seconds = {name: statistics.median(values) for name, values in times.items()}
        nats = {name: side.cross_entropy(test) for name, side in sides.items()}
        table.add(
            [cell, seconds["numrnn"], f"{seconds['torch']:.3f} ({way})"],
            [
                Figure("torch_ratio", seconds["torch"] / seconds["numrnn"], RATIOS[cell]),
                Figure("nats", nats["numrnn"], nats["torch"] + MARGIN, at_most=True),
            ],
            cell=cell,
            way=way,
            seconds_per_epoch=times,
            cross_entropies=nats,
        )
    return table.rows
