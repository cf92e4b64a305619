"""Classify sequences of different lengths with PyTorch and skorch."""

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import GradientNormClipping
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from numrnn import Sequences, SequenceScaler
from numrnn.datasets import load_japanese_vowels

vowels = load_japanese_vowels()
scaler = SequenceScaler().fit(vowels.X_train)


def padded(X):
    """Return the arguments of forward: skorch splits arrays of one length only."""
    sequences = Sequences.from_list(scaler.transform(X))
    return {"x": sequences.to_padded(fill=0.0).astype("float32"), "lengths": sequences.lengths}


class Network(nn.Module):
    """Read padded sequences with a GRU and return logits."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(12, 64, batch_first=True)
        self.output = nn.Linear(64, 9)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, last = self.gru(packed)
        return self.output(last[-1])


torch.manual_seed(0)
model = NeuralNetClassifier(
    Network,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=0.003,
    batch_size=16,
    max_epochs=40,
    iterator_train__shuffle=True,
    train_split=None,
    callbacks=[GradientNormClipping(1.0)],
    verbose=0,
)
model.fit(padded(vowels.X_train), vowels.y_train - 1)
accuracy = model.score(padded(vowels.X_test), vowels.y_test - 1)
