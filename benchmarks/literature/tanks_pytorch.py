"""Train PyTorch's networks by the recipe of `literature.tanks`, to tell what comes from the recipe."""

import copy

import numpy as np
import torch
from literature import tanks
from literature.protocol import run
from public_data import read_tanks
from torch import nn

MODULES = {"GRU": nn.GRU, "LSTM": nn.LSTM, "Elman": nn.RNN}
H, FIRST = tanks.COMMON["hidden_layer_sizes"], tanks.COMMON["washout"]
RATE, BATCH, CLIP = 3e-3, 8, 1.0  # numrnn's defaults


class Network(nn.Module):
    """Predict a number at each step, with PyTorch's own first weights."""

    def __init__(self, cell):
        super().__init__()
        self.recurrent = MODULES[cell](1, H, batch_first=True)
        self.dropout, self.output = nn.Dropout(tanks.COMMON["dropout"]), nn.Linear(H, 1)

    def forward(self, X):
        states, _ = self.recurrent(X)
        return self.output(self.dropout(states))[..., 0]


def fit(network, train, held_out):
    """Train with Adam; restore the weights with the lowest validation loss."""
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    best = np.inf
    for _ in range(tanks.COMMON["max_iter"]):
        network.train()
        for batch in torch.randperm(len(train[0])).split(BATCH):
            optimizer.zero_grad()
            loss(network, *(each[batch] for each in train)).backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()
        network.eval()
        with torch.no_grad():
            found = loss(network, *held_out).item()
        if found < best:
            best, weights = found, copy.deepcopy(network.state_dict())
    network.load_state_dict(weights)


def loss(network, X, y):
    """Return the mean squared error of the steps after the washout."""
    return nn.functional.mse_loss(network(X)[:, FIRST:], y[:, FIRST:])


def measure(folder, seed):
    """Return the root of the mean squared error of the test part, in volts, for each cell."""
    u, y, u_test, y_test = read_tanks(folder)
    scaled, scaled_test = ((x - u.mean()) / u.std() for x in (u, u_test))
    X, targets = (
        torch.from_numpy(np.lib.stride_tricks.sliding_window_view(x, tanks.WINDOW)[:: tanks.STRIDE].astype(np.float32))
        for x in (scaled, (y - y.mean()) / y.std())
    )
    n_held = round(tanks.VALIDATION["validation_fraction"] * len(X))
    n_train = len(X) - n_held - tanks.VALIDATION["gap"]
    parts = [(X[part][..., None], targets[part]) for part in (slice(n_train), slice(len(X) - n_held, None))]
    found = {}
    for cell in tanks.PUBLISHED:
        torch.manual_seed(seed)
        network = Network(cell)
        fit(network, *parts)
        with torch.no_grad():
            predicted = network(torch.from_numpy(scaled_test.astype(np.float32))[None, :, None])[0].numpy()
        found[cell] = float(np.sqrt(np.mean((predicted * y.std() + y.mean() - y_test) ** 2)))
    return found


if __name__ == "__main__":
    run("tanks_pytorch", measure, __doc__, seeds=5)
