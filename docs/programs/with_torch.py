"""Classify sequences of different lengths with PyTorch."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from numrnn.datasets import load_japanese_vowels

vowels = load_japanese_vowels()
steps = np.concatenate(vowels.X_train)
mean, scale = steps.mean(axis=0), steps.std(axis=0)


def tensors(X):
    """Standardise sequences and convert them to tensors."""
    return [torch.tensor((x - mean) / scale, dtype=torch.float32) for x in X]


class Network(nn.Module):
    """Read packed sequences with a GRU and return logits."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(12, 64)
        self.output = nn.Linear(64, 9)

    def forward(self, packed):
        _, last = self.gru(packed)
        return self.output(last[-1])


torch.manual_seed(0)
network = Network()
optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
X, y = tensors(vowels.X_train), torch.tensor(vowels.y_train - 1)
for _ in range(40):
    for ids in torch.randperm(len(X)).split(16):
        packed = pack_sequence([X[i] for i in ids], enforce_sorted=False)
        loss = nn.functional.cross_entropy(network(packed), y[ids])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
with torch.no_grad():
    logits = network(pack_sequence(tensors(vowels.X_test), enforce_sorted=False))
accuracy = np.mean(logits.argmax(dim=1).numpy() + 1 == vowels.y_test)
