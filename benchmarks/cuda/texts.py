"""Compare the seconds of an epoch on War and Peace, character by character, with PyTorch on the GPU."""

import statistics
import time
from pathlib import Path

from measure import Figure, epochs_in_turns

from numrnn import RNNLanguageModel

NETWORKS = {"LSTM 512": ("lstm", 512, 1), "LSTM 2 x 700": ("lstm", 700, 2)}  # cell, units, layers
STREAMS, STEPS, RATE, CLIP = 100, 100, 2e-3, 5.0  # those of torch_text
TEST = 50_000  # characters of which the cross-entropy is taken
MARGIN = 0.05  # nats that either side may be behind after so few epochs
HEADER = ("network", "side", "numrnn s", "PyTorch s", "PyTorch / numrnn", "nats: numrnn", "PyTorch")


class NumrnnText:
    """Train the language model on the GPU and compute its cross-entropy."""

    def __init__(self, network, text, training):
        cell, units, layers = network
        self.training = training
        self.model = RNNLanguageModel(
            (units,) * layers, cell=cell, batch_size=STREAMS, bptt_steps=STEPS, learning_rate_init=RATE,
            clip_norm=CLIP, random_state=0, device="cuda",
        ).initialize(text)  # fmt: skip

    def epoch(self):
        self.model.partial_fit(self.training)

    def cross_entropy(self, test):
        return self.model.cross_entropy(test)


class TorchSide:
    """Train PyTorch's network on the GPU and compute its cross-entropy; an epoch ends when the GPU is idle."""

    def __init__(self, network, text, training, way, tf32, device):
        from torch_text import TorchText

        cell, units, layers = network
        self.tf32, self.device = tf32, device
        self.text = TorchText(cell, text, training, way, units, layers, device, fused=True)

    def epoch(self):
        import torch
        from torch_card import set_tf32

        set_tf32(self.tf32)
        self.text.epoch()
        if self.device == "cuda":
            torch.cuda.synchronize()

    def cross_entropy(self, test):
        return self.text.cross_entropy(test)


def measured(name, side, plan):
    """Return the cells of a network compared with PyTorch in float32 or with TF32."""
    if plan.text is None:
        return ["no text: --text"] * 5
    text = Path(plan.text).read_text(encoding="utf-8-sig")[: plan.characters]
    training, test = text[: len(text) * 8 // 10], text[len(text) * 9 // 10 :][:TEST]
    network = NETWORKS[name] if plan.units is None else (NETWORKS[name][0], plan.units, NETWORKS[name][2])
    sample = training[: 2 * STREAMS * STEPS]
    NumrnnText(network, text, sample).epoch()  # compiles
    sides = {"numrnn": NumrnnText(network, text, training)}
    if plan.torch is not None:
        tf32 = side == "TF32"
        trials = {way: TorchSide(network, text, sample, way, tf32, plan.torch) for way in ("one_hot", "table")}
        way = min(trials, key=lambda way: _seconds(trials[way].epoch))
        sides["PyTorch"] = TorchSide(network, text, training, way, tf32, plan.torch)
    times = epochs_in_turns(sides, plan.epochs)
    seconds = {name: statistics.median(values) for name, values in times.items()}
    nats = {name: side.cross_entropy(test) for name, side in sides.items()}
    if plan.torch is None:
        return [seconds["numrnn"], "no PyTorch", "no PyTorch", nats["numrnn"], "no PyTorch"]
    return [
        seconds["numrnn"],
        seconds["PyTorch"],
        Figure("ratio", seconds["PyTorch"] / seconds["numrnn"]),
        Figure("nats", nats["numrnn"], nats["PyTorch"] + MARGIN, at_most=True),
        nats["PyTorch"],
    ]


def _seconds(run):
    run()
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin
