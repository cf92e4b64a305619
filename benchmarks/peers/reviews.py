"""Compare the networks of docs/examples/sentiment.py on movie reviews with PyTorch's."""

import statistics
import sys
from pathlib import Path
from typing import NamedTuple

from measure import Figure, Table, epochs_in_turns, fastest
from torch_reviews import WAYS, TorchReviews

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples"))
from sentiment import make_classifier, read_reviews, split

RATIO = 3
SAMPLE = 320  # reviews that both sides train on before anything is timed
COLUMNS = [
    *("network", "seed", "numrnn s", "PyTorch s", "numrnn accuracy", "PyTorch accuracy", "PyTorch, forget bias 1"),
    *("PyTorch / numrnn", "mean accuracy"),
]


class Network(NamedTuple):
    """Hold a row's parameters, and the mean accuracy that it must reach."""

    title: str
    units: tuple
    dropout: float
    epochs: int
    accuracy: float


NETWORKS = {
    "single": Network("LSTM 50", (50,), 0.0, 3, 0.85),
    "stacked": Network("2 x LSTM 50, dropout 0.2", (50, 50), 0.2, 7, 0.87),
}


class NumrnnReviews:
    """Train the classifier and compute its accuracy."""

    def __init__(self, network, data, vocabulary, seed, threads):
        parameters = {"hidden_layer_sizes": network.units, "dropout": network.dropout, "n_jobs": threads}
        parameters |= {"vocabulary": None, "n_symbols": vocabulary.n_symbols_}  # both sides read ready symbols
        self.model, self.data = make_classifier(seed, **parameters).initialize(*data), data

    def epoch(self):
        self.model.partial_fit(*self.data)

    def accuracy(self, X, y):
        return self.model.score(X, y)


def run(options):
    """Measure a row for each network and seed, and one for the means over the seeds."""
    texts, labels = read_reviews()
    table = Table("Movie reviews: seconds of an epoch, accuracy on the test", COLUMNS)
    for network in (NETWORKS[name] for name in options.networks):
        rows = [_measure(table, network, split(texts, labels, seed), seed, options) for seed in range(options.seeds)]
        _add_means(table, network, rows)
    return table.rows


def _sides(network, data, vocabulary, seed, options, way):
    """Return numrnn's side and PyTorch's with their initial weights."""
    arguments = network.units, network.dropout, data, vocabulary.n_symbols_, seed
    sides = {
        "numrnn": NumrnnReviews(network, data, vocabulary, seed, options.threads),
        "torch": TorchReviews(*arguments, way),
    }
    if options.forget_bias:
        sides["forget_bias"] = TorchReviews(*arguments, way, forget_bias=1.0)
    return sides


def _measure(table, network, parts, seed, options):
    """Train the sides by turns from one split; add a row and return what it holds."""
    vocabulary = make_classifier(seed).vocabulary.fit(parts[0][0])
    data, test = (
        (vocabulary.transform(texts[: options.limit]).to_list(), labels[: options.limit]) for texts, labels in parts
    )
    sample = data[0][:SAMPLE], data[1][:SAMPLE]
    for side in _sides(network, sample, vocabulary, seed, options, WAYS[0]).values():
        side.epoch()
    ways = {way: TorchReviews(network.units, network.dropout, sample, vocabulary.n_symbols_, seed, way) for way in WAYS}
    way = fastest({name: side.train for name, side in ways.items()})
    sides = _sides(network, data, vocabulary, seed, options, way)
    times = epochs_in_turns(sides, options.epochs or network.epochs)
    seconds = {name: statistics.median(values) for name, values in times.items()}
    accuracies = {name: side.accuracy(*test) for name, side in sides.items()}
    table.add(
        [network.title, seed, seconds["numrnn"], f"{seconds['torch']:.3f} ({way})", *_texts(accuracies)],
        [Figure("torch_ratio", seconds["torch"] / seconds["numrnn"], RATIO)],
        network=network.title,
        seed=seed,
        way=way,
        seconds_per_epoch=times,
        accuracies=accuracies,
    )
    return times, accuracies


def _add_means(table, network, rows):
    seconds = {name: statistics.median(t for times, _ in rows for t in times[name]) for name in rows[0][0]}
    accuracies = {name: statistics.mean(accuracies[name] for _, accuracies in rows) for name in rows[0][1]}
    table.add(
        [network.title, "mean", seconds["numrnn"], seconds["torch"], *_texts(accuracies)],
        [
            Figure("torch_ratio", seconds["torch"] / seconds["numrnn"], RATIO),
            Figure("accuracy", accuracies["numrnn"], network.accuracy),
        ],
        network=network.title,
        seconds_per_epoch=seconds,
        accuracies=accuracies,
    )


def _texts(accuracies):
    return [f"{accuracies[name]:.4f}" if name in accuracies else "" for name in ("numrnn", "torch", "forget_bias")]
