"""Train nn.RNN, nn.GRU or nn.LSTM on one-hot vectors of a text in parallel streams, with the state carried over."""

import numpy as np
import torch
from torch import nn
from torch_side import MODULES

UNITS, STREAMS, STEPS, RATE, CLIP = 128, 100, 100, 2e-3, 5.0
WAYS = ("one_hot", "table")  # F.one_hot, or a look-up in a frozen nn.Embedding of the identity: the same vectors
PIECE = 10_000  # characters of the test that are read at a time


class TorchText:
    """Train on a text and compute the cross-entropy of another; `text` defines the numbers of the characters."""

    def __init__(self, cell, text, training, way, units=UNITS, layers=1, device="cpu", **adam):
        torch.manual_seed(0)
        self.device = device
        self.symbols = {character: i for i, character in enumerate(sorted(set(text)))}
        n_symbols = len(self.symbols)
        table = nn.Embedding.from_pretrained(torch.eye(n_symbols), freeze=True).to(device)
        self.vectors = table if way == "table" else lambda x: nn.functional.one_hot(x, n_symbols).float()
        self.recurrent = MODULES[cell](n_symbols, units, num_layers=layers).to(device)
        self.output = nn.Linear(units, n_symbols).to(device)
        self.parameters = [*self.recurrent.parameters(), *self.output.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=RATE, **adam)
        ids = self._ids(training)
        length = (len(ids) - 1) // STREAMS
        self.inputs, self.targets = (
            ids[shift:][: STREAMS * length].view(STREAMS, length).T.contiguous() for shift in (0, 1)
        )

    def epoch(self):
        """Train for one pass over the text, from a state of zeros."""
        self.train(-(-len(self.inputs) // STEPS))

    def train(self, steps):
        """Train on the first `steps` chunks of the text."""
        state = None
        chunks = zip(self.inputs.split(STEPS), self.targets.split(STEPS), strict=True)
        for _, (inputs, targets) in zip(range(steps), chunks, strict=False):
            self.optimizer.zero_grad()
            loss, state = self._loss(inputs, targets, state)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters, CLIP)
            self.optimizer.step()
            state = tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()

    def cross_entropy(self, test):
        """Return the mean over all characters but the first, in nats, with the state carried through the whole text."""
        ids, state, total = self._ids(test)[:, None], None, 0.0
        with torch.inference_mode():
            for inputs, targets in zip(ids[:-1].split(PIECE), ids[1:].split(PIECE), strict=True):
                loss, state = self._loss(inputs, targets, state)
                total += float(loss) * len(inputs)
        return total / (len(ids) - 1)

    def _loss(self, inputs, targets, state):
        hidden, state = self.recurrent(self.vectors(inputs), state)
        return nn.functional.cross_entropy(self.output(hidden).flatten(0, 1), targets.flatten()), state

    def _ids(self, text):
        return torch.from_numpy(np.array([self.symbols[character] for character in text])).to(self.device)
