"""Compare the training of an encoder-decoder on dates (docs/examples/dates.py) with PyTorch's, epochs in turn.

    python benchmarks/peers/encoder_decoder.py [--embedding 32]
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pack_sequence

from numrnn import RNNSeq2Seq

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples"))
from dates import make_dates  # noqa: E402

BATCH, RATE = 64, 1e-3


class Torch(torch.nn.Module):
    """Train two GRUs of one layer in PyTorch; symbols are one-hot vectors, or embedded."""

    def __init__(self, n_symbols, n_targets, units, embedding):
        super().__init__()
        self.tables = torch.nn.ModuleList(
            torch.nn.Embedding.from_pretrained(torch.eye(n)) if embedding is None else torch.nn.Embedding(n, embedding)
            for n in (n_symbols, n_targets + 1)
        )
        sizes = [table.embedding_dim for table in self.tables]
        self.encoder, self.decoder = (torch.nn.GRU(size, units, batch_first=True) for size in sizes)
        self.head = torch.nn.Linear(units, n_targets + 1)

    def forward(self, sources, inputs):
        packed = pack_sequence([self.tables[0](x) for x in sources], enforce_sorted=False)
        _, state = self.encoder(packed)
        return self.head(self.decoder(self.tables[1](inputs), state)[0])


def torch_epoch(model, optimizer, X, y, end):
    """Train for one epoch and return the last loss; all targets have the same length, so none is padded."""
    order = torch.randperm(len(X)).tolist()
    for first in range(0, len(X), BATCH):
        ids = order[first : first + BATCH]
        targets = torch.stack([y[i] for i in ids])
        ends = torch.full((len(ids), 1), end)
        logits = model([X[i] for i in ids], torch.cat([ends, targets], 1))
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.cat([targets, ends], 1).flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return loss.item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--embedding", type=int)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    texts, iso, _ = make_dates(arguments.count, 0)
    ours = RNNSeq2Seq(
        (arguments.units,), embedding_size=arguments.embedding, batch_size=BATCH, learning_rate_init=RATE,
        random_state=0, n_jobs=arguments.threads,
    ).initialize(texts, iso)  # fmt: skip
    symbols = [vocabulary.transform(each) for vocabulary, each in
               ((ours.vocabulary_, texts), (ours.target_vocabulary_, iso))]  # fmt: skip
    X, y = ([torch.from_numpy(x.astype(np.int64)) for x in each] for each in symbols)
    theirs = Torch(ours.n_symbols_, ours.n_target_symbols_, arguments.units, arguments.embedding)
    optimizer = torch.optim.Adam([p for p in theirs.parameters() if p.requires_grad], RATE)
    ours.partial_fit(texts[:1000], iso[:1000])  # compiles
    seconds = []
    for _ in range(arguments.repeats):
        started = time.perf_counter()
        ours.partial_fit(texts, iso)
        half = time.perf_counter()
        loss = torch_epoch(theirs, optimizer, X, y, ours.n_target_symbols_)
        seconds.append((half - started, time.perf_counter() - half))
    best = np.min(seconds, axis=0)
    print(f"epoch, s: numrnn {best[0]:.2f}, PyTorch {best[1]:.2f}, ratio {best[1] / best[0]:.2f}")
    print(f"loss {ours.loss_:.3f}, {loss:.3f}")


if __name__ == "__main__":
    main()
