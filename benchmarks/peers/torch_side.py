"""Define the network in PyTorch with nn.RNN, nn.GRU or nn.LSTM."""

import numpy as np
import torch
from problem import CLASSES, CLIP, RATE
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

MODULES = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Classifier(nn.Module):
    """Compute logits by a recurrent layer, and a linear layer on its last state."""

    def __init__(self, cell, D, H, batch_first=False):
        super().__init__()
        self.recurrent = MODULES[cell](D, H, batch_first=batch_first)
        self.output = nn.Linear(H, CLASSES)

    def forward(self, X, state=None):
        _, state = self.recurrent(X, state)
        return self.output((state[0] if isinstance(state, tuple) else state)[0])


class TorchSide:
    """Run training steps and predictions on (T, B, D), the layout of nn.RNN, with options of Adam."""

    def __init__(self, problem, device="cpu", **adam):
        self.problem, self.device, H = problem, device, problem.H
        self.module = Classifier(problem.cell, problem.D, H)
        weights = {name: torch.from_numpy(value.copy()) for name, value in problem.weights.items()}
        recurrent, output = self.module.recurrent, self.module.output
        with torch.no_grad():
            recurrent.weight_ih_l0.copy_(weights["layers.0.U"])
            recurrent.weight_hh_l0.copy_(weights["layers.0.W"])
            recurrent.bias_ih_l0.copy_(weights["layers.0.b"])
            recurrent.bias_hh_l0.zero_()
            if problem.cell == "gru":
                recurrent.bias_hh_l0[2 * H :] = weights["layers.0.b_Wn"]
            output.weight.copy_(weights["V"])
            output.bias.copy_(weights["c"])
        self.module.to(device)
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=RATE, **adam)
        self.X, self.y = torch.from_numpy(problem.X_by_step).to(device), torch.from_numpy(problem.y).to(device)

    def gradients(self):
        """Return the gradients by numrnn's names."""
        self.optimizer.zero_grad()
        nn.functional.cross_entropy(self.module(self.X), self.y).backward()
        recurrent, output = self.module.recurrent, self.module.output
        gradients = {
            "layers.0.U": recurrent.weight_ih_l0.grad,
            "layers.0.W": recurrent.weight_hh_l0.grad,
            "layers.0.b": recurrent.bias_ih_l0.grad,
            "V": output.weight.grad,
            "c": output.bias.grad,
        }
        if self.problem.cell == "gru":
            gradients["layers.0.b_Wn"] = recurrent.bias_hh_l0.grad[2 * self.problem.H :]
        return {name: value.cpu().numpy().copy() for name, value in gradients.items()}

    def train(self, steps):
        """Run `steps` training steps."""
        for _ in range(steps):
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self.module(self.X), self.y).backward()
            nn.utils.clip_grad_norm_(self.module.parameters(), CLIP)
            self.optimizer.step()

    def predict(self):
        """Return the probabilities as a NumPy array, starting from a NumPy array."""
        with torch.inference_mode():
            X = torch.from_numpy(self.problem.X_by_step).to(self.device)
            return torch.softmax(self.module(X), 1).cpu().numpy()

    def stepper(self, x):
        """Return a call that predicts from one more step x (D,) of a stream, as `predict_step` does."""
        state = None

        def call():
            nonlocal state
            with torch.inference_mode():
                out, state = self.module.recurrent(torch.from_numpy(x)[None, None], state)
                return int(self.module.output(out[0, 0]).argmax())

        return call


def fit_by_loader(cell, X, y, H, epochs, batch_size=32):
    """Train a classifier by a loop over a DataLoader, as a user of PyTorch would write it."""
    module = Classifier(cell, X.shape[2], H, batch_first=True)
    optimizer = torch.optim.Adam(module.parameters(), lr=RATE)
    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(np.asarray(y)))
    loader = DataLoader(data, batch_size=batch_size, shuffle=True)
    for _ in range(epochs):
        for inputs, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(inputs), labels).backward()
            nn.utils.clip_grad_norm_(module.parameters(), CLIP)
            optimizer.step()
    return module
