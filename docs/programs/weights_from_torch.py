"""Copy the weights of a network of PyTorch into a classifier, which then predicts the same."""

import numpy as np
import torch
from torch import nn

from numrnn import RNNClassifier

torch.manual_seed(0)
gru, output = nn.GRU(3, 8, batch_first=True), nn.Linear(8, 3)
X, y = np.random.default_rng(0).normal(size=(5, 7, 3)).astype("float32"), [0, 1, 0, 1, 2]

ih, hh = gru.bias_ih_l0.detach().numpy(), gru.bias_hh_l0.detach().numpy()
weights = {
    "layers.0.U": gru.weight_ih_l0.detach().numpy(),
    "layers.0.W": gru.weight_hh_l0.detach().numpy(),
    "layers.0.b": np.concatenate([ih[:16] + hh[:16], ih[16:]]),  # r and z have one bias, the candidate n has two
    "layers.0.b_Wn": hh[16:],
    "V": output.weight.detach().numpy(),
    "c": output.bias.detach().numpy(),
}
model = RNNClassifier((8,), cell="gru").initialize(X, y).set_weights(weights)

with torch.no_grad():
    _, last = gru(torch.tensor(X))
    expected = output(last[-1]).softmax(dim=1).numpy()
difference = np.abs(model.predict_proba(X) - expected).max()
