"""Train PyTorch's nn.Embedding, nn.LSTM and nn.Linear on reviews, written as its users would write it."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

BATCH, EMBEDDING, RATE, CLIP = 64, 32, 1e-3, 1.0
WAYS = ("left-padded", "packed")  # with zeros before each review, or without a step beyond any review's end


class ReviewNetwork(nn.Module):
    """Map symbols to the logits of two classes, with dropout at the embedding, between layers and at the last state."""

    def __init__(self, n_symbols, units, dropout):
        super().__init__()
        self.embedding = nn.Embedding(n_symbols + 1, EMBEDDING, padding_idx=n_symbols)
        self.recurrent = nn.LSTM(EMBEDDING, units[0], len(units), batch_first=True, dropout=dropout)
        self.dropout, self.output = nn.Dropout(dropout), nn.Linear(units[0], 2)

    def forward(self, symbols, lengths=None):
        X = self.dropout(self.embedding(symbols))
        if lengths is not None:
            X = pack_padded_sequence(X, lengths, batch_first=True, enforce_sorted=False)
        _, (s, _) = self.recurrent(X)
        return self.output(self.dropout(s[-1]))


class TorchReviews:
    """Train the same network; `forget_bias` replaces PyTorch's own initial value, which is about 0."""

    def __init__(self, units, dropout, data, n_symbols, seed, way, forget_bias=None):
        torch.manual_seed(seed)
        self.packed, self.n_symbols = way == "packed", n_symbols
        self.module = ReviewNetwork(n_symbols, units, dropout)
        if forget_bias is not None:
            self._set_forget_bias(units[0], forget_bias)
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=RATE)
        self.X, self.lengths, self.y = self._tensors(*data)

    def epoch(self):
        """Train for one pass over all reviews in random order."""
        self._train(torch.randperm(len(self.y)).split(BATCH))

    def train(self, steps):
        """Train on `steps` mini-batches."""
        batches = torch.randperm(len(self.y)).split(BATCH)
        self._train([batches[step % len(batches)] for step in range(steps)])

    def accuracy(self, X, y):
        """Return the accuracy on reviews given as lists of symbols."""
        X, lengths, y = self._tensors(X, y)
        self.module.eval()
        with torch.inference_mode():
            parts = [self._logits(X, lengths, ids).argmax(1) for ids in torch.arange(len(y)).split(512)]
        return float((torch.cat(parts) == y).double().mean())

    def _train(self, batches):
        self.module.train()
        for ids in batches:
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self._logits(self.X, self.lengths, ids), self.y[ids]).backward()
            nn.utils.clip_grad_norm_(self.module.parameters(), CLIP)
            self.optimizer.step()

    def _logits(self, X, lengths, ids):
        return self.module(X[ids], lengths[ids] if self.packed else None)

    def _tensors(self, X, y):
        """Return symbols (N, longest), lengths and labels.

        Reviews are padded with a symbol whose embedding is zero: at the end if they will be packed, else at the
        beginning.
        """
        lengths = np.array([len(x) for x in X])
        padded = np.full((len(X), lengths.max()), self.n_symbols)
        for row, x in zip(padded, X, strict=True):
            row[slice(None, len(x)) if self.packed else slice(len(row) - len(x), None)] = x
        return torch.from_numpy(padded), torch.from_numpy(lengths), torch.from_numpy(y)

    def _set_forget_bias(self, H, value):
        with torch.no_grad():
            for name, bias in self.module.recurrent.named_parameters():
                if name.startswith("bias"):
                    bias[H : 2 * H] = value if name.startswith("bias_ih") else 0
